import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { glanceAtEntry } from '../core/entry/file-entry.ts';
import { headText } from '../core/folder/index-lines.ts';
import { type Earlier, placeOf, type ScannedBlock, SEEN_LENGTH } from '../ports/scan.ts';
import { syncFolder } from './sync-folder.ts';
import { UsageError } from './usage.ts';

/*
 * The index of a folder while it is being made, in a folder beside it:
 *
 *   INDEX.work/kezheng     says whose it is
 *   INDEX.work/1/lines     first line and entries of the first run
 *   INDEX.work/1/seen      what each file was like, 64 bytes a file
 *   INDEX.work/2/…         of the run after it was broken off, and so on
 *
 * Each run writes all from the beginning; what an earlier one knew of a file that was not touched since is taken over,
 * so that nothing is hashed twice. A crash leaves lines of which some may not be whole: they count as far as they fit.
 * When all is there the lines get the name of the index and the folder goes.
 */

export interface FolderWork {
  readonly earlier: Earlier;
  add(block: ScannedBlock): void;
  /** `lines` come behind the entries. The index is there, durable, under its name, which nobody had. */
  finish(lines: Iterable<string>): Promise<void>;
  /** Nothing of it is needed again. */
  discard(): void;
  close(): void;
}

const MARK = 'kezheng';
const RUN = /^[1-9][0-9]{0,8}$/;
/** Salts make digests of files unguessable: they are nobody else's business. */
const PRIVATE = 0o600;

/** The lock of the index is held, and the index is not there. A folder of that name that is not ours: UsageError. */
export function beginWork(index: string, folder: string): FolderWork {
  const work = `${index}.work`;
  const runs = runsIn(work);
  const earlier = newestFirst(work, runs);
  const own = join(work, String((runs[0] ?? 0) + 1));
  mkdirSync(own, { mode: 0o700 });
  const lines = openSync(join(own, 'lines'), 'wx', PRIVATE);
  const seen = openSync(join(own, 'seen'), 'wx', PRIVATE);
  write(lines, Buffer.from(`${headText(folder)}\n`));
  return {
    earlier,
    add(block) {
      write(lines, block.lines);
      write(seen, block.seen);
    },
    async finish(last) {
      for (const line of last) write(lines, Buffer.from(`${line}\n`));
      fsyncSync(lines);
      giveName(join(own, 'lines'), index);
      await syncFolder(dirname(index));
      removeWork(index);
    },
    discard: () => removeWork(index),
    close() {
      earlier.close();
      closeSync(lines);
      closeSync(seen);
    },
  };
}

/** Unlike a rename this fails where somebody has the name; file systems of memory sticks have no second names. */
function giveName(path: string, index: string): void {
  try {
    linkSync(path, index);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || existsSync(index)) throw error;
    renameSync(path, index);
  }
}

/** Only what is ours goes; a crash in the middle of it leaves what the next run removes. */
function removeWork(index: string): void {
  const work = `${index}.work`;
  for (const run of runsIn(work)) removeRun(join(work, String(run)));
  rmSync(join(work, MARK), { force: true });
  rmdirSync(work);
}

/** A crash after the index had its name, and before this had gone. What is not ours stays. */
export function removeLeft(index: string): void {
  const work = `${index}.work`;
  if (existsSync(join(work, MARK))) removeWork(index);
}

function removeRun(folder: string): void {
  for (const name of ['lines', 'seen']) rmSync(join(folder, name), { force: true });
  rmdirSync(folder);
}

/** Newest first; the folder is there afterwards. */
function runsIn(work: string): number[] {
  const isNew = mkdirSync(work, { recursive: true, mode: 0o700 }) !== undefined;
  const names = readdirSync(work);
  if (isNew || names.length === 0) writeFileSync(join(work, MARK), '', { mode: PRIVATE });
  else if (!names.includes(MARK) || !names.every((name) => name === MARK || RUN.test(name)))
    throw new UsageError(
      `${work} 中有其他内容，请用 --index 另取名称 / holds something else; choose another name by --index`,
    );
  return names
    .filter((name) => RUN.test(name))
    .map(Number)
    .sort((a, b) => b - a);
}

