import { createHash } from 'node:crypto';
import { keccak_256 } from '@noble/hashes/sha3.js';

/* A reader of OpenTimestamps proofs as ours are: one way, one attestation, every number in its shortest form. */

export interface ReadOts {
  readonly digest: string;
  /** names and operands of the operations, in order */
  readonly operations: readonly { readonly name: string; readonly operand: Buffer }[];
  readonly message: string;
  readonly blockNumber: number;
}

const MAGIC = Buffer.from('004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294', 'hex');
const ETHEREUM = '30fe8087b5c7ead7';

const OPERATIONS: Readonly<
  Record<number, [name: string, run: (message: Buffer, operand: Buffer) => Buffer]>
> = {
  8: ['sha256', (message) => createHash('sha256').update(message).digest()],
  103: ['keccak256', (message) => Buffer.from(keccak_256(message))],
  240: ['append', (message, operand) => Buffer.concat([message, operand])],
  241: ['prepend', (message, operand) => Buffer.concat([operand, message])],
  243: ['hexlify', (message) => Buffer.from(message.toString('hex'))],
};

export function readOts(bytes: Uint8Array): ReadOts {
  const file = Buffer.from(bytes);
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > file.length) throw new Error('truncated');
    at += length;
    return file.subarray(at - length, at);
  };
  const varuint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = take(1)[0]!;
      value += (byte & 127) * scale;
      if (byte >= 128) continue;
      if (byte === 0 && scale > 1) throw new Error('not the shortest form');
      return value;
    }
  };
  if (!take(MAGIC.length).equals(MAGIC)) throw new Error('not a proof');
  if (take(2).toString('hex') !== '0108') throw new Error('not version 1 of a SHA-256');
  const digest = take(32);
  let message = digest;
  const operations: { name: string; operand: Buffer }[] = [];
  for (let tag = take(1)[0]!; tag !== 0; tag = take(1)[0]!) {
    const operation = OPERATIONS[tag];
    if (operation === undefined) throw new Error(`operation ${tag}`);
    const [name, run] = operation;
    const operand = name.endsWith('pend') ? take(varuint()) : Buffer.alloc(0);
    if (name.endsWith('pend') && operand.length === 0) throw new Error('empty operand');
    message = run(message, operand);
    if (message.length > 4096) throw new Error('message too long');
    if (operations.push({ name, operand }) > 255) throw new Error('too many operations');
  }
  if (take(8).toString('hex') !== ETHEREUM) throw new Error('no Ethereum attestation');
  const length = varuint();
  const start = at;
  const blockNumber = varuint();
  if (at - start !== length || at !== file.length) throw new Error('bytes behind the end');
  return { digest: digest.toString('hex'), operations, message: message.toString('hex'), blockNumber };
}
