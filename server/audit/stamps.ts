import { hash } from 'node:crypto';
import { parseCertificate } from '../core/certificate/certificate.ts';
import { FormatError } from '../core/reason.ts';
import type { RawEntry, RawStampState, Snapshot } from '../ports/inspect.ts';
import { OWN_IDS } from '../ports/store.ts';
import { at, type Report } from './finding.ts';
import { leafOf, passingRoot } from './merkle.ts';
import { type StampTokenDeps, stampTokens } from './stamp-tokens.ts';

/*
 * The operator's own tokens: from the first stamped entry on, each entry belongs to exactly one stamp, and each token
 * is over what it stands beside. Where tokens began is a row that anybody with the database could write: it is believed
 * only as far as stamps and certificates do not say otherwise.
 */

export async function checkStamps(deps: StampTokenDeps): Promise<void> {
  const { snapshot, report } = deps;
  const state = await snapshot.stampState();
  const from = await startOf(snapshot, report, state);
  await checkCertified(snapshot, report, from);
  const tokens = await stampTokens(deps);
  const entries = snapshot.entries(from, Number.MAX_SAFE_INTEGER)[Symbol.asyncIterator]();
  /** What the service records of itself was deposited by nobody, and has no stamp. */
  const unstamped = ({ sequence, organization }: RawEntry): void => {
    if (!OWN_IDS.includes(organization)) report.found('stamp-missing', at('entries', sequence));
  };
  let entry = await take(entries);
  for await (const stamp of snapshot.stamps()) {
    const place = at('stamps', stamp.firstSequence);
    for (; entry !== undefined && entry.sequence < stamp.firstSequence; entry = await take(entries))
      unstamped(entry);
    const root = passingRoot();
    const first = entry;
    let latest = entry;
    for (
      ;
      entry !== undefined && entry.sequence < stamp.firstSequence + stamp.count;
      entry = await take(entries)
    ) {
      root.push(leafOf(entry.bytes));
      if (entry.receivedMs > latest!.receivedMs) latest = entry;
    }
    if (root.size !== stamp.count)
      report.found('stamp-place-wrong', place, { expected: stamp.count, found: root.size });
    else if (stamp.token === undefined) report.found('stamp-waiting', place);
    else {
      // Of one entry its SHA-256; of a bulk call the root over its leaves (FORMAT.md, tokens).
      const digest =
        stamp.count === 1 ? hash('sha256', first!.bytes, 'buffer') : Buffer.from(root.root(), 'hex');
      await tokens.check(stamp, { digest, latest: latest! });
    }
  }
  for (; entry !== undefined; entry = await take(entries)) unstamped(entry);
  if (state !== undefined && state.reservedMs < tokens.newestMs())
    report.found('stamp-state-differs', at('stamp_state', '*'), {
      what: 'reserved_ms',
      expected: tokens.newestMs(),
      found: state.reservedMs,
    });
}

async function take(entries: AsyncIterator<RawEntry>): Promise<RawEntry | undefined> {
  const { done, value } = await entries.next();
  return done ? undefined : value;
}

const firstOf = async <T>(rows: AsyncIterable<T>): Promise<T | undefined> => {
  for await (const row of rows) return row;
  return undefined;
};

/** Where tokens began: no later than the first of them, and no later than the next entry, as the migration wrote it. */
async function startOf(
  snapshot: Snapshot,
  report: Report,
  state: RawStampState | undefined,
): Promise<number> {
  const stampedFrom = state?.stampedFrom ?? 0;
  const first = (await firstOf(snapshot.stamps()))?.firstSequence ?? Number.MAX_SAFE_INTEGER;
  const isTooLow = stampedFrom < 1;
  const isTooHigh =
    stampedFrom > first ||
    (stampedFrom > 1 &&
      (await firstOf(snapshot.entries(stampedFrom - 1, Number.MAX_SAFE_INTEGER))) === undefined);
  if (isTooLow || isTooHigh)
    report.found('stamp-state-differs', at('stamp_state', '*'), {
      what: 'stamped_from',
      ...(first < Number.MAX_SAFE_INTEGER && { expected: `≤ ${first}` }),
      found: state?.stampedFrom ?? '—',
    });
  return Math.min(isTooLow ? Number.MAX_SAFE_INTEGER : stampedFrom, first);
}

/** An entry from before has no token of the operator in its certificate. */
async function checkCertified(snapshot: Snapshot, report: Report, from: number): Promise<void> {
  let told: number | undefined;
  for await (const { sequence, bytes } of snapshot.certificates()) {
    if (sequence >= from) return;
    if (sequence === told || !carriesOwnToken(bytes)) continue;
    report.found('stamp-missing', at('entries', sequence), { what: 'certificate' });
    told = sequence;
  }
}

/** That a certificate cannot be read is told where certificates are looked at. */
function carriesOwnToken(certificate: Uint8Array): boolean {
  try {
    const { tokens } = parseCertificate(certificate);
    return tokens.some(({ type }) => type === 'rfc3161-manifest/1' || type === 'rfc3161-bulk/1');
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
