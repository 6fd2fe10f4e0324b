import { sha1 } from '../hash/sha1.ts';
import { sha256 } from '../hash/sha256.ts';
import { FormatError } from '../reason.ts';
import { equalBytes } from './bytes.ts';
import { contextTag, type Element, listOf, readFields, serialNumber, TAG } from './der.ts';
import { readDigest } from './digests.ts';
import type { Certificate } from './x509.ts';

/*
 * Which certificate the signer of a token or document means: ESSCertID (RFC 2634 §5.4) and ESSCertIDv2 (RFC 5035 §4). Only the first of
 * a list is the signer's; the others, where there are any, only narrow what may stand on the way to a root.
 */

export interface CertificateId {
  readonly hash: (bytes: Uint8Array) => Uint8Array;
  readonly digest: Uint8Array;
  readonly issuerAndSerial: { readonly issuer: Uint8Array; readonly serial: string } | undefined;
}

/**
 * With SHA-1, which RFC 5816 leaves to old authorities: it tells certificates of one key apart, and whoever could make
 * two of one digest would still need an issuer who signs them both.
 */
export const readSigningCertificate = (element: Element): CertificateId =>
  readFirst(element, (id) => readId(id, sha1));

export const readSigningCertificateV2 = (element: Element): CertificateId =>
  readFirst(element, (id) => {
    // SHA-256 is the default, written by leaving it out (X.690 §11.5); some name it all the same.
    const [first] = id.children;
    const named = first?.tag === TAG.sequence;
    return readId(id, named ? readDigest(first).of : sha256, named);
  });

/** SigningCertificate: certificates, and policies that nothing here asks for. */
function readFirst(element: Element, read: (id: Element) => CertificateId): CertificateId {
  return readFields(element, TAG.sequence, (fields) => {
    const [first] = listOf(fields.next(TAG.sequence), TAG.sequence, TAG.sequence);
    fields.optional(TAG.sequence);
    return read(first!);
  });
}

function readId(element: Element, hash: CertificateId['hash'], named = false): CertificateId {
  return readFields(element, TAG.sequence, (fields) => {
    if (named) fields.next(TAG.sequence);
    const digest = fields.next(TAG.octetString).content;
    const issuerSerial = fields.optional(TAG.sequence);
    return { hash, digest, issuerAndSerial: issuerSerial && readIssuerSerial(issuerSerial) };
  });
}

/** directoryName of GeneralName, EXPLICIT because Name is a choice. */
const DIRECTORY_NAME = contextTag(4, 'constructed');

function readIssuerSerial(element: Element) {
  return readFields(element, TAG.sequence, (fields) => {
    const names = listOf(fields.next(TAG.sequence), TAG.sequence, DIRECTORY_NAME);
    const serial = serialNumber(fields.next(TAG.integer));
    if (names.length !== 1) throw new FormatError('token-signer-unnamed');
    return { issuer: names[0]!.content, serial };
  });
}

/** Whether this name is the certificate's. */
export const names = ({ hash, digest, issuerAndSerial }: CertificateId, certificate: Certificate): boolean =>
  equalBytes(hash(certificate.raw), digest) &&
  (issuerAndSerial === undefined ||
    (equalBytes(issuerAndSerial.issuer, certificate.issuer.raw) &&
      issuerAndSerial.serial === certificate.serial));
