import { sha256 } from '../hash/sha256.ts';
import { concat, fromHex } from '../read/bytes.ts';
import { contextTag, parseDer, TAG } from '../read/der.ts';
import {
  type Content,
  draft,
  encode,
  encodeGeneralizedTime,
  encodeInteger,
  encodeOid,
} from '../read/encode-der.ts';
import { parseCertificate } from '../read/x509.ts';
import { FormatError } from '../reason.ts';
import { encodeUnsigned } from './request.ts';

/*
 * A TimeStampToken of our own: CMS SignedData (RFC 5652 §5) over a TSTInfo (RFC 3161 §2.4.2), ECDSA P-256 with SHA-256.
 * On the path of every deposit: what never changes is encoded once for a signer. What to sign and the putting together
 * are two functions, so that the signature can be made on another thread.
 */

export interface SignerParts {
  /** The signer's certificate, DER. */
  readonly certificate: Uint8Array;
  /** Dotted. */
  readonly policy: string;
  /** How far genTime may be from UTC, in ms, at least 1. */
  readonly accuracyMs: number;
}

/** The constant parts of every token of one signer under one policy. Plain bytes: may be handed to another thread. */
export interface TokenForm {
  /** TSTInfo: version and policy. */
  readonly head: Uint8Array;
  readonly accuracy: Uint8Array;
  /** The attribute of RFC 5816 §2.2.1, which says whose key it is. */
  readonly signerAttribute: Uint8Array;
  /** SignerInfo: version, who, digest algorithm. */
  readonly signerHead: Uint8Array;
}

export interface TokenContent {
  /** DER, of `encodeImprint` or as the request had it. */
  readonly imprint: Uint8Array;
  /** Octets of a positive number that this signer never used before, at most 20. */
  readonly serial: Uint8Array;
  readonly genTimeMs: number;
  /** Content octets of the request's INTEGER. */
  readonly nonce: Uint8Array | undefined;
}

export interface TokenDraft {
  readonly info: Uint8Array;
  /** DER of the SET of signed attributes: the very bytes that the signature is over (RFC 5652 §5.4). */
  readonly toSign: Uint8Array;
}

const integerOf = (value: number, tag?: number): Uint8Array => encodeInteger(BigInt(value), tag);

const SIGNED_DATA = encodeOid('1.2.840.113549.1.7.2');
const TST_INFO = encodeOid('1.2.840.113549.1.9.16.1.4');
const SHA256 = encode(TAG.sequence, encodeOid('2.16.840.1.101.3.4.2.1'));
const ECDSA_WITH_SHA256 = encode(TAG.sequence, encodeOid('1.2.840.10045.4.3.2'));
const EXPLICIT_0 = contextTag(0, 'constructed');
const SIGNED_ATTRIBUTES_TAG = Uint8Array.of(EXPLICIT_0);

/** eContentType is not id-data, so that SignedData is of version 3 (RFC 5652 §5.1). */
const SIGNED_DATA_HEAD = concat(integerOf(3), encode(TAG.set, SHA256));

const attribute = (type: string, value: Uint8Array): Uint8Array =>
  encode(TAG.sequence, encodeOid(type), encode(TAG.set, value));

const CONTENT_TYPE = attribute('1.2.840.113549.1.9.3', TST_INFO);

/** messageDigest, all but the 32 bytes at its end. */
const MESSAGE_DIGEST_HEAD = attribute(
  '1.2.840.113549.1.9.4',
  encode(TAG.octetString, new Uint8Array(32)),
).slice(0, -32);

/** The certificate's digest names it alone; with SHA-256, the default, left out (X.690 §11.5), RFC 5035 §4. */
const signingCertificate = (certificate: Uint8Array): Uint8Array =>
  attribute(
    '1.2.840.113549.1.9.16.2.47',
    encode(
      TAG.sequence,
      encode(TAG.sequence, encode(TAG.sequence, encode(TAG.octetString, sha256(certificate)))),
    ),
  );

export function tokenForm({ certificate, policy, accuracyMs }: SignerParts): TokenForm {
  const { issuer, serial } = parseCertificate(certificate);
  const issuerAndSerial = encode(TAG.sequence, issuer.raw, encode(TAG.integer, fromHex(serial)));
  return {
    head: concat(integerOf(1), encodeOid(policy)),
    accuracy: encodeAccuracy(accuracyMs),
    signerAttribute: signingCertificate(certificate),
    // Version 1: named by issuer and serial number (RFC 5652 §5.3).
    signerHead: concat(integerOf(1), issuerAndSerial, SHA256),
  };
}

