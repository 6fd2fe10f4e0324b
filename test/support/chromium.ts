import { type Browser, chromium } from 'playwright-core';
import { programs, whyMissing } from './debian.ts';

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

/** For `skip`: a reason, or false where tests can run. */
export const whyNoChromium = (): string | false =>
  whyMissing({ packages: ['chromium'], isThere: programs(PROGRAM) });

export const startChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: PROGRAM, args: ARGUMENTS, headless: true });
