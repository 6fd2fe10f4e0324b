import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { copyFile, link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './sync-folder.ts';
import { UsageError, userPath } from './usage.ts';

/** A file that is there already may be an original whose name was given by mistake: it is never written over. */
export async function writeNew(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    await writeNewDurably(userPath(path), bytes);
  } catch (error) {
    throw new UsageError(`无法写入 ${path} / cannot write it (${(error as Error).message})`);
  }
}

/** Asked before work is done that would come to nothing. */
export const isThere = (path: string): boolean => existsSync(userPath(path));

/**
 * A file under a name that is not there yet: a crash leaves nothing or all of it, where files can have two names. EEXIST where there is something under
 * that name, which stays as it is.
 */
export async function writeNewDurably(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o666);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename this fails where the name is taken, also at the last moment.
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (!WITHOUT_LINKS.includes(error.code ?? '')) throw error;
      return copyDurably(temporary, path);
    });
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
}

/** Where a file can have one name only: a crash may leave a part, under a name that nothing was promised of. */
async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL);
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What file systems of memory sticks (FAT) say of a second name for a file. */
const WITHOUT_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
