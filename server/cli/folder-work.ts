import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { glanceAtEntry } from '../core/entry/file-entry.ts';
import { headText } from '../core/folder/index-lines.ts';
import { type Earlier, placeOf, type ScannedBlock, SEEN_LENGTH } from '../ports/scan.ts';
import { syncFolder } from './sync-folder.ts';

/*
 * The index of a folder while it is being made, in a folder beside it:
 *
 *   INDEX.work/1/lines   first line and entries of the first run
 *   INDEX.work/1/seen    what each file was like, 64 bytes a file
 *   INDEX.work/2/…       of the run after it was broken off, and so on
 *
 * Each run writes all from the beginning; what an earlier one knew of a file that was not touched since is taken over,
 * so that nothing is hashed twice. A crash leaves lines of which some may not be whole: they count as far as they fit.
 * When all is there the lines become the index and the folder goes.
 */

export interface FolderWork {
  readonly earlier: Earlier;
  add(block: ScannedBlock): void;
  /** `lines` come behind the entries. The index is there, durable, under its name. */
  finish(lines: Iterable<string>): Promise<void>;
  close(): void;
}

const RUN = /^[1-9][0-9]{0,8}$/;

/** The lock of the index is held, and the index is not there. */
export function beginWork(index: string, folder: string): FolderWork {
  const work = `${index}.work`;
  mkdirSync(work, { recursive: true, mode: 0o700 });
  const runs = readdirSync(work)
    .filter((name) => RUN.test(name))
    .map(Number)
    .sort((a, b) => b - a);
  const earlier = newestFirst(work, runs);
  const own = join(work, String((runs[0] ?? 0) + 1));
  mkdirSync(own, { mode: 0o700 });
  const lines = openSync(join(own, 'lines'), 'wx', 0o666);
  const seen = openSync(join(own, 'seen'), 'wx', 0o666);
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
      await rename(join(own, 'lines'), index);
      await syncFolder(dirname(index));
      await rm(work, { recursive: true, force: true });
    },
    close() {
      earlier.close();
      closeSync(lines);
      closeSync(seen);
    },
  };
}

function write(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Of a file that several runs know what the last one saw. A run that did not get beyond a later one says nothing more. */
function newestFirst(work: string, runs: readonly number[]): Earlier & { close(): void } {
  const readers = runs.map((run) => createReader(join(work, String(run))));
  const first = () => {
    let least: Reader | undefined;
    for (const reader of readers) {
      const place = reader.current()?.place;
      if (place !== undefined && (least === undefined || place < least.current()!.place)) least = reader;
    }
    return least?.current();
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
        if (isAtEnd) return undefined;
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
