import { equalBytes } from '../read/bytes.ts';
import { type Crl, parseCrl, type Revocation } from '../read/crl.ts';
import { type OcspAnswer, parseOcsp } from '../read/ocsp.ts';
import { type Certificate, keyBytes } from '../read/x509.ts';
import type { Reason } from '../reason.ts';
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
  /** How many of the certificates on the way something was said about. */
  readonly looked: number;
  readonly reason: Reason | undefined;
}

/** What one list or answer says of one certificate; `forged` where it bears the issuer's name but not its signature. */
type Said = 'good' | 'forged' | Revocation;

/** `path` leads from the signer to a trusted root, which nobody else can revoke. */
export async function checkRevocation(
  path: readonly Certificate[],
  evidence: readonly RevocationEvidence[],
  genTimeMs: number,
  verifier: SignatureVerifier,
): Promise<RevocationFinding> {
  let looked = 0;
  for (const [i, certificate] of path.slice(0, -1).entries()) {
    const said = await saidOf(certificate, path[i + 1]!, evidence, verifier);
    if (said.length > 0) looked++;
    const [reason] = said.flatMap((one) => whySpoilt(certificate, one, genTimeMs) ?? []);
    if (reason !== undefined) return { looked, reason };
  }
  return { looked, reason: undefined };
}

/** CRLReason: unspecified, affiliationChanged, superseded, cessationOfOperation. */
const HARMLESS: readonly (number | undefined)[] = [0, 3, 4, 5];

/**
 * RFC 3161 §4 (1): revoked for one of these reasons, a key's earlier tokens stay good; for another reason, or without
 * one, all of its tokens are bad, whatever their time.
 */
function whySpoilt({ subject, issuer }: Certificate, said: Said, genTimeMs: number): Reason | undefined {
  if (said === 'good') return undefined;
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
  verifier: SignatureVerifier,
): Promise<readonly Said[]> {
  const said: Said[] = [];
  for (const one of evidence) {
    const answers = one.kind === 'crl' ? inList(one, certificate) : inAnswer(one, certificate, issuer);
    if (answers.length > 0)
      said.push(...((await isAuthentic(one, issuer, verifier)) ? answers : (['forged'] as const)));
  }
  return said;
}

/** Where the list is the issuer's: all entries of this serial number; none of them is good news. */
function inList({ issuer, revoked }: Crl, { issuer: own, serial }: Certificate): readonly Said[] {
  if (!equalBytes(issuer, own.raw)) return [];
  const entries = revoked.filter((entry) => entry.serial === serial);
  return entries.length > 0 ? entries : ['good'];
}

const inAnswer = ({ statuses }: OcspAnswer, { serial }: Certificate, issuer: Certificate) =>
  statuses
    .filter(
      (one) =>
        one.serial === serial &&
        equalBytes(one.issuerNameHash, one.hash(issuer.subject.raw)) &&
        equalBytes(one.issuerKeyHash, one.hash(keyBytes(issuer))),
    )
    .flatMap(({ status }) => (status === 'unknown' ? [] : [status]));

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
