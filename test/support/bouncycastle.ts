import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/*
 * BouncyCastle's reader of evidence records, as Debian packs it, run by `java` from its source.
 */

const JARS = ['bcpkix', 'bcprov', 'bcutil'].map((name) => `/usr/share/java/${name}.jar`);
const SOURCE = join(import.meta.dirname, 'CheckErs.java');

/** A source is compiled in memory when it is run: that takes a JDK, not only a runtime. */
const hasJava = (): boolean =>
  JARS.every((jar) => existsSync(jar)) && spawnSync('javac', ['-version']).status === 0;

function install(): void {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  const packages = 'libbcpkix-java libbcprov-java libbcutil-java default-jdk-headless';
  const script = `apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends ${packages}`;
  spawnSync('flock', ['/tmp/kezheng-install-java', 'sh', '-c', script], { stdio: 'ignore' });
}

/** For `skip`: a reason, or false where tests can run. Where it is not there and can be installed, it is. */
export function whyNoBouncyCastle(): string | false {
  if (!hasJava()) install();
  if (hasJava()) return false;
  if (process.env['CI']) throw new Error('BouncyCastle is missing and could not be installed');
  return 'BouncyCastle or a JDK is not installed (Debian: apt-get install libbcpkix-java default-jdk-headless)';
}

/**
 * For each pair of a record and the file that it is of, `ok` and the times of its tokens, or what was wrong: all in one
 * run, for Java takes a second to begin.
 */
export function checkErs(pairs: readonly (readonly [record: string, file: string])[]): string[] {
  const { status, stdout, stderr } = spawnSync('java', ['-cp', JARS.join(':'), SOURCE, ...pairs.flat()], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim().split('\n');
}
