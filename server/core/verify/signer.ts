import { equalBytes } from '../read/bytes.ts';
import { names } from '../read/certificate-id.ts';
import type { SignedData } from '../read/cms.ts';
import { type Certificate, parseCertificate } from '../read/x509.ts';
import { FormatError } from '../reason.ts';
import type { SignatureVerifier } from './signatures.ts';

/*
 * Whose key signed a token or a document: what its CMS says of the signer, held against the certificates at hand.
 */

/** In it and beside it, all in all: a chain has 4, and a token may bring those of another hierarchy along. */
const MAX_SIGNED_CERTIFICATES = 16;

/** The certificate that the signed attributes mean; the unsigned name must be the same. */
export function findSigner({ signer, signerIds }: SignedData, given: readonly Uint8Array[]): Certificate {
  if (given.length > MAX_SIGNED_CERTIFICATES)
    throw new FormatError('token-certificates-too-many', {
      limit: MAX_SIGNED_CERTIFICATES,
      actual: given.length,
    });
  const [first] = signerIds;
  const raw = given.find((one) => equalBytes(first!.hash(one), first!.digest));
  if (raw === undefined) throw new FormatError('token-signer-missing');
  const certificate = parseCertificate(raw);
  const { serial, issuer, subject } = certificate;
  if (
    !signerIds.every((id) => names(id, certificate)) ||
    !equalBytes(signer.issuer, issuer.raw) ||
    signer.serial !== serial
  )
    throw new FormatError('token-signer-differs', { subject: subject.name });
  return certificate;
}

/** The key of this certificate made the signature. */
export async function checkSignedBy(
  { algorithm, signed: message, signature }: SignedData,
  { spki, subject }: Certificate,
  verifier: SignatureVerifier,
): Promise<void> {
  if (!(await verifier.verify({ algorithm, spki, message, signature })))
    throw new FormatError('token-signature-wrong', { subject: subject.name });
}

/** Each once. What is no certificate of our kind leads nowhere, and is left out as one that is of no use. */
export function othersOf(signer: Certificate, given: readonly Uint8Array[]): readonly Certificate[] {
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
