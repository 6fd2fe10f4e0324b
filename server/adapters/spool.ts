import { randomBytes } from 'node:crypto';
import { type FileHandle, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from './files.ts';
import { openNew, writeAll, writesUnderWay } from './temporary.ts';

/** Bytes that can be read again for every attempt to send them. */
export interface Source {
  readonly size: number;
  /** Fills `into` from `start`. */
  read(into: Uint8Array, start: number): Promise<void>;
}

/** A temporary file on this machine. */
export interface Spool extends Source {
  /** Bytes in the order of the calls, which need not wait for each other. */
  write(chunk: Uint8Array): Promise<void>;
  /** All is written; throws what went wrong on the way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** It loses its name as soon as it is open: whatever happens to the process, the space comes back by itself. */
export async function openSpool(dir: string): Promise<Spool> {
  const file = await openNameless(dir);
  const underWay = writesUnderWay();
  let size = 0;

  return {
    get size() {
      return size;
    },
    write(chunk) {
      const start = size;
      size += chunk.length;
      return underWay.add(writeAll(file, chunk, start));
    },
    settled: underWay.settled,
    async read(into, start) {
      for (let at = 0; at < into.length; ) {
        const { bytesRead } = await file.read(into, at, into.length - at, start + at);
        if (bytesRead === 0) throw Object.assign(new Error('a temporary file lost bytes'), { code: 'EIO' });
        at += bytesRead;
      }
    },
    async close() {
      await underWay.ended();
      await file.close();
    },
  };
}

const PREFIX = 'upload-';

/** A crash between the two steps leaves a name; nobody ever opens one again, so none of them is in use. */
export async function removeLeftNames(dir: string): Promise<void> {
  await makeFolder(dir, 0o700);
  for (const name of await readdir(dir))
    if (name.startsWith(PREFIX)) await rm(join(dir, name), { force: true });
}

async function openNameless(dir: string): Promise<FileHandle> {
  const path = join(dir, `${PREFIX}${randomBytes(12).toString('hex')}`);
  const file = await openNew(dir, path, 'wx+');
  await rm(path, { force: true });
  return file;
}

/** Bytes that are in memory already. */
export const sourceOf = (bytes: Uint8Array): Source => ({
  size: bytes.length,
  async read(into, start) {
    into.set(bytes.subarray(start, start + into.length));
  },
});
