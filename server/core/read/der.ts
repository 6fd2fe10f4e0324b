import { FormatError } from '../reason.ts';
import { fromHex, latin1, toHex } from './bytes.ts';

/*
 * DER (X.690 §8, §10, §11), strictly: a value has one encoding, and every other is refused, so that no bit of a
 * certificate or token can change unnoticed. Offsets in refusals count from the first byte of what was given.
 */

/** Identifier octets of the universal types in use, with the form that DER prescribes. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Identifier octet of [number]; constructed: EXPLICIT, or IMPLICIT over a SEQUENCE or SET. */
export const contextTag = (number: number, form: 'primitive' | 'constructed'): number =>
  (form === 'primitive' ? 0x80 : 0xa0) | number;

/** A time-stamp token reaches 18 levels; deeper nesting is an attack on the stack. */
export const MAX_DER_DEPTH = 32;

/**
 * Elements in one value. A list of 6,000 revoked certificates stays below, or of 2,800 with a reason each; of the 131,072
 * that 256 KiB of empty elements are, each would cost a hundred times its two bytes.
 */
export const MAX_DER_ELEMENTS = 20_000;

/** Four octets give 4 GiB, more than anybody hands in. */
const MAX_LENGTH_OCTETS = 4;

export interface Element {
  /** Identifier octet: class, form and number. */
  readonly tag: number;
  /** The whole encoding, as it stands. */
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
  /** Of a constructed element; a primitive one has none. */
  readonly children: readonly Element[];
}

/** The one element that `bytes` are; anything after it is `der-trailing-bytes`. */
export function parseDer(bytes: Uint8Array): Element {
  const element = firstDer(bytes);
  const count = bytes.length - element.raw.length;
  if (count > 0) throw new FormatError('der-trailing-bytes', { count });
  return element;
}

/** The first element, whatever stands behind it. */
export const firstDer = (bytes: Uint8Array): Element =>
  readElement(bytes, 0, bytes.length, 1, { left: MAX_DER_ELEMENTS });

function readElement(
  bytes: Uint8Array,
  offset: number,
  limit: number,
  depth: number,
  budget: { left: number },
): Element {
  if (budget.left-- === 0) throw new FormatError('der-too-many-elements', { limit: MAX_DER_ELEMENTS });
  if (depth > MAX_DER_DEPTH) throw new FormatError('der-too-deep', { limit: MAX_DER_DEPTH });
  const tag = octet(bytes, offset, limit);
  checkTag(tag, offset);
  const { start, length } = readLength(bytes, offset + 1, limit);
  const end = start + length;
  if (end > limit) throw new FormatError('der-truncated', { offset });
  const children: Element[] = [];
  if (isConstructed(tag))
    for (let at = start; at < end; at += children.at(-1)!.raw.length)
      children.push(readElement(bytes, at, end, depth + 1, budget));
  return { tag, raw: bytes.subarray(offset, end), content: bytes.subarray(start, end), children };
}

const isConstructed = (tag: number): boolean => (tag & 0x20) !== 0;

function octet(bytes: Uint8Array, offset: number, limit: number): number {
  if (offset >= limit) throw new FormatError('der-truncated', { offset });
  return bytes[offset]!;
}

/** §8.1.2; of the universal types DER lets only SEQUENCE and SET be constructed (§10.2). */
function checkTag(tag: number, offset: number): void {
  const number = tag & 0x1f;
  // High-tag form is in no format that is read here; number 0 ends an indefinite length, which DER has not.
  if (number === 0x1f || tag === 0) throw new FormatError('der-tag-unsupported', { offset, tag });
  if (tag < 0x40 && isConstructed(tag) !== (number === 16 || number === 17))
    throw new FormatError('der-form-wrong', { offset, tag });
}

/** §10.1: definite, in the fewest octets. */
function readLength(bytes: Uint8Array, offset: number, limit: number): { start: number; length: number } {
  const first = octet(bytes, offset, limit);
  if (first < 0x80) return { start: offset + 1, length: first };
  const count = first - 0x80;
  let length = 0;
  for (let i = 1; i <= Math.min(count, MAX_LENGTH_OCTETS); i++)
    length = length * 256 + octet(bytes, offset + i, limit);
  const smallest = count === 1 ? 0x80 : 256 ** (count - 1);
  if (count === 0 || count > MAX_LENGTH_OCTETS || length < smallest)
    throw new FormatError('der-length-invalid', { offset });
  return { start: offset + 1 + count, length };
}

/** The members of a SEQUENCE in their order. */
export interface Fields {
  /** The next member, which must be there and have this tag. */
  next(tag: number): Element;
  /** The next member whatever its tag; it must be there. */
  any(): Element;
  /** The next member if it has this tag. */
  optional(tag: number): Element | undefined;
}

