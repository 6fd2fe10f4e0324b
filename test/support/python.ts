import { spawnSync } from 'node:child_process';
import { whyMissing } from './debian.ts';

/** For `skip`: a reason, or false where tests can run. */
export const whyNoPython = (): string | false =>
  whyMissing({
    packages: ['python3'],
    isThere: () => spawnSync('python3', ['--version']).status === 0,
  });
