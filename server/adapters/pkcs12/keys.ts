import { createDecipheriv, hash, pbkdf2 } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  dotted,
  type Element,
  type Fields,
  oid,
  readFields,
  smallInteger,
  TAG,
} from '../../core/read/der.ts';
import { Pkcs12Problem } from '../../ports/office-key.ts';
import { decryptRc2 } from './rc2.ts';

/*
 * Keys out of a pass phrase, and what is decrypted with them: PBES2 of RFC 8018, and the older schemes of RFC 7292
 * appendix C. The file says how much work that is, and a file can come from anybody: the work is bounded.
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

const unsupported = (algorithm: string): Pkcs12Problem =>
  new Pkcs12Problem('pkcs12-algorithm-unsupported', { algorithm: dotted(algorithm) });

function spend(unlocking: Unlocking, iterations: number, blocks: number): void {
  unlocking.rounds -= iterations * blocks;
  if (iterations < 1 || iterations > MAX_ITERATIONS || unlocking.rounds < 0)
    throw new Pkcs12Problem('pkcs12-iterations-too-many', { limit: MAX_ITERATIONS, actual: iterations });
}

type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

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

const PBES2 = '2a864886f70d01050d';
const PBKDF2 = '2a864886f70d01050c';

/** pbeWithSHA1And…, RFC 7292 appendix C: octets of the key, and what decrypts. */
const OLD: Readonly<Record<string, readonly [number, 'des-ede3-cbc' | 'rc2']>> = {
  '2a864886f70d010c0103': [24, 'des-ede3-cbc'],
  '2a864886f70d010c0105': [16, 'rc2'],
  '2a864886f70d010c0106': [5, 'rc2'],
};
const SHA1 = '2b0e03021a';
const OLD_IV = 8;

/** hmacWithSHA1, the default, and those of SHA-2: RFC 8018 §B.1. */
const HMACS: Readonly<Record<string, HashName>> = {
  '2a864886f70d0207': 'sha1',
  '2a864886f70d0209': 'sha256',
  '2a864886f70d020a': 'sha384',
  '2a864886f70d020b': 'sha512',
};

/** RFC 8018 §B.2, RFC 3565: octets of the key. */
const CIPHERS: Readonly<Record<string, readonly [string, number]>> = {
  '2a864886f70d0307': ['des-ede3-cbc', 24],
  '608648016503040102': ['aes-128-cbc', 16],
  '608648016503040116': ['aes-192-cbc', 24],
  '60864801650304012a': ['aes-256-cbc', 32],
};

/** What an AlgorithmIdentifier and the pass phrase make of encrypted octets. */
export async function decrypted(
  unlocking: Unlocking,
  identifier: Element,
  encrypted: Uint8Array,
): Promise<Buffer> {
  const { id, parameters } = readFields(identifier, TAG.sequence, (fields) => ({
    id: oid(fields.next(TAG.oid)),
    parameters: fields.next(TAG.sequence),
  }));
  const old = OLD[id];
  if (old !== undefined) return decryptedOld(unlocking, old, parameters, encrypted);
  if (id !== PBES2) throw unsupported(id);
  const { derivation, cipher } = readFields(parameters, TAG.sequence, readPbes2);
  const { salt, iterations, prf } = derivation;
  spend(unlocking, iterations, 1);
  const key = await promisify(pbkdf2)(unlocking.utf8, salt, iterations, cipher.length, prf);
  return decipher(cipher.name, key, cipher.iv, encrypted);
}

async function decryptedOld(
  unlocking: Unlocking,
  [length, name]: readonly [number, 'des-ede3-cbc' | 'rc2'],
  parameters: Element,
  encrypted: Uint8Array,
): Promise<Buffer> {
  const { salt, iterations } = readFields(parameters, TAG.sequence, (fields) => ({
    salt: fields.next(TAG.octetString).content,
    iterations: smallInteger(fields.next(TAG.integer)),
  }));
  const common = { hash: SHA1, salt, iterations };
  const key = await derive(unlocking, { ...common, purpose: 'key', length });
  const iv = await derive(unlocking, { ...common, purpose: 'iv', length: OLD_IV });
  if (name !== 'rc2') return decipher(name, key, iv, encrypted);
  const plain = decryptRc2(key, iv, encrypted);
  if (plain === undefined) throw new Pkcs12Problem('pkcs12-passphrase-wrong');
  return plain;
}

function readPbes2(fields: Fields) {
  const derivation = readFields(fields.next(TAG.sequence), TAG.sequence, (of) => {
    const id = oid(of.next(TAG.oid));
    if (id !== PBKDF2) throw unsupported(id);
    return readFields(of.next(TAG.sequence), TAG.sequence, readPbkdf2);
  });
  const cipher = readFields(fields.next(TAG.sequence), TAG.sequence, (of) => {
    const id = oid(of.next(TAG.oid));
    const [name, length] = CIPHERS[id] ?? [];
    if (name === undefined || length === undefined) throw unsupported(id);
    return { name, length, iv: of.next(TAG.octetString).content };
  });
  return { derivation, cipher };
}

/** RFC 8018 §A.2; the length of the key is that of the cipher, whatever stands here. */
function readPbkdf2(fields: Fields) {
  const salt = fields.next(TAG.octetString).content;
  const iterations = smallInteger(fields.next(TAG.integer));
  fields.optional(TAG.integer);
  const named = fields.optional(TAG.sequence);
  const prf =
    named === undefined
      ? 'sha1'
      : readFields(named, TAG.sequence, (of) => {
          const id = oid(of.next(TAG.oid));
          of.optional(TAG.null);
          const known = HMACS[id];
          if (known === undefined) throw unsupported(id);
          return known;
        });
  return { salt, iterations, prf };
}

function decipher(name: string, key: Buffer, iv: Uint8Array, encrypted: Uint8Array): Buffer {
  try {
    const cipher = createDecipheriv(name, key, iv);
    return Buffer.concat([cipher.update(encrypted), cipher.final()]);
  } catch (cause) {
    throw new Pkcs12Problem('pkcs12-passphrase-wrong', {}, cause);
  } finally {
    key.fill(0);
  }
}
