import { createDecipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { type Element, type Fields, oid, readFields, smallInteger, TAG } from '../../core/read/der.ts';
import { Pkcs12Problem } from '../../ports/office-key.ts';
import { derive, type HashName, spend, type Unlocking, unsupported } from './keys.ts';
import { decryptRc2 } from './rc2.ts';

/*
 * What a pass phrase decrypts: by PBES2 of RFC 8018, which OpenSSL writes since version 3, and by the older schemes of
 * RFC 7292 appendix C.
 */

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
    const parts = [cipher.update(encrypted), cipher.final()];
    const plain = Buffer.concat(parts);
    for (const part of parts) part.fill(0);
    return plain;
  } catch (cause) {
    throw new Pkcs12Problem('pkcs12-passphrase-wrong', {}, cause);
  } finally {
    key.fill(0);
  }
}
