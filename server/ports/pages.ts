/** A page as it was built: its bytes, also compressed, and the policy that is sent with it. */
export interface Page {
  /** content-security-policy */
  readonly policy: string;
  /** hex, of the bytes as they are saved */
  readonly sha256: string;
  readonly bodies: Readonly<Record<Encoding, Uint8Array>>;
}

/** Content codings (RFC 9110 §8.4.1), and the bytes as they are. */
export type Encoding = 'br' | 'gzip' | 'identity';

/** By name: `verify.html` is the one to save, `verify` the same on line. */
export type Pages = ReadonlyMap<string, Page>;
