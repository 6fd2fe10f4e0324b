import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type AbsentBlob,
  type BackupManifest,
  BLOB_LIST,
  copyFile,
  type createFolders,
  DATABASE,
  type Digest,
  digestOf,
  type Embedded,
  eachOf,
  type ListedBlob,
  lineOf,
  nameOfBlob,
  type Room,
  readList,
  Unreadable,
} from './archive.ts';

export interface BlobJob {
  readonly folder: string;
  readonly dataDir: string;
  readonly embedded: Embedded;
  /** hard links instead of copies */
  readonly link: boolean;
  readonly cold: ColdSource | undefined;
  /** every copy is hashed again, not only a portion of them */
  readonly verify: boolean;
}

/** Where old batches' trees and files went: a folder is copied as the data folder is, of a bucket we only see what it has. */
export interface ColdSource {
  readonly folder: string | undefined;
  has(room: Room, name: string): Promise<boolean>;
}

export interface CopiedBlobs {
  readonly count: number;
  readonly bytes: number;
  readonly absent: readonly AbsentBlob[];
  /** in a cold bucket, and not in the backup */
  readonly elsewhere: number;
  /** Copies that were not what they had been, and are again. */
  readonly healed: readonly ListedBlob[];
  readonly checkedUpTo: string | undefined;
}

/** Temporary names are in the moment's own folder, so what a killed run leaves goes with it. */
const TEMPORARY = '.tmp';

/** Every blob that this moment's database refers to is in the folder afterwards, or is named as absent. */
export async function copyBlobs(
  job: BlobJob,
  place: string,
  folders: ReturnType<typeof createFolders>,
  earlier: BackupManifest | undefined,
): Promise<CopiedBlobs> {
  const { folder, dataDir, embedded, cold } = job;
  const places = [join(dataDir, 'blobs'), ...(cold?.folder === undefined ? [] : [cold.folder])];
  const trees = earlier === undefined ? new Map<string, ListedBlob>() : await treesOf(folder, earlier);
  const isInPortion = portionOf(earlier, job.verify);
  const temporary = join(place, TEMPORARY);
  await mkdir(temporary, { mode: 0o700 });
  const list = openSync(join(place, BLOB_LIST), 'wx', 0o600);
  const absent: AbsentBlob[] = [];
  const healed: ListedBlob[] = [];
  let [count, bytes, elsewhere] = [0, 0, 0];
  try {
    await eachOf(embedded.blobsNamedIn(join(place, DATABASE)), async ({ room, name, size }) => {
      const known = room === 'trees' ? trees.get(name) : undefined;
      const isChecked = isInPortion.next(nameOfBlob({ room, name }), size ?? known?.size ?? 0);
      const to = embedded.blobPath(join(folder, 'blobs'), room, name);
      const froms = places.map((one) => embedded.blobPath(one, room, name));
      if (!froms.some((one) => existsSync(one)) && !existsSync(to) && (await cold?.has(room, name))) {
        elsewhere++;
        return;
      }
      await folders.make(dirname(to));
      const wanted = {
        room,
        name,
        to,
        temporary: join(temporary, `${room}-${name}`),
        // The name of a file is its digest; that of a tree says nothing of its bytes, so the last list does.
        size: size ?? known?.size,
        sha256: room === 'files' ? name : known?.sha256,
        isChecked,
        mayLink: job.link,
      };
      const { got, isHealed } = await ensureFrom(froms, wanted);
      writeSync(list, lineOf(got));
      if ('why' in got) {
        absent.push(got);
        return;
      }
      if (isHealed) healed.push(got);
      count++;
      bytes += got.size;
    });
    fsyncSync(list);
  } finally {
    closeSync(list);
  }
  await rm(temporary, { recursive: true });
  return { count, bytes, absent, elsewhere, healed, checkedUpTo: isInPortion.upTo() };
}

/** None where the list itself is damaged or gone: a backup mends what was wrong with the one before. */
async function treesOf(folder: string, { moment, parts }: BackupManifest): Promise<Map<string, ListedBlob>> {
  const path = join(folder, moment, BLOB_LIST);
  const expected = parts.find((part) => part.path === BLOB_LIST)?.sha256;
  const trees = new Map<string, ListedBlob>();
  if ((await digestOrNone(path))?.sha256 !== expected) return trees;
  for await (const blob of readList(path))
    if (blob.room === 'trees' && !('why' in blob)) trees.set(blob.name, blob);
  return trees;
}

/** Of what is there already an ordinary backup hashes a tenth again, and no more than this, so that it stays quick. */
const PORTION_BYTES = 2 ** 30;
const PORTION_OF_ALL = 0.1;

/**
 * Goes round in the order of the names, from where the backup before stopped. One blob at least is checked every time,
 * however large: else a very large one never would be.
 */
function portionOf(earlier: BackupManifest | undefined, isAll: boolean) {
  const limit = Math.min(PORTION_BYTES, (earlier?.blobs.bytes ?? 0) * PORTION_OF_ALL);
  const from = earlier?.checkedUpTo ?? '';
  let spent = 0;
  let last: string | undefined;
  let isOver = false;
  return {
    next(key: string, size: number): boolean {
      if (isAll) return true;
      if (key <= from) return false;
      if (spent >= limit) {
        isOver = true;
        return false;
      }
      spent += size;
      last = key;
      return true;
    },
    /** Undefined: everything has had its turn, and the next backup begins again. */
    upTo: (): string | undefined => (isOver ? (last ?? earlier?.checkedUpTo) : undefined),
  };
}

