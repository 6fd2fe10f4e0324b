import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { type Browser, chromium } from 'playwright-core';

/*
 * A real Chromium, Debian's own. Where it is not there and can be installed, it is.
 */

const PROGRAM = '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Containers have a small /dev/shm.
  '--disable-dev-shm-usage',
];

function install(): void {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  const script = `set -e
    test -x ${PROGRAM} && exit 0
    apt-get -o DPkg::Lock::Timeout=300 update -q
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends chromium`;
  spawnSync('flock', ['/tmp/kezheng-install-chromium', 'sh', '-c', script], { stdio: 'ignore' });
}

/** For `skip`: a reason, or false where tests can run. */
export function whyNoChromium(): string | false {
  if (!existsSync(PROGRAM)) install();
  if (existsSync(PROGRAM)) return false;
  if (process.env['CI']) throw new Error('Chromium is missing and could not be installed');
  return 'Chromium is not installed (Debian: apt-get install chromium)';
}

export const startChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: PROGRAM, args: ARGUMENTS, headless: true });
