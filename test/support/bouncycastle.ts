import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { whyMissing } from './debian.ts';

/*
 * BouncyCastle's reader of evidence records, as Debian packs it, run by `java` from its source.
 */

const JARS = ['bcpkix', 'bcprov', 'bcutil'].map((name) => `/usr/share/java/${name}.jar`);
const SOURCE = join(import.meta.dirname, 'CheckErs.java');

/** A source is compiled in memory when it is run: that takes a JDK, not only a runtime. */
const hasJava = (): boolean =>
  JARS.every((jar) => existsSync(jar)) && spawnSync('javac', ['-version']).status === 0;

/** For `skip`: a reason, or false where tests can run. */
export const whyNoBouncyCastle = (): string | false =>
  whyMissing({
    packages: ['libbcpkix-java', 'libbcprov-java', 'libbcutil-java', 'default-jdk-headless'],
    isThere: hasJava,
  });

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
