/*
 * A folder read from end to end: every regular file below it hashed, as an entry of the folder's tree; everything else
 * named. The order is that of the paths, compared name by name, each by its bytes: two readings of one folder give one order.
 */

/** Why something is not in the tree. Sentences: subject `left-out`. */
export const LEFT_OUT = [
  'link',
  'pipe',
  'socket',
  'device',
  'other-kind',
  'name-not-utf8',
  'name-too-long',
  'unreadable',
  'vanished',
  'changed',
] as const;

export interface LeftOut {
  /** path inside the folder; what is not UTF-8 in it is replaced, and then `bytes` has it in hex */
  readonly name: string;
  readonly bytes: string | null;
  readonly why: (typeof LEFT_OUT)[number];
  /** what the system called it, where it did */
  readonly code: string | null;
  /** A folder: nobody knows what is in it. */
  readonly folder: boolean;
}

/**
 * What a file was like when it was read, 64 bytes: size, mtime and ctime (ms) and inode as little-endian float64, then
 * the entry's leaf. Where the first half is still so, the file was not touched since, as far as its times tell. A file
 * that was touched a moment before it was read has NaN there: clocks of file systems are coarse.
 */
export const SEEN_LENGTH = 64;
export const SEEN_STAT_LENGTH = 32;

/** Files of an earlier reading that was broken off, in order. */
export interface Earlier {
  /** Undefined behind the last. */
  current(): { readonly place: string; readonly line: Uint8Array; readonly seen: Uint8Array } | undefined;
  advance(): void;
}

/** A run of files, in order. */
export interface ScannedBlock {
  readonly files: number;
  /** RFC 8785 text of each kezheng-file/1, each with a line end behind it */
  readonly lines: Uint8Array;
  /** SEEN_LENGTH bytes a file */
  readonly seen: Uint8Array;
  /** of these files those that were not read again */
  readonly reused: number;
  readonly leftOut: readonly LeftOut[];
}

export interface ScanOptions {
  readonly threads: number;
  readonly earlier: Earlier | undefined;
  /** Shared memory: its one number grows with what has been read, in bytes. */
  readonly bytes: BigUint64Array;
}

/** The folder itself cannot be read: throws. Its files and folders: left out by name. */
export type ScanFolder = (folder: string, options: ScanOptions) => AsyncIterable<ScannedBlock>;

/**
 * Paths hold bytes as characters (latin1). They compare as their places do, which have for `/` what is less than any
 * other character: a name ends there.
 */
export const placeOf = (path: string): string => path.replaceAll('/', '\0');
export const pathOf = (place: string): string => place.replaceAll('\0', '/');
