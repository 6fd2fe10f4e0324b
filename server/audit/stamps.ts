import { hash } from 'node:crypto';
import { FormatError } from '../core/reason.ts';
import { PROMISE_POLICY } from '../core/token/policies.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { checkToken } from '../core/verify/token.ts';
import type { RawEntry, RawStamp, Snapshot } from '../ports/inspect.ts';
import { OPERATOR_ID } from '../ports/store.ts';
import { at, type Report } from './finding.ts';
import { leafOf, passingRoot } from './merkle.ts';

/*
 * The operator's own tokens: from the first stamped entry on, each entry belongs to exactly one stamp, and each token
 * is over what it stands beside, under the policy of deposits, by a key whose certificates are kept.
 */

export interface StampDeps {
  readonly snapshot: Snapshot;
  readonly report: Report;
  readonly signatures: SignatureVerifier;
  /** check signatures too, which takes a tenth of a millisecond each */
  readonly thorough: boolean;
}

export async function checkStamps(deps: StampDeps): Promise<void> {
  const { snapshot, report } = deps;
  const certificates = (await snapshot.signers()).flatMap(({ chain }) => chain);
  const entries = snapshot
    .entries(await snapshot.stampedFrom(), Number.MAX_SAFE_INTEGER)
    [Symbol.asyncIterator]();
  /** What the service records of itself was deposited by nobody, and has no stamp. */
  const unstamped = ({ sequence, organization }: RawEntry): void => {
    if (organization !== OPERATOR_ID) report.found('stamp-missing', at('entries', sequence));
  };
  let entry = await take(entries);
  for await (const stamp of snapshot.stamps()) {
    const place = at('stamps', stamp.firstSequence);
    for (; entry !== undefined && entry.sequence < stamp.firstSequence; entry = await take(entries))
      unstamped(entry);
    const root = passingRoot();
    const first = entry;
    for (
      ;
      entry !== undefined && entry.sequence < stamp.firstSequence + stamp.count;
      entry = await take(entries)
    )
      root.push(leafOf(entry.bytes));
    if (root.size !== stamp.count)
      report.found('stamp-place-wrong', place, { expected: stamp.count, found: root.size });
    else if (stamp.token === undefined) report.found('stamp-waiting', place);
    else {
      // Of one entry its SHA-256; of a bulk call the root over its leaves (FORMAT.md, tokens).
      const digest =
        stamp.count === 1 ? hash('sha256', first!.bytes, 'buffer') : Buffer.from(root.root(), 'hex');
      await checkOne(deps, stamp, digest, certificates);
    }
  }
  for (; entry !== undefined; entry = await take(entries)) unstamped(entry);
}

async function take(entries: AsyncIterator<RawEntry>): Promise<RawEntry | undefined> {
  const { done, value } = await entries.next();
  return done ? undefined : value;
}

async function checkOne(
  { report, signatures, thorough }: StampDeps,
  { firstSequence, token }: RawStamp,
  digest: Uint8Array,
  certificates: readonly Uint8Array[],
): Promise<void> {
  try {
    const verifier = thorough ? signatures : BELIEVING;
    await checkToken({ token: token!, certificates }, { digest, policy: PROMISE_POLICY }, verifier);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report.found('stamp-wrong', at('stamps', firstSequence), { reason: error });
  }
}

/** Form and contents alone. */
const BELIEVING: SignatureVerifier = { verify: async () => true };
