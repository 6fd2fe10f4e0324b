import { FormatError } from '../reason.ts';
import type { SignatureAlgorithm } from '../verify/signatures.ts';
import { equalBytes, toHex } from './bytes.ts';
import {
  bitStringBytes,
  contextTag,
  dotted,
  type Element,
  expectTag,
  listOf,
  parseDer,
  readFields,
  serialNumber,
  smallInteger,
  TAG,
} from './der.ts';
import { readExtension, readTime, signatureAlgorithm } from './x509.ts';

/*
 * A certificate revocation list, RFC 5280 §5, strictly DER. Only complete lists of the issuer itself: critical
 * extensions that make it anything else are refused.
 */

/** When a certificate was revoked, and CRLReason (§5.3.1) where it is said. */
export interface Revocation {
  readonly atMs: number;
  readonly reason: number | undefined;
}

export interface RevokedSerial extends Revocation {
  /** Hex of the INTEGER's content. */
  readonly serial: string;
}

export interface Crl {
  readonly kind: 'crl';
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array;
  readonly thisUpdateMs: number;
  /** Undefined where it does not say how long it holds. */
  readonly nextUpdateMs: number | undefined;
  /** It says itself that it is about some certificates or some reasons only. */
  readonly partial: boolean;
  readonly revoked: readonly RevokedSerial[];
  readonly tbs: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

const EXPLICIT_0 = contextTag(0, 'constructed');

/** 2.5.29.21, 28, as `oid` gives them: the reason of an entry; what a list is about, which may leave some out. */
const REASON_CODE = '551d15';
const ISSUING_DISTRIBUTION_POINT = '551d1c';

export function parseCrl(bytes: Uint8Array): Crl {
  return readFields(parseDer(bytes), TAG.sequence, (fields) => {
    const tbs = fields.next(TAG.sequence);
    const outer = fields.next(TAG.sequence);
    const signature = bitStringBytes(fields.next(TAG.bitString));
    const { inner, ...list } = readTbs(tbs);
    // §5.1.1.2. The outer one is not signed: without this it could be changed.
    if (!equalBytes(inner.raw, outer.raw)) throw new FormatError('x509-algorithm-mismatch');
    return { kind: 'crl', tbs: tbs.raw, algorithm: checkedAlgorithm(outer), signature, ...list };
  });
}

/** An algorithm that we check: what nobody can check says nothing. */
export function checkedAlgorithm(identifier: Element): SignatureAlgorithm {
  const algorithm = signatureAlgorithm(identifier);
  if (algorithm === undefined)
    throw new FormatError('revocation-algorithm-unsupported', { algorithm: toHex(identifier.raw) });
  return algorithm;
}

function readTbs(tbs: Element) {
  return readFields(tbs, TAG.sequence, (fields) => {
    // 1 stands for version 2.
    if (smallInteger(fields.next(TAG.integer)) !== 1) throw new FormatError('revocation-version-unsupported');
    const inner = fields.next(TAG.sequence);
    const issuer = fields.next(TAG.sequence).raw;
    const thisUpdateMs = readTime(fields.any());
    const nextUpdate = fields.optional(TAG.utcTime) ?? fields.optional(TAG.generalizedTime);
    const entries = fields.optional(TAG.sequence);
    const extensions = fields.optional(EXPLICIT_0);
    const values =
      extensions &&
      readFields(extensions, EXPLICIT_0, (of) => readExtensions(of.any(), [ISSUING_DISTRIBUTION_POINT]));
    const revoked = (entries ? listOf(entries, TAG.sequence, TAG.sequence) : []).map(readEntry);
    const nextUpdateMs = nextUpdate && readTime(nextUpdate);
    const partial = values?.has(ISSUING_DISTRIBUTION_POINT) ?? false;
    return { inner, issuer, thisUpdateMs, nextUpdateMs, partial, revoked };
  });
}

function readEntry(entry: Element): RevokedSerial {
  return readFields(entry, TAG.sequence, (fields) => {
    const serial = serialNumber(fields.next(TAG.integer));
    const atMs = readTime(fields.any());
    const extensions = fields.optional(TAG.sequence);
    const code = extensions && readExtensions(extensions, [REASON_CODE]).get(REASON_CODE);
    return { serial, atMs, reason: code && readReason(parseDer(code)) };
  });
}

/** Values by identifier; a critical one that is not in `known`, and any that stands twice, is refused. */
function readExtensions(list: Element, known: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (const element of listOf(list, TAG.sequence, TAG.sequence)) {
    const { id, critical, value } = readFields(element, TAG.sequence, readExtension);
    if (values.has(id)) throw new FormatError('x509-extension-duplicate', { oid: dotted(id) });
    if (critical && !known.includes(id))
      throw new FormatError('x509-extension-critical-unknown', { oid: dotted(id) });
    values.set(id, value);
  }
  return values;
}

/** CRLReason, an ENUMERATED of one octet. */
export function readReason(element: Element): number {
  const { content } = expectTag(element, TAG.enumerated);
  if (content.length !== 1) throw new FormatError('der-integer-invalid');
  return content[0]!;
}
