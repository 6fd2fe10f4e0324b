import { MAX_CERTIFICATE_BYTES } from '../certificate/certificate.ts';
import { concat } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';
import type { CaseContents } from './case-package.ts';
import { CONTAINER_BYTES, containerOf } from './package.ts';
import { MAX_PDF_BYTES, openPdf, type Pdf } from './pdf.ts';

/** Bytes that can be read at any place: a file on a disk, or one that somebody gave to a page. */
export interface Source {
  readonly size: number;
  /** Fewer bytes than asked for only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** An original inside a package, not unpacked yet. */
export interface Packed {
  readonly name: string;
  /** where its bytes lie in the source, if they lie there as they are; another place than they come from proves nothing */
  readonly plain: { readonly offset: number; readonly size: number } | undefined;
  /** Its bytes, counted and compared with their checksum; throws FormatError. */
  unpack(): AsyncIterable<Uint8Array>;
}

export interface OpenedPackage {
  /** the certificate's exact bytes */
  readonly certificate: Uint8Array;
  readonly originals: readonly Packed[];
}

/** A package of a case, of which nothing is unpacked yet. */
export interface OpenedCase {
  /** Throws FormatError. */
  readCase(): Promise<CaseContents>;
}

/** Opens a package out of which at most `limit` bytes may come in all. Throws FormatError. */
export type OpenPackage = (source: Source, limit: number) => Promise<OpenedPackage | OpenedCase>;

/** One of many files, in an archive or a folder. */
export interface Filed {
  /** for people; it decides nothing but what may be a certificate */
  readonly name: string;
  /** Its bytes; throws FormatError where an archive holds them damaged. May be asked again. */
  unpack(): AsyncIterable<Uint8Array>;
}

/** Lists the files of an archive, as `OpenPackage` does those of a package. Throws FormatError. */
export type OpenArchive = (
  source: Source,
  limits: { readonly bytes: number; readonly entries: number },
) => Promise<readonly Filed[]>;

export interface Opened extends OpenedPackage {
  readonly pdf: Pdf | undefined;
}

/** As openGiven, for those who check single certificates. */
export async function openContainer(
  source: Source,
  openPackage: OpenPackage,
  limit: number,
): Promise<Opened> {
  const opened = await openGiven(source, openPackage, limit);
  if ('readCase' in opened) throw new FormatError('package-of-case');
  return opened;
}

/**
 * What somebody gave to be checked, known by its first bytes. A certificate itself is not looked into: one byte more
 * than allowed is enough for whoever checks it to see that it is too large. Throws FormatError where a container cannot be opened.
 */
export async function openGiven(
  source: Source,
  openPackage: OpenPackage,
  limit: number,
): Promise<Opened | OpenedCase> {
  const kind = containerOf(await source.read(0, CONTAINER_BYTES));
  if (kind === 'package') {
    const opened = await openPackage(source, limit);
    return 'readCase' in opened ? opened : { ...opened, pdf: undefined };
  }
  if (kind === 'certificate')
    return {
      certificate: await source.read(0, MAX_CERTIFICATE_BYTES + 1),
      pdf: undefined,
      originals: [],
    };
  const pdf = openPdf(await source.read(0, MAX_PDF_BYTES + 1));
  return { certificate: pdf.certificate, pdf, originals: [] };
}

/** A source that is held in memory. */
export const heldSource = (bytes: Uint8Array): Source => ({
  size: bytes.length,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});

/** Up to `limit` bytes: one more than is allowed is enough to see that it is too much. */
export async function upTo(pieces: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    all.push(piece);
    size += piece.length;
    if (size >= limit) break;
  }
  return concat(...all).subarray(0, limit);
}
