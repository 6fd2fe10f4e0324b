import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobRoom, IncomingBlob } from '../../ports/blobs.ts';
import { openNew, writeAll, writesUnderWay } from '../temporary.ts';
import { orUnavailable } from './failures.ts';
import { type Places, syncFolder } from './places.ts';

/** The disk begins to take a large file while it still comes in: the fsync at its end has less to wait for. */
const SYNC_EVERY = 64 * 1024 * 1024;

/** What O_DIRECT asks of positions, lengths and addresses, on any disk that we know. */
const PAGE = 4_096;

/** Below this the page cache is the shorter way. */
const WORTH_DIRECT = 64 * 1024;

interface Writer {
  write(chunk: Uint8Array): Promise<void>;
  /** Nothing is under way any more; throws what went wrong on the way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Writes at positions, several pieces at once. Large pieces that lie right go to the disk past the page cache
 * (O_DIRECT): evidence is seldom read soon, and copying a file into fresh memory costs as much as hashing it. Where the
 * file system knows no such way (EINVAL), and for all the rest, the ordinary one is taken; both may be used for
 * different parts of one file.
 */
function writePieces(file: FileHandle, path: string): Writer {
  const underWay = writesUnderWay();
  let direct: Promise<FileHandle> | undefined;
  let mayBeDirect = constants.O_DIRECT !== undefined;
  let position = 0;
  let unsynced = 0;

  /** False where this way is closed; what it has written of the piece is written again. */
  async function writeDirect(piece: Uint8Array, start: number): Promise<boolean> {
    try {
      direct ??= open(path, constants.O_WRONLY | constants.O_DIRECT);
      await writeAll(await direct, piece, start);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      mayBeDirect = false;
      return false;
    }
  }

  async function writePiece(piece: Uint8Array, start: number): Promise<void> {
    if (mayBeDirect && liesRight(piece, start) && (await writeDirect(piece, start))) return;
    await writeAll(file, piece, start);
    unsynced += piece.length;
    if (unsynced < SYNC_EVERY) return;
    unsynced = 0;
    await file.datasync();
  }

  return {
    write(piece) {
      const start = position;
      position += piece.length;
      return underWay.add(writePiece(piece, start));
    },
    settled: underWay.settled,
    async close() {
      await underWay.ended();
      await direct?.then(
        (handle) => handle.close(),
        () => {},
      );
      await file.close();
    },
  };
}

const liesRight = (piece: Uint8Array, start: number): boolean =>
  piece.length >= WORTH_DIRECT &&
  piece.length % PAGE === 0 &&
  start % PAGE === 0 &&
  piece.byteOffset % PAGE === 0;

/** A temporary file that either gets its name, whole and durable, or disappears. */
export async function receiveIn(tmp: string, places: Places): Promise<IncomingBlob> {
  const path = join(tmp, `${process.pid}-${randomBytes(12).toString('hex')}`);
  const file = await openNew(tmp, path, 'wx');
  const pieces = writePieces(file, path);
  let isDone = false;

  /** In this order, so that a name never stands for bytes that a power cut can still take away. */
  async function give(target: string): Promise<void> {
    await pieces.settled();
    await file.sync();
    await pieces.close();
    await places.makeFolder(target);
    // A crash before this leaves a temporary file. The same name again: replaced at once, whole by whole.
    await rename(path, target);
    isDone = true;
    // A crash before this may leave no name; nobody was told that there is one.
    await syncFolder(dirname(target));
  }

  return {
    write: (chunk) => orUnavailable('write a file', () => pieces.write(chunk)),
    async keep(room: BlobRoom, name: string) {
      const target = places.path(room, name);
      await orUnavailable('keep a file', () => give(target));
    },
    async discard() {
      if (isDone) return;
      isDone = true;
      await pieces.close().catch(() => {});
      // On a read-only disk it stays, and the next start removes it.
      await rm(path, { force: true }).catch(() => {});
    },
  };
}
