import { utf8 } from '../../server/core/read/bytes.ts';
import { contextTag, TAG } from '../../server/core/read/der.ts';
import { encode, encodeInteger, encodeOid } from '../../server/core/read/encode-der.ts';
import type { CertificateKey } from './keys.ts';

export interface CertificateRequest {
  readonly subject: string;
  readonly issuer: string;
  readonly key: Pick<CertificateKey, 'spki'>;
  readonly signer: CertificateKey;
  readonly serial: number;
  /** YYMMDDhhmmss, or YYYYMMDDhhmmss from 2050 on */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly ca: boolean;
  /** of a CA: whether it may sign lists of revoked certificates as well */
  readonly lists?: boolean;
  /** extendedKeyUsage, dotted; critical unless said otherwise */
  readonly purposes?: readonly string[];
  readonly purposesCritical?: boolean;
}

export const ECDSA_SHA256 = encode(TAG.sequence, encodeOid('1.2.840.10045.4.3.2'));

export const nameOf = (text: string): Uint8Array =>
  encode(
    TAG.sequence,
    encode(TAG.set, encode(TAG.sequence, encodeOid('2.5.4.3'), encode(TAG.utf8String, utf8(text)))),
  );

const extension = (oid: string, value: Uint8Array, critical = true): Uint8Array =>
  encode(
    TAG.sequence,
    encodeOid(oid),
    ...(critical ? [encode(TAG.boolean, Uint8Array.of(0xff))] : []),
    encode(TAG.octetString, value),
  );

/** A small X.509 v3 certificate with a deterministic signature, for the vectors alone. */
export function makeCertificate(request: CertificateRequest): Uint8Array {
  const time = (text: string) =>
    encode(text.length === 12 ? TAG.utcTime : TAG.generalizedTime, utf8(`${text}Z`));
  const basic = encode(TAG.sequence, ...(request.ca ? [encode(TAG.boolean, Uint8Array.of(0xff))] : []));
  // keyCertSign (bit 5), maybe with cRLSign (6), or digitalSignature (0)
  const caUsage = request.lists ? Uint8Array.of(1, 0x06) : Uint8Array.of(2, 0x04);
  const usage = encode(TAG.bitString, request.ca ? caUsage : Uint8Array.of(7, 0x80));
  const { purposes = [], purposesCritical = true, signer } = request;
  const extended = encode(TAG.sequence, ...purposes.map(encodeOid));
  const extensions = encode(
    TAG.sequence,
    extension('2.5.29.19', basic),
    extension('2.5.29.15', usage),
    ...(purposes.length > 0 ? [extension('2.5.29.37', extended, purposesCritical)] : []),
  );
  const algorithm = signer.algorithm ?? ECDSA_SHA256;
  const tbs = encode(
    TAG.sequence,
    encode(contextTag(0, 'constructed'), encodeInteger(2n)),
    encodeInteger(BigInt(request.serial)),
    algorithm,
    nameOf(request.issuer),
    encode(TAG.sequence, time(request.notBefore), time(request.notAfter)),
    nameOf(request.subject),
    request.key.spki,
    encode(contextTag(3, 'constructed'), extensions),
  );
  const signature = encode(TAG.bitString, Uint8Array.of(0), signer.signDer(tbs));
  return encode(TAG.sequence, tbs, algorithm, signature);
}
