import { FormatError } from '../reason.ts';
import type { SignatureAlgorithm } from '../verify/signatures.ts';
import { equalBytes, toHex, utf8 } from './bytes.ts';
import {
  bitStringBytes,
  contextTag,
  dotted,
  type Element,
  expectTag,
  type Fields,
  generalizedTime,
  integer,
  listOf,
  namedBits,
  oid,
  parseDer,
  readDefaultFalse,
  readFields,
  setOf,
  smallInteger,
  TAG,
  textOf,
  utcTime,
} from './der.ts';
import { parseEcdsaDer } from './ecdsa.ts';

/*
 * A certificate, RFC 5280 §4.1, strictly: version 3, DER throughout, no critical extension that is not understood
 * here. Whether it may be trusted is the matter of verify/chain.ts.
 */

export interface Certificate {
  /** The whole certificate, DER. */
  readonly raw: Uint8Array;
  /** What is signed. */
  readonly tbs: Uint8Array;
  /** Hex of the INTEGER's content. */
  readonly serial: string;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBeforeMs: number;
  /** The last second that counts; it counts whole. */
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly key: PublicKey;
  /** Undefined where the algorithm is none that we check: such a certificate can only be an anchor. */
  readonly algorithm: SignatureAlgorithm | undefined;
  readonly signature: Uint8Array;
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: KeyUsage | undefined;
  readonly extendedKeyUsage: ExtendedKeyUsage | undefined;
}

export interface Name {
  /** DER: names are compared byte by byte, as §4.1.2.6 asks issuers to encode them. */
  readonly raw: Uint8Array;
  /** For people, RFC 4514; nothing is decided by it. */
  readonly name: string;
}

export type PublicKey =
  | { readonly kind: 'ec'; readonly curve: Curve }
  | { readonly kind: 'rsa'; readonly bits: number }
  | { readonly kind: 'other' };

export type Curve = 'P-256' | 'P-384' | 'P-521';

export interface BasicConstraints {
  readonly critical: boolean;
  readonly ca: boolean;
  readonly pathLength: number | undefined;
}

export interface KeyUsage {
  readonly critical: boolean;
  readonly usages: readonly Usage[];
}

export type Usage = (typeof USAGES)[number];

export interface ExtendedKeyUsage {
  readonly critical: boolean;
  /** Object identifiers, dotted. */
  readonly purposes: readonly string[];
}

/** §4.2.1.3, by bit. */
const USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

/** AlgorithmIdentifier as a whole, hex: NULL parameters for RSA (RFC 4055 §5), none for ECDSA (RFC 5758 §3.2). */
const ALGORITHMS: Readonly<Record<string, SignatureAlgorithm>> = {
  '300a06082a8648ce3d040302': 'ecdsa-sha256-der',
  '300a06082a8648ce3d040303': 'ecdsa-sha384-der',
  '300a06082a8648ce3d040304': 'ecdsa-sha512-der',
  '300d06092a864886f70d01010b0500': 'rsa-sha256',
  '300d06092a864886f70d01010c0500': 'rsa-sha384',
  '300d06092a864886f70d01010d0500': 'rsa-sha512',
};

/** The signature algorithm that an AlgorithmIdentifier names; undefined where it is none that we check. */
export const signatureAlgorithm = (identifier: Element): SignatureAlgorithm | undefined =>
  ALGORITHMS[toHex(identifier.raw)];

/** AlgorithmIdentifier, §4.1.1.2: `kind` as `oid` gives it, and one element of parameters at most. */
function readAlgorithm(identifier: Element) {
  return readFields(identifier, TAG.sequence, (fields) => ({
    kind: oid(fields.next(TAG.oid)),
    parameters: identifier.children.length > 1 ? fields.any() : undefined,
  }));
}

/** A serial number has at most 20 octets, §4.1.2.2. */
const MAX_SERIAL = 2n ** 160n;

const EXPLICIT_0 = contextTag(0, 'constructed');
const EXPLICIT_3 = contextTag(3, 'constructed');

export const parseCertificate = (bytes: Uint8Array): Certificate => readCertificate(parseDer(bytes));

/** A certificate that stands inside something else: the `certificates` of a time-stamp token. */
export function readCertificate(element: Element): Certificate {
  return readFields(element, TAG.sequence, (fields) => {
    const tbs = fields.next(TAG.sequence);
    const outer = fields.next(TAG.sequence);
    const signature = bitStringBytes(fields.next(TAG.bitString));
    const { inner, ...body } = readTbs(tbs);
    // §4.1.1.2. The outer one is not signed: without this it could be changed.
    if (!equalBytes(inner.raw, outer.raw)) throw new FormatError('x509-algorithm-mismatch');
    readAlgorithm(outer);
    const algorithm = signatureAlgorithm(outer);
    if (algorithm?.startsWith('ecdsa')) parseEcdsaDer(signature);
    return { raw: element.raw, tbs: tbs.raw, algorithm, signature, ...body };
  });
}

