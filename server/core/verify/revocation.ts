import { equalBytes } from '../read/bytes.ts';
import { type Crl, parseCrl, type Revocation } from '../read/crl.ts';
import { type OcspAnswer, parseOcsp } from '../read/ocsp.ts';
import { type Certificate, keyBytes } from '../read/x509.ts';
import type { Reason } from '../reason.ts';
import type { Beside } from './authority.ts';
import { verifyChain } from './chain.ts';
import type { SignatureVerifier } from './signatures.ts';
import { readable } from './signer.ts';

/*
 * What issuers said of the certificates on a token's way: revocation lists and OCSP answers, which came with the token.
 */

export type RevocationEvidence = Crl | OcspAnswer;

export const parseEvidence = (kind: 'crl' | 'ocsp', value: Uint8Array): RevocationEvidence =>
  kind === 'crl' ? parseCrl(value) : parseOcsp(value);

export interface RevocationFinding {
  /** How many of the certificates on the way something was said about for the token's time. */
  readonly looked: number;
  /** Whether something was said at all. */
  readonly said: boolean;
  readonly reason: Reason | undefined;
}

/**
 * What one list or answer says of one certificate; `forged` where it bears the issuer's name but not its signature,
 * `nothing` where it knows of no revocation, and is not about the token's time or not about all certificates.
 */
type Said = 'good' | 'nothing' | 'forged' | Revocation;

/** CRLReason: keyCompromise, cACompromise. */
const LEAKED: readonly (number | undefined)[] = [1, 2];

/**
 * As below, of the path that counts; and besides, what speaks against another path, or says of any certificate with a key
 * of the path that the key leaked, speaks against the token, whichever certificates were chosen to come with it.
 */
export async function checkAllRevocation(
  path: readonly Certificate[],
  { paths, twins }: Beside,
  evidence: readonly RevocationEvidence[],
  genTimeMs: number,
  verifier: SignatureVerifier,
): Promise<RevocationFinding> {
  const finding = await checkRevocation(path, evidence, genTimeMs, verifier);
  const reasons = [finding.reason];
  for (const other of paths.filter((one) => one !== path))
    reasons.push((await checkRevocation(other, evidence, genTimeMs, verifier)).reason);
  for (const [twin, issuer] of twins)
    for (const said of await saidOf(twin, issuer, evidence, genTimeMs, verifier))
      if (typeof said === 'object' && LEAKED.includes(said.reason))
        reasons.push(whySpoilt(twin, said, genTimeMs));
  return { ...finding, reason: reasons.find((reason) => reason !== undefined) };
}

/** `path` leads from the signer to a trusted root, which nobody else can revoke. */
export async function checkRevocation(
  path: readonly Certificate[],
  evidence: readonly RevocationEvidence[],
  genTimeMs: number,
  verifier: SignatureVerifier,
): Promise<RevocationFinding> {
  let looked = 0;
  let heard = 0;
  for (const [i, certificate] of path.slice(0, -1).entries()) {
    const said = await saidOf(certificate, path[i + 1]!, evidence, genTimeMs, verifier);
    heard += said.length;
    if (said.some((one) => one !== 'nothing')) looked++;
    const [reason] = said.flatMap((one) => whySpoilt(certificate, one, genTimeMs) ?? []);
    if (reason !== undefined) return { looked, said: true, reason };
  }
  return { looked, said: heard > 0, reason: undefined };
}

/** CRLReason: unspecified, affiliationChanged, superseded, cessationOfOperation. */
const HARMLESS: readonly (number | undefined)[] = [0, 3, 4, 5];

/**
 * RFC 3161 §4 (1): revoked for one of these reasons, a key's earlier tokens stay good; for another reason, or without
 * one, all of its tokens are bad, whatever their time.
 */
