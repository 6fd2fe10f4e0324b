import { fromHex } from '../core/read/bytes.ts';
import { contextTag, TAG } from '../core/read/der.ts';
import { encode, encodeInteger, encodeOid } from '../core/read/encode-der.ts';
import { parseCertificate } from '../core/read/x509.ts';

/*
 * A detached CMS signature (RFC 5652 §5) as PDF wants it: one signer, three signed attributes, nothing unsigned. The
 * time is in the PDF; ETSI EN 319 142-1 §6.3 forbids it here.
 */

const OIDS = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sha256: '2.16.840.1.101.3.4.2.1',
  'ecdsa-with-SHA256': '1.2.840.10045.4.3.2',
  sha256WithRSAEncryption: '1.2.840.113549.1.1.11',
} as const;

export interface CmsParts {
  /** SHA-256 of what is signed */
  readonly digest: Uint8Array;
  /** DER, the signer's first */
  readonly certificates: readonly Uint8Array[];
  readonly algorithm: 'ecdsa-with-SHA256' | 'sha256WithRSAEncryption';
  readonly sign: (attributes: Uint8Array) => Uint8Array;
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
}

/** Everything but the certificates: names of the signer's issuer included, an RSA signature of 8,192 bits too. */
export const MAX_CMS_OVERHEAD = 4_096;

const SET = TAG.set;
const SEQUENCE = TAG.sequence;
const OCTETS = TAG.octetString;
const NULL = Uint8Array.of(0x05, 0x00);
const oid = (name: keyof typeof OIDS): Uint8Array => encodeOid(OIDS[name]);

const attribute = (name: keyof typeof OIDS, value: Uint8Array): Uint8Array =>
  encode(SEQUENCE, oid(name), encode(SET, value));

export function detachedCms({ digest, certificates, algorithm, sign, sha256 }: CmsParts): Uint8Array {
  const signer = certificates[0]!;
  const attributes = inDerOrder([
    attribute('contentType', oid('data')),
    attribute('messageDigest', encode(OCTETS, digest)),
    // RFC 5035 §3: a list of ESSCertIDv2, of which SHA-256 is the default and so not written.
    attribute(
      'signingCertificateV2',
      encode(SEQUENCE, encode(SEQUENCE, encode(SEQUENCE, encode(OCTETS, sha256(signer))))),
    ),
  ]);
  // Signed as a SET, written as [0]: RFC 5652 §5.4.
  const signature = sign(encode(SET, ...attributes));
  const signerInfo = encode(
    SEQUENCE,
    encodeInteger(1n),
    issuerAndSerial(signer),
    encode(SEQUENCE, oid('sha256')),
    encode(contextTag(0, 'constructed'), ...attributes),
    encode(SEQUENCE, oid(algorithm), ...(algorithm === 'sha256WithRSAEncryption' ? [NULL] : [])),
    encode(OCTETS, signature),
  );
  const signedData = encode(
    SEQUENCE,
    encodeInteger(1n),
    encode(SET, encode(SEQUENCE, oid('sha256'))),
    encode(SEQUENCE, oid('data')),
    encode(contextTag(0, 'constructed'), ...inDerOrder(certificates)),
    encode(SET, signerInfo),
  );
  return encode(SEQUENCE, oid('signedData'), encode(contextTag(0, 'constructed'), signedData));
}

function issuerAndSerial(certificate: Uint8Array): Uint8Array {
  const { issuer, serial } = parseCertificate(certificate);
  return encode(SEQUENCE, issuer.raw, encode(TAG.integer, fromHex(serial)));
}

/** X.690 §11.6: the members of a SET OF in the order of their encodings. */
const inDerOrder = (members: readonly Uint8Array[]): Uint8Array[] =>
  [...members].sort((a, b) => Buffer.compare(a, b));
