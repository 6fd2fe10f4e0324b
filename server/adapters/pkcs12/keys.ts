import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { dotted } from '../../core/read/der.ts';
import { Pkcs12Problem } from '../../ports/office-key.ts';

/*
 * Keys out of a pass phrase, RFC 7292 appendix B. The file says how much work that is, and a file can come from anybody:
 * the work is bounded.
 */

/** Of one derivation; OWASP asks for 600,000, OpenSSL writes 2,048. */
export const MAX_ITERATIONS = 1_000_000;
/** Rounds of a hash function in one file, some three seconds. */
const MAX_ROUNDS = 4_000_000;
const YIELD_EVERY = 20_000;
const MAX_SALT = 128;

/** The pass phrase in both spellings, and the work that is left. */
export interface Unlocking {
  readonly utf8: Buffer;
  /** UTF-16, big-endian, with two zero octets at its end (RFC 7292 appendix B.1) */
  readonly bmp: Buffer;
  rounds: number;
}

export function unlocking(passphrase: string): Unlocking {
  const bmp = Buffer.from(`${passphrase}\0`, 'utf16le').swap16();
  return { utf8: Buffer.from(passphrase, 'utf8'), bmp, rounds: MAX_ROUNDS };
}

export function forget({ utf8, bmp }: Unlocking): void {
  utf8.fill(0);
  bmp.fill(0);
}

export const unsupported = (algorithm: string): Pkcs12Problem =>
  new Pkcs12Problem('pkcs12-algorithm-unsupported', { algorithm: dotted(algorithm) });

/** What the file asks for is taken off what it may ask for. */
export function spend(unlocking: Unlocking, iterations: number, blocks: number): void {
  unlocking.rounds -= iterations * blocks;
  if (iterations < 1 || iterations > MAX_ITERATIONS || unlocking.rounds < 0)
    throw new Pkcs12Problem('pkcs12-iterations-too-many', { limit: MAX_ITERATIONS, actual: iterations });
}

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** By the hex of the identifier, with octets of the digest and of the block (FIPS 180-4). */
const HASHES: Readonly<Record<string, readonly [HashName, number, number]>> = {
  '2b0e03021a': ['sha1', 20, 64],
  '608648016503040201': ['sha256', 32, 64],
  '608648016503040202': ['sha384', 48, 128],
  '608648016503040203': ['sha512', 64, 128],
};

/** RFC 7292 appendix B.3: what the derived octets are for. */
export const FOR = { key: 1, iv: 2, mac: 3 } as const;

export interface Derivation {
  readonly hash: string;
  readonly purpose: keyof typeof FOR;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly length: number;
}

export const hashOf = (id: string): readonly [HashName, number, number] => {
  const known = HASHES[id];
  if (known === undefined) throw unsupported(id);
  return known;
};

/** RFC 7292 appendix B.2. */
export async function derive(unlocking: Unlocking, wanted: Derivation): Promise<Buffer> {
  const [name, digestLength, block] = hashOf(wanted.hash);
  const blocks = Math.ceil(wanted.length / digestLength);
  if (wanted.salt.length === 0 || wanted.salt.length > MAX_SALT) throw new Pkcs12Problem('pkcs12-malformed');
  spend(unlocking, wanted.iterations, blocks);
  const diversifier = Buffer.alloc(block, FOR[wanted.purpose]);
  const mixed = Buffer.concat([stretched(wanted.salt, block), stretched(unlocking.bmp, block)]);
  const derived: Buffer[] = [];
  for (let i = 0; i < blocks; i++) {
    const digest = await iterated(name, Buffer.concat([diversifier, mixed]), wanted.iterations);
    derived.push(digest);
    for (let at = 0; at < mixed.length; at += block)
      addOne(mixed.subarray(at, at + block), filledWith(digest, block));
  }
  mixed.fill(0);
  return Buffer.concat(derived).subarray(0, wanted.length);
}

/** Repeated up to whole blocks. */
const stretched = (bytes: Uint8Array, block: number): Buffer =>
  filledWith(bytes, block * Math.ceil(bytes.length / block));

const filledWith = (bytes: Uint8Array, length: number): Buffer => Buffer.alloc(length, bytes);

async function iterated(name: HashName, bytes: Buffer, iterations: number): Promise<Buffer> {
  let digest = hash(name, bytes, 'buffer');
  for (let i = 1; i < iterations; i++) {
    digest = hash(name, digest, 'buffer');
    // Whoever else waits for this thread has a turn.
    if (i % YIELD_EVERY === 0) await setImmediate();
  }
  return digest;
}

/** number := number + other + 1, in as many bits as it has. */
function addOne(number: Buffer, other: Buffer): void {
  let carry = 1;
  for (let i = number.length - 1; i >= 0; i--) {
    const sum = number[i]! + other[i]! + carry;
    number[i] = sum & 0xff;
    carry = sum >> 8;
  }
}
