/** The key that signs certificates, and the certificates that say whose it is. */
export interface Issuer {
  /** DER, the signing certificate first; 1 to 4 */
  readonly x5c: readonly Uint8Array[];
  /** name of the issuer for people */
  readonly name: string;
  /** ES256 over the bytes: 64 bytes r ‖ s, low s (RFC 7518 §3.4) */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}
