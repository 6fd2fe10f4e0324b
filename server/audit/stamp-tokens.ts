import { hash } from 'node:crypto';
import type { Certificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import { PROMISE_POLICY } from '../core/token/policies.ts';
import { standingOf } from '../core/verify/authority.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { type CheckedToken, checkToken } from '../core/verify/token.ts';
import type { Trust } from '../core/verify/trust.ts';
import type { RawEntry, RawStamp, Snapshot } from '../ports/inspect.ts';
import { manifestIn } from './entries.ts';
import { at, type Report } from './finding.ts';

/*
 * One of the operator's own tokens: over its entries, by a key of the operator, not before they came, and under a number
 * that no other has. The table of signers helps to find a certificate, and makes nobody the operator.
 */

export interface StampTokenDeps {
  readonly snapshot: Snapshot;
  readonly report: Report;
  readonly signatures: SignatureVerifier;
  /** check signatures too, which takes a tenth of a millisecond each */
  readonly thorough: boolean;
  /** what the operator's own tokens must lead to; empty where none is known */
  readonly stampers: Trust['issuers'];
}

/** What a token must be of. */
export interface Covered {
  readonly digest: Uint8Array;
  /** of its entries the one that came last */
  readonly latest: RawEntry;
}

export interface StampTokens {
  check(stamp: RawStamp, covered: Covered): Promise<void>;
  /** of all that were checked */
  newestMs(): number;
}

/** A clock may be set back by so much between a deposit and its token: far more than ours is held to. */
const EARLY_MS = 60_000;

/** Form and contents alone. */
const BELIEVING: SignatureVerifier = { verify: async () => true };

type Place = ReturnType<typeof at>;

export async function stampTokens(deps: StampTokenDeps): Promise<StampTokens> {
  const { snapshot, report, signatures, thorough } = deps;
  const certificates = (await snapshot.signers()).flatMap(({ chain }) => chain);
  const checkSigner = signerCheck(deps);
  const checkSerial = serialCheck(report);
  let newest = 0;
  return {
    async check({ firstSequence, token }, { digest, latest }) {
      const place = at('stamps', firstSequence);
      let checked: CheckedToken;
      try {
        const verifier = thorough ? signatures : BELIEVING;
        const expected = { digest, policy: PROMISE_POLICY };
        checked = await checkToken({ token: token!, certificates }, expected, verifier);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        return report.found('stamp-wrong', place, { reason: error });
      }
      const { genTimeMs } = checked.info;
      newest = Math.max(newest, genTimeMs);
      const { receivedMs, bytes } = latest;
      if (genTimeMs < receivedMs - EARLY_MS && isClockChecked(bytes))
        report.found('stamp-too-early', place, { expected: iso(receivedMs), found: iso(genTimeMs) });
      checkSerial(checked, digest, place);
      await checkSigner(checked, place);
    },
    newestMs: () => newest,
  };
}

/** What came while the clock was in doubt got its token when that was set right, maybe back. */
const isClockChecked = (entry: Uint8Array): boolean => manifestIn(entry)?.clock !== 'doubtful';

/** A time in a column may be none at all. */
const iso = (ms: number): string =>
  Number.isNaN(new Date(ms).getTime()) ? String(ms) : new Date(ms).toISOString();

const fingerprintOf = ({ raw }: Certificate): string => hash('sha256', raw);

/** Signers that are remembered; an installation has one or two in all. */
const REMEMBERED_SIGNERS = 64;

/**
 * Whether it is the operator's key. One that leads there does so for as long as every certificate on the way counts; one
 * that leads nowhere is told once while it is remembered.
 */
function signerCheck({ report, signatures, stampers }: StampTokenDeps) {
  const known = new Map<string, { readonly fromMs: number; readonly throughMs: number } | 'unknown'>();
  const trust: Trust = { name: 'fsck', logs: [], authorities: [], issuers: stampers };
  let told = false;
  return async (checked: CheckedToken, place: Place): Promise<void> => {
    if (stampers.length === 0) {
      if (!told) report.found('signers-not-known', at('signers', '*'));
      told = true;
      return;
    }
    const { genTimeMs } = checked.info;
    const id = fingerprintOf(checked.signer);
    const before = known.get(id);
    if (before === 'unknown') return;
    if (before !== undefined && before.fromMs <= genTimeMs && genTimeMs <= before.throughMs) return;
    const standing = await standingOf(checked, trust, signatures);
    if (known.size >= REMEMBERED_SIGNERS) known.clear();
    if (standing.by === 'operator') {
      const fromMs = Math.max(...standing.path.map((one) => one.notBeforeMs));
      const throughMs = Math.min(...standing.path.map((one) => one.notAfterMs));
      known.set(id, { fromMs, throughMs });
      return;
    }
    if (standing.by === 'unknown') known.set(id, 'unknown');
    report.found('signer-unknown', place, {
      what: checked.signer.subject.name,
      found: id,
      ...(standing.by === 'broken' && { reason: standing.reason }),
    });
  };
}

/** Serial numbers that are remembered. Those of one start count up, so a number that comes again stands near the first. */
const REMEMBERED_SERIALS = 4_096;

function serialCheck(report: Report) {
  const known = new Map<string, string>();
  return ({ info, signer }: CheckedToken, digest: Uint8Array, place: Place): void => {
    const key = `${fingerprintOf(signer)} ${info.serial}`;
    const imprint = Buffer.from(digest).toString('hex');
    const before = known.get(key);
    if (before !== undefined && before !== imprint)
      report.found('stamp-serial-repeated', place, { found: info.serial });
    // The one that was added first goes first.
    if (known.size >= REMEMBERED_SERIALS) known.delete(known.keys().next().value!);
    known.set(key, imprint);
  };
}
