/** The key that signs documents, and the certificates that say whose it is: another key than the certificates' issuer. */
export interface DocumentSigner {
  /** DER, the signing certificate first; 1 to 4 */
  readonly certificates: readonly Uint8Array[];
  /** name of the signer for people */
  readonly name: string;
  /** no signature by this key is longer, bytes */
  readonly maxBytes: number;
  /** A detached CMS signature over the bytes, DER: CAdES as PDF asks for it (ETSI EN 319 142-1) */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}
