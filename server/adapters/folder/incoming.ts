import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobRoom, IncomingBlob } from '../../ports/blobs.ts';
import { orUnavailable } from './failures.ts';
import { type Places, syncFolder } from './places.ts';

/** Bytes written at once: sockets bring 64 KiB or less, and each call to the file system costs its own. */
const BLOCK = 512 * 1024;

/** The disk begins to take a large file while it still comes in: the fsync at its end has less to wait for. */
const SYNC_EVERY = 64 * 1024 * 1024;

/** While one block is being written the next one fills: at most two a file in memory. */
interface Writer {
  write(chunk: Uint8Array): Promise<void>;
  /** All bytes are with the file system. */
  flush(): Promise<void>;
}

function writeBlocks(file: FileHandle): Writer {
  let filling: Buffer | undefined;
  let spare: Buffer | undefined;
  let length = 0;
  let writing: Promise<void> = Promise.resolve();
  let syncing: Promise<void> = Promise.resolve();
  let unsynced = 0;

  async function writeOut(block: Buffer, size: number): Promise<void> {
    for (let at = 0; at < size; ) at += (await file.write(block, at, size - at)).bytesWritten;
    spare = block;
    unsynced += size;
    if (unsynced < SYNC_EVERY) return;
    unsynced = 0;
    await syncing;
    syncing = file.datasync();
    syncing.catch(() => {});
  }

  /** Waits for the block before this one: more may come only as fast as the disk takes it. */
  async function hand(): Promise<void> {
    await writing;
    if (filling === undefined) return;
    writing = writeOut(filling, length);
    // Seen by whoever waits for it next; until then it must not count as unhandled.
    writing.catch(() => {});
    filling = spare;
    spare = undefined;
    length = 0;
  }

  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; ) {
        filling ??= Buffer.allocUnsafeSlow(BLOCK);
        const part = chunk.subarray(at, at + BLOCK - length);
        filling.set(part, length);
        length += part.length;
        at += part.length;
        if (length === BLOCK) await hand();
      }
    },
    async flush() {
      if (length > 0) await hand();
      await writing;
      await syncing;
    },
  };
}

/** A temporary folder that somebody has cleared away is made again: nothing of value is in it. */
async function openIn(tmp: string, path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(tmp, { recursive: true });
    return open(path, 'wx', 0o600);
  }
}

/** A temporary file that either gets its name, whole and durable, or disappears. */
export async function receiveIn(tmp: string, places: Places): Promise<IncomingBlob> {
  const path = join(tmp, `${process.pid}-${randomBytes(12).toString('hex')}`);
  const file = await openIn(tmp, path);
  const blocks = writeBlocks(file);
  let isDone = false;

  /** In this order, so that a name never stands for bytes that a power cut can still take away. */
  async function give(target: string): Promise<void> {
    await blocks.flush();
    await file.sync();
    await file.close();
    await places.makeFolder(target);
    // A crash before this leaves a temporary file. The same name again: replaced at once, whole by whole.
    await rename(path, target);
    isDone = true;
    // A crash before this may leave no name; nobody was told that there is one.
    await syncFolder(dirname(target));
  }

  return {
    write: (chunk) => orUnavailable('write a file', () => blocks.write(chunk)),
    async keep(room: BlobRoom, name: string) {
      const target = places.path(room, name);
      await orUnavailable('keep a file', () => give(target));
    },
    async discard() {
      if (isDone) return;
      isDone = true;
      await blocks.flush().catch(() => {});
      await file.close().catch(() => {});
      // On a read-only disk it stays, and the next start removes it.
      await rm(path, { force: true }).catch(() => {});
    },
  };
}
