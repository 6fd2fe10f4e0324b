import type { FileHandle } from 'node:fs/promises';
import { heldSource, type Source } from '../core/container/open.ts';
import { MAX_PDF_BYTES } from '../core/container/pdf.ts';
import { readAt, readStart } from './read-small.ts';

/** A pipe has neither a size nor places: what comes out of it is held. */
export async function sourceOf(file: FileHandle): Promise<Source> {
  const stat = await file.stat();
  if (!stat.isFile()) return heldSource(await readStart(file, MAX_PDF_BYTES + 1));
  const { size } = stat;
  return {
    size,
    read: (offset, length) => readAt(file, offset, Math.min(length, Math.max(0, size - offset))),
  };
}
