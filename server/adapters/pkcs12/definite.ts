import { TAG } from '../../core/read/der.ts';
import { encode } from '../../core/read/encode-der.ts';
import { Pkcs12Problem } from '../../ports/office-key.ts';

/*
 * BER to DER as far as core reads it: lengths in the fewest octets, octet strings in one piece. PKCS#12 allows BER (RFC
 * 7292 §4), and the Java programs of several certification authorities write it; nothing here is signed in that form.
 */

const MAX_DEPTH = 32;
/** Elements in all: a key, four certificates and their names have some 200. */
const MAX_ELEMENTS = 5_000;
const CONSTRUCTED = 0x20;
const CONSTRUCTED_OCTETS = TAG.octetString | CONSTRUCTED;
const MAX_LENGTH_OCTETS = 4;

interface Reader {
  readonly bytes: Uint8Array;
  left: number;
}

interface Read {
  readonly encoded: Uint8Array;
  /** content of the element as it is in `encoded` */
  readonly content: Uint8Array;
  readonly end: number;
}

const malformed = (): Pkcs12Problem => new Pkcs12Problem('pkcs12-malformed');

/** The one element that `bytes` are. */
export function definite(bytes: Uint8Array): Uint8Array {
  const { encoded, end } = readElement({ bytes, left: MAX_ELEMENTS }, 0, bytes.length, 1);
  if (end !== bytes.length) throw malformed();
  return encoded;
}

function readElement(reader: Reader, at: number, limit: number, depth: number): Read {
  const tag = octet(reader, at, limit);
  if (reader.left-- === 0 || depth > MAX_DEPTH || (tag & 0x1f) === 0x1f) throw malformed();
  const { start, length } = readLength(reader, at + 1, limit);
  if ((tag & CONSTRUCTED) === 0) {
    if (length === undefined || start + length > limit) throw malformed();
    return written(tag, [reader.bytes.subarray(start, start + length)], start + length);
  }
  return readConstructed(reader, tag, start, length === undefined ? undefined : start + length, limit, depth);
}

/** `end` undefined: up to two zero octets (X.690 §8.1.5). */
function readConstructed(
  reader: Reader,
  tag: number,
  start: number,
  end: number | undefined,
  limit: number,
  depth: number,
): Read {
  if (end !== undefined && end > limit) throw malformed();
  const inPieces = tag === CONSTRUCTED_OCTETS;
  const parts: Uint8Array[] = [];
  let at = start;
  while (end === undefined ? !isEnd(reader, at, limit) : at < end) {
    const child = readElement(reader, at, end ?? limit, depth + 1);
    if (inPieces && child.encoded[0] !== TAG.octetString) throw malformed();
    parts.push(inPieces ? child.content : child.encoded);
    at = child.end;
  }
  return written(inPieces ? TAG.octetString : tag, parts, end ?? at + 2);
}

const isEnd = (reader: Reader, at: number, limit: number): boolean =>
  octet(reader, at, limit) === 0 && octet(reader, at + 1, limit) === 0;

function written(tag: number, parts: readonly Uint8Array[], end: number): Read {
  const encoded = encode(tag, ...parts);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return { encoded, content: encoded.subarray(encoded.length - length), end };
}

function octet({ bytes }: Reader, at: number, limit: number): number {
  if (at >= limit) throw malformed();
  return bytes[at]!;
}

function readLength(
  reader: Reader,
  at: number,
  limit: number,
): { start: number; length: number | undefined } {
  const first = octet(reader, at, limit);
  if (first < 0x80) return { start: at + 1, length: first };
  const count = first - 0x80;
  if (count > MAX_LENGTH_OCTETS) throw malformed();
  let length = 0;
  for (let i = 1; i <= count; i++) length = length * 256 + octet(reader, at + i, limit);
  return { start: at + 1 + count, length: count === 0 ? undefined : length };
}