function readTbs(tbs: Element) {
  return readFields(tbs, TAG.sequence, (fields) => {
    checkVersion(fields.optional(EXPLICIT_0));
    const serial = readSerial(fields.next(TAG.integer));
    const inner = fields.next(TAG.sequence);
    const issuer = fields.next(TAG.sequence);
    const validity = readFields(fields.next(TAG.sequence), TAG.sequence, (times) => ({
      notBeforeMs: readTime(times.any()),
      notAfterMs: readTime(times.any()),
    }));
    const subject = fields.next(TAG.sequence);
    const spki = fields.next(TAG.sequence);
    // The unique identifiers of version 2, which no CA may issue (§4.1.2.8), are refused as unexpected.
    const extensions = readExtensions(fields.optional(EXPLICIT_3));
    if (issuer.children.length === 0) throw new FormatError('x509-issuer-empty');
    return {
      inner,
      serial,
      issuer: readName(issuer),
      subject: readName(subject),
      ...validity,
      spki: spki.raw,
      key: readPublicKey(spki),
      ...extensions,
    };
  });
}

/** §4.1.2.1: 2 stands for version 3. Version 1, the default, is written by leaving it out. */
function checkVersion(explicit: Element | undefined): void {
  const version = explicit ? readFields(explicit, EXPLICIT_0, (of) => smallInteger(of.next(TAG.integer))) : 0;
  if (version !== 2) throw new FormatError('x509-version-unsupported', { version: version + 1 });
}

/** Not negative. Zero, which §4.1.2.2 forbids, is on old roots that people trust, and harms nobody. */
function readSerial(element: Element): string {
  const serial = integer(element);
  if (serial < 0n || serial >= MAX_SERIAL) throw new FormatError('x509-serial-invalid');
  return toHex(element.content);
}

/** YYYYMMDDhhmmssZ. */
const WHOLE_SECONDS = 15;

/** §4.1.2.5: UTCTime through 2049, GeneralizedTime without a fraction from 2050. */
export function readTime(element: Element): number {
  if (element.tag === TAG.utcTime) return utcTime(element);
  const ms = generalizedTime(element);
  if (ms < Date.UTC(2050, 0) || element.content.length !== WHOLE_SECONDS)
    throw new FormatError('x509-time-invalid');
  return ms;
}

/** By the hex of the identifier's content: 2.5.4.n, UID and DC of RFC 4519, emailAddress of PKCS #9. */
const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['550403', 'CN'],
  ['550405', 'serialNumber'],
  ['550406', 'C'],
  ['550407', 'L'],
  ['550408', 'ST'],
  ['550409', 'STREET'],
  ['55040a', 'O'],
  ['55040b', 'OU'],
  ['550461', 'organizationIdentifier'],
  ['0992268993f22c640101', 'UID'],
  ['0992268993f22c640119', 'DC'],
  ['2a864886f70d010901', 'emailAddress'],
]);

/** RFC 4514 §2.1: the last RDN first. Values may hold any characters, since nothing is decided by them. */
function readName({ raw, children }: Element): Name {
  const rdns = children.map((rdn) => setOf(rdn, TAG.sequence).map(readAttribute).join('+'));
  return { raw, name: rdns.reverse().join(',') };
}

function readAttribute(attribute: Element): string {
  return readFields(attribute, TAG.sequence, (fields) => {
    const type = oid(fields.next(TAG.oid));
    const value = fields.any();
    const text = textOf(value);
    return `${ATTRIBUTES.get(type) ?? dotted(type)}=${text === undefined ? `#${toHex(value.raw)}` : escapeText(text)}`;
  });
}

