import { keccak256 } from '../hash/keccak.ts';
import { concat, equalBytes, fromHex, toHex, utf8 } from '../read/bytes.ts';
import { uintBytes } from '../read/rlp.ts';
import { FormatError } from '../reason.ts';
import { bigEndian, hex0x, safeNumber } from './fields.ts';
import type { Log } from './receipt.ts';

/*
 * What contracts/EvidenceLog.sol takes and emits, in the ABI's encoding: words of 32 bytes.
 */

/** First four bytes of the calldata. */
export const APPEND_SELECTOR = keccak256(utf8('append(uint64,bytes32,uint64)')).slice(0, 4);

/** First topic of the event. */
export const APPENDED_TOPIC = keccak256(utf8('Appended(address,uint64,bytes32,uint64)'));

const WORD = 32;

/** One root as it enters a log. */
export interface Append {
  readonly index: number;
  readonly root: Uint8Array;
  readonly size: number;
}

/** An append as the contract reports it; `log` is the operator whose log it is. */
export interface AppendedEvent extends Append {
  readonly log: string;
}

export const encodeAppend = ({ index, root, size }: Append): Uint8Array =>
  concat(APPEND_SELECTOR, uintWord(index), root, uintWord(size));

/**
 * What the contract's slot holds after this append: the low 192 bits of keccak256(abi.encode(slot, root, size)) above
 * the count. In hex: 48 digits of rolling hash, with the count of `index` before and `index + 1` after. So whoever has
 * all roots of a log can compute its head and compare one value with the contract.
 */
export function rollingAfter(rolling: string, index: number, root: string, size: number): string {
  const slot = concat(fromHex(rolling, 24), uintWord(index).subarray(24));
  return toHex(keccak256(concat(slot, fromHex(root, WORD), uintWord(size))).subarray(8));
}

/** Exactly one append call: nothing behind it, no dirt in the padding, no empty batch. */
export function decodeAppend(calldata: Uint8Array): Append {
  if (calldata.length !== 4 + 3 * WORD || !equalBytes(calldata.subarray(0, 4), APPEND_SELECTOR))
    throw new FormatError('transaction-not-append');
  const [index, root, size] = wordsOf(calldata.subarray(4)) as [Uint8Array, Uint8Array, Uint8Array];
  return append(index, root, size);
}

export function decodeAppended(log: Log): AppendedEvent {
  const [name, operator, index] = log.topics;
  if (name === undefined || !equalBytes(name, APPENDED_TOPIC)) throw new FormatError('event-not-appended');
  if (
    operator === undefined ||
    index === undefined ||
    log.topics.length !== 3 ||
    log.data.length !== 2 * WORD
  )
    throw new FormatError('event-shape-wrong');
  const [root, size] = wordsOf(log.data) as [Uint8Array, Uint8Array];
  return { log: hex0x(unpadded(operator, 20, 'log')), ...append(index, root, size) };
}

function append(index: Uint8Array, root: Uint8Array, size: Uint8Array): Append {
  const leaves = uintOf(size, 'size');
  if (leaves === 0) throw new FormatError('append-empty');
  return { index: uintOf(index, 'index'), root, size: leaves };
}

const uintOf = (word: Uint8Array, field: string): number =>
  safeNumber(bigEndian(unpadded(word, 8, field)), field);

/** The last `length` bytes of a word whose other bytes are zero. */
function unpadded(word: Uint8Array, length: number, field: string): Uint8Array {
  if (word.subarray(0, WORD - length).some((byte) => byte !== 0))
    throw new FormatError('append-padding', { field });
  return word.subarray(WORD - length);
}

const wordsOf = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.length / WORD }, (_, i) => bytes.subarray(i * WORD, (i + 1) * WORD));

function uintWord(value: number): Uint8Array {
  const digits = uintBytes(BigInt(value));
  return concat(new Uint8Array(WORD - digits.length), digits);
}
