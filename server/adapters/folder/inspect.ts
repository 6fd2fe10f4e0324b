import type { Dirent } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';
import type { BlobRoom } from '../../ports/blobs.ts';
import { type BlobInspector, InspectionFailed } from '../../ports/inspect.ts';

const DIGEST = /^[0-9a-f]{64}$/;

/** The folder as it stands. Unlike the service it removes nothing when it is opened. */
export function openFolderInspector({ dir }: { readonly dir: string }): BlobInspector {
  const tmp = join(dir, 'tmp');
  const pathOf = (room: BlobRoom, name: string): string => {
    if (!DIGEST.test(name)) throw new TypeError('the name of a blob has 64 hex digits');
    return join(dir, room, name.slice(0, 2), name);
  };
  return {
    async *list(room) {
      for (const shard of await entriesOf(join(dir, room))) {
        const inside = shard.isDirectory() ? await entriesOf(join(dir, room, shard.name)) : [];
        if (!shard.isDirectory()) yield { name: shard.name, size: await sizeOf(join(dir, room, shard.name)) };
        for (const file of inside) {
          const isPlace = DIGEST.test(file.name) && file.name.slice(0, 2) === shard.name && file.isFile();
          const size = await sizeOf(join(dir, room, shard.name, file.name));
          yield { name: isPlace ? file.name : `${shard.name}/${file.name}`, size };
        }
      }
    },
    size: (room, name) => statOf(pathOf(room, name)),
    async stream(room, name) {
      const file = await gone(open(pathOf(room, name), 'r'));
      return file?.createReadStream({ highWaterMark: 1 << 20 });
    },
    async *leftovers() {
      for (const { name } of await entriesOf(tmp))
        if (!isSomeonesWork(name)) yield { name, size: await sizeOf(join(tmp, name)) };
    },
    async removeLeftover(name) {
      if (basename(name) !== name) throw new TypeError('not the name of a temporary file');
      await rm(join(tmp, name), { recursive: true, force: true });
    },
  };
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  const found = (await gone(readdir(folder, { withFileTypes: true }))) ?? [];
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A temporary name begins with the number of the process that writes it. */
function isSomeonesWork(name: string): boolean {
  const pid = Number.parseInt(name, 10);
  if (!(pid > 0) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const statOf = async (path: string): Promise<number | undefined> => (await gone(stat(path)))?.size;
const sizeOf = async (path: string): Promise<number> => (await statOf(path)) ?? 0;

/** Undefined where there is no such file: it may also have gone since it was listed. */
async function gone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new InspectionFailed(message, code === 'EIO', error);
  }
}
