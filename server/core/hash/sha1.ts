import { sha1 as nobleSha1 } from '@noble/hashes/legacy.js';

/**
 * FIPS 180-4. A name for what other means prove, never a proof: the certificate that an old token's ESSCertID means
 * (RFC 2634 §5.4.1), the issuer that an OCSP answer means (RFC 6960 §4.1.1).
 */
export const sha1 = (bytes: Uint8Array): Uint8Array => nobleSha1(bytes);