/** What `read` makes of the members; a member that it leaves over is refused. */
export function readFields<T>(element: Element, tag: number, read: (fields: Fields) => T): T {
  const { children } = expectTag(element, tag);
  let at = 0;
  const value = read({
    next: (expected) => expectTag(children[at++], expected),
    any: () => {
      const child = children[at++];
      if (child === undefined) throw new FormatError('der-element-missing', { parent: tag });
      return child;
    },
    optional: (expected) => (children[at]?.tag === expected ? children[at++] : undefined),
  });
  const surplus = children[at];
  if (surplus !== undefined) throw new FormatError('der-element-surplus', { tag: surplus.tag });
  return value;
}

/** The element, which must be there and have this tag. */
export function expectTag(element: Element | undefined, expected: number): Element {
  if (element?.tag !== expected)
    throw new FormatError('der-tag-unexpected', { expected, actual: element?.tag ?? 'none' });
  return element;
}

/** Members of a SEQUENCE OF or SET OF with at least one, each of this tag; `tag` is the list's own. */
export function listOf(element: Element, tag: number, member: number): readonly Element[] {
  const { children } = expectTag(element, tag);
  if (children.length === 0) throw new FormatError('der-element-missing', { parent: tag });
  for (const child of children) expectTag(child, member);
  return children;
}

/** Members of a SET OF: in ascending order of their encodings (§11.6). */
export function setOf(element: Element, member: number): readonly Element[] {
  const members = listOf(element, TAG.set, member);
  members.reduce((before, after) => {
    if (!isAscending(before.raw, after.raw)) throw new FormatError('der-set-order-wrong');
    return after;
  });
  return members;
}

/** Encodings are never the beginning of one another, so that the first difference decides; equal ones may stand. */
function isAscending(before: Uint8Array, after: Uint8Array): boolean {
  const differs = before.findIndex((byte, i) => byte !== after[i]);
  return differs < 0 || before[differs]! < after[differs]!;
}

/** 00 or FF, §11.1. */
export function boolean(element: Element): boolean {
  const { content } = expectTag(element, TAG.boolean);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
    throw new FormatError('der-boolean-invalid');
  return content[0] === 0xff;
}

/** BOOLEAN DEFAULT FALSE: FALSE is written by leaving it out (§11.5). */
export function readDefaultFalse(fields: Fields): boolean {
  const written = fields.optional(TAG.boolean);
  if (written === undefined) return false;
  if (!boolean(written)) throw new FormatError('der-default-written');
  return true;
}

/** The modulus of an RSA key of 16,384 bits; engines differ in how long a number may be, and this reads alike in all. */
const MAX_INTEGER_OCTETS = 2_049;

/** In the fewest octets, §8.3.2; `tag` where it is tagged IMPLICIT. */
export function integer(element: Element, tag: number = TAG.integer): bigint {
  const { content } = expectTag(element, tag);
  const [first, second] = content;
  // The first nine bits are neither all 0 nor all 1.
  if (
    first === undefined ||
    content.length > MAX_INTEGER_OCTETS ||
    (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
  )
    throw new FormatError('der-integer-invalid');
  return BigInt.asIntN(8 * content.length, BigInt(`0x${toHex(content)}`));
}

/** An INTEGER from 0 to 2^31 − 1: versions, path lengths, parts of a second. */
export function smallInteger(element: Element, tag: number = TAG.integer): number {
  const value = integer(element, tag);
  if (value < 0n || value >= 2n ** 31n) throw new FormatError('der-integer-invalid');
  return Number(value);
}

/** Hex of a number that only names something: whoever compares it must know that it has one spelling. */
export function serialNumber(element: Element): string {
  integer(element);
  return toHex(element.content);
}

export interface BitString {
  readonly bytes: Uint8Array;
  /** How many bits at the end of the last byte do not count; they are 0 (§11.2.1). */
  readonly unused: number;
}

export function bitString(element: Element): BitString {
  const { content } = expectTag(element, TAG.bitString);
  const unused = content[0];
  const bytes = content.subarray(1);
  // Without any byte the mask meets 0, so that only the count itself must be 0 then (§8.6.2.3).
  if (
    unused === undefined ||
    unused > 7 ||
    (bytes.length === 0 && unused > 0) ||
    ((bytes.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0
  )
    throw new FormatError('der-bit-string-invalid');
  return { bytes, unused };
}

/** A BIT STRING that holds bytes: keys and signatures. */
export function bitStringBytes(element: Element): Uint8Array {
  const { bytes, unused } = bitString(element);
  if (unused !== 0) throw new FormatError('der-bit-string-invalid');
  return bytes;
}

/** Numbers of the bits that are set in a named bit list: the last bit that is written is one of them (§11.2.2). */
export function namedBits(element: Element): readonly number[] {
  const { bytes, unused } = bitString(element);
  const bits: number[] = [];
  bytes.forEach((byte, i) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (0x80 >> bit)) !== 0) bits.push(8 * i + bit);
  });
  if ((bits.at(-1) ?? -1) !== 8 * bytes.length - unused - 1) throw new FormatError('der-bit-string-invalid');
  return bits;
}

