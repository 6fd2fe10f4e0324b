import { createHash, hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import type { LeftOut } from '../../ports/scan.ts';
import { whyUnreadable } from './walk.ts';

/* One file, read once through both digests: synchronous, for a thread of its own that does nothing else. */

/** A link in the file's place is not followed, a pipe there does not block. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
/** Evidence keeps the time at which it was last read, where the system lets us: as its owner, or as root. */
const UNSEEN = FLAGS | constants.O_NOATIME;

/** What fits is hashed in one call, which for a small file is half of the work. */
const block = Buffer.allocUnsafeSlow(1 << 20);

export interface ReadFile {
  readonly stat: Stats;
  readonly sha256: string;
  readonly sm3: string;
}

export type NotRead = Pick<LeftOut, 'why' | 'code'>;

/**
 * `isKnown` is asked of what the file is like before it is read; where it says so the file is not read, and its stat
 * alone comes back. A file that is not afterwards as it was before was written to meanwhile, and nobody can say what it
 * was.
 */
export function readWhole(
  path: string,
  isKnown: (stat: Stats) => boolean,
  onBytes: (bytes: number) => void,
): ReadFile | NotRead | Stats {
  let file: number;
  try {
    file = openUnseen(path);
  } catch (error) {
    return notRead(error);
  }
  try {
    const before = fstatSync(file);
    if (!before.isFile()) return { why: 'other-kind', code: null };
    if (isKnown(before)) return before;
    const { size, ...digests } = digest(file, before.size, onBytes);
    const after = fstatSync(file);
    const isSame = size === before.size && isUnchanged(before, after);
    return isSame ? { stat: after, ...digests } : { why: 'changed', code: null };
  } catch (error) {
    return notRead(error);
  } finally {
    close(file);
  }
}

function openUnseen(path: string): number {
  try {
    return openSync(path, UNSEEN);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    return openSync(path, FLAGS);
  }
}

/** A network file system may complain at the end about what was never written by us. */
function close(file: number): void {
  try {
    closeSync(file);
  } catch {
    // It was read, and is closed.
  }
}

const isUnchanged = (a: Stats, b: Stats): boolean =>
  a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;

export function notRead(error: unknown): NotRead {
  const { code } = error as NodeJS.ErrnoException;
  return { why: whyUnreadable(code), code: code ?? null };
}

/** Stops where the file turns out longer than `expected`: it is being written to. */
function digest(
  file: number,
  expected: number,
  onBytes: (bytes: number) => void,
): { readonly size: number; readonly sha256: string; readonly sm3: string } {
  let read = readSync(file, block);
  onBytes(read);
  if (read === expected && read < block.length) {
    const whole = block.subarray(0, read);
    return { size: read, sha256: hash('sha256', whole, 'hex'), sm3: hash('sm3', whole, 'hex') };
  }
  const [sha256, sm3] = [createHash('sha256'), createHash('sm3')];
  let size = 0;
  while (read > 0 && size <= expected) {
    const part = block.subarray(0, read);
    sha256.update(part);
    sm3.update(part);
    size += read;
    read = readSync(file, block);
    onBytes(read);
  }
  return { size, sha256: sha256.digest('hex'), sm3: sm3.digest('hex') };
}
