import { BlobUnavailable } from '../../ports/blobs.ts';

/** The disk is full, read-only, failing, over quota, gone or closed to us, or too many files are open: not the caller's fault. */
const STORAGE_CODES = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EIO',
  'EACCES',
  'EPERM',
  'EMFILE',
  'ENFILE',
  'ENODEV',
  'ENOTDIR',
]);

/** Runs a piece of work with files; what the disk is to blame for becomes BlobUnavailable. */
export async function orUnavailable<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !STORAGE_CODES.has(code)) throw error;
    throw new BlobUnavailable(`${code}: could not ${what}`, error);
  }
}
