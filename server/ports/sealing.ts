/**
 * Keeps what has to be read again from whoever reads the database or a backup of it. `about` says what it is and whose:
 * what was sealed as one thing opens as no other.
 */
export interface Sealing {
  seal(plain: Uint8Array, about: string): Uint8Array;
  /** Throws where it was sealed by another key or about something else, or was changed. */
  open(sealed: Uint8Array, about: string): Uint8Array;
}
