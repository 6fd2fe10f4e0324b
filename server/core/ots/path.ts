import { keccak256 } from '../hash/keccak.ts';
import { sha256 } from '../hash/sha256.ts';
import { concat, toHex, utf8 } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';

/*
 * OpenTimestamps, detached proof of version 1, as python-opentimestamps reads it (core/timestamp.py, core/op.py,
 * core/dubious/notary.py): a digest, operations each of which makes a new message of the one before, and at the end
 * what attests the last message. Only the one way without forks that our proofs need.
 */

/** `\0OpenTimestamps\0\0Proof\0` and eight bytes that are no text in any encoding. */
const MAGIC = Uint8Array.of(
  ...utf8('\0OpenTimestamps\0\0Proof\0'),
  0xbf,
  0x89,
  0xe2,
  0xe8,
  0x84,
  0xe8,
  0x92,
  0x94,
);
const MAJOR_VERSION = 1;

const SHA256 = 0x08;
const KECCAK256 = 0x67;
const APPEND = 0xf0;
const PREPEND = 0xf1;
const HEXLIFY = 0xf3;
/** In the place of an operation: here the way ends. */
const ATTESTATION = 0x00;

/** EthereumBlockHeaderAttestation: the message is the transactionsRoot of the block with this number. */
const ETHEREUM_BLOCK_HEADER = Uint8Array.of(0x30, 0xfe, 0x80, 0x87, 0xb5, 0xc7, 0xea, 0xd7);

/** Bytes of a message, MAX_MSG_LENGTH and MAX_RESULT_LENGTH there; operands are never longer than what they make. */
export const MAX_MESSAGE_BYTES = 4096;

/** The reader's `_recursion_limit` is 256 messages on a way; between and before them stand 255 operations. */
export const MAX_OPERATIONS = 255;

/** The way that has been gone from a file's digest, and the message to which it has come. */
export class OtsPath {
  message: Uint8Array;
  private count = 0;
  private readonly written: Uint8Array[];

  /** `digest`: SHA-256 of the file. */
  constructor(digest: Uint8Array) {
    this.message = digest;
    this.written = [MAGIC, Uint8Array.of(MAJOR_VERSION, SHA256), digest];
  }

  /** The message as lower-case hex digits. */
  hexlify(): void {
    this.go(Uint8Array.of(HEXLIFY), utf8(toHex(this.message)));
  }

  sha256(): void {
    this.go(Uint8Array.of(SHA256), sha256(this.message));
  }

  keccak256(): void {
    this.go(Uint8Array.of(KECCAK256), keccak256(this.message));
  }

  /** The message with bytes before and behind it. An operand is never empty: there it needs no operation. */
  enclose(before: Uint8Array, behind: Uint8Array): void {
    if (before.length > 0) this.go(operation(PREPEND, before), concat(before, this.message));
    if (behind.length > 0) this.go(operation(APPEND, behind), concat(this.message, behind));
  }

  /** The file. */
  attestedByEthereum(blockNumber: number): Uint8Array {
    const attestation = concat(ETHEREUM_BLOCK_HEADER, varbytes(varuint(blockNumber)));
    return concat(...this.written, Uint8Array.of(ATTESTATION), attestation);
  }

  private go(written: Uint8Array, message: Uint8Array): void {
    if (message.length > MAX_MESSAGE_BYTES)
      throw new FormatError('ots-message-too-long', { limit: MAX_MESSAGE_BYTES, actual: message.length });
    if (++this.count > MAX_OPERATIONS) throw new FormatError('ots-path-too-long', { limit: MAX_OPERATIONS });
    this.written.push(written);
    this.message = message;
  }
}

const operation = (tag: number, operand: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(tag), varbytes(operand));

const varbytes = (bytes: Uint8Array): Uint8Array => concat(varuint(bytes.length), bytes);

/** Unsigned LEB128: seven bits a byte, the lowest first. Block numbers may have more than 32 bits. */
function varuint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push(0x80 + (rest % 0x80));
  return Uint8Array.of(...bytes, rest);
}
