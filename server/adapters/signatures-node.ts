import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { ecdsaDerToRaw } from '../core/read/ecdsa.ts';
import { fieldLength, type PublicKey, parsePublicKey } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import type { SignatureAlgorithm, SignatureVerifier } from '../core/verify/signatures.ts';

const HASH: Readonly<Record<SignatureAlgorithm, string>> = {
  'ecdsa-p256-sha256': 'sha256',
  'ecdsa-sha256-der': 'sha256',
  'ecdsa-sha384-der': 'sha384',
  'ecdsa-sha512-der': 'sha512',
  'rsa-sha256': 'sha256',
  'rsa-sha384': 'sha384',
  'rsa-sha512': 'sha512',
};

type Verify = (
  hash: string,
  message: Uint8Array,
  key: { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' },
  signature: Uint8Array,
) => boolean | Promise<boolean>;

const nodeVerifier = (verify: Verify): SignatureVerifier => ({
  async verify({ algorithm, spki, message, signature }) {
    try {
      const { known, object: key } = readKey(spki);
      if (key === undefined || !fits(algorithm, known)) return false;
      const raw =
        known.kind === 'ec' && algorithm.endsWith('-der')
          ? ecdsaDerToRaw(signature, fieldLength(known.curve))
          : signature;
      return await verify(HASH[algorithm], message, { key, dsaEncoding: 'ieee-p1363' }, raw);
    } catch (error) {
      // About the bytes: a key or a signature that is not of its form.
      if (error instanceof FormatError) return false;
      throw error;
    }
  },
});

/** Over node:crypto: a third faster than WebCrypto in Node, and on the calling thread. */
export const nodeSignatures: SignatureVerifier = nodeVerifier(verify);

/** The same in the thread pool: whoever hands in much to check holds up nobody else. */
export const pooledSignatures: SignatureVerifier = nodeVerifier(
  (...asked) =>
    new Promise((resolve, reject) =>
      verify(...asked, (error, holds) => (error ? reject(error) : resolve(holds))),
    ),
);

function fits(algorithm: SignatureAlgorithm, key: PublicKey): boolean {
  if (algorithm.startsWith('rsa')) return key.kind === 'rsa';
  return key.kind === 'ec' && (algorithm !== 'ecdsa-p256-sha256' || key.curve === 'P-256');
}

interface Key {
  readonly known: PublicKey;
  /** undefined where OpenSSL refuses its numbers, which our own parser does not look at: a point off its curve */
  readonly object: KeyObject | undefined;
}

/**
 * Keys by their SPKI: those of issuers and authorities stand in one certificate after the other, and to read one costs
 * as much as half of a signature. The oldest makes room; one that is longer than RSA of 16,384 bits is not kept, so that
 * strangers fill half a megabyte with theirs and no more.
 */
const keys = new Map<string, Key>();
const MOST_KEYS = 256;
const LONGEST_KEPT = 2_100;

function readKey(spki: Uint8Array): Key {
  const name = Buffer.from(spki).toString('latin1');
  const before = keys.get(name);
  if (before !== undefined) return before;
  const key = { known: parsePublicKey(spki), object: importKey(spki) };
  if (spki.length > LONGEST_KEPT) return key;
  if (keys.size === MOST_KEYS) keys.delete(keys.keys().next().value!);
  keys.set(name, key);
  return key;
}

function importKey(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}
