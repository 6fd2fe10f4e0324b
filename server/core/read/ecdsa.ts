import { FormatError } from '../reason.ts';
import { concat, fromHex, toHex } from './bytes.ts';
import { integer, parseDer, readFields, TAG } from './der.ts';

/*
 * The two spellings of an ECDSA signature: DER in certificates and tokens (RFC 3279 §2.2.3), r ‖ s in a JWS
 * (RFC 7518 §3.4).
 */

/** Order n of P-256, SEC 2 §2.4.2. */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** r and s of P-256 have 32 bytes each. */
const P256_LENGTH = 32;

interface Signature {
  readonly r: bigint;
  readonly s: bigint;
}

/** Refuses what is not the DER of two positive integers. */
export function parseEcdsaDer(der: Uint8Array): Signature {
  const signature = readFields(parseDer(der), TAG.sequence, (fields) => ({
    r: integer(fields.next(TAG.integer)),
    s: integer(fields.next(TAG.integer)),
  }));
  if (signature.r <= 0n || signature.s <= 0n) throw new FormatError('ecdsa-signature-invalid');
  return signature;
}

/** r ‖ s with `length` bytes each, as WebCrypto wants it; refuses integers that do not fit. */
export function ecdsaDerToRaw(der: Uint8Array, length: number): Uint8Array {
  const { r, s } = parseEcdsaDer(der);
  return concat(bigEndian(r, length), bigEndian(s, length));
}

function bigEndian(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16).padStart(2 * length, '0');
  if (hex.length > 2 * length) throw new FormatError('ecdsa-signature-invalid');
  return fromHex(hex);
}

/** r and s of a P-256 signature, each from 1 to n − 1. */
function parseP256(raw: Uint8Array): Signature {
  if (raw.length !== 2 * P256_LENGTH)
    throw new FormatError('length-wrong', { expected: 2 * P256_LENGTH, actual: raw.length });
  const r = BigInt(`0x${toHex(raw.subarray(0, P256_LENGTH))}`);
  const s = BigInt(`0x${toHex(raw.subarray(P256_LENGTH))}`);
  if (r < 1n || r >= P256_ORDER || s < 1n || s >= P256_ORDER)
    throw new FormatError('ecdsa-signature-invalid');
  return { r, s };
}

/** Where s holds, n − s holds too: only the lower of the two is accepted, so that nobody can make a second one. */
export function checkLowS(raw: Uint8Array): void {
  if (2n * parseP256(raw).s > P256_ORDER) throw new FormatError('ecdsa-high-s');
}

/** The same signature with the lower s. */
export function normalizeSignature(raw: Uint8Array): Uint8Array {
  const { r, s } = parseP256(raw);
  const low = 2n * s > P256_ORDER ? P256_ORDER - s : s;
  return concat(bigEndian(r, P256_LENGTH), bigEndian(low, P256_LENGTH));
}
