import { utf8 } from '../../server/core/read/bytes.ts';
import { contextTag, encode, encodeInteger, encodeOid, TAG } from '../../server/core/read/der.ts';
import type { SigningKey } from './keys.ts';

export interface CertificateRequest {
  readonly subject: string;
  readonly issuer: string;
  readonly key: SigningKey;
  readonly signer: SigningKey;
  readonly serial: number;
  /** YYMMDDhhmmss */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly ca: boolean;
}

const ECDSA_SHA256 = encode(TAG.sequence, encodeOid('1.2.840.10045.4.3.2'));

const nameOf = (text: string): Uint8Array =>
  encode(
    TAG.sequence,
    encode(TAG.set, encode(TAG.sequence, encodeOid('2.5.4.3'), encode(TAG.utf8String, utf8(text)))),
  );

const extension = (oid: string, value: Uint8Array): Uint8Array =>
  encode(
    TAG.sequence,
    encodeOid(oid),
    encode(TAG.boolean, Uint8Array.of(0xff)),
    encode(TAG.octetString, value),
  );

/** A small X.509 v3 certificate with a deterministic signature, for the vectors alone. */
export function makeCertificate(request: CertificateRequest): Uint8Array {
  const time = (text: string) => encode(TAG.utcTime, utf8(`${text}Z`));
  const basic = encode(TAG.sequence, ...(request.ca ? [encode(TAG.boolean, Uint8Array.of(0xff))] : []));
  // keyCertSign (bit 5) or digitalSignature (bit 0)
  const usage = encode(TAG.bitString, request.ca ? Uint8Array.of(2, 0x04) : Uint8Array.of(7, 0x80));
  const extensions = encode(TAG.sequence, extension('2.5.29.19', basic), extension('2.5.29.15', usage));
  const tbs = encode(
    TAG.sequence,
    encode(contextTag(0, 'constructed'), encodeInteger(2n)),
    encodeInteger(BigInt(request.serial)),
    ECDSA_SHA256,
    nameOf(request.issuer),
    encode(TAG.sequence, time(request.notBefore), time(request.notAfter)),
    nameOf(request.subject),
    request.key.spki,
    encode(contextTag(3, 'constructed'), extensions),
  );
  const signature = encode(TAG.bitString, Uint8Array.of(0), request.signer.signDer(tbs));
  return encode(TAG.sequence, tbs, ECDSA_SHA256, signature);
}
