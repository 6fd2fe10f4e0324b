import { FormatError } from '../reason.ts';
import type { SignatureAlgorithm } from '../verify/signatures.ts';
import { equalBytes, toHex } from './bytes.ts';
import { type CertificateId, readSigningCertificate, readSigningCertificateV2 } from './certificate-id.ts';
import {
  contextTag,
  dotted,
  type Element,
  expectTag,
  listOf,
  oid,
  parseDer,
  readFields,
  setOf,
  smallInteger,
  TAG,
} from './der.ts';
import { type Digest, readDigest } from './digests.ts';
import { signatureAlgorithm } from './x509.ts';

/*
 * CMS SignedData of one signer, RFC 5652 §5, DER throughout: of time-stamp tokens and of signed documents. What the
 * signature does not cover is refused, or has one possible value, or is compared with what it covers; but for
 * certificates, which are helps that prove themselves. Who signed, verify/signer.ts finds out.
 */

export interface SignedData {
  readonly algorithm: SignatureAlgorithm;
  /** DER of the SET of signed attributes: what the signature is over. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /** The signer as the unsigned part names it: DER of its issuer, hex of its serial number. */
  readonly signer: { readonly issuer: Uint8Array; readonly serial: string };
  /** The signer as the signed part names it; each of these names must fit. At least one but of `signerKnown`. */
  readonly signerIds: readonly CertificateId[];
  /** DER, as they came, in any order: the signer, those on the way to a root, and whatever else somebody put there. */
  readonly certificates: readonly Uint8Array[];
}

export interface SignedKind {
  /** §5.1: 1 where the content is id-data, 3 where it is another */
  readonly version: 1 | 3;
  /** as `oid` gives it */
  readonly contentType: string;
  /** what is signed, where it stands outside */
  readonly detached?: Uint8Array;
  /** by whoever compares the certificate with those that he knows byte for byte: the signed part need not name it */
  readonly signerKnown?: true;
}

/** As `oid` gives them: id-signedData, and the attributes of a signer. */
const SIGNED_DATA = '2a864886f70d010702';
const CONTENT_TYPE = '2a864886f70d010903';
const MESSAGE_DIGEST = '2a864886f70d010904';
const SIGNING_CERTIFICATE = '2a864886f70d010910020c';
const SIGNING_CERTIFICATE_V2 = '2a864886f70d010910022f';
const ALGORITHM_PROTECTION = '2a864886f70d010934';

const CONTEXT_0 = contextTag(0, 'constructed');
const CONTEXT_1 = contextTag(1, 'constructed');

/** Throws FormatError. */
export function parseSignedData(
  bytes: Uint8Array,
  kind: SignedKind,
): SignedData & { readonly content: Uint8Array } {
  return readFields(parseDer(bytes), TAG.sequence, (fields) => {
    expectOid(fields.next(TAG.oid), SIGNED_DATA);
    return readFields(fields.next(CONTEXT_0), CONTEXT_0, (explicit) => readSignedData(explicit.any(), kind));
  });
}

function expectOid(element: Element, expected: string): void {
  if (oid(element) !== expected) throw new FormatError('token-shape-wrong');
}

/** SignedData, RFC 5652 §5.1; `crls` are refused: what was said of revocation comes beside a token, where it is looked at. */
function readSignedData(element: Element, kind: SignedKind) {
  return readFields(element, TAG.sequence, (fields) => {
    expectVersion(smallInteger(fields.next(TAG.integer)), kind.version);
    const digests = listOf(fields.next(TAG.set), TAG.set, TAG.sequence).map(readDigest);
    const content = readContent(fields.next(TAG.sequence), kind);
    const certificates = fields.optional(CONTEXT_0);
    if (fields.optional(CONTEXT_1)) throw new FormatError('token-unsigned-part', { part: 'crls' });
    const signers = listOf(fields.next(TAG.set), TAG.set, TAG.sequence);
    if (signers.length !== 1) throw new FormatError('token-signers-wrong', { actual: signers.length });
    const { digest, ...signer } = readSigner(signers[0]!, content, kind);
    if (digests.length !== 1 || digests[0] !== digest)
      throw new FormatError('token-digest-algorithm-differs');
    return {
      ...signer,
      content,
      certificates: certificates
        ? listOf(certificates, CONTEXT_0, TAG.sequence).map((certificate) => certificate.raw)
        : [],
    };
  });
}

function expectVersion(actual: number, expected: number): void {
  if (actual !== expected) throw new FormatError('token-version-wrong', { expected, actual });
}

/** §5.2: what is signed, unless it stands outside. */
function readContent(element: Element, { contentType, detached }: SignedKind): Uint8Array {
  return readFields(element, TAG.sequence, (fields) => {
    expectOid(fields.next(TAG.oid), contentType);
    if (detached) return detached;
    return readFields(
      fields.next(CONTEXT_0),
      CONTEXT_0,
      (explicit) => explicit.next(TAG.octetString).content,
    );
  });
}

