import { sha384 as nobleSha384, sha512 as nobleSha512 } from '@noble/hashes/sha2.js';

/** FIPS 180-4: tokens and certificates of others, renewals. */
export const sha384 = (bytes: Uint8Array): Uint8Array => nobleSha384(bytes);
export const sha512 = (bytes: Uint8Array): Uint8Array => nobleSha512(bytes);
