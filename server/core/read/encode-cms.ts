import { sha256 } from '../hash/sha256.ts';
import { FormatError } from '../reason.ts';
import { fromHex } from './bytes.ts';
import { contextTag, type Element, parseDer, TAG } from './der.ts';
import { encode, encodeInteger, encodeOid } from './encode-der.ts';
import { parseCertificate } from './x509.ts';

/*
 * Writing a detached CMS signature (RFC 5652 §5) as PDF wants it: one signer, three signed attributes, and unsigned a
 * time-stamp at most. The signer's own time is in the PDF; ETSI EN 319 142-1 §6.3 forbids it here. What to sign and the
 * putting together are two functions, since the key may be in somebody else's hands.
 */

const OIDS = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signatureTimeStampToken: '1.2.840.113549.1.9.16.2.14',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sha256: '2.16.840.1.101.3.4.2.1',
  'ecdsa-with-SHA256': '1.2.840.10045.4.3.2',
  sha256WithRSAEncryption: '1.2.840.113549.1.1.11',
} as const;

export type CmsAlgorithm = 'ecdsa-with-SHA256' | 'sha256WithRSAEncryption';

export interface CmsParts {
  /** DER of the SET that was signed: of `signedAttributes`. */
  readonly attributes: Uint8Array;
  readonly signature: Uint8Array;
  readonly algorithm: CmsAlgorithm;
  /** DER, the signer's first. */
  readonly certificates: readonly Uint8Array[];
}

/** Everything but the certificates: names of the signer's issuer included, an RSA signature of 8,192 bits too. */
export const MAX_CMS_OVERHEAD = 4_096;

const SET = TAG.set;
const SEQUENCE = TAG.sequence;
const OCTETS = TAG.octetString;
const NULL = Uint8Array.of(0x05, 0x00);
const CONTEXT_0 = contextTag(0, 'constructed');
const CONTEXT_1 = contextTag(1, 'constructed');
const oid = (name: keyof typeof OIDS): Uint8Array => encodeOid(OIDS[name]);

const attribute = (name: keyof typeof OIDS, value: Uint8Array): Uint8Array =>
  encode(SEQUENCE, oid(name), encode(SET, value));

/** DER of the SET of signed attributes, which is what the signature is over; `digest` is SHA-256 of what is signed. */
export const signedAttributes = (digest: Uint8Array, certificate: Uint8Array): Uint8Array =>
  encode(
    SET,
    ...inDerOrder([
      attribute('contentType', oid('data')),
      attribute('messageDigest', encode(OCTETS, digest)),
      // RFC 5035 §3: a list of ESSCertIDv2, of which SHA-256 is the default and so not written.
      attribute(
        'signingCertificateV2',
        encode(SEQUENCE, encode(SEQUENCE, encode(SEQUENCE, encode(OCTETS, sha256(certificate))))),
      ),
    ]),
  );

export function detachedCms({ attributes, signature, algorithm, certificates }: CmsParts): Uint8Array {
  const signerInfo = encode(
    SEQUENCE,
    encodeInteger(1n),
    issuerAndSerial(certificates[0]!),
    encode(SEQUENCE, oid('sha256')),
    // Signed as a SET, written as [0]: RFC 5652 §5.4.
    encode(CONTEXT_0, parseDer(attributes).content),
    encode(SEQUENCE, oid(algorithm), ...(algorithm === 'sha256WithRSAEncryption' ? [NULL] : [])),
    encode(OCTETS, signature),
  );
  const signedData = encode(
    SEQUENCE,
    encodeInteger(1n),
    encode(SET, encode(SEQUENCE, oid('sha256'))),
    encode(SEQUENCE, oid('data')),
    encode(CONTEXT_0, ...inDerOrder(certificates)),
    encode(SET, signerInfo),
  );
  return encode(SEQUENCE, oid('signedData'), encode(CONTEXT_0, signedData));
}

function issuerAndSerial(certificate: Uint8Array): Uint8Array {
  const { issuer, serial } = parseCertificate(certificate);
  return encode(SEQUENCE, issuer.raw, encode(TAG.integer, fromHex(serial)));
}

/** SignerInfo, RFC 5652 §5.3, without unsigned attributes: version, who, digest, signed, algorithm, signature. */
const SIGNER_FIELDS = 6;

/**
 * The same signature with an RFC 3161 token over its value (RFC 5126 §6.1.1) as its one unsigned attribute. Everything
 * that is there stays byte for byte: `cms` is a SignedData of one signer that was read already.
 */
export function withSignatureTimeStamp(cms: Uint8Array, token: Uint8Array): Uint8Array {
  const [contentType, explicit] = parseDer(cms).children;
  const parts = explicit?.children[0]?.children ?? [];
  const signer = parts.at(-1)?.children[0];
  if (contentType === undefined || signer?.children.length !== SIGNER_FIELDS)
    throw new FormatError('token-shape-wrong');
  const stamped = encode(
    SEQUENCE,
    ...rawOf(signer.children),
    encode(CONTEXT_1, attribute('signatureTimeStampToken', token)),
  );
  const signedData = encode(SEQUENCE, ...rawOf(parts.slice(0, -1)), encode(SET, stamped));
  return encode(SEQUENCE, contentType.raw, encode(CONTEXT_0, signedData));
}

const rawOf = (elements: readonly Element[]): readonly Uint8Array[] => elements.map(({ raw }) => raw);

/** X.690 §11.6: the members of a SET OF in the order of their encodings, of which none begins another. */
const inDerOrder = (members: readonly Uint8Array[]): Uint8Array[] =>
  members.toSorted((a, b) => {
    const differs = a.findIndex((octet, i) => octet !== b[i]);
    return differs < 0 ? 0 : a[differs]! - b[differs]!;
  });
