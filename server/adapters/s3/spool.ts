import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

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
  const underWay = new Set<Promise<void>>();
  let size = 0;
  let failure: { readonly error: unknown } | undefined;

  return {
    get size() {
      return size;
    },
    write(chunk) {
      const start = size;
      size += chunk.length;
      const written = writeOut(file, chunk, start);
      const watched: Promise<void> = written
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .then(() => void underWay.delete(watched));
      underWay.add(watched);
      return written;
    },
    async settled() {
      await Promise.all(underWay);
      if (failure !== undefined) throw failure.error;
    },
    async read(into, start) {
      for (let at = 0; at < into.length; ) {
        const { bytesRead } = await file.read(into, at, into.length - at, start + at);
        if (bytesRead === 0) throw Object.assign(new Error('a temporary file lost bytes'), { code: 'EIO' });
        at += bytesRead;
      }
    },
    async close() {
      await Promise.all(underWay);
      await file.close();
    },
  };
}

async function writeOut(file: FileHandle, chunk: Uint8Array, start: number): Promise<void> {
  for (let at = 0; at < chunk.length; )
    at += (await file.write(chunk, at, chunk.length - at, start + at)).bytesWritten;
}

async function openNameless(dir: string): Promise<FileHandle> {
  const path = join(dir, `upload-${randomBytes(12).toString('hex')}`);
  const file = await openIn(dir, path);
  await rm(path, { force: true });
  return file;
}

/** A temporary folder that somebody has cleared away is made again: nothing of value is in it. */
async function openIn(dir: string, path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx+', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dir, { recursive: true });
    return open(path, 'wx+', 0o600);
  }
}

/** Bytes that are in memory already. */
export const sourceOf = (bytes: Uint8Array): Source => ({
  size: bytes.length,
  async read(into, start) {
    into.set(bytes.subarray(start, start + into.length));
  },
});
