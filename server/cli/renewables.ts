import process from 'node:process';
import type { Certificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import { MAX_RENEWAL_BYTES, type Renewable, readRenewable } from '../core/renewal/renewal.ts';
import { goodUntilMs, type Held } from '../core/verify/held.ts';
import { heldOfRenewal } from '../core/verify/renewals.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { verifyCertificate } from '../core/verify/verify.ts';
import { sentence } from '../messages/sentence.ts';
import { readSmall } from './read-small.ts';
import { printable } from './usage.ts';

/* What `renew` is given: read, checked as far as one file alone can be, and how long it is good as it is. */

/** A file to renew, and where its renewal goes. */
export interface Item extends Renewable {
  readonly path: string;
  readonly out: string;
  readonly goodUntilMs: number;
  /** of the token that it rests on last, where it is a renewal */
  readonly way: readonly Certificate[];
  /** that its own keys were good for too short a time already */
  readonly late: boolean;
}

export interface Checking {
  readonly signatures: SignatureVerifier;
  readonly nowMs: () => number;
}

/** Those that hold; what is wrong with the others is told. */
export async function readAll(
  places: readonly { readonly path: string; readonly out: string }[],
  trust: Trust,
  tools: Checking,
): Promise<{ readonly items: readonly Item[]; readonly refused: number }> {
  const items: Item[] = [];
  let refused = 0;
  for (const { path, out } of places) {
    const bytes = await readSmall(path, MAX_RENEWAL_BYTES + 1);
    try {
      const renewable = readRenewable(bytes);
      const isRenewal = renewable.tokens.length > 0;
      const rest = isRenewal
        ? restOfRenewal(await heldOfRenewal(bytes, trust, tools.signatures), tools.nowMs())
        : await restOfCertificate(bytes, trust, tools);
      items.push({ ...renewable, path, out, ...rest });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      refused++;
      const { code, detail } = error;
      const [zh, en] = [sentence('zh', 'reason', code, detail), sentence('en', 'reason', code, detail)];
      process.stderr.write(`kezheng: ${printable(`${path}：${code}：${zh} / ${en}`)}\n`);
    }
  }
  return { items, refused };
}

type Rest = Pick<Item, 'goodUntilMs' | 'way' | 'late'>;

/** One that came too late would be found wrong by every checker. */
function restOfRenewal(held: Held, nowMs: number): Rest {
  const until = goodUntilMs(held);
  if (until < nowMs)
    throw new FormatError('renewed-too-late', {
      layer: held.at,
      genTime: new Date(nowMs).toISOString(),
      goodUntil: new Date(until).toISOString(),
    });
  return { goodUntilMs: until, way: held.led ? held.way : [], late: false };
}

/** The youngest token and the issuer's signature: whichever ends first. A certificate that does not hold is not wrapped. */
async function restOfCertificate(
  certificate: Uint8Array,
  trust: Trust,
  { signatures, nowMs }: Checking,
): Promise<Rest> {
  // Whom to believe about logs and issuers is not the question here, and a list of authorities says nothing about it.
  const known = { ...trust, logs: [], issuers: [] };
  const report = await verifyCertificate({ certificate, files: [], trust: known, blocks: [], signatures });
  const wrong = report.checks.find(
    ({ id, status }) => status === 'failed' && id !== 'issuer' && id !== 'log',
  );
  if (wrong !== undefined) throw new FormatError(wrong.reason.code, wrong.reason.detail);
  const { tokens, layers } = report.facts!;
  const youngest = tokens.toSorted((a, b) => (a.genTime < b.genTime ? 1 : -1))[0]?.at;
  const ends = layers
    .filter(({ at }) => at === 'signature' || at === youngest)
    .map(({ goodUntil }) => Date.parse(goodUntil));
  const until = Math.min(...ends);
  return { goodUntilMs: until, way: [], late: until < nowMs() };
}
