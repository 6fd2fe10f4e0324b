import { equalBytes, toHex } from '../read/bytes.ts';

/*
 * Signature primitives enter `core` as a value: WebCrypto in a browser, node:crypto in the server.
 */

/**
 * `ecdsa-p256-sha256` has r ‖ s of 64 bytes (a JWS); `-der` has the SEQUENCE of X.509 and CMS, with the curve that
 * the key names (P-256, P-384, P-521); `rsa-` is RSASSA-PKCS1-v1_5.
 */
export type SignatureAlgorithm =
  | 'ecdsa-p256-sha256'
  | 'ecdsa-sha256-der'
  | 'ecdsa-sha384-der'
  | 'ecdsa-sha512-der'
  | 'rsa-sha256'
  | 'rsa-sha384'
  | 'rsa-sha512';

export interface SignatureRequest {
  readonly algorithm: SignatureAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SignatureVerifier {
  /**
   * Whether the signature holds. False as well where key and algorithm do not fit or the key cannot be read: these
   * are facts about the bytes. Rejects only where the primitives themselves are missing or broken.
   */
  verify(request: SignatureRequest): Promise<boolean>;
}

/**
 * Asks once about each signature: the way up a chain is looked for first and then checked, over the same links, and the
 * same certificates may come with many tokens. It is known by all of its bytes.
 */
export function askingOnce(verifier: SignatureVerifier): SignatureVerifier {
  const known = new Map<string, Asked[]>();
  return {
    verify(request) {
      const name = toHex(request.signature);
      const alike = known.get(name) ?? [];
      const before = alike.find((one) => isSame(one.request, request));
      if (before !== undefined) return before.answer;
      const answer = verifier.verify(request);
      known.set(name, [...alike, { request, answer }]);
      return answer;
    },
  };
}

interface Asked {
  readonly request: SignatureRequest;
  readonly answer: Promise<boolean>;
}

const isSame = (a: SignatureRequest, b: SignatureRequest): boolean =>
  a.algorithm === b.algorithm && equalBytes(a.spki, b.spki) && equalBytes(a.message, b.message);
