import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from './sync-folder.ts';
import { UsageError } from './usage.ts';

/*
 * A backup folder:
 *
 *   backup.json            what is in the backup: written last, replaced as a whole; without it there is none
 *   2026-11-22T09-30-00.000Z/   one moment: the database, the small files, blobs.list, and a copy of backup.json
 *   blobs/files blobs/trees     as in the data folder; the next backup adds to them. NAME.damaged is a copy that was
 *                               found to be wrong and could not be mended; nothing reads it
 *
 * blobs.list has a line for each blob that the database refers to: room, name, size, SHA-256; for one that the
 * installation itself did not have whole: room, name, "-", "missing" or "damaged".
 */

export const BACKUP_FORMAT = 'kezheng-backup/1';
export const MANIFEST = 'backup.json';
export const BLOB_LIST = 'blobs.list';
export const DATABASE = 'kezheng.sqlite';
export const LOCK = 'backup.lock';

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
  /** A folder and those above it. */
  makeFolder(path: string, mode: number): Promise<void>;
  /** Has the service compare the data with the log on the chain before it makes a batch. */
  markRestored(dataDir: string, backup: { readonly createdAt: string }): Promise<void>;
}

export interface Digest {
  readonly size: number;
  readonly sha256: string;
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
  /** the last blob that was hashed again in this round, "files/…" or "trees/…"; without it a round begins */
  readonly checkedUpTo?: string | undefined;
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
const BLOB_KEY = /^(?:files|trees)\/[0-9a-f]{64}$/;
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

/**
 * Each moment has a copy of its description, written when everything else in it was durable, for when backup.json itself
 * is damaged or gone. The newest moment comes first: an older one may be in the middle of being deleted.
 */
export async function readManifestOrCopy(folder: string): Promise<BackupManifest | undefined> {
  const manifest = await readIfWhole(folder);
  if (manifest !== undefined) return manifest;
  const moments = (await listFolder(folder)).filter((name) => MOMENT.test(name)).sort();
  for (const moment of moments.reverse()) {
    const copy = await readIfWhole(join(folder, moment));
    if (copy?.moment === moment) return copy;
  }
  return undefined;
}

const readIfWhole = (folder: string): Promise<BackupManifest | undefined> =>
  readManifest(folder).catch((error: unknown) => {
    if (error instanceof UsageError || OF_MEDIUM.has(String((error as { code?: unknown }).code)))
      return undefined;
    throw error;
  });

/** Nothing outside of the folders is ever named by it. */
function checkManifest(manifest: BackupManifest): BackupManifest {
  const { format, createdAt, moment, parts, blobs, checkedUpTo } = manifest;
  const isWhole =
    format === BACKUP_FORMAT &&
    Number.isFinite(Date.parse(createdAt)) &&
    MOMENT.test(moment) &&
    parts.every((part) => PART_PATH.test(part.path) && HEX.test(part.sha256) && isCount(part.size)) &&
    [DATABASE, BLOB_LIST].every((path) => parts.some((part) => part.path === path)) &&
    [blobs.count, blobs.bytes, blobs.absent].every(isCount) &&
    (checkedUpTo === undefined || BLOB_KEY.test(checkedUpTo));
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

/** The errors by which a disk or a file system says that it has lost what was written. */
const OF_MEDIUM = new Set(['EIO', 'EISDIR', 'EBADMSG', 'EUCLEAN', 'ENODATA', 'ELOOP']);

/** A file could not be read to its end; an error of writing is another matter, and ends a run. */
export class Unreadable extends Error {
  readonly code: string;
  readonly isMissing: boolean;
  /** Rot; a right that is lacking or a limit of the system is not. */
  readonly isOfMedium: boolean;
  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.code = cause.code ?? '';
    this.isMissing = ['ENOENT', 'ENOTDIR'].includes(this.code);
    this.isOfMedium = OF_MEDIUM.has(this.code);
  }
}

async function* chunksOf(path: string): AsyncGenerator<Buffer, void, void> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 });
  } catch (error) {
    throw new Unreadable(error as NodeJS.ErrnoException);
  }
}

/** What stands in a file now. */
export async function digestOf(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunksOf(path)) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/**
 * Copies and hashes in one pass. The copy is whole and durable under its name, or it has no name: what a crash leaves
 * is a temporary file. Where `accept` refuses what came, nothing is left, and what had the name has it still.
 */
export async function copyFile(
  from: string,
  to: string,
  mode: number,
  accept: (copied: Digest) => boolean = () => true,
  temporary = `${to}.tmp`,
): Promise<Digest & { readonly accepted: boolean }> {
  await rm(temporary, { force: true });
  const hash = createHash('sha256');
  let size = 0;
  const target = await open(temporary, 'wx', mode);
  try {
    for await (const chunk of chunksOf(from)) {
      hash.update(chunk);
      await target.writeFile(chunk);
      size += chunk.length;
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

/** Folders that are made, once each, and made durable together at the end. */
export function createFolders(makeFolder: Embedded['makeFolder']) {
  const made = new Set<string>();
  return {
    async make(path: string): Promise<void> {
      if (made.has(path)) return;
      await makeFolder(path, 0o700);
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
