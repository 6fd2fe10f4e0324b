import { FormatError } from '../reason.ts';
import { concat } from './bytes.ts';

/*
 * RLP, Ethereum Yellow Paper appendix B. Strict: each value has exactly one encoding, and another one of the same
 * value is refused, so that two different byte strings never say the same thing.
 */

/** A byte string or a list of items. */
export type RlpItem = Uint8Array | readonly RlpItem[];

/** Receipts and access lists nest four deep; more is an attack on the stack. */
export const MAX_RLP_DEPTH = 8;

/** From this payload length on, the length itself is spelled out in bytes: first bytes 0xb8 and 0xf8. */
const LONG = 56;
const STRING = 0x80;
const LIST = 0xc0;

/** The one item that `bytes` are; what follows it is refused. */
export function decodeRlp(bytes: Uint8Array): RlpItem {
  const [item, end] = readItem(bytes, 0, 0);
  if (end !== bytes.length) throw new FormatError('rlp-trailing-bytes', { surplus: bytes.length - end });
  return item;
}

function readItem(bytes: Uint8Array, at: number, depth: number): [item: RlpItem, end: number] {
  if (at >= bytes.length) throw new FormatError('rlp-truncated', { at });
  const first = bytes[at]!;
  if (first < STRING) return [bytes.subarray(at, at + 1), at + 1];
  if (first < LIST) {
    const [start, end] = payload(bytes, at, first - STRING);
    // A single byte below 0x80 is its own encoding.
    if (end - start === 1 && first === STRING + 1 && bytes[start]! < STRING)
      throw new FormatError('rlp-not-minimal', { at });
    return [bytes.subarray(start, end), end];
  }
  if (depth >= MAX_RLP_DEPTH) throw new FormatError('rlp-too-deep', { at, limit: MAX_RLP_DEPTH });
  const [start, end] = payload(bytes, at, first - LIST);
  // The list's items see no byte beyond its end: one that is too long for its list is truncated.
  const inside = bytes.subarray(0, end);
  const items: RlpItem[] = [];
  for (let next = start; next < end; ) {
    const [item, itemEnd] = readItem(inside, next, depth + 1);
    items.push(item);
    next = itemEnd;
  }
  return [items, end];
}

/** Start and end of the payload of the item at `at`, whose first byte is `short` above its kind's base. */
function payload(bytes: Uint8Array, at: number, short: number): [start: number, end: number] {
  const lengthBytes = Math.max(0, short - LONG + 1);
  const start = at + 1 + lengthBytes;
  let length = lengthBytes === 0 ? short : 0;
  if (start > bytes.length) throw new FormatError('rlp-truncated', { at });
  // Eight bytes of length may lose precision in a number, but are then far more than there are bytes.
  for (const byte of bytes.subarray(at + 1, start)) length = length * 256 + byte;
  if (lengthBytes > 0 && (length < LONG || bytes[at + 1] === 0))
    throw new FormatError('rlp-not-minimal', { at });
  if (length > bytes.length - start) throw new FormatError('rlp-truncated', { at });
  return [start, start + length];
}

export function encodeRlp(item: RlpItem): Uint8Array {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && item[0]! < STRING) return item;
    return concat(prefix(STRING, item.length), item);
  }
  const parts = item.map(encodeRlp);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concat(prefix(LIST, length), ...parts);
}

function prefix(base: number, length: number): Uint8Array {
  if (length < LONG) return Uint8Array.of(base + length);
  const digits = uintBytes(BigInt(length));
  return concat(Uint8Array.of(base + LONG - 1 + digits.length), digits);
}

/** Big-endian without leading zeros; zero is the empty string: how RLP spells every integer. */
export function uintBytes(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const digits = hex.length % 2 === 0 ? hex : `0${hex}`;
  const bytes = new Uint8Array(value === 0n ? 0 : digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
