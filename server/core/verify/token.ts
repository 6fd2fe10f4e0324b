import { equalBytes } from '../read/bytes.ts';
import type { Certificate } from '../read/x509.ts';
import { FormatError } from '../reason.ts';
import type { ImprintAlgorithm } from '../token/imprint.ts';
import { parseToken, type TimeStampToken } from '../token/read.ts';
import type { SignatureVerifier } from './signatures.ts';
import { checkSignedBy, findSigner, othersOf } from './signer.ts';

/*
 * One token: does it say what is expected, and did the key of the certificate that it means sign it? Whether anybody
 * trusts that certificate is the matter of verify/authority.ts.
 */

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
  const signer = findSigner(token, given);
  checkPurpose(signer);
  await checkSignedBy(token, signer, verifier);
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

/** Its only use is time stamps. */
function checkPurpose({ extendedKeyUsage: usage, subject }: Certificate): void {
  if (!usage?.critical || usage.purposes.length !== 1 || usage.purposes[0] !== TIME_STAMPING)
    throw new FormatError('token-signer-purpose', { subject: subject.name });
}