function whySpoilt({ subject, issuer }: Certificate, said: Said, genTimeMs: number): Reason | undefined {
  if (said === 'good' || said === 'nothing') return undefined;
  if (said === 'forged') return { code: 'revocation-not-authentic', detail: { issuer: issuer.name } };
  const { atMs, reason } = said;
  if (HARMLESS.includes(reason) && atMs > genTimeMs) return undefined;
  return {
    code: 'token-certificate-revoked',
    detail: { subject: subject.name, at: new Date(atMs).toISOString() },
  };
}

async function saidOf(
  certificate: Certificate,
  issuer: Certificate,
  evidence: readonly RevocationEvidence[],
  genTimeMs: number,
  verifier: SignatureVerifier,
): Promise<readonly Said[]> {
  const said: Said[] = [];
  for (const one of evidence) {
    const answers =
      one.kind === 'crl'
        ? inList(one, certificate, genTimeMs)
        : inAnswer(one, certificate, issuer, genTimeMs);
    if (answers.length > 0)
      said.push(...((await isAuthentic(one, issuer, verifier)) ? answers : (['forged'] as const)));
  }
  return said;
}

/** Where the list is the issuer's: all entries of this serial number; none of them is good news. */
function inList(list: Crl, { issuer: own, serial }: Certificate, genTimeMs: number): readonly Said[] {
  if (!equalBytes(list.issuer, own.raw)) return [];
  const entries = list.revoked.filter((entry) => entry.serial === serial);
  if (entries.length > 0) return entries;
  return [list.partial ? 'nothing' : goodUntil(list, genTimeMs)];
}

/**
 * RFC 5280 §5.1.2.5, RFC 6960 §4.2.2.1: it holds until its next update. A list of before the token's time knows nothing
 * of it; a later one knows more.
 */
const goodUntil = (
  { nextUpdateMs }: { readonly nextUpdateMs: number | undefined },
  genTimeMs: number,
): Said => (nextUpdateMs !== undefined && nextUpdateMs >= genTimeMs ? 'good' : 'nothing');

const inAnswer = (
  { statuses }: OcspAnswer,
  { serial }: Certificate,
  issuer: Certificate,
  genTimeMs: number,
): readonly Said[] =>
  statuses
    .filter(
      (one) =>
        one.serial === serial &&
        equalBytes(one.issuerNameHash, one.hash(issuer.subject.raw)) &&
        equalBytes(one.issuerKeyHash, one.hash(keyBytes(issuer))),
    )
    .flatMap((one) => {
      if (one.status === 'unknown') return [];
      return [one.status === 'good' ? goodUntil(one, genTimeMs) : one.status];
    });

function isAuthentic(
  one: RevocationEvidence,
  issuer: Certificate,
  verifier: SignatureVerifier,
): Promise<boolean> {
  if (one.kind === 'ocsp') return isAnswerAuthentic(one, issuer, verifier);
  const mayList = issuer.keyUsage?.usages.includes('cRLSign') ?? true;
  return mayList ? signedBy(issuer, one, verifier) : Promise.resolve(false);
}

const signedBy = (
  { spki }: Certificate,
  { algorithm, tbs: message, signature }: RevocationEvidence,
  verifier: SignatureVerifier,
): Promise<boolean> => verifier.verify({ algorithm, spki, message, signature });

/** id-kp-OCSPSigning, RFC 6960 §4.2.2.2. */
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

/** The issuer signed it, or one whom the issuer gave a certificate for that purpose, valid when it answered. */
async function isAnswerAuthentic(
  answer: OcspAnswer,
  issuer: Certificate,
  verifier: SignatureVerifier,
): Promise<boolean> {
  if (await signedBy(issuer, answer, verifier)) return true;
  const request = { intermediates: [], anchors: [issuer], atMs: answer.producedAtMs, verifier };
  for (const leaf of answer.certificates.flatMap((raw) => readable(raw) ?? []))
    if (
      leaf.extendedKeyUsage?.purposes.includes(OCSP_SIGNING) &&
      (await signedBy(leaf, answer, verifier)) &&
      (await verifyChain({ leaf, ...request })).ok
    )
      return true;
  return false;
}
