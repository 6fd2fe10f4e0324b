import { sha512 } from '../hash/sha512.ts';
import { toHex } from '../read/bytes.ts';
import { FormatError, type Reason } from '../reason.ts';
import { parseRenewal, type Renewal, renewedRoot, tokensUpTo } from '../renewal/renewal.ts';
import { goodUntilMs, type Held, heldOf, type Later, whyNotStillGood } from './held.ts';
import { type Check, type CheckId, type Layer, type RenewalFact, reason, type Status } from './report.ts';
import type { SignatureVerifier } from './signatures.ts';
import { type CheckedToken, checkToken } from './token.ts';
import { evidenceOf, factOf, failedBy, judge, latestMs, MAX_AHEAD_MS } from './tokens.ts';
import type { Trust } from './trust.ts';

/*
 * FORMAT-MORE.md, «Verification», steps 18 to 20, on every renewal. They are given in any order: each names the file before
 * it by its digest.
 */

export interface RenewalFinding {
  readonly checks: readonly Check[];
  /** undefined where its token does not hold */
  readonly fact: RenewalFact | undefined;
  readonly held: Held | undefined;
  /** places of what was still good when it was made */
  readonly carries: readonly string[];
}

/** A file that a renewal may be of. */
interface Before {
  readonly at: string;
  /** hex, of its exact bytes */
  readonly sha512: string;
  /** as a renewal of it must name them */
  readonly tokens: readonly Uint8Array[];
  readonly held: readonly Held[];
  /** A renewal is there to carry on, and one that came too late does not; a certificate has blocks besides its tokens. */
  readonly strict: boolean;
}

interface Given {
  readonly at: string;
  /** hex; reckoned once, for each is looked for among all */
  readonly sha512: string;
  readonly renewal: Renewal | FormatError;
}

export interface RenewalsRequest {
  readonly certificate: Uint8Array;
  /** What the certificate says of when it was issued, Unix ms: a token over that text is not older. */
  readonly notBeforeMs: number;
  readonly renewals: readonly Uint8Array[];
  /** What the certificate rests on, besides its blocks. */
  readonly held: readonly Held[];
  readonly trust: Trust | undefined;
  readonly verifier: SignatureVerifier;
}

export async function checkRenewals(request: RenewalsRequest): Promise<readonly RenewalFinding[]> {
  const { certificate, held, renewals } = request;
  // Most certificates have none, and are not hashed for it.
  if (renewals.length === 0) return [];
  const given = renewals.map((bytes, i) => readOne(bytes, `renewals[${i}]`));
  const findings = new Map<string, RenewalFinding>();
  let known: readonly Before[] = [
    { at: 'certificate', sha512: toHex(sha512(certificate)), tokens: [], held, strict: false },
  ];
  // Each round checks those whose file before was known in the last one: as many rounds as renewals stand on each other.
  while (known.length > 0) {
    const next: Before[] = [];
    for (const before of known)
      for (const { at, sha512: digest, renewal } of ofFile(before, given)) {
        // The same file given twice is two places, and what stands on it stands there once.
        if (findings.has(at)) continue;
        const finding = await checkOne(at, renewal, before, request);
        findings.set(at, finding);
        // On one that does not hold nothing stands.
        if (finding.held)
          next.push({ at, sha512: digest, tokens: tokensUpTo(renewal), held: [finding.held], strict: true });
      }
    known = next;
  }
  return given.map((one) => findings.get(one.at) ?? withoutBefore(one, given));
}

const readOne = (bytes: Uint8Array, at: string): Given => ({
  at,
  renewal: readOrWhyNot(bytes),
  sha512: toHex(sha512(bytes)),
});

