import { type Certificate, manifestOf } from '../certificate/certificate.ts';
import type { KnownToken, Revocation, Token } from '../certificate/tokens.ts';
import { sha256 } from '../hash/sha256.ts';
import { toHex } from '../read/bytes.ts';
import type { Certificate as X509 } from '../read/x509.ts';
import { FormatError, type Reason } from '../reason.ts';
import { PROMISE_POLICY } from '../token/policies.ts';
import { rootDocument } from '../token/root-document.ts';
import { type Beside, type Standing, standingOf } from './authority.ts';
import { type Held, heldOf } from './held.ts';
import { rootOfPath } from './inclusion.ts';
import { type Check, reason, type Status, type TokenFact } from './report.ts';
import { checkAllRevocation, parseEvidence, type RevocationEvidence } from './revocation.ts';
import type { SignatureVerifier } from './signatures.ts';
import { type CheckedToken, checkToken, type Expected } from './token.ts';
import type { Trust } from './trust.ts';

/*
 * FORMAT.md, «Verification», step 10: two checks for each token. `token` is about its bytes alone, `authority` about who
 * stands behind it.
 */

export interface TokenFinding {
  readonly checks: readonly [token: Check, authority: Check];
  /** both undefined where the token does not hold */
  readonly fact: TokenFact | undefined;
  readonly held: Held | undefined;
}

export function checkTokens(
  certificate: Certificate,
  trust: Trust | undefined,
  verifier: SignatureVerifier,
): Promise<readonly TokenFinding[]> {
  return Promise.all(
    certificate.tokens.map((token, i) => checkOne(token, `tokens[${i}]`, certificate, trust, verifier)),
  );
}

