import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

/* Other people's tools for packages: unzip, zip and curl. */

const TOOLS = ['unzip', 'zip', 'curl'];
const isThere = (): boolean => TOOLS.every((tool) => existsSync(`/usr/bin/${tool}`));

function install(): void {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  const script = `set -e
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends unzip zip curl`;
  spawnSync('flock', ['/tmp/kezheng-install-unzip', 'sh', '-c', script], { stdio: 'ignore' });
}

/** For `skip`: a reason, or false where tests can run. Where they are not there and can be installed, they are. */
export function whyNoUnzip(): string | false {
  if (!isThere()) install();
  if (isThere()) return false;
  if (process.env['CI']) throw new Error('unzip, zip and curl are missing and could not be installed');
  return 'not installed (Debian: apt-get install unzip zip curl)';
}
