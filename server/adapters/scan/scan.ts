import {
  type Earlier,
  type LeftOut,
  pathOf,
  placeOf,
  type ScanFolder,
  type ScannedBlock,
} from '../../ports/scan.ts';
import { createThread, type Thread } from '../workers/thread.ts';
import { namesOf, walk } from './walk.ts';

/** What a thread is given at once: long enough that the way there costs nothing, short enough to share out a small folder. */
const FILES_A_JOB = 256;

/** A thread has the next job while it is at one. */
const JOBS_A_THREAD = 2;

/** Blocks come in order: those behind a long file wait for it, some 100 MB of them at most. */
const MOST_WAITING = 1_024;

/** What an earlier reading knew of a file. */
export interface KnownFile {
  readonly line: Uint8Array;
  readonly seen: Uint8Array;
}

export interface ScanJob {
  /** as `walk` has them, with NUL between them */
  readonly paths: string;
  /** of the path with the same number */
  readonly earlier: readonly (KnownFile | undefined)[];
}

/** What threads are started with. `bytes` counts what has been read, by all of them. */
export interface ScanData {
  readonly folder: string;
  readonly bytes: BigUint64Array;
}

const PROGRAM = new URL('./scan-worker.ts', import.meta.url);

export const scanFolder: ScanFolder = async function* (folder, options) {
  const data: ScanData = { folder, bytes: options.bytes };
  const threads = Array.from({ length: options.threads }, () => createThread<ScanJob>(PROGRAM, data));
  try {
    yield* inOrder(gather(folder, options.earlier), threads);
  } finally {
    await Promise.all(threads.map((thread) => thread.close()));
  }
};

/** A job, and what was left out before or among its files. */
interface Gathered {
  readonly job: ScanJob;
  readonly leftOut: readonly LeftOut[];
}

function* gather(folder: string, earlier: Earlier | undefined): Generator<Gathered> {
  let paths: string[] = [];
  let known: (KnownFile | undefined)[] = [];
  let leftOut: LeftOut[] = [];
  const gathered = (): Gathered => {
    const full = { job: { paths: paths.join('\0'), earlier: known }, leftOut };
    [paths, known, leftOut] = [[], [], []];
    return full;
  };
  for (const found of walk(folder)) {
    if (found.kind === 'left-out') leftOut.push(found.leftOut);
    else {
      const place = placeOf(found.path);
      leftOut.push(...passedBy(earlier, place));
      paths.push(found.path);
      known.push(taken(earlier, place));
    }
    if (paths.length + leftOut.length >= FILES_A_JOB) yield gathered();
  }
  leftOut.push(...passedBy(earlier, undefined));
  if (paths.length + leftOut.length > 0) yield gathered();
}

/** What was there at an earlier reading and is not now: before this place, or all of the rest. */
function* passedBy(earlier: Earlier | undefined, place: string | undefined): Generator<LeftOut> {
  for (let at = earlier?.current(); at !== undefined; at = earlier!.current()) {
    if (place !== undefined && at.place >= place) return;
    earlier!.advance();
    yield { ...namesOf(pathOf(at.place)), why: 'vanished', code: null };
  }
}

function taken(earlier: Earlier | undefined, place: string): KnownFile | undefined {
  const at = earlier?.current();
  if (at?.place !== place) return undefined;
  earlier!.advance();
  return { line: at.line, seen: at.seen };
}

interface Waiting {
  readonly block: Promise<ScannedBlock>;
  isDone: boolean;
}

async function* inOrder(
  jobs: Iterable<Gathered>,
  threads: readonly Thread<ScanJob>[],
): AsyncGenerator<ScannedBlock> {
  const waiting: Waiting[] = [];
  const free = Array.from({ length: JOBS_A_THREAD }, () => threads).flat();
  let onFree = (): void => {};

  function start({ job, leftOut }: Gathered, thread: Thread<ScanJob>): void {
    const one: Waiting = {
      isDone: false,
      block: blockOf(job, leftOut, thread).finally(() => {
        one.isDone = true;
        free.push(thread);
        onFree();
      }),
    };
    // Whoever takes it in its turn is told.
    one.block.catch(() => {});
    waiting.push(one);
  }

  for (const gathered of jobs) {
    while (waiting[0]?.isDone || waiting.length >= MOST_WAITING) yield await waiting.shift()!.block;
    while (free.length === 0) await new Promise<void>((resolve) => (onFree = resolve));
    start(gathered, free.shift()!);
  }
  while (waiting.length > 0) yield await waiting.shift()!.block;
}

async function blockOf(
  job: ScanJob,
  leftOut: readonly LeftOut[],
  thread: Thread<ScanJob>,
): Promise<ScannedBlock> {
  if (job.paths === '') return { ...EMPTY, leftOut };
  const block = await thread.ask<ScannedBlock>(job);
  return { ...block, leftOut: [...leftOut, ...block.leftOut] };
}

const EMPTY: ScannedBlock = {
  files: 0,
  reused: 0,
  lines: new Uint8Array(0),
  seen: new Uint8Array(0),
  leftOut: [],
};
