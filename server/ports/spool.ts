/** A temporary file that has no name: whatever happens to the process, its space comes back by itself. */
export interface Spool {
  readonly size: number;
  /** Bytes in the order of the calls. */
  write(chunk: Uint8Array): Promise<void>;
  /** All is written; throws what went wrong on the way. */
  settled(): Promise<void>;
  /** Fills `into` from `start`. */
  read(into: Uint8Array, start: number): Promise<void>;
  close(): Promise<void>;
}

export type OpenSpool = () => Promise<Spool>;
