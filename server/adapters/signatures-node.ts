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

/** Over node:crypto: a third faster than WebCrypto in Node, and on the calling thread. */
export const nodeSignatures: SignatureVerifier = {
  async verify({ algorithm, spki, message, signature }) {
    try {
      const known = parsePublicKey(spki);
      if (!fits(algorithm, known)) return false;
      const raw =
        known.kind === 'ec' && algorithm.endsWith('-der')
          ? ecdsaDerToRaw(signature, fieldLength(known.curve))
          : signature;
      const key = readKey(spki);
      return key !== undefined && verify(HASH[algorithm], message, { key, dsaEncoding: 'ieee-p1363' }, raw);
    } catch (error) {
      // About the bytes: a key or a signature that is not of its form.
      if (error instanceof FormatError) return false;
      throw error;
    }
  },
};

function fits(algorithm: SignatureAlgorithm, key: PublicKey): boolean {
  if (algorithm.startsWith('rsa')) return key.kind === 'rsa';
  return key.kind === 'ec' && (algorithm !== 'ecdsa-p256-sha256' || key.curve === 'P-256');
}

/** Our own parser has read the key already; what OpenSSL refuses besides is its numbers: a point off its curve. */
function readKey(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}
