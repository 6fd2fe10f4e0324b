import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { concat, fromHex, toHex } from '../../core/read/bytes.ts';
import { bitStringBytes, integer, parseDer, readFields, TAG } from '../../core/read/der.ts';
import { ecdsaDerToRaw } from '../../core/read/ecdsa.ts';
import { type Curve, fieldLength, parsePublicKey } from '../../core/read/x509.ts';
import { FormatError } from '../../core/reason.ts';
import type { SignatureAlgorithm, SignatureVerifier } from '../../core/verify/signatures.ts';

/*
 * Signatures where the browser offers no WebCrypto: on a page that came over plain http from another machine. Only
 * public values are computed with, so that it does not matter how long it takes: some milliseconds.
 */

type HashName = 'sha256' | 'sha384' | 'sha512';

const HASH: Readonly<Record<HashName, (message: Uint8Array) => Uint8Array>> = { sha256, sha384, sha512 };
const CURVES: Readonly<Record<Curve, ECDSA>> = { 'P-256': p256, 'P-384': p384, 'P-521': p521 };

/** DigestInfo up to the digest, RFC 8017 §9.2, note 1. */
const DIGEST_INFO: Readonly<Record<HashName, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

const hashOf = (algorithm: SignatureAlgorithm): HashName =>
  (['sha384', 'sha512'] as const).find((name) => algorithm.includes(name)) ?? 'sha256';

export const plainSignatures: SignatureVerifier = {
  async verify({ algorithm, spki, message, signature }) {
    try {
      const key = parsePublicKey(spki);
      const bytes = keyBytes(spki);
      const digest = HASH[hashOf(algorithm)](message);
      if (key.kind === 'rsa') return algorithm.startsWith('rsa') && rsa(algorithm, bytes, digest, signature);
      return key.kind === 'ec' && ecdsa(algorithm, key.curve, bytes, digest, signature);
    } catch (error) {
      // About the bytes: a key or a signature that is not of its form.
      if (error instanceof FormatError) return false;
      throw error;
    }
  },
};

/** The bit string of a SubjectPublicKeyInfo, which parsePublicKey has read already. */
const keyBytes = (spki: Uint8Array): Uint8Array =>
  readFields(parseDer(spki), TAG.sequence, (fields) => {
    fields.next(TAG.sequence);
    return bitStringBytes(fields.next(TAG.bitString));
  });

function ecdsa(
  algorithm: SignatureAlgorithm,
  name: Curve,
  point: Uint8Array,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (algorithm.startsWith('rsa') || (algorithm === 'ecdsa-p256-sha256' && name !== 'P-256')) return false;
  const raw = algorithm.endsWith('-der') ? ecdsaDerToRaw(signature, fieldLength(name)) : signature;
  const curve = CURVES[name];
  // The library answers a signature of another length, or a point off its curve, with an error.
  if (raw.length !== 2 * fieldLength(name) || !curve.utils.isValidPublicKey(point, false)) return false;
  return curve.verify(raw, digest, point, { prehash: false, lowS: false, format: 'compact' });
}

/** RSASSA-PKCS1-v1_5, RFC 8017 §8.2.2: the whole encoded message is made anew and compared, nothing in it is parsed. */
function rsa(
  algorithm: SignatureAlgorithm,
  key: Uint8Array,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const [n, e] = readFields(parseDer(key), TAG.sequence, (fields) => [
    integer(fields.next(TAG.integer)),
    integer(fields.next(TAG.integer)),
  ]) as [bigint, bigint];
  const length = Math.ceil(n.toString(2).length / 8);
  const s = number(signature);
  if (signature.length !== length || s >= n) return false;
  const info = concat(fromHex(DIGEST_INFO[hashOf(algorithm)]), digest);
  // §9.2: at least eight bytes of padding.
  if (length < info.length + 11) return false;
  const padding = new Uint8Array(length - info.length - 3).fill(0xff);
  return power(s, e, n) === number(concat(Uint8Array.of(0, 1), padding, Uint8Array.of(0), info));
}

const number = (bytes: Uint8Array): bigint => BigInt(`0x0${toHex(bytes)}`);

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