async function checkOne(
  token: Token,
  at: string,
  certificate: Certificate,
  trust: Trust | undefined,
  verifier: SignatureVerifier,
): Promise<TokenFinding> {
  const check = (id: 'token' | 'authority', status: Status, why: Reason): Check => ({
    id,
    at,
    status,
    reason: why,
  });
  if (token.type === 'unknown') {
    const why = reason('token-type-unknown', { type: token.name });
    return { checks: [check('token', 'unknown', why), check('authority', 'skipped', why)], ...NOTHING };
  }
  try {
    const checked = await checkToken(token, expectedOf(token, certificate), verifier);
    const evidence = evidenceOf(token.type === 'rfc3161-root/1' ? token.revocation : []);
    const judged = await judge(checked, evidence, trust, verifier);
    const early = whyBeforeEntry(certificate, checked);
    const said = early === undefined ? judged : failedBy(early);
    return {
      checks: [check('token', 'passed', holds(token, checked)), check('authority', said.status, said.why)],
      fact: factOf(at, token.type, checked, said),
      held: heldOf(at, checked, judged, evidence),
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const checks = [
      check('token', 'failed', error),
      check('authority', 'skipped', reason('earlier-check-failed')),
    ] as const;
    return { checks, ...NOTHING };
  }
}

const NOTHING = { fact: undefined, held: undefined } as const;

const holds = ({ type }: KnownToken, { info, signer }: CheckedToken): Reason =>
  reason('token-holds', {
    type,
    genTime: new Date(info.genTimeMs).toISOString(),
    subject: signer.subject.name,
  });

/** How far the clock of the service may be ahead of a token's, in ms: a clock that is off by more is noticed. */
export const MAX_AHEAD_MS = 60_000;

/**
 * A token covers the manifest, and with it the text of `receivedAt`: nobody could have it stamped long before that time
 * but by writing a later one than it was. Whoever the token is of, one of the two is wrong.
 */
function whyBeforeEntry(certificate: Certificate, { info }: CheckedToken): Reason | undefined {
  const receivedAt = manifestOf(certificate)?.receivedAt;
  const time = latestMs(info);
  return receivedAt !== undefined && time < Date.parse(receivedAt) - MAX_AHEAD_MS
    ? reason('token-before-entry', { receivedAt, time: new Date(time).toISOString() })
    : undefined;
}

/** The entry of the batch step: for a file of a folder, the manifest that holds the folder's root. */
const batchEntry = ({ inclusion, entryBytes }: Certificate): Uint8Array =>
  inclusion.folder?.manifestBytes ?? entryBytes;

function expectedOf(token: KnownToken, certificate: Certificate): Expected {
  const entry = batchEntry(certificate);
  if (token.type === 'rfc3161-manifest/1') return { digest: sha256(entry), policy: PROMISE_POLICY };
  if (token.type === 'rfc3161-bulk/1') return { digest: rootOfPath(entry, token), policy: PROMISE_POLICY };
  const { batch } = certificate.inclusion;
  const root = toHex(rootOfPath(entry, batch));
  return { digest: sha256(rootDocument({ ...token.log, root, size: batch.size })) };
}

/** Throws FormatError where one of them cannot be read. */
export const evidenceOf = (list: readonly Revocation[]): readonly RevocationEvidence[] =>
  list.map(({ kind, value }) => parseEvidence(kind, value));

/** Who stands behind a token, as the check `authority` says it. */
export interface Judgement {
  readonly by: TokenFact['by'];
  readonly label: string | undefined;
  readonly status: Status;
  readonly why: Reason;
  /** From the signer to the root that the reader knows; undefined where nothing leads to one, or something speaks against it. */
  readonly path: readonly X509[] | undefined;
  readonly beside: Beside;
}

const NONE: Beside = { paths: [], twins: [] };
const NOBODY = { by: 'unknown', label: undefined, path: undefined, beside: NONE } as const;

export const failedBy = (why: Reason): Judgement => ({ ...NOBODY, status: 'failed', why });

export async function judge(
  checked: CheckedToken,
  evidence: readonly RevocationEvidence[],
  trust: Trust | undefined,
  verifier: SignatureVerifier,
): Promise<Judgement> {
  const detail = { subject: checked.signer.subject.name, policy: checked.info.policy };
  if (trust === undefined) return { ...NOBODY, status: 'unknown', why: reason('no-authority-list', detail) };
  const found = await standingOf(checked, trust, verifier);
  switch (found.by) {
    case 'broken':
      return failedBy(found.reason);
    case 'unknown':
      return { ...NOBODY, status: 'unknown', why: reason('authority-unknown', detail) };
    case 'unlisted-policy':
      return {
        ...NOBODY,
        status: 'unknown',
        why: reason('authority-policy-unlisted', { ...detail, label: found.authority.label }),
      };
    default:
      return trusted(found, checked, evidence, verifier);
  }
}

const PASSED = {
  operator: {
    unlooked: 'authority-own',
    outdated: 'authority-own-outdated',
    unrevoked: 'authority-own-unrevoked',
  },
  independent: {
    unlooked: 'authority-independent',
    outdated: 'authority-independent-outdated',
    unrevoked: 'authority-independent-unrevoked',
  },
} as const;

async function trusted(
  found: Extract<Standing, { readonly path: unknown }>,
  { info }: CheckedToken,
  evidence: readonly RevocationEvidence[],
  verifier: SignatureVerifier,
): Promise<Judgement> {
  const { by, path, beside } = found;
  const label = by === 'operator' ? found.issuer.name : found.authority.label;
  const {
    looked,
    said,
    reason: refusal,
  } = await checkAllRevocation(path, beside, evidence, info.genTimeMs, verifier);
  if (refusal !== undefined) return failedBy(refusal);
  const why = reason(PASSED[by][looked > 0 ? 'unrevoked' : said ? 'outdated' : 'unlooked'], {
    label,
    policy: info.policy,
    looked,
    total: path.length - 1,
  });
  return { by, label, status: 'passed', why, path, beside };
}

export function factOf(
  at: string,
  type: TokenFact['type'],
  { info, signer }: CheckedToken,
  { by, label }: Judgement,
): TokenFact {
  const { policy, serial, genTimeMs, accuracyMs } = info;
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    at,
    type,
    by,
    label,
    signer: signer.subject.name,
    signerKey: toHex(sha256(signer.spki)),
    policy,
    serial,
    genTime: iso(genTimeMs),
    accuracyMs: accuracyMs ?? null,
    // Not later than this, if the authority keeps its word.
    notAfter: iso(latestMs(info)),
  };
}

export const latestMs = ({ genTimeUpMs, accuracyMs = 0 }: CheckedToken['info']): number =>
  Math.min(genTimeUpMs + accuracyMs, LAST_MS);

/** The last millisecond of years with four digits: later ones are written otherwise, and would sort before them. */
const LAST_MS = 253_402_300_799_999;