function write(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Of a file that several runs know what the last one saw. A run that did not get beyond a later one is removed. */
function newestFirst(work: string, runs: readonly number[]): Earlier & { close(): void } {
  const readers: Reader[] = [];
  let farthest: string | undefined;
  for (const run of runs) {
    const folder = join(work, String(run));
    const last = lastPlaceIn(join(folder, 'lines'));
    if (farthest !== undefined && (last === undefined || last <= farthest)) {
      removeRun(folder);
      continue;
    }
    farthest = last ?? farthest;
    readers.push(createReader(folder));
  }
  const first = () => {
    let least: ReturnType<Reader['current']>;
    for (const reader of readers) {
      const current = reader.current();
      if (current !== undefined && (least === undefined || current.place < least.place)) least = current;
    }
    return least;
  };
  return {
    current: first,
    advance() {
      const place = first()?.place;
      for (const reader of readers) if (reader.current()?.place === place) reader.advance();
    },
    close() {
      for (const reader of readers) reader.close();
    },
  };
}

/** The place of the last line that was written to its end: a line is never as long as this. */
const TAIL = 64 * 1024;

function lastPlaceIn(path: string): string | undefined {
  const file = openIfThere(path);
  if (file === undefined) return undefined;
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, TAIL));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    const end = bytes.lastIndexOf(LINE_END);
    const start = bytes.lastIndexOf(LINE_END, end - 1);
    return end < 1 || start < 0 ? undefined : nameIn(bytes.subarray(start + 1, end));
  } finally {
    closeSync(file);
  }
}

type Reader = Earlier & { close(): void };

const CHUNK = 1 << 20;
const LINE_END = 10;

function createReader(run: string): Reader {
  const lines = createLines(join(run, 'lines'));
  const seen = createRecords(join(run, 'seen'));
  let current: ReturnType<Reader['current']>;
  const advance = (): void => {
    const [line, record] = [lines.next(), seen.next()];
    const name = line && nameIn(line);
    current =
      name === undefined || record === undefined ? undefined : { place: name, line: line!, seen: record };
  };
  lines.next();
  advance();
  return {
    current: () => current,
    advance,
    close() {
      lines.close();
      seen.close();
    },
  };
}

/** Undefined where the line is no entry, or was not written to its end. */
function nameIn(line: Uint8Array): string | undefined {
  const name = glanceAtEntry(Buffer.from(line).toString('utf8'))?.name;
  if (name === undefined) return undefined;
  try {
    return placeOf(Buffer.from(JSON.parse(name) as string, 'utf8').toString('latin1'));
  } catch {
    return undefined;
  }
}

interface Parts {
  next(): Uint8Array | undefined;
  close(): void;
}

/** Lines without their ends; what has none is none. */
const createLines = (path: string): Parts =>
  createParts(path, (held) => {
    const end = held.indexOf(LINE_END);
    return end < 0 ? undefined : { part: held.subarray(0, end), used: end + 1 };
  });

const createRecords = (path: string): Parts =>
  createParts(path, (held) =>
    held.length < SEEN_LENGTH ? undefined : { part: held.subarray(0, SEEN_LENGTH), used: SEEN_LENGTH },
  );

function createParts(
  path: string,
  cut: (held: Buffer) => { readonly part: Uint8Array; readonly used: number } | undefined,
): Parts {
  const file = openIfThere(path);
  let held: Buffer = Buffer.alloc(0);
  let isAtEnd = file === undefined;
  return {
    next() {
      for (;;) {
        const found = cut(held);
        if (found !== undefined) {
          held = held.subarray(found.used);
          return found.part;
        }
        // A line is never so long: what has no end here is no line.
        if (isAtEnd || held.length > CHUNK) return undefined;
        const chunk = Buffer.allocUnsafeSlow(CHUNK);
        const read = readSync(file!, chunk);
        isAtEnd = read === 0;
        held = Buffer.concat([held, chunk.subarray(0, read)]);
      }
    },
    close() {
      if (file !== undefined) closeSync(file);
    },
  };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
