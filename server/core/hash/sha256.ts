import { sha256 as noble } from '@noble/hashes/sha2.js';

/** SHA-256 (FIPS 180-4) of the whole of `bytes`; 32 bytes. */
export const sha256 = (bytes: Uint8Array): Uint8Array => noble(bytes);
