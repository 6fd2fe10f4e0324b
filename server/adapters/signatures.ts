import { ecdsaDerToRaw } from '../core/read/ecdsa.ts';
import { type Curve, fieldLength, parsePublicKey } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import type { SignatureAlgorithm, SignatureRequest, SignatureVerifier } from '../core/verify/signatures.ts';

type Subtle = typeof globalThis.crypto.subtle;

/** Bytes in memory of their own: WebCrypto refuses shared memory. */
type Bytes = Uint8Array<ArrayBuffer>;

const HASH: Readonly<Record<SignatureAlgorithm, string>> = {
  'ecdsa-p256-sha256': 'SHA-256',
  'ecdsa-sha256-der': 'SHA-256',
  'ecdsa-sha384-der': 'SHA-384',
  'ecdsa-sha512-der': 'SHA-512',
  'rsa-sha256': 'SHA-256',
  'rsa-sha384': 'SHA-384',
  'rsa-sha512': 'SHA-512',
};

/**
 * Over WebCrypto: browsers and Node. `subtle` is an argument because browsers leave it out on pages that are neither
 * https nor localhost, and the page must say so.
 */
export const webCryptoSignatures = (subtle: Subtle): SignatureVerifier => ({
  async verify(request) {
    try {
      const key = parsePublicKey(request.spki);
      if (key.kind === 'ec') return await verifyEcdsa(subtle, request, key.curve);
      return key.kind === 'rsa' && (await verifyRsa(subtle, request));
    } catch (error) {
      if (isAboutTheBytes(error)) return false;
      throw error;
    }
  },
});

/** A key that cannot be read, such as a point off its curve (DataError), or a signature of another form. */
const isAboutTheBytes = (error: unknown): boolean =>
  error instanceof FormatError || (error instanceof DOMException && error.name === 'DataError');

async function verifyEcdsa(subtle: Subtle, request: SignatureRequest, curve: Curve): Promise<boolean> {
  const { algorithm, spki, message, signature } = request;
  if (algorithm.startsWith('rsa') || (algorithm === 'ecdsa-p256-sha256' && curve !== 'P-256')) return false;
  const raw = algorithm.endsWith('-der') ? ecdsaDerToRaw(signature, fieldLength(curve)) : signature;
  const key = await subtle.importKey('spki', spki as Bytes, { name: 'ECDSA', namedCurve: curve }, false, [
    'verify',
  ]);
  return subtle.verify({ name: 'ECDSA', hash: HASH[algorithm] }, key, raw as Bytes, message as Bytes);
}

async function verifyRsa(subtle: Subtle, request: SignatureRequest): Promise<boolean> {
  const { algorithm, spki, message, signature } = request;
  if (!algorithm.startsWith('rsa')) return false;
  const scheme = { name: 'RSASSA-PKCS1-v1_5', hash: HASH[algorithm] };
  const key = await subtle.importKey('spki', spki as Bytes, scheme, false, ['verify']);
  return subtle.verify(scheme, key, signature as Bytes, message as Bytes);
}