/** Accuracy, RFC 3161 §2.4.2: whole seconds, and in [0] from 1 to 999 ms. */
function encodeAccuracy(ms: number): Uint8Array {
  if (!Number.isSafeInteger(ms) || ms < 1) throw new FormatError('token-accuracy-invalid', { ms });
  const [seconds, millis] = [Math.floor(ms / 1000), ms % 1000];
  return encode(
    TAG.sequence,
    ...(seconds > 0 ? [integerOf(seconds)] : []),
    ...(millis > 0 ? [integerOf(millis, contextTag(0, 'primitive'))] : []),
  );
}

/** What is to be signed for this content; `digest` is SHA-256, for those who have a faster one. */
export function draftToken(form: TokenForm, content: TokenContent, digest = sha256): TokenDraft {
  const { imprint, serial, genTimeMs, nonce } = content;
  const info = encode(
    TAG.sequence,
    form.head,
    imprint,
    encodeSerial(serial),
    encodeGeneralizedTime(genTimeMs),
    form.accuracy,
    nonce ? draft(TAG.integer, nonce) : NOTHING,
  );
  // Their order is that of DER: each is longer than the one before it, and the length stands first.
  return {
    info,
    toSign: encode(TAG.set, CONTENT_TYPE, MESSAGE_DIGEST_HEAD, digest(info), form.signerAttribute),
  };
}

const NOTHING = new Uint8Array();

/** RFC 3161 §2.4.2: up to 160 bits; never 0, which old software takes for «none». */
const MAX_SERIAL_OCTETS = 20;

function encodeSerial(serial: Uint8Array): Uint8Array {
  if (serial.length > MAX_SERIAL_OCTETS || serial.every((octet) => octet === 0))
    throw new FormatError('token-serial-invalid', { limit: MAX_SERIAL_OCTETS, actual: serial.length });
  return encodeUnsigned(serial);
}

/**
 * The token from its draft and the signature over `toSign` (DER of r and s). Without `certificates` it is the form in
 * which tokens are stored; with a `certificateSet` the one for those who asked for it.
 */
export function assembleToken(
  form: TokenForm,
  { info, toSign }: TokenDraft,
  signature: Uint8Array,
  certificates: Uint8Array = NOTHING,
): Uint8Array {
  const content = draft(TAG.sequence, TST_INFO, draft(EXPLICIT_0, draft(TAG.octetString, info)));
  const signer = draft(
    TAG.sequence,
    form.signerHead,
    // In SignerInfo the SET has the tag [0] IMPLICIT; it is signed with its own (RFC 5652 §5.4).
    SIGNED_ATTRIBUTES_TAG,
    toSign.subarray(1),
    ECDSA_WITH_SHA256,
    draft(TAG.octetString, signature),
  );
  return wrap(SIGNED_DATA_HEAD, content, certificates, draft(TAG.set, signer));
}

const wrap = (...signedData: readonly Content[]): Uint8Array =>
  encode(TAG.sequence, SIGNED_DATA, draft(EXPLICIT_0, draft(TAG.sequence, ...signedData)));

/** Drafts, signs and assembles on the calling thread. */
export function signToken(
  form: TokenForm,
  content: TokenContent,
  sign: (toSign: Uint8Array) => Uint8Array,
  certificates?: Uint8Array,
): Uint8Array {
  const draft = draftToken(form, content);
  return assembleToken(form, draft, sign(draft.toSign), certificates);
}

/** `certificates` of SignedData (RFC 5652 §5.1): [0] IMPLICIT SET OF, in DER order; outside what is signed. */
export const certificateSet = (certificates: readonly Uint8Array[]): Uint8Array =>
  encode(EXPLICIT_0, ...certificates.toSorted(byBytes));

/** X.690 §11.6. Encodings are never the beginning of one another, so that the first difference decides. */
function byBytes(a: Uint8Array, b: Uint8Array): number {
  const differs = a.findIndex((octet, i) => octet !== b[i]);
  return differs < 0 ? 0 : a[differs]! - b[differs]!;
}

/** The same token with this `certificateSet` in place of what it had; none where it is left out. */
export function withCertificates(token: Uint8Array, certificates: Uint8Array = NOTHING): Uint8Array {
  const [, explicit] = parseDer(token).children;
  const parts = explicit?.children[0]?.children ?? [];
  const [version, algorithms, content] = parts;
  const signers = parts.at(-1);
  if (!version || !algorithms || !content || !signers) throw new FormatError('token-shape-wrong');
  return wrap(version.raw, algorithms.raw, content.raw, certificates, signers.raw);
}

/** The token as it is stored: certificates are no part of what is signed, and the same for many. */
export const withoutCertificates = (token: Uint8Array): Uint8Array => withCertificates(token);
