import { isUtf8 } from 'node:buffer';
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LeftOut } from '../../ports/scan.ts';

/*
 * What is below a folder, in order. Paths are inside the folder and hold bytes as characters (latin1), so that names
 * which are no UTF-8 come out as they are, and the order of strings is the order of bytes.
 */

export type Found =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'left-out'; readonly path: string; readonly leftOut: LeftOut };

/** Throws where the folder itself cannot be read. Symbolic links are never followed. */
export function* walk(folder: string): Generator<Found> {
  yield* inside(folder, '', list(folder));
}

function* inside(folder: string, prefix: string, entries: readonly Dirent<string>[]): Generator<Found> {
  for (const entry of entries) {
    const path = `${prefix}${entry.name}`;
    const why = whyNot(entry);
    if (why !== undefined) yield leftOut(path, why);
    else if (entry.isFile()) yield { kind: 'file', path };
    else yield* below(folder, path);
  }
}

function* below(folder: string, path: string): Generator<Found> {
  let entries: readonly Dirent<string>[];
  try {
    entries = list(join(folder, textOf(path)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    yield leftOut(path, whyUnreadable(code), code);
    return;
  }
  yield* inside(folder, `${path}/`, entries);
}

/** Compared by their bytes. A folder's name is compared like a file's: what is in it comes where it stands. */
function list(path: string): readonly Dirent<string>[] {
  const entries = readdirSync(path, { withFileTypes: true, encoding: 'latin1' });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
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

/** ELOOP: a link took the file's place, which is not followed. */
const REASONS: Readonly<Record<string, LeftOut['why']>> = {
  ENOENT: 'vanished',
  ENOTDIR: 'vanished',
  ELOOP: 'link',
  ENXIO: 'socket',
  ENAMETOOLONG: 'name-too-long',
};

function leftOut(path: string, why: LeftOut['why'], code: string | null = null): Found {
  return { kind: 'left-out', path, leftOut: { ...namesOf(path), why, code } };
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
