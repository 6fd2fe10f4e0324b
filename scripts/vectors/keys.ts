import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { keccak256 } from '../../server/core/hash/keccak.ts';
import { fromHex, toHex, utf8 } from '../../server/core/read/bytes.ts';
import { TAG } from '../../server/core/read/der.ts';
import { encode, encodeOid } from '../../server/core/read/encode-der.ts';

/*
 * Keys of the test vectors: known to everybody, worth nothing. Signatures are deterministic (RFC 6979), so that making
 * the vectors again changes nothing.
 */

const secretOf = (name: string): Uint8Array => sha256(utf8(`kezheng test vector key: ${name}`));

/** What it takes to issue certificates and sign tokens. */
export interface CertificateKey {
  /** SubjectPublicKeyInfo, DER */
  readonly spki: Uint8Array;
  /** AlgorithmIdentifier of its signatures, DER; ecdsa-with-SHA256 where it is left out */
  readonly algorithm?: Uint8Array;
  /** SHA-256 where it is left out */
  readonly digest?: 'sha256' | 'sha384' | 'sha512';
  /** as X.509 and CMS have it */
  signDer(bytes: Uint8Array): Uint8Array;
}

export interface SigningKey extends CertificateKey {
  /** ES256: r ‖ s, low s */
  sign(bytes: Uint8Array): Uint8Array;
  /** the same signature with the other s */
  signHigh(bytes: Uint8Array): Uint8Array;
}

/** id-ecPublicKey, prime256v1, and a point of 65 bytes: RFC 5480 §2. */
const SPKI_PREFIX = fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200');

export function signingKey(name: string): SigningKey {
  const secret = secretOf(name);
  const raw = (bytes: Uint8Array, format: 'compact' | 'der') =>
    p256.sign(bytes, secret, { lowS: true, format });
  return {
    spki: new Uint8Array([...SPKI_PREFIX, ...p256.getPublicKey(secret, false)]),
    sign: (bytes) => raw(bytes, 'compact'),
    signHigh(bytes) {
      const low = raw(bytes, 'compact');
      const s = BigInt(`0x${toHex(low.slice(32))}`);
      const high = (p256.Point.Fn.ORDER - s).toString(16).padStart(64, '0');
      return new Uint8Array([...low.slice(0, 32), ...fromHex(high)]);
    },
    signDer: (bytes) => raw(bytes, 'der'),
  };
}

/** ECDSA on the larger curves, each with the digest of its size. */
export function largeKey(name: string, curve: 'P-384' | 'P-521'): CertificateKey {
  const small = curve === 'P-384';
  const { lib, hash } = small ? { lib: p384, hash: sha384 } : { lib: p521, hash: sha512 };
  const secret = lib.Point.Fn.toBytes(BigInt(`0x${toHex(secretOf(name))}`));
  const key = encode(TAG.bitString, Uint8Array.of(0), lib.getPublicKey(secret, false));
  const kind = encode(
    TAG.sequence,
    encodeOid('1.2.840.10045.2.1'),
    encodeOid(small ? '1.3.132.0.34' : '1.3.132.0.35'),
  );
  return {
    spki: encode(TAG.sequence, kind, key),
    algorithm: encode(TAG.sequence, encodeOid(small ? '1.2.840.10045.4.3.3' : '1.2.840.10045.4.3.4')),
    digest: small ? 'sha384' : 'sha512',
    signDer: (bytes) => lib.sign(hash(bytes), secret, { prehash: false, lowS: true, format: 'der' }),
  };
}

export interface OperatorKey {
  /** 0x… */
  readonly address: string;
  sign(hash: Uint8Array): { readonly r: bigint; readonly s: bigint; readonly parity: number };
}

export function operatorKey(name: string): OperatorKey {
  const secret = secretOf(name);
  const address = keccak256(secp256k1.getPublicKey(secret, false).slice(1)).slice(12);
  return {
    address: `0x${toHex(address)}`,
    sign(hash) {
      const signature = secp256k1.sign(hash, secret, { prehash: false, format: 'recovered' });
      const [recovery, ...rs] = signature;
      const hex = toHex(Uint8Array.from(rs));
      return { r: BigInt(`0x${hex.slice(0, 64)}`), s: BigInt(`0x${hex.slice(64)}`), parity: recovery! };
    },
  };
}
