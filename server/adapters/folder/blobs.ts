import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { BlobRoom, Blobs } from '../../ports/blobs.ts';
import { orUnavailable } from './failures.ts';
import { receiveIn } from './incoming.ts';
import { createPlaces, syncFolder } from './places.ts';

/**
 * Blobs in a folder: `files/ab/abcd…` and `trees/ab/abcd…`, on one file system with `tmp/`, so that a rename is atomic.
 * What has a name there was fsynced before it got it. What a crash leaves in `tmp/` is removed here, at start.
 */
export async function openFolderBlobs({ dir }: { readonly dir: string }): Promise<Blobs> {
  const tmp = join(dir, 'tmp');
  const places = createPlaces(dir);
  await orUnavailable('prepare the folder', async () => {
    for (const folder of ['tmp', 'files', 'trees']) await mkdir(join(dir, folder), { recursive: true });
    await syncFolder(dir);
    await removeLeftovers(tmp);
  });

  const receive = () => orUnavailable('open a temporary file', () => receiveIn(tmp, places));

  return {
    receive,
    async keep(room, name, bytes) {
      places.path(room, name);
      const incoming = await receive();
      try {
        await incoming.write(bytes);
        await incoming.keep(room, name);
      } catch (error) {
        await incoming.discard();
        throw error;
      }
    },
    size: (room, name) => orUnavailable('look for a file', () => sizeOf(places.path(room, name))),
    stream: (room, name, start, end) =>
      orUnavailable('open a file', () => streamOf(places.path(room, name), start, end)),
    read: (room, name, start, length) =>
      orUnavailable('read a file', () => readFrom(places.path(room, name), { room, name, start, length })),
  };
}

/**
 * A name says which process made it: another one that runs on the same folder (the command line beside the service)
 * keeps what it is writing. A process that has our number is one that is gone.
 */
async function removeLeftovers(tmp: string): Promise<void> {
  for (const name of await readdir(tmp)) {
    const pid = Number.parseInt(name, 10);
    if (pid > 0 && pid !== process.pid && isRunning(pid)) continue;
    await rm(join(tmp, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function streamOf(path: string, start: number, end: number): Promise<Readable> {
  const file = await open(path, 'r');
  if (end > start) return file.createReadStream({ start, end: end - 1 });
  // Node's `end` is inclusive: it has no way to say "nothing".
  await file.close();
  return Readable.from([]);
}

interface Part {
  readonly room: BlobRoom;
  readonly name: string;
  readonly start: number;
  readonly length: number;
}

async function readFrom(path: string, { room, name, start, length }: Part): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const file = await open(path, 'r');
  try {
    for (let at = 0; at < length; ) {
      const { bytesRead } = await file.read(bytes, at, length - at, start + at);
      if (bytesRead === 0) throw new Error(`${room}/${name} ends before ${start + length} bytes`);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  return bytes;
}