interface Wanted {
  readonly room: Room;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly temporary: string;
  /** undefined of a tree that no list tells of */
  readonly size: number | undefined;
  readonly sha256: string | undefined;
  readonly isChecked: boolean;
  readonly mayLink: boolean;
}

interface Ensured {
  readonly got: ListedBlob | AbsentBlob;
  readonly isHealed: boolean;
}

/** `move-cold` may take it from the one place to the other at this moment: then it is in the other. */
async function ensureFrom(froms: readonly string[], wanted: Omit<Wanted, 'from'>): Promise<Ensured> {
  const find = (): string => froms.find((one) => existsSync(one)) ?? froms[0]!;
  const from = find();
  try {
    return await ensure({ ...wanted, from });
  } catch (error) {
    const now = find();
    if (now === from || !(error instanceof Unreadable && error.isMissing)) throw error;
    return ensure({ ...wanted, from: now });
  }
}

/**
 * The copy that is there where it is right, else the installation's own. A copy that is not right, and of which the
 * installation has no better, loses its name: what has a name in a backup was whole when it got it. Its bytes stay
 * beside it, for whoever wants to look at them.
 */
async function ensure(wanted: Wanted): Promise<Ensured> {
  if (!existsSync(wanted.to)) return { got: await take(wanted, wanted.isChecked), isHealed: false };
  const judged = await judge(wanted);
  if (judged.kept !== undefined) return { got: judged.kept, isHealed: false };
  const got = await take({ ...wanted, ...judged.expected }, true);
  if ('why' in got) {
    await rename(wanted.to, `${wanted.to}.damaged`);
    return { got: { ...got, why: 'damaged' }, isHealed: false };
  }
  return { got, isHealed: true };
}

/** Whether the copy can be kept, or else what it should have been. */
async function judge(
  wanted: Wanted,
): Promise<{ kept: ListedBlob | undefined; expected: Pick<Wanted, 'size' | 'sha256'> }> {
  const { room, name, to, isChecked } = wanted;
  const there = (await stat(to)).size;
  if (wanted.sha256 !== undefined) {
    const { size, sha256 } = wanted;
    const expected = { size, sha256 };
    const isRight = there === size && (!isChecked || (await digestOrNone(to))?.sha256 === sha256);
    return { kept: isRight ? { room, name, size: there, sha256 } : undefined, expected };
  }
  // A tree that no list tells of, so it is compared with the installation's own, where there is one.
  const now = await digestOrNone(to);
  const own = existsSync(wanted.from) ? await digestOrNone(wanted.from) : undefined;
  const isRight = now !== undefined && (own === undefined || own.sha256 === now.sha256);
  return { kept: isRight ? { room, name, ...now } : undefined, expected: own ?? wanted };
}

/** A file whose bytes are not those of its name is not copied, and nothing that is there is touched. */
async function take(wanted: Wanted, isStrict: boolean): Promise<ListedBlob | AbsentBlob> {
  const { room, name, from, to, temporary } = wanted;
  if (!existsSync(from)) return { room, name, why: 'missing' };
  const isRight = ({ sha256 }: Digest) => wanted.sha256 === undefined || sha256 === wanted.sha256;
  try {
    const taken = wanted.mayLink ? await takeLink(wanted, isStrict, isRight) : undefined;
    if (taken !== undefined) return taken;
    const { size, sha256, accepted } = await copyFile(from, to, 0o600, isRight, temporary);
    return accepted ? { room, name, size, sha256 } : { room, name, why: 'damaged' };
  } catch (error) {
    if (error instanceof Unreadable && error.isOfMedium) return { room, name, why: 'damaged' };
    throw error;
  }
}

/** A new link is taken as it is but for its size, and looked at when restored; one that mends is looked at first. */
async function takeLink(
  { room, name, from, to, temporary, size }: Wanted,
  isStrict: boolean,
  isRight: (now: Digest) => boolean,
): Promise<ListedBlob | AbsentBlob | undefined> {
  const now =
    isStrict || room === 'trees' ? await digestOf(from) : { size: (await stat(from)).size, sha256: name };
  if ((size !== undefined && now.size !== size) || !isRight(now)) return { room, name, why: 'damaged' };
  return (await linked(from, to, temporary)) ? { room, name, ...now } : undefined;
}

/** False where the two are on different file systems, or where this one has no links. */
async function linked(from: string, to: string, temporary: string): Promise<boolean> {
  try {
    await link(from, temporary);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    return false;
  }
  await rename(temporary, to);
  // Where both are the same file already, rename does nothing and says nothing.
  await rm(temporary, { force: true });
  return true;
}

/** What stands there, or nothing where it cannot be read: rot on a disk is often an error of reading. */
async function digestOrNone(path: string): Promise<Digest | undefined> {
  try {
    return await digestOf(path);
  } catch (error) {
    if (error instanceof Unreadable && (error.isOfMedium || error.isMissing)) return undefined;
    throw error;
  }
}
