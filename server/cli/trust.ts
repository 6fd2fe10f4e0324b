import { HEADERS_FORMAT, MAX_HEADERS_BYTES } from '../core/headers/headers.ts';
import { FormatError } from '../core/reason.ts';
import { formatOf } from '../core/renewal/renewal.ts';
import { type CheckedHeaders, checkHeaders } from '../core/verify/headers.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { parseTrust, type Trust } from '../core/verify/trust.ts';
import { sentence } from '../messages/sentence.ts';
import { readSmall } from './read-small.ts';
import { printable, UsageError } from './usage.ts';

/* What the reader believes: lists of trust, and lists of block headers to compare with. */

export interface GivenTrust {
  /** undefined where no list of trust was given */
  readonly trust: Trust | undefined;
  readonly headers: readonly { readonly path: string; readonly found: CheckedHeaders }[];
}

/** Each --trust; the format says which of the two it is. A list of headers is looked at with all lists of trust. */
export async function readTrusts(
  paths: readonly string[],
  signatures: SignatureVerifier,
): Promise<GivenTrust> {
  const lists: Trust[] = [];
  const others: { readonly path: string; readonly bytes: Uint8Array }[] = [];
  for (const path of paths) {
    const bytes = await readSmall(path, MAX_HEADERS_BYTES + 1);
    if (formatOf(bytes, MAX_HEADERS_BYTES) === HEADERS_FORMAT) others.push({ path, bytes });
    else lists.push(await told(path, async () => parseTrust(bytes)));
  }
  const trust = lists.length === 0 ? undefined : joined(lists);
  const headers: GivenTrust['headers'][number][] = [];
  for (const { path, bytes } of others)
    headers.push({ path, found: await told(path, () => checkHeaders(bytes, trust, signatures)) });
  return { trust, headers };
}

/** Whoever believes two lists believes what either says; a chain that one of them calls a test is one. */
const joined = (lists: readonly Trust[]): Trust => ({
  name: lists.map(({ name }) => name).join(', '),
  logs: lists.flatMap(({ logs }) => logs),
  authorities: lists.flatMap(({ authorities }) => authorities),
  issuers: lists.flatMap(({ issuers }) => issuers),
});

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { code, detail } = error;
    throw new UsageError(
      printable(
        `--trust ${path}: ${sentence('zh', 'reason', code, detail)} / ${sentence('en', 'reason', code, detail)}`,
      ),
    );
  }
}
