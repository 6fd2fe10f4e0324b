import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { UsageError, userPath } from './usage.ts';

/** A file that is there already may be an original whose name was given by mistake: it is never written over. */
export async function writeNew(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    await writeFile(userPath(path), bytes, { flag: 'wx' });
  } catch (error) {
    throw new UsageError(`无法写入 ${path} / cannot write it (${(error as Error).message})`);
  }
}

/** Asked before work is done that would come to nothing. */
export const isThere = (path: string): boolean => existsSync(userPath(path));
