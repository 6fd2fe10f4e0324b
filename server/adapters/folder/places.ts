import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobRoom } from '../../ports/blobs.ts';

const ROOMS: readonly BlobRoom[] = ['files', 'trees'];
const NAME = /^[0-9a-f]{64}$/;

/** Where blobs stand. No path is ever built from a name that is not 64 hex digits. */
export interface Places {
  path(room: BlobRoom, name: string): string;
  /** The folder of this path is there, and a crash does not take it away. */
  makeFolder(path: string): Promise<void>;
}

export function createPlaces(dir: string): Places {
  const durable = new Set<string>();
  return {
    path(room, name) {
      if (!ROOMS.includes(room)) throw new TypeError(`no such room: ${room}`);
      if (!NAME.test(name)) throw new TypeError('the name of a blob has 64 hex digits');
      return join(dir, room, name.slice(0, 2), name);
    },
    async makeFolder(path) {
      const folder = dirname(path);
      if (durable.has(folder)) return;
      await mkdir(folder, { recursive: true });
      // Also where it was there: whoever made it may have been killed before its name was on disk.
      await syncFolder(dirname(folder));
      durable.add(folder);
    },
  };
}

/** After it the names in this folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
