import { isUtf8 } from 'node:buffer';
import { closeSync, constants, type Dirent, fstatSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LeftOut } from '../../ports/scan.ts';

/*
 * What is below a folder, in order. Paths are inside the folder and hold bytes as characters (latin1), so that names
 * which are no UTF-8 come out as they are, and the order of strings is the order of bytes.
 *
 * Whoever can rename folders while they are read must not lead us elsewhere by a link: a folder is opened without
 * following one, and must lie in the very folder in whose list it stood.
 */

/** Which folder it is, whatever its path leads to later. */
export interface FolderId {
  readonly dev: number;
  readonly ino: number;
}

export type Found =
  | { readonly kind: 'file'; readonly path: string; readonly folder: FolderId }
  | { readonly kind: 'left-out'; readonly path: string; readonly leftOut: LeftOut };

interface Listed {
  readonly id: FolderId;
  /** of what is in it, with a slash at its end; empty at the top */
  readonly prefix: string;
  readonly entries: readonly Dirent<string>[];
  next: number;
}

/** Throws where the folder itself cannot be read. */
export function* walk(folder: string): Generator<Found> {
  const open: Listed[] = [list(folder, '', undefined)];
  for (let here = open.at(-1); here !== undefined; here = open.at(-1)) {
    const entry = here.entries[here.next++];
    if (entry === undefined) {
      open.pop();
      continue;
    }
    const path = `${here.prefix}${entry.name}`;
    const why = whyNot(entry);
    if (why !== undefined) yield leftOut(path, entry, why);
    else if (entry.isFile()) yield { kind: 'file', path, folder: here.id };
    else {
      try {
        open.push(list(join(folder, textOf(path)), `${path}/`, here.id));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        yield leftOut(path, entry, whyUnreadable(code), code);
      }
    }
  }
}

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A folder by what is open, not by its name: the name may lead elsewhere by now. */
export const throughFile = (file: number): string => `/proc/self/fd/${file}`;

/** Compared by their bytes. A folder's name is compared like a file's: what is in it comes where it stands. */
function list(path: string, prefix: string, parent: FolderId | undefined): Listed {
  const file = openSync(path, parent === undefined ? constants.O_RDONLY | constants.O_DIRECTORY : FLAGS);
  try {
    const { dev, ino } = fstatSync(file);
    if (parent !== undefined && !isSame(statSync(`${throughFile(file)}/..`), parent))
      throw Object.assign(new Error('a folder was moved'), { code: 'ENOENT' });
    const entries = readdirSync(throughFile(file), { withFileTypes: true, encoding: 'latin1' });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    return { id: { dev, ino }, prefix, entries, next: 0 };
  } finally {
    closeSync(file);
  }
}

export const isSame = (a: FolderId, b: FolderId): boolean => a.dev === b.dev && a.ino === b.ino;

/** Opened as long as its files are read. Throws where it is no longer the one that was listed. */
export function openFolder(path: string, id: FolderId, isTop: boolean): number {
  const file = openSync(path, isTop ? constants.O_RDONLY | constants.O_DIRECTORY : FLAGS);
  if (isSame(fstatSync(file), id)) return file;
  closeSync(file);
  throw Object.assign(new Error('a folder was moved'), { code: 'ENOENT' });
}

function whyNot(entry: Dirent<string>): LeftOut['why'] | undefined {
  if (entry.isSymbolicLink()) return 'link';
  if (entry.isFIFO()) return 'pipe';
  if (entry.isSocket()) return 'socket';
  if (entry.isBlockDevice() || entry.isCharacterDevice()) return 'device';
  if (!entry.isFile() && !entry.isDirectory()) return 'other-kind';
  return isAscii(entry.name) || isUtf8(Buffer.from(entry.name, 'latin1')) ? undefined : 'name-not-utf8';
}

export const whyUnreadable = (code: string | undefined): LeftOut['why'] =>
  code === undefined ? 'unreadable' : (REASONS[code] ?? 'unreadable');

/** ELOOP: a link took the place of what was there, and is not followed. */
const REASONS: Readonly<Record<string, LeftOut['why']>> = {
  ENOENT: 'vanished',
  ENOTDIR: 'vanished',
  ELOOP: 'link',
  ENXIO: 'socket',
  ENAMETOOLONG: 'name-too-long',
};

function leftOut(
  path: string,
  entry: Dirent<string>,
  why: LeftOut['why'],
  code: string | null = null,
): Found {
  return {
    kind: 'left-out',
    path,
    leftOut: { ...namesOf(path), why, code, folder: entry.isDirectory() },
  };
}

export function namesOf(path: string): Pick<LeftOut, 'name' | 'bytes'> {
  const bytes = Buffer.from(path, 'latin1');
  return { name: bytes.toString('utf8'), bytes: isUtf8(bytes) ? null : bytes.toString('hex') };
}

const isAscii = (text: string): boolean => ASCII.test(text);

const ASCII = /^[\0-\x7f]*$/;

/** The path as text: its bytes are UTF-8. */
export const textOf = (path: string): string =>
  isAscii(path) ? path : Buffer.from(path, 'latin1').toString('utf8');
