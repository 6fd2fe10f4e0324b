import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { whyMissing } from './debian.ts';

/* Debian's python3-opentimestamps: a reader of proofs that nobody in this project wrote. */

/** Debian's own: whichever else is on the path knows nothing of Debian's packages. */
const PYTHON = '/usr/bin/python3';

const JUDGE = join(import.meta.dirname, 'opentimestamps.py');

const isThere = (): boolean => spawnSync(PYTHON, ['-c', 'import opentimestamps']).status === 0;

/** For `skip`: a reason, or false where tests can run. */
export const whyNoOpenTimestamps = (): string | false =>
  whyMissing({ packages: ['python3-opentimestamps'], isThere });

/** Blocks by number, with the two members that the library looks at, as a node says them. */
export type Blocks = Readonly<
  Record<string, { readonly transactionsRoot: string; readonly timestamp: number | string }>
>;

export interface OtsCase {
  readonly ots: Uint8Array;
  /** SHA-256 of the file in hand, hex */
  readonly digest: string;
  readonly blocks: Blocks;
}

export interface Judged {
  /** what the library takes from the block */
  readonly timestamp?: number | string;
  /** the library would write the same bytes */
  readonly canonical?: boolean;
  readonly refused?: string;
}

/** What the library says of each. */
export function judge(cases: readonly OtsCase[]): Judged[] {
  const lines = cases.map(
    ({ ots, ...rest }) => `${JSON.stringify({ ots: Buffer.from(ots).toString('hex'), ...rest })}\n`,
  );
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-I', '-B', JUDGE], {
    input: lines.join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`python3: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Judged);
}
