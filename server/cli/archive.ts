import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from './usage.ts';

/*
 * A backup folder:
 *
 *   backup.json            what is in the backup: written last, replaced as a whole; without it there is none
 *   2026-11-22T09-30-00.000Z/   one moment: the database, the small files, and blobs.list
 *   blobs/files blobs/trees     as in the data folder; the next backup adds to them
 *
 * blobs.list has a line for each blob that the database refers to: room, name, size, SHA-256; for one that the
 * installation itself did not have whole: room, name, "-", "missing" or "damaged".
 */

export const BACKUP_FORMAT = 'kezheng-backup/1';
export const MANIFEST = 'backup.json';
export const BLOB_LIST = 'blobs.list';
export const DATABASE = 'kezheng.sqlite';

export type Room = 'files' | 'trees';

/** What the commands need of the embedded store; `main.ts` hands it in. */
export interface Embedded {
  /** One moment of the database in a new file, durable. */
  snapshot(database: string, file: string): void;
  /** Every blob that this database refers to, once each, by room and name; `size` where the journal says it. */
  blobsNamedIn(
    database: string,
  ): Iterable<{ readonly room: Room; readonly name: string; readonly size: number | undefined }>;
  /** Where a blob is in a folder `blobs`. */
  blobPath(folder: string, room: Room, name: string): string;
  writeDurably(path: string, content: string): Promise<void>;
  /** Has the service compare the data with the log on the chain before it makes a batch. */
  markRestored(dataDir: string, backup: { readonly createdAt: string }): Promise<void>;
}

export interface Part {
  /** relative, in the backup's moment and in the data folder alike */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly mode: number;
}

export interface BackupManifest {
  readonly format: typeof BACKUP_FORMAT;
  readonly createdAt: string;
  /** name of the folder of its moment */
  readonly moment: string;
  readonly parts: readonly Part[];
  readonly blobs: { readonly count: number; readonly bytes: number; readonly absent: number };
}

export interface ListedBlob {
  readonly room: Room;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

export interface AbsentBlob {
  readonly room: Room;
  readonly name: string;
  readonly why: 'missing' | 'damaged';
}

export const MOMENT = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/;
const HEX = /^[0-9a-f]{64}$/;
const PART_PATH = /^(?:chain\/)?[a-z]+(?:\.[a-z]+){0,2}$/;

/** Undefined where there is no whole backup in the folder; a UsageError where its description is damaged. */
export async function readManifest(folder: string): Promise<BackupManifest | undefined> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return checkManifest(JSON.parse(text) as BackupManifest);
  } catch {
    throw new UsageError(`${join(folder, MANIFEST)} 已损坏 / is damaged`);
  }
}

/** Nothing outside of the folders is ever named by it. */
function checkManifest(manifest: BackupManifest): BackupManifest {
  const { format, createdAt, moment, parts, blobs } = manifest;
  const isWhole =
    format === BACKUP_FORMAT &&
    Number.isFinite(Date.parse(createdAt)) &&
    MOMENT.test(moment) &&
    parts.every((part) => PART_PATH.test(part.path) && HEX.test(part.sha256) && isCount(part.size)) &&
    [DATABASE, BLOB_LIST].every((path) => parts.some((part) => part.path === path)) &&
    [blobs.count, blobs.bytes, blobs.absent].every(isCount);
  if (!isWhole) throw new Error('not a description of a backup');
  return manifest;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

export const lineOf = (blob: ListedBlob | AbsentBlob): string =>
  'why' in blob
    ? `${blob.room} ${blob.name} - ${blob.why}\n`
    : `${blob.room} ${blob.name} ${blob.size} ${blob.sha256}\n`;

const LINE = /^(files|trees) ([0-9a-f]{64}) (?:(\d{1,16}) ([0-9a-f]{64})|- (missing|damaged))$/;

export async function* readList(path: string): AsyncGenerator<ListedBlob | AbsentBlob> {
  const file = await open(path, 'r');
  for await (const line of file.readLines()) {
    const found = LINE.exec(line);
    if (found === null) throw new UsageError(`${path} 已损坏 / is damaged`);
    const [, room, name, size, sha256, why] = found;
    const of = { room: room as Room, name: name! };
    if (why !== undefined) yield { ...of, why: why as AbsentBlob['why'] };
    else yield { ...of, size: Number(size), sha256: sha256! };
  }
}

/** What stands in a file now. */
export async function digestOf(path: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { size, sha256: hash.digest('hex') };
}

/**
 * Copies and hashes in one pass. The copy is whole and durable under its name, or it has no name: what a crash leaves
 * is a temporary file. Where `accept` refuses what came, nothing is left.
 */
export async function copyFile(
  from: string,
  to: string,
  mode: number,
  accept: (copied: { size: number; sha256: string }) => boolean = () => true,
): Promise<{ size: number; sha256: string; accepted: boolean }> {
  const temporary = `${to}.tmp`;
  await rm(temporary, { force: true });
  const hash = createHash('sha256');
  let size = 0;
  const target = await open(temporary, 'wx', mode);
  try {
    for await (const chunk of createReadStream(from, { highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      await target.writeFile(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
    await target.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await target.close();
  }
  const copied = { size, sha256: hash.digest('hex') };
  const accepted = accept(copied);
  if (accepted) await rename(temporary, to);
  else await rm(temporary, { force: true });
  return { ...copied, accepted };
}

/** The names in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Folders that are made, once each, and made durable together at the end. */
export function createFolders() {
  const made = new Set<string>();
  return {
    async make(path: string): Promise<void> {
      if (made.has(path)) return;
      await mkdir(path, { recursive: true, mode: 0o700 });
      made.add(path);
    },
    /** All of them, and what they are in up to `root`. */
    async sync(root: string): Promise<void> {
      const all = new Set([root, dirname(root)]);
      for (const path of made)
        for (let at = path; !all.has(at) && at !== dirname(at); at = dirname(at)) all.add(at);
      for (const path of all) await syncFolder(path);
    },
  };
}

/** Works through items, a few at a time; the first failure ends it after those under way have settled. */
export async function eachOf<T>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  for await (const item of items) {
    const one: Promise<void> = work(item)
      .catch((error: unknown) => void failures.push(error))
      .then(() => void underWay.delete(one));
    underWay.add(one);
    if (underWay.size >= AT_ONCE) await Promise.race(underWay);
    if (failures.length > 0) break;
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
}

/** Each waits for an fsync most of its time. */
const AT_ONCE = 8;

export const listFolder = async (path: string): Promise<string[]> => {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

export const nameOfBlob = ({ room, name }: { room: Room; name: string }): string => `${room}/${name}`;

/** The disk or the database is at fault, which a person can act on; anything else is a bug. */
export const isOfDisk = (error: unknown): error is Error & { readonly code: string } =>
  /^(?:E[A-Z]+|SQLITE_[A-Z_]+)$/.test(String((error as { code?: unknown } | undefined)?.code));
