import { readSync } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Blobs, Range } from '../../ports/blobs.ts';
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
      orUnavailable('read a file', async () => {
        const [bytes] = await readRanges(places.path(room, name), `${room}/${name}`, [{ start, length }]);
        return bytes!;
      }),
    readEach: (room, name, ranges) =>
      orUnavailable('read a file', () => readRanges(places.path(room, name), `${room}/${name}`, ranges)),
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

/** What is read without leaving the thread: a page that is in memory takes a microsecond, another thread twenty. */
const SMALL = 16 * 1024;

async function readRanges(path: string, name: string, ranges: readonly Range[]): Promise<Uint8Array[]> {
  const file = await open(path, 'r');
  try {
    const parts: Uint8Array[] = [];
    for (const { start, length } of ranges) {
      const bytes = Buffer.allocUnsafe(length);
      for (let at = 0; at < length; ) {
        const left = length - at;
        const read =
          length <= SMALL
            ? readSync(file.fd, bytes, at, left, start + at)
            : (await file.read(bytes, at, left, start + at)).bytesRead;
        if (read === 0) throw new Error(`${name} ends before ${start + length} bytes`);
        at += read;
      }
      parts.push(bytes);
    }
    return parts;
  } finally {
    await file.close();
  }
}