function readOrWhyNot(bytes: Uint8Array): Renewal | FormatError {
  try {
    return parseRenewal(bytes);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}

const ofFile = (before: Before, given: readonly Given[]) =>
  given.flatMap(({ renewal, ...one }) =>
    !(renewal instanceof FormatError) && toHex(renewal.sha512) === before.sha512 ? { ...one, renewal } : [],
  );

const checkAt =
  (at: string) =>
  (id: CheckId, status: Status, why: Reason): Check => ({ id, at, status, reason: why });

const EARLIER = reason('earlier-check-failed');

/** The three checks where the first did not pass. */
const notHeld = (at: string, status: Status, why: Reason): RenewalFinding => ({
  checks: [
    checkAt(at)('renewal', status, why),
    checkAt(at)('authority', 'skipped', EARLIER),
    checkAt(at)('unbroken', 'skipped', EARLIER),
  ],
  fact: undefined,
  held: undefined,
  carries: [],
});

function withoutBefore({ at, renewal }: Given, given: readonly Given[]): RenewalFinding {
  if (renewal instanceof FormatError)
    return notHeld(at, renewal.code === 'renewal-format-unknown' ? 'unknown' : 'failed', renewal);
  const wanted = toHex(renewal.sha512);
  const isHere = given.some((one) => one.sha512 === wanted);
  return isHere
    ? notHeld(at, 'skipped', EARLIER)
    : notHeld(at, 'failed', reason('renewal-of-another-file', { sha512: wanted }));
}

async function checkOne(
  at: string,
  renewal: Renewal,
  before: Before,
  { trust, verifier, notBeforeMs }: RenewalsRequest,
): Promise<RenewalFinding> {
  let checked: CheckedToken;
  let evidence: Later['evidence'];
  try {
    [checked, evidence] = await checkContent(renewal, before.tokens, verifier);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return notHeld(at, 'failed', error);
  }
  const early = whyBeforeCertificate(checked, notBeforeMs);
  const judged = early ? failedBy(early) : await judge(checked, evidence, trust, verifier);
  const token = factOf(at, 'kezheng-renewal/1', checked, judged);
  // A time that nobody the reader knows stands behind carries nothing on.
  const { status, why, carries } =
    judged.status === 'passed'
      ? await unbroken(before, { genTimeMs: checked.info.genTimeMs, evidence }, verifier)
      : NOT_CARRIED;
  const check = checkAt(at);
  return {
    checks: [
      check(
        'renewal',
        'passed',
        reason('renewal-holds', { of: before.at, genTime: token.genTime, subject: token.signer }),
      ),
      check('authority', judged.status, judged.why),
      check('unbroken', status, why),
    ],
    fact: { at, of: before.at, token },
    held: heldOf(at, checked, judged, evidence),
    carries,
  };
}

/** Throws FormatError. */
async function checkContent(
  renewal: Renewal,
  tokens: readonly Uint8Array[],
  verifier: SignatureVerifier,
): Promise<[CheckedToken, Later['evidence']]> {
  const expected = { digest: renewedRoot(renewal, { tokens }), algorithm: 'sha512' } as const;
  return [await checkToken(renewal, expected, verifier), evidenceOf(renewal.revocation)];
}

/** What a renewal rests on, for whoever wants to renew it and has only this file. Throws FormatError where it does not hold. */
export async function heldOfRenewal(
  bytes: Uint8Array,
  trust: Trust | undefined,
  verifier: SignatureVerifier,
): Promise<Held> {
  const renewal = parseRenewal(bytes);
  const [checked, evidence] = await checkContent(renewal, renewal.earlier, verifier);
  return heldOf('renewal', checked, await judge(checked, evidence, trust, verifier), evidence);
}

/** What nobody can tell without a better trust list. */
const isOpen = ({ code }: Reason): boolean => code === 'renewed-way-unknown';

const NOT_CARRIED = { status: 'skipped', why: EARLIER, carries: [] } as const;

/** A renewal covers the certificate, and with it the text of `issuedAt`, as a token covers that of `receivedAt`. */
function whyBeforeCertificate({ info }: CheckedToken, notBeforeMs: number): Reason | undefined {
  const latest = latestMs(info);
  return latest < notBeforeMs - MAX_AHEAD_MS
    ? reason('renewal-before-certificate', {
        issuedAt: new Date(notBeforeMs).toISOString(),
        time: new Date(latest).toISOString(),
      })
    : undefined;
}

async function unbroken({ at, held, strict }: Before, later: Later, verifier: SignatureVerifier) {
  const carries: string[] = [];
  const reasons: Reason[] = [];
  for (const layer of held) {
    const why = await whyNotStillGood(layer, later, verifier);
    if (why === undefined) carries.push(layer.at);
    else reasons.push(why);
  }
  // What was over says more than what is open.
  const why = reasons.find((one) => !isOpen(one)) ?? reasons[0];
  if (why === undefined)
    return { status: 'passed', why: reason('renewed-in-time', { of: at }), carries } as const;
  return { status: strict && !isOpen(why) ? 'failed' : 'unknown', why, carries } as const;
}

/** Each with the earliest renewal that carried it on. */
export function layersOf(held: readonly Held[], findings: readonly RenewalFinding[]): readonly Layer[] {
  const byTime = findings
    .flatMap(({ fact, carries }) => (fact ? { fact, carries } : []))
    .toSorted((a, b) => Date.parse(a.fact.token.genTime) - Date.parse(b.fact.token.genTime));
  return [...held, ...findings.flatMap((finding) => finding.held ?? [])].map((layer) => ({
    at: layer.at,
    goodUntil: new Date(goodUntilMs(layer)).toISOString(),
    carriedBy: byTime.find(({ carries }) => carries.includes(layer.at))?.fact.at,
  }));
}
