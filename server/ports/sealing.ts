/** Each is a domain of its own: no value of one opens as another. */
export const SEALED_KINDS = ['totp', 'identity-number', 'webhook-secret'] as const;
export type SealedKind = (typeof SEALED_KINDS)[number];

/** Keeps what has to be read again from whoever reads the database or a backup of it. */
export interface Sealing {
  /** `whose`: the row that it stands in, where alone it opens. */
  seal(what: SealedKind, whose: string, clear: Uint8Array): Promise<Uint8Array>;
  /** Throws where its key is not there, or where it is not what was sealed for this row. */
  open(what: SealedKind, whose: string, sealed: Uint8Array): Promise<Uint8Array>;
  /** The same under the first key; undefined where it is under that already. */
  renew(what: SealedKind, whose: string, sealed: Uint8Array): Promise<Uint8Array | undefined>;
}
