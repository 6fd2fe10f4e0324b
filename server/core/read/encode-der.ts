import { utf8 } from './bytes.ts';
import { compactTime, TAG } from './der.ts';

/*
 * Writing DER (X.690 §8, §10, §11): what der.ts reads.
 */

/** What becomes an element: content in its order, elements inside of elements, not written yet. */
export interface Draft {
  readonly tag: number;
  readonly contents: readonly Content[];
  /** Octets of the contents together. */
  readonly length: number;
}

export type Content = Uint8Array | Draft;

const isWritten = (content: Content): content is Uint8Array => content instanceof Uint8Array;

/** An element that is written when the one around it is: nothing is copied twice. */
export function draft(tag: number, ...contents: readonly Content[]): Draft {
  let length = 0;
  for (const content of contents) length += isWritten(content) ? content.length : octetsOf(content);
  return { tag, contents, length };
}

const octetsOf = ({ length }: Draft): number => 2 + followingOctets(length) + length;

/** Octets of the length after the first one, §8.1.3, in the fewest. */
function followingOctets(length: number): number {
  let count = 0;
  if (length >= 0x80) for (let left = length; left > 0; left = Math.floor(left / 256)) count++;
  return count;
}

/** The element with this tag, its content in the order given. */
export function encode(tag: number, ...contents: readonly Content[]): Uint8Array {
  const whole = draft(tag, ...contents);
  const element = new Uint8Array(octetsOf(whole));
  write(whole, element, 0);
  return element;
}

/** Where it ends. */
function write({ tag, contents, length }: Draft, into: Uint8Array, start: number): number {
  let at = writeHead(tag, length, into, start);
  for (const content of contents) {
    if (isWritten(content)) {
      into.set(content, at);
      at += content.length;
    } else at = write(content, into, at);
  }
  return at;
}

function writeHead(tag: number, length: number, into: Uint8Array, start: number): number {
  const following = followingOctets(length);
  into[start] = tag;
  into[start + 1] = following === 0 ? length : 0x80 + following;
  const end = start + 2 + following;
  for (let at = end - 1, left = length; at > start + 1; at--, left = Math.floor(left / 256))
    into[at] = left % 256;
  return end;
}

/** INTEGER of a number that is not negative. */
export function encodeInteger(value: bigint, tag: number = TAG.integer): Uint8Array {
  const octets = bigEndian(value);
  return octets[0]! < 0x80 ? encode(tag, octets) : encode(tag, Uint8Array.of(0), octets);
}

function bigEndian(value: bigint): Uint8Array {
  const octets: number[] = [];
  for (let left = value; left > 0n; left >>= 8n) octets.unshift(Number(left & 0xffn));
  return Uint8Array.from(octets.length === 0 ? [0] : octets);
}

/** OBJECT IDENTIFIER from dotted decimal. */
export function encodeOid(dotted: string): Uint8Array {
  const [root, second, ...others] = dotted.split('.').map(BigInt) as [bigint, bigint, ...bigint[]];
  const arcs = [40n * root + second, ...others].map((arc) => {
    const octets = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) octets.unshift(0x80 | Number(left & 0x7fn));
    return Uint8Array.from(octets);
  });
  return encode(TAG.oid, ...arcs);
}

/** GeneralizedTime to the millisecond, without zeros at its end (§11.7). */
export function encodeGeneralizedTime(ms: number): Uint8Array {
  return encode(TAG.generalizedTime, utf8(compactTime(ms).replace(/\.?0*Z$/, 'Z')));
}
