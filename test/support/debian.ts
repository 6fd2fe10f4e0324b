import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

/*
 * Other people's tools that tests run, as Debian packs them. Where they are not there and can be installed, they are.
 */

/** One for all: apt lets in one at a time, and tests run beside each other. */
export const APT_LOCK = '/tmp/kezheng-apt';

export interface Tools {
  readonly packages: readonly string[];
  readonly isThere: () => boolean;
  /** shell, before the packages are installed */
  readonly prepare?: string;
}

/** For `skip`: a reason, or false where tests can run. In CI nothing is skipped: it throws. */
export function whyMissing(tools: Tools): string | false {
  if (!tools.isThere()) install(tools);
  if (tools.isThere()) return false;
  const names = tools.packages.join(' ');
  if (process.env['CI']) throw new Error(`${names}: missing, and could not be installed`);
  return `not installed (Debian: apt-get install ${names})`;
}

function install({ packages, prepare = '' }: Tools): void {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  const names = packages.join(' ');
  // Somebody else who waited for the lock may have installed the same.
  const script = `set -e
    dpkg -s ${names} > /dev/null 2>&1 && exit 0
    ${prepare}
    apt-get -o DPkg::Lock::Timeout=300 update -q
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends ${names}`;
  spawnSync('flock', [APT_LOCK, 'sh', '-c', script], { stdio: 'ignore' });
}

export const programs =
  (...paths: readonly string[]) =>
  (): boolean =>
    paths.every((path) => existsSync(path));
