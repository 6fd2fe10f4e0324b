/** An entry on its way into the log. Only `journal/` makes one, so that leaf and bytes always belong together. */
export interface JournalEntry {
  readonly id: string;
  readonly organization: string;
  readonly receivedMs: number;
  /** RFC 8785 bytes as text */
  readonly entry: string;
  /** the same text in UTF-8, where it has been made already */
  readonly bytes?: Uint8Array;
  /** 32 bytes: SHA-256(0x00 ‖ entry) */
  readonly leaf: Uint8Array;
  /** SHA-256 of each file, for the look-up by digest */
  readonly fileDigests: readonly string[];
}

export interface IdempotencyClaim {
  /** as the client sent it, 1 to 255 visible ASCII characters */
  readonly key: string;
  /** 32 hex digits of a hash over method, path and body: another request under the same key is a mistake */
  readonly fingerprint: string;
}
