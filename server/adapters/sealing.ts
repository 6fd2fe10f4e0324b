import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Sealing } from '../ports/sealing.ts';

/*
 * AES-256-GCM (NIST SP 800-38D): nonce ‖ ciphertext ‖ tag, with what it is about as associated data.
 */

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Under a key that follows from a private key of the service (RFC 5869): all instances have it, and no further file is
 * to be kept. Where that key is replaced, what was sealed is lost.
 */
export function sealingBy(key: KeyObject, purpose: string): Sealing {
  const der = key.export({ format: 'der', type: 'pkcs8' });
  const derived = Buffer.from(hkdfSync('sha256', der, '', purpose, 32));
  return {
    seal(plain, about) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', derived, nonce).setAAD(Buffer.from(about));
      return new Uint8Array(
        Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]),
      );
    },
    open(sealed, about) {
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv('aes-256-gcm', derived, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(-TAG_BYTES));
      const plain = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
      return new Uint8Array(Buffer.concat([plain, decipher.final()]));
    },
  };
}