/** Those in use have some thirty at most; in decimal, as people are told it, a long one costs the square of its length. */
const MAX_OID_OCTETS = 255;

/** OBJECT IDENTIFIER, as hex of its content: each has one spelling, arcs in the fewest octets (§8.19). */
export function oid(element: Element): string {
  const { content } = expectTag(element, TAG.oid);
  const isPadded = content.some((byte, i) => byte === 0x80 && (content[i - 1] ?? 0) < 0x80);
  if (isPadded || content.length > MAX_OID_OCTETS || (content.at(-1) ?? 0x80) >= 0x80)
    throw new FormatError('der-oid-invalid');
  return toHex(content);
}

/** For people: what `oid` gave, as dotted decimal. */
export function dotted(id: string): string {
  const arcs: bigint[] = [];
  let bits = '0b';
  for (const byte of fromHex(id)) {
    bits += (0x80 | byte).toString(2).slice(1);
    if (byte >= 0x80) continue;
    arcs.push(BigInt(bits));
    bits = '0b';
  }
  // §8.19.4: the first two arcs share a number; the first is 0, 1 or 2.
  const [both, ...others] = arcs as [bigint, ...bigint[]];
  const root = both < 80n ? both / 40n : 2n;
  return [root, both - 40n * root, ...others].join('.');
}

const UTC_TIME = /^\d{12}Z$/;
const GENERALIZED_TIME = /^(\d{14})(?:\.(\d*[1-9]))?Z$/;

/** Unix ms of a UTCTime with seconds and Z (§11.8); years from 50 are of the 20th century (RFC 5280 §4.1.2.5.1). */
export function utcTime(element: Element): number {
  const text = latin1(expectTag(element, TAG.utcTime).content);
  if (!UTC_TIME.test(text)) throw new FormatError('der-time-invalid');
  return instant((text < '50' ? '20' : '19') + text.slice(0, 12));
}

/**
 * Unix ms of a GeneralizedTime with seconds, a fraction without zeros at its end, and Z (§11.7). What is finer than
 * a millisecond is cut off.
 */
export function generalizedTime(element: Element): number {
  const match = GENERALIZED_TIME.exec(latin1(expectTag(element, TAG.generalizedTime).content));
  if (match === null) throw new FormatError('der-time-invalid');
  return instant(match[1]!) + Number(`${match[2] ?? ''}000`.slice(0, 3));
}

/** YYYYMMDDhhmmss: a day and a second that the calendar has; a leap second is not one of them. */
function instant(digits: string): number {
  const part = (from: number, to: number) => Number(digits.slice(from, to));
  const ms = Date.UTC(part(0, 4), part(4, 6) - 1, part(6, 8), part(8, 10), part(10, 12), part(12, 14));
  // Date.UTC carries 30 February over into March, and writing the result shows it.
  if (!compactTime(ms).startsWith(digits)) throw new FormatError('der-time-invalid');
  return ms;
}

/** YYYYMMDDhhmmss.mmmZ of a year of four digits; any other begins with its sign. */
export function compactTime(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 10)}${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17)}`;
}

const ascii = (bytes: Uint8Array): string | undefined =>
  bytes.every((byte) => byte < 0x80) ? latin1(bytes) : undefined;

const decoded =
  (encoding: 'utf-8' | 'utf-16be') =>
  (bytes: Uint8Array): string | undefined => {
    try {
      return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      // A fatal decoder throws for one reason only.
      return undefined;
    }
  };

const TEXT_OF: ReadonlyMap<number, (content: Uint8Array) => string | undefined> = new Map([
  [TAG.utf8String, decoded('utf-8')],
  // Whatever ASCII it holds: certificates in use have @, _ and * here.
  [TAG.printableString, ascii],
  [TAG.ia5String, ascii],
  // T.61 by name; certificates that use it mean Latin-1.
  [TAG.teletexString, latin1],
  // UCS-2 by name; what lies beyond it is written as in UTF-16.
  [TAG.bmpString, decoded('utf-16be')],
]);

/** Text of a string, for people; undefined where it cannot be read as its type says, or is of another type. */
export const textOf = (element: Element): string | undefined => TEXT_OF.get(element.tag)?.(element.content);