/** SignerInfo, RFC 5652 §5.3, of version 1: the signer is named by issuer and serial number. */
function readSigner(element: Element, content: Uint8Array, { contentType, signerKnown }: SignedKind) {
  return readFields(element, TAG.sequence, (fields) => {
    expectVersion(smallInteger(fields.next(TAG.integer)), 1);
    const signer = readIssuerAndSerial(fields.next(TAG.sequence));
    const digestAlgorithm = fields.next(TAG.sequence);
    const digest = readDigest(digestAlgorithm);
    const signed = asSet(fields.next(CONTEXT_0));
    const signatureAlgorithm = fields.next(TAG.sequence);
    const algorithm = readAlgorithm(signatureAlgorithm, digest);
    const signature = fields.next(TAG.octetString).content;
    if (fields.optional(CONTEXT_1)) throw new FormatError('token-unsigned-part', { part: 'unsignedAttrs' });
    const signerIds = readAttributes(signed, {
      contentType,
      digest: digest.of(content),
      digestAlgorithm,
      signatureAlgorithm,
      signerKnown,
    });
    return { digest, signer, algorithm, signed, signature, signerIds };
  });
}

function readIssuerAndSerial(element: Element) {
  return readFields(element, TAG.sequence, (fields) => ({
    issuer: fields.next(TAG.sequence).raw,
    serial: toHex(fields.next(TAG.integer).content),
  }));
}

/**
 * In SignerInfo the SET has the tag [0] IMPLICIT; it is signed with its own (RFC 5652 §5.4). A copy: `slice` of a
 * subclass may be a view, and the caller's token would be changed.
 */
function asSet({ raw }: Element): Uint8Array {
  const set = Uint8Array.from(raw);
  set[0] = TAG.set;
  return set;
}

/** rsaEncryption with NULL: RFC 3370 §3.2 lets a signer name its key only, and the digest algorithm says the rest. */
const RSA_ENCRYPTION = '300d06092a864886f70d0101010500';

function readAlgorithm(identifier: Element, { name }: Digest): SignatureAlgorithm {
  const algorithm =
    toHex(identifier.raw) === RSA_ENCRYPTION ? (`rsa-${name}` as const) : signatureAlgorithm(identifier);
  if (algorithm !== `rsa-${name}` && algorithm !== `ecdsa-${name}-der`)
    throw new FormatError('token-algorithm-unsupported', { algorithm: toHex(identifier.raw) });
  return algorithm;
}

interface Expected {
  readonly contentType: string;
  readonly digest: Uint8Array;
  readonly digestAlgorithm: Element;
  readonly signatureAlgorithm: Element;
  readonly signerKnown: true | undefined;
}

/** Signed attributes, RFC 5652 §11; those that are not known here are signed all the same, and say nothing. */
function readAttributes(signed: Uint8Array, expected: Expected): readonly CertificateId[] {
  const attributes = new Map<string, Element>();
  for (const attribute of setOf(parseDer(signed), TAG.sequence)) {
    const [type, values] = readFields(attribute, TAG.sequence, (of) => [
      oid(of.next(TAG.oid)),
      of.next(TAG.set),
    ]);
    if (attributes.has(type)) throw new FormatError('token-attribute-wrong', { attribute: dotted(type) });
    attributes.set(type, values);
  }
  /** The one value of an attribute. */
  const only = (type: string): Element | undefined => {
    const { children = [] } = attributes.get(type) ?? {};
    if (attributes.has(type) && children.length !== 1)
      throw new FormatError('token-attribute-wrong', { attribute: dotted(type) });
    return children[0];
  };
  expectOid(expectTag(only(CONTENT_TYPE), TAG.oid), expected.contentType);
  if (!equalBytes(expectTag(only(MESSAGE_DIGEST), TAG.octetString).content, expected.digest))
    throw new FormatError('token-content-digest-differs');
  const protection = only(ALGORITHM_PROTECTION);
  if (protection) checkProtection(protection, expected);
  const [v1, v2] = [only(SIGNING_CERTIFICATE), only(SIGNING_CERTIFICATE_V2)];
  const ids = [...(v1 ? [readSigningCertificate(v1)] : []), ...(v2 ? [readSigningCertificateV2(v2)] : [])];
  // RFC 3161 §2.4.2, RFC 5816 §2.2.1: without it, another certificate of the same key could stand in.
  if (ids.length === 0 && !expected.signerKnown) throw new FormatError('token-signer-unnamed');
  return ids;
}

/** CMSAlgorithmProtection, RFC 6211 §2: repeats the algorithms under the signature. */
function checkProtection(element: Element, { digestAlgorithm, signatureAlgorithm }: Expected): void {
  readFields(element, TAG.sequence, (fields) => {
    const digest = fields.next(TAG.sequence);
    const signature = fields.next(CONTEXT_1);
    if (
      !equalBytes(digest.raw, digestAlgorithm.raw) ||
      !equalBytes(signature.content, signatureAlgorithm.content)
    )
      throw new FormatError('token-digest-algorithm-differs');
  });
}
