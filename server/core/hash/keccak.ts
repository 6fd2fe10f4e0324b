import { keccak_256 } from '@noble/hashes/sha3.js';

/** Keccak-256 as Ethereum uses it: the padding of the 2011 submission, not that of SHA3-256 (FIPS 202). */
export const keccak256 = (bytes: Uint8Array): Uint8Array => keccak_256(bytes);
