import { openPackage } from '../../adapters/packages.ts';
import { MAX_CERTIFICATE_BYTES } from '../../core/certificate/certificate.ts';
import type { CaseContents } from '../../core/container/case-package.ts';
import { openGiven, type Packed, type Source } from '../../core/container/open.ts';
import { containerOf } from '../../core/container/package.ts';
import type { Pdf } from '../../core/container/pdf.ts';
import { FormatError } from '../../core/reason.ts';
import { bothLanguages } from '../../messages/sentence.ts';
import type { Both } from '../shared/words.ts';

/*
 * The one place where a file that somebody gives as «the certificate» becomes the certificate's bytes: the certificate, a
 * PDF with the certificate inside, a package with certificate and originals, or the package of a case.
 */

export interface Opened {
  /** the certificate's exact bytes */
  readonly certificate: Uint8Array;
  /** the document that they were taken from */
  readonly pdf: Pdf | undefined;
  /** originals that came along in a package; they are hashed as any other */
  readonly files: readonly File[];
}

export type Opening = Opened | { readonly case: CaseContents } | { readonly wrong: Both };

/**
 * Of originals that somebody packed again, and which must be unpacked before they can be hashed. Those in a package of
 * ours lie in it as they are: they are hashed where they lie, whatever their size.
 */
const MAX_UNPACKED_BYTES = 2 * 1024 * 1024 * 1024;

export async function openInput(file: File): Promise<Opening> {
  try {
    const opened = await openGiven(sourceOf(file), openPackage, MAX_UNPACKED_BYTES);
    if ('readCase' in opened) return { case: await opened.readCase() };
    const { certificate, pdf, originals } = opened;
    const files: File[] = [];
    for (const original of originals) files.push(await takenOut(file, original));
    return { certificate, pdf, files };
  } catch (error) {
    if (error instanceof FormatError) return { wrong: bothLanguages('reason', error.code, error.detail) };
    if (!(error instanceof DOMException)) throw error;
    return { wrong: bothLanguages('page', 'container-unreadable', { name: file.name }) };
  }
}

const sourceOf = (file: Blob): Source => ({
  size: file.size,
  read: async (offset, length) => new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
});

async function takenOut(container: Blob, { name, plain, unpack }: Packed): Promise<File> {
  if (plain !== undefined) return new File([container.slice(plain.offset, plain.offset + plain.size)], name);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  // A copy each: the library may use its memory again.
  for await (const piece of unpack()) pieces.push(piece.slice());
  return new File(pieces, name);
}

/** At most the first `limit` bytes. */
export const readStart = async (file: Blob, limit: number): Promise<Uint8Array> =>
  new Uint8Array(await file.slice(0, limit).arrayBuffer());

/** How every certificate begins (RFC 8785 puts `anchors` first): tells it from a file where both are dropped at once. */
const CERTIFICATE_BEGINS = '{"anchors":';

/** Which of several files is the certificate: one that begins as such; or else one that holds it; or else the first. */
export async function certificateAmong(files: readonly File[]): Promise<File> {
  if (files.length === 1) return files[0]!;
  const starts = await Promise.all(
    files.map((file) => readStart(file, CERTIFICATE_BEGINS.length).catch(() => new Uint8Array(0))),
  );
  const itself = files.find(
    (file, i) =>
      file.size <= MAX_CERTIFICATE_BYTES && String.fromCharCode(...starts[i]!) === CERTIFICATE_BEGINS,
  );
  if (itself !== undefined) return itself;
  // A PDF or a ZIP may as well be an original: it has to be looked into.
  for (const [i, file] of files.entries())
    if (containerOf(starts[i]!) !== 'certificate' && !('wrong' in (await openInput(file)))) return file;
  return files[0]!;
}
