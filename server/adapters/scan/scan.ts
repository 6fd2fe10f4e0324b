import {
  type Earlier,
  type LeftOut,
  pathOf,
  placeOf,
  type ScanFolder,
  type ScannedBlock,
} from '../../ports/scan.ts';
import { createThread, type Thread } from '../workers/thread.ts';
import { type FolderId, namesOf, walk } from './walk.ts';

/** What a thread is given at once: long enough that the way there costs nothing, short enough to share out a small folder. */
const FILES_A_JOB = 256;

/** A thread has the next job while it is at one. */
const JOBS_A_THREAD = 2;

/** Where a job comes back half done, its rest is shared out in pieces of about so many bytes. */
const BYTES_A_JOB = 64 << 20;

/** Blocks come in order: those behind a long file wait for it, some 100 MB of them at most. */
const MOST_WAITING = 1_024;

/** What an earlier reading knew of a file. */
export interface KnownFile {
  readonly line: Uint8Array;
  readonly seen: Uint8Array;
}

/** Files of one folder, in order. */
export interface ScanFolderPart {
  readonly id: FolderId;
  /** of their paths, as `walk` has them; empty at the top, otherwise with a slash at its end */
  readonly prefix: string;
}

export interface ScanJob {
  /** `names` with NUL between them */
  readonly folders: readonly (ScanFolderPart & { readonly names: string })[];
  /** of the file with the same number, counted through all folders */
  readonly earlier: readonly (KnownFile | undefined)[];
}

/** What threads are started with. `bytes` counts what has been read, by all of them. */
export interface ScanData {
  readonly folder: string;
  readonly bytes: BigUint64Array;
}

/** `done` files of the job were looked at, `read` bytes of them were read; the rest is to be given out again. */
export type ScanResult = ScannedBlock & { readonly done: number; readonly read: number };

const PROGRAM = new URL('./scan-worker.ts', import.meta.url);

export const scanFolder: ScanFolder = async function* (folder, { threads: count, earlier, bytes }) {
  const data: ScanData = { folder, bytes };
  const threads = Array.from({ length: count }, () => createThread<ScanJob>(PROGRAM, data));
  try {
    yield* inOrder(gather(folder, earlier), threads);
  } finally {
    await Promise.all(threads.map((thread) => thread.close()));
  }
};

interface File {
  readonly path: string;
  readonly folder: FolderId;
  readonly known: KnownFile | undefined;
}

/** Files, and what was left out before or among them. */
interface Gathered {
  readonly files: readonly File[];
  readonly leftOut: readonly LeftOut[];
}

function* gather(folder: string, earlier: Earlier | undefined): Generator<Gathered> {
  let files: File[] = [];
  let leftOut: LeftOut[] = [];
  const gathered = (): Gathered => {
    const full = { files, leftOut };
    [files, leftOut] = [[], []];
    return full;
  };
  for (const found of walk(folder)) {
    const place = placeOf(found.path);
    leftOut.push(...passedBy(earlier, place));
    if (found.kind === 'left-out') {
      leftOut.push(found.leftOut);
      if (found.leftOut.folder) skipBelow(earlier, place);
    } else files.push({ path: found.path, folder: found.folder, known: taken(earlier, place) });
    if (files.length + leftOut.length >= FILES_A_JOB) yield gathered();
  }
  leftOut.push(...passedBy(earlier, undefined));
  if (files.length + leftOut.length > 0) yield gathered();
}

/** What was there at an earlier reading and is not now: before this place, or all of the rest. */
function* passedBy(earlier: Earlier | undefined, place: string | undefined): Generator<LeftOut> {
  for (let at = earlier?.current(); at !== undefined; at = earlier!.current()) {
    if (place !== undefined && at.place >= place) return;
    earlier!.advance();
    yield { ...namesOf(pathOf(at.place)), why: 'vanished', code: null, folder: false };
  }
}

/** Of what is below a folder that is left out nobody can say that it is gone. */
function skipBelow(earlier: Earlier | undefined, place: string): void {
  while (earlier?.current()?.place.startsWith(`${place}\0`)) earlier.advance();
}

function taken(earlier: Earlier | undefined, place: string): KnownFile | undefined {
  const at = earlier?.current();
  if (at?.place !== place) return undefined;
  earlier!.advance();
  return { line: at.line, seen: at.seen };
}

function jobOf(files: readonly File[]): ScanJob {
  const folders: { id: FolderId; prefix: string; names: string }[] = [];
  for (const { path, folder } of files) {
    const end = path.lastIndexOf('/') + 1;
    const [prefix, name] = [path.slice(0, end), path.slice(end)];
    const last = folders.at(-1);
    if (last?.prefix === prefix) last.names += `\0${name}`;
    else folders.push({ id: folder, prefix, names: name });
  }
  return { folders, earlier: files.map(({ known }) => known) };
}

/** A part of the walk in the line of those that are given out. */
interface Part {
  readonly files: readonly File[];
  block: ScannedBlock | undefined;
  error?: unknown;
}

async function* inOrder(
  gathered: Iterator<Gathered>,
  threads: readonly Thread<ScanJob>[],
): AsyncGenerator<ScannedBlock> {
  const line: Part[] = [];
  /** Rests of parts, which stand in the line already. */
  const ready: Part[] = [];
  const free = Array.from({ length: JOBS_A_THREAD }, () => threads).flat();
  let isAtEnd = false;
  let ring = (): void => {};

  /** The next part to be given out; what was left out goes its way as a part without files. */
  function next(): Part | undefined {
    const rest = ready.shift();
    if (rest !== undefined || isAtEnd || line.length >= MOST_WAITING) return rest;
    const { value, done } = gathered.next();
    if (done) {
      isAtEnd = true;
      return undefined;
    }
    if (value.leftOut.length > 0) line.push({ files: [], block: { ...EMPTY, leftOut: value.leftOut } });
    if (value.files.length === 0) return next();
    const part: Part = { files: value.files, block: undefined };
    line.push(part);
    return part;
  }

  async function start(part: Part, thread: Thread<ScanJob>): Promise<void> {
    try {
      const { done, read, ...block } = await thread.ask<ScanResult>(jobOf(part.files));
      const rest = piecesOf(part.files.slice(done), read / Math.max(done, 1));
      line.splice(line.indexOf(part) + 1, 0, ...rest);
      ready.push(...rest);
      part.block = block;
    } catch (error) {
      part.error = error;
    }
    free.push(thread);
    ring();
  }

  for (;;) {
    const rung = new Promise<void>((resolve) => (ring = resolve));
    while (free.length > 0) {
      const part = next();
      if (part === undefined) break;
      void start(part, free.shift()!);
    }
    for (let head = line[0]; head?.block !== undefined || head?.error !== undefined; head = line[0]) {
      if (head.block === undefined) throw head.error;
      line.shift();
      yield head.block;
    }
    if (line.length === 0 && isAtEnd) return;
    if (free.length === 0 || line.length >= MOST_WAITING || isAtEnd) await rung;
  }
}

/** So many at once that a piece has a fair number of bytes, if they are like those before them. */
function piecesOf(files: readonly File[], bytesEach: number): Part[] {
  const count = Math.max(1, Math.floor(BYTES_A_JOB / Math.max(bytesEach, 1)));
  const pieces: Part[] = [];
  for (let at = 0; at < files.length; at += count)
    pieces.push({ files: files.slice(at, at + count), block: undefined });
  return pieces;
}

const EMPTY: ScannedBlock = {
  files: 0,
  reused: 0,
  lines: new Uint8Array(0),
  seen: new Uint8Array(0),
  leftOut: [],
};
