import { equalBytes } from '../read/bytes.ts';
import { type Certificate, parseCertificate } from '../read/x509.ts';
import { FormatError } from '../reason.ts';
import { names } from '../token/certificate-id.ts';
import type { ImprintAlgorithm } from '../token/imprint.ts';
import { parseToken, type TimeStampToken } from '../token/read.ts';
import type { SignatureVerifier } from './signatures.ts';

/*
 * One token: does it say what is expected, and did the key of the certificate that it means sign it? Whether anybody
 * trusts that certificate is the matter of verify/authority.ts.
 */

/** In a token and beside it, all in all: a chain has 4, and a token may bring those of another hierarchy along. */
const MAX_TOKEN_CERTIFICATES = 16;

/** id-kp-timeStamping, RFC 3161 §2.3. */
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

export interface TokenParts {
  /** DER of the TimeStampToken. */
  readonly token: Uint8Array;
  /** DER, beside those inside the token. */
  readonly certificates: readonly Uint8Array[];
}

/** What must be stamped, and under which policy where that matters. */
export interface Expected {
  readonly digest: Uint8Array;
  /** `sha256` where it is left out. */
  readonly algorithm?: ImprintAlgorithm;
  readonly policy?: string;
  /** Content octets of the request's INTEGER, where the token is the answer to one. */
  readonly nonce?: Uint8Array;
}

export interface CheckedToken {
  readonly info: TimeStampToken['info'];
  readonly signer: Certificate;
  /** Other certificates that could be read: on the way to a root, or of no use. */
  readonly others: readonly Certificate[];
}

/** Throws FormatError: the form, the digest, the policy, who signed, and the signature. */
export async function checkToken(
  { token: bytes, certificates }: TokenParts,
  expected: Expected,
  verifier: SignatureVerifier,
): Promise<CheckedToken> {
  const token = parseToken(bytes);
  checkContent(token, expected);
  const given = [...token.certificates, ...certificates];
  if (given.length > MAX_TOKEN_CERTIFICATES)
    throw new FormatError('token-certificates-too-many', {
      limit: MAX_TOKEN_CERTIFICATES,
      actual: given.length,
    });
  const signer = findSigner(token, given);
  const { algorithm, signed: message, signature } = token;
  if (!(await verifier.verify({ algorithm, spki: signer.spki, message, signature })))
    throw new FormatError('token-signature-wrong', { subject: signer.subject.name });
  return { info: token.info, signer, others: othersOf(signer, given) };
}

function checkContent(
  { info }: TimeStampToken,
  { digest, algorithm = 'sha256', policy, nonce }: Expected,
): void {
  const { imprint } = info;
  if (imprint.algorithm !== algorithm || !equalBytes(imprint.digest, digest))
    throw new FormatError('token-imprint-differs');
  if (policy !== undefined && info.policy !== policy)
    throw new FormatError('token-policy-wrong', { expected: policy, actual: info.policy });
  if (nonce !== undefined && !equalBytes(info.nonce ?? new Uint8Array(), nonce))
    throw new FormatError('token-nonce-differs');
}

/** The certificate that the signed attributes mean; the unsigned name must be the same. Its only use is time stamps. */
function findSigner({ signer, signerIds }: TimeStampToken, given: readonly Uint8Array[]): Certificate {
  const [first] = signerIds;
  const raw = given.find((one) => equalBytes(first!.hash(one), first!.digest));
  if (raw === undefined) throw new FormatError('token-signer-missing');
  const certificate = parseCertificate(raw);
  const { serial, issuer, subject, extendedKeyUsage: usage } = certificate;
  if (
    !signerIds.every((id) => names(id, certificate)) ||
    !equalBytes(signer.issuer, issuer.raw) ||
    signer.serial !== serial
  )
    throw new FormatError('token-signer-differs', { subject: subject.name });
  if (!usage?.critical || usage.purposes.length !== 1 || usage.purposes[0] !== TIME_STAMPING)
    throw new FormatError('token-signer-purpose', { subject: subject.name });
  return certificate;
}

/** Each once. What is no certificate of our kind leads nowhere, and is left out as one that is of no use. */
function othersOf(signer: Certificate, given: readonly Uint8Array[]): readonly Certificate[] {
  const others: Certificate[] = [];
  for (const raw of given) {
    const known = [signer, ...others].some((one) => equalBytes(one.raw, raw));
    const other = known ? undefined : readable(raw);
    if (other) others.push(other);
  }
  return others;
}

/** Undefined where it is no certificate as we read them. */
export function readable(raw: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(raw);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