/** Invisible, changing the direction of writing, or a space of another kind; U+2800 is Braille without a dot. */
const HIDDEN = /(?! )[\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** RFC 4514 §2.4; what is hidden as hex too, so that a name looks as it is. */
const escapeText = (text: string): string =>
  text
    .replaceAll(/[,+"\\<>;]|^[ #]| $/g, '\\$&')
    .replaceAll(HIDDEN, (hidden) => toHex(utf8(hidden)).replaceAll(/../g, '\\$&'));

/** id-ecPublicKey and rsaEncryption, as `oid` gives them. */
const EC_PUBLIC_KEY = '2a8648ce3d0201';
const RSA_ENCRYPTION = '2a864886f70d010101';

/** RFC 5480 §2.1.1.1, by the hex of the identifier's content, with the length of a coordinate. */
const CURVES: ReadonlyMap<string, { readonly curve: Curve; readonly length: number }> = new Map([
  ['2a8648ce3d030107', { curve: 'P-256', length: 32 }],
  ['2b81040022', { curve: 'P-384', length: 48 }],
  ['2b81040023', { curve: 'P-521', length: 66 }],
]);

/** Bytes of a coordinate, and so of r and s. */
export const fieldLength = (curve: Curve): number =>
  [...CURVES.values()].find((known) => known.curve === curve)!.length;

/** The key itself, without what says of which kind it is: what issuerKeyHash is over (RFC 6960 §4.1.1). */
export const keyBytes = ({ spki }: Certificate): Uint8Array => bitStringBytes(parseDer(spki).children[1]!);

export const parsePublicKey = (spki: Uint8Array): PublicKey => readPublicKey(parseDer(spki));

/** §4.1.2.7: what kind of key it is. Algorithms and curves that we do not know are `other`, not an error. */
function readPublicKey(spki: Element): PublicKey {
  return readFields(spki, TAG.sequence, (fields) => {
    const { kind, parameters } = readAlgorithm(fields.next(TAG.sequence));
    const key = bitStringBytes(fields.next(TAG.bitString));
    if (kind === RSA_ENCRYPTION) return readRsaKey(expectTag(parameters, TAG.null), key);
    if (kind === EC_PUBLIC_KEY) return readEcKey(expectTag(parameters, TAG.oid), key);
    return { kind: 'other' };
  });
}

/** A key comes from whoever made the certificate: without bounds one verification could take minutes. */
const MAX_RSA_BITS = 8192;
const MAX_RSA_EXPONENT = 2n ** 32n - 1n;

/** RFC 8017 §A.1.1. An exponent of 1 would make every message its own signature. */
function readRsaKey(parameters: Element, key: Uint8Array): PublicKey {
  const { n, e } = readFields(parseDer(key), TAG.sequence, (fields) => ({
    n: integer(fields.next(TAG.integer)),
    e: integer(fields.next(TAG.integer)),
  }));
  const odd = n % 2n === 1n && e % 2n === 1n;
  if (parameters.content.length > 0 || n < 1n || !odd || e < 3n || e > MAX_RSA_EXPONENT)
    throw new FormatError('x509-key-invalid');
  const bits = n.toString(2).length;
  if (bits > MAX_RSA_BITS) throw new FormatError('x509-key-invalid');
  return { kind: 'rsa', bits };
}

/** RFC 5480 §2: a named curve, and the point uncompressed. Whether it lies on the curve, the primitives find out. */
function readEcKey(parameters: Element, key: Uint8Array): PublicKey {
  const known = CURVES.get(oid(parameters));
  if (known === undefined) return { kind: 'other' };
  if (key.length !== 1 + 2 * known.length || key[0] !== 4) throw new FormatError('x509-key-invalid');
  return { kind: 'ec', curve: known.curve };
}

export interface Extension {
  /** As `oid` gives it. */
  readonly id: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** 2.5.29.19, 15 and 37, as `oid` gives them. */
const BASIC_CONSTRAINTS = '551d13';
const KEY_USAGE = '551d0f';
const EXTENDED_KEY_USAGE = '551d25';
const KNOWN: readonly string[] = [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE];

function readExtensions(explicit: Element | undefined) {
  const found = new Map<string, Extension>();
  for (const element of explicit ? extensionList(explicit) : []) {
    const extension = readFields(element, TAG.sequence, readExtension);
    const { id, critical } = extension;
    if (found.has(id)) throw new FormatError('x509-extension-duplicate', { oid: dotted(id) });
    if (critical && !KNOWN.includes(id))
      throw new FormatError('x509-extension-critical-unknown', { oid: dotted(id) });
    found.set(id, extension);
  }
  const read = <T>(id: string, as: (extension: Extension) => T): T | undefined => {
    const extension = found.get(id);
    return extension && as(extension);
  };
  return {
    basicConstraints: read(BASIC_CONSTRAINTS, readBasicConstraints),
    keyUsage: read(KEY_USAGE, readKeyUsage),
    extendedKeyUsage: read(EXTENDED_KEY_USAGE, readExtendedKeyUsage),
  };
}

const extensionList = (explicit: Element): readonly Element[] =>
  readFields(explicit, EXPLICIT_3, (fields) => listOf(fields.any(), TAG.sequence, TAG.sequence));

/** One extension, §4.1: of certificates, revocation lists and tokens. */
export function readExtension(fields: Fields): Extension {
  const id = oid(fields.next(TAG.oid));
  const critical = readDefaultFalse(fields);
  return { id, critical, value: fields.next(TAG.octetString).content };
}

/** §4.2.1.9: a path length only where the CA flag is set. */
function readBasicConstraints({ id, critical, value }: Extension): BasicConstraints {
  return readFields(parseDer(value), TAG.sequence, (fields) => {
    const ca = readDefaultFalse(fields);
    const length = fields.optional(TAG.integer);
    if (length !== undefined && !ca) throw new FormatError('x509-extension-invalid', { oid: dotted(id) });
    return { critical, ca, pathLength: length && smallInteger(length) };
  });
}

/** §4.2.1.3: at least one bit is set. */
function readKeyUsage({ id, critical, value }: Extension): KeyUsage {
  const bits = namedBits(parseDer(value));
  const usages = bits.map((bit) => USAGES[bit]).filter((usage) => usage !== undefined);
  if (usages.length === 0 || usages.length < bits.length)
    throw new FormatError('x509-extension-invalid', { oid: dotted(id) });
  return { critical, usages };
}

/** §4.2.1.12. */
function readExtendedKeyUsage({ critical, value }: Extension): ExtendedKeyUsage {
  return {
    critical,
    purposes: listOf(parseDer(value), TAG.sequence, TAG.oid).map((purpose) => dotted(oid(purpose))),
  };
}
