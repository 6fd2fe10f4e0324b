import { programs, whyMissing } from './debian.ts';

/* Other people's tools for packages: unzip, zip and curl. */

const TOOLS = ['unzip', 'zip', 'curl'];

/** For `skip`: a reason, or false where tests can run. */
export const whyNoUnzip = (): string | false =>
  whyMissing({ packages: TOOLS, isThere: programs(...TOOLS.map((tool) => `/usr/bin/${tool}`)) });
