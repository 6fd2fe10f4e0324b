import { equalBytes, utf8 } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';
import { isPdf } from './pdf.ts';

/*
 * What may be handed in as «the certificate»: the certificate itself, a PDF that holds it, or a package (ZIP) with the
 * originals. Which one it is, its first bytes say. A package is opened by a library; what in it counts is said here.
 */

export type Container = 'certificate' | 'pdf' | 'package';

/** As many first bytes as tell them apart. */
export const CONTAINER_BYTES = 8;

/** A local file header, or the end record of a package that holds nothing (APPNOTE 4.3.7, 4.3.16). */
const PACKAGE_BEGINS = [utf8('PK\u0003\u0004'), utf8('PK\u0005\u0006')];

export function containerOf(start: Uint8Array): Container {
  if (isPdf(start)) return 'pdf';
  const four = start.subarray(0, 4);
  return PACKAGE_BEGINS.some((begin) => equalBytes(begin, four)) ? 'package' : 'certificate';
}

/** A deposit has at most 100 files, and each comes with its proof. */
export const MAX_PACKAGE_ENTRIES = 1_000;

/** Deflate packs zeros 1,032 to 1; what people hand in as evidence stays far below this. */
const MAX_RATIO = 200;
/** Below this the ratio is not looked at: a small text may well be nothing but one line again and again. */
const RATIO_FROM_BYTES = 1024 * 1024;

export interface PackedName {
  /** as it stands in the package, with `/` between folders */
  readonly name: string;
  readonly isFolder: boolean;
}

export interface Chosen<Entry> {
  readonly certificate: Entry;
  readonly originals: readonly Entry[];
}

const CERTIFICATE = 'certificate.json';
const ORIGINALS = 'files/';

/** `certificate.json` at the top decides, and it must be one; originals lie under `files/`; the rest is not looked at. */
export function chooseFrom<Entry extends PackedName>(entries: readonly Entry[]): Chosen<Entry> {
  const [certificate, ...others] = entries.filter(({ name }) => name === CERTIFICATE);
  if (certificate === undefined) throw new FormatError('package-without-certificate');
  if (others.length > 0) throw new FormatError('package-certificates-several', { count: 1 + others.length });
  const originals = entries.filter(({ name, isFolder }) => name.startsWith(ORIGINALS) && !isFolder);
  return { certificate, originals };
}

/** What an original is called without its place. */
export const originalName = (name: string): string => name.slice(ORIGINALS.length);

/** Throws where a package lists more than any of ours would. */
export function checkEntryCount(count: number, limit = MAX_PACKAGE_ENTRIES): void {
  if (count > limit) throw new FormatError('package-entries-too-many', { limit });
}

/** Whatever a library says is wrong with it. */
export const unreadablePackage = (why: string): FormatError => new FormatError('package-unreadable', { why });

/** Counts what comes out of a package; what its headers say of sizes counts for nothing. */
export interface Meter {
  /** For one entry: is told each piece, and throws where there is more than may be. */
  entry(name: string, packedBytes: number): (length: number) => void;
}

export function createMeter(limit: number): Meter {
  let total = 0;
  return {
    entry(name, packedBytes) {
      let unpacked = 0;
      return (length) => {
        total += length;
        unpacked += length;
        if (total > limit) throw new FormatError('package-too-large', { limit });
        if (unpacked > RATIO_FROM_BYTES && unpacked > MAX_RATIO * packedBytes)
          throw new FormatError('package-packed-too-densely', { name, limit: MAX_RATIO });
      };
    },
  };
}
