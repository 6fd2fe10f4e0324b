import type { Readable } from 'node:stream';

/**
 * Bytes by name. Two rooms: `files` (names are SHA-256 digests, hex) and `trees` (names are batch roots, hex).
 * What is kept is never changed; keeping the same name again is no error.
 */
export type BlobRoom = 'files' | 'trees';

/** Large files come in pieces of this size: a multiple of every disk's pages. */
export const BLOCK_BYTES = 256 * 1024;

/** Bytes cannot be kept or read now: disk full, read-only or failing. Answered with 503 and Retry-After. */
export class BlobUnavailable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'BlobUnavailable';
  }
}

export interface Range {
  readonly start: number;
  readonly length: number;
}

export interface Blobs {
  /** Opens a temporary place. A crash leaves a temporary file that the next start removes; nothing else sees it. */
  receive(): Promise<IncomingBlob>;
  /** Whole, small or already in memory; durable when resolved. */
  keep(room: BlobRoom, name: string, bytes: Uint8Array): Promise<void>;
  /** Size in bytes, or undefined where there is none. */
  size(room: BlobRoom, name: string): Promise<number | undefined>;
  /** `end` is exclusive. */
  stream(room: BlobRoom, name: string, start: number, end: number): Promise<Readable>;
  /** Exactly `length` bytes from `start`. */
  read(room: BlobRoom, name: string, start: number, length: number): Promise<Uint8Array>;
  /** The bytes of each range, in their order: the few pieces of a proof. */
  readEach(room: BlobRoom, name: string, ranges: readonly Range[]): Promise<readonly Uint8Array[]>;
}

/** What takes a blob away: only where the same bytes were read somewhere else before. The service itself never does. */
export interface BlobRemoval {
  /** Harmless where there is none. A crash may leave it there. */
  remove(room: BlobRoom, name: string): Promise<void>;
}

export interface IncomingBlob {
  /** Bytes in the order of the calls, which need not wait for each other. Resolves when the memory may be used again. */
  write(chunk: Uint8Array): Promise<void>;
  /** fsync, rename under its name, fsync the folder. */
  keep(room: BlobRoom, name: string): Promise<void>;
  /** Removes the temporary file; harmless after keep and when repeated. */
  discard(): Promise<void>;
}
