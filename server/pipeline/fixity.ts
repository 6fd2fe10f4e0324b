import type { Manifest } from '../core/entry/manifest.ts';
import { type Blobs, BlobUnavailable } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { FixityCheck, FixityResult, FixityStore, StoredFile } from '../ports/store.ts';
import type { Digests, StreamDigest } from '../ports/work.ts';
import { readBlocks } from './blocks.ts';

/*
 * Stored files are read and hashed again, for ever, a piece at a time: a disk that forgets is noticed while there still
 * is a copy somewhere. The batches are walked once to list the files that they name; nothing of it is a deposit's work.
 * A crash loses the file that was being hashed, which is begun again, and nothing else.
 */

export interface FixityDeps {
  readonly store: FixityStore;
  readonly blobs: Blobs;
  readonly digests: Digests;
  readonly clock: Clock;
  readonly log: Logger;
  /** How old a check may get. */
  readonly maxAgeMs: number;
  /** Ends a round that hashes a large file from a slow store. */
  readonly stopping: AbortSignal;
}

/** What one round leaves for the next; made anew after a start. */
export interface FixityProgress {
  queue: StoredFile[];
  /** A file that is larger than what one round hashes. */
  current: { readonly file: StoredFile; readonly digest: StreamDigest; at: number; size: number } | undefined;
  /** When a file could not be read: it is left aside for a while, so that it does not hold up the others. */
  readonly unreadable: Map<string, number>;
  isBehind: boolean;
}

export const nothingChecked = (): FixityProgress => ({
  queue: [],
  current: undefined,
  unreadable: new Map(),
  isBehind: false,
});

/**
 * What one round hashes: a tenth of a second of SM3. A round a second takes a tenth of one core from uploads, and goes
 * through 70 TB in 30 days.
 */
const ROUND_BYTES = 32 * 2 ** 20;

/** The same where checks are older than they may get. */
const LATE_ROUND_BYTES = 4 * ROUND_BYTES;

/** Checks are late when they are older than they may get by a quarter. */
const LATE = 1.25;

/** Small files cost a look-up each, whatever their size. */
const ROUND_FILES = 500;

/** A large file is hashed in pieces of at least this size, so that its beginning is not taken for a small file. */
const LEAST_PIECE = 2 ** 20;

/** The first check of a file comes soon: it finds what was lost on the way to the disk while the depositor still has it. */
const FIRST_CHECK_MS = 10 * 60_000;

/** Missing and damaged files are looked at again soon: whoever puts one back wants to know. */
const AGAIN_MS = 60 * 60_000;

/** Files of each kind in the queue; few of the bad ones, so that they never crowd out the others. */
const PAGE: Readonly<Record<FixityResult | 'unchecked', number>> = {
  missing: 20,
  damaged: 20,
  unchecked: 200,
  ok: 200,
};

/** Entries that one step of the walk looks at, and steps of a round: some milliseconds each. */
const WALK_ENTRIES = 2_000;
const WALK_STEPS = 5;

/** Every manifest with a file whose bytes we have holds this; RFC 8785 has one way to write it. */
const HAS_FILES = '"digests":"computed"';

/** Lists new files, then checks some of those that are due. */
export async function fixityRound(deps: FixityDeps, progress: FixityProgress): Promise<void> {
  await listNewFiles(deps.store);
  const checks: FixityCheck[] = [];
  try {
    await checkDueFiles(deps, progress, checks);
  } finally {
    // Also where the round ended early: what was found out is found out.
    await keepChecks(deps, checks);
  }
}

/** A crash between two steps leaves the rest for the next round. */
async function listNewFiles(store: FixityStore): Promise<void> {
  for (let step = 0; step < WALK_STEPS; step++) {
    const { entries, through } = await store.unlistedEntries(WALK_ENTRIES, HAS_FILES);
    if (through === undefined) return;
    const files = entries.flatMap(({ entry, receivedMs }) =>
      storedFilesOf(JSON.parse(entry) as Manifest).map((file) => ({ ...file, receivedMs })),
    );
    await store.listFiles(files, through);
  }
}

/** Of declared digests we have no bytes; somebody else's file with the same digest is theirs. */
export const storedFilesOf = ({ files }: Manifest): StoredFile[] =>
  files.flatMap(({ digests, sha256, sm3, size }) =>
    digests === 'computed' ? [{ sha256, sm3: sm3!, size }] : [],
  );

async function checkDueFiles(
  deps: FixityDeps,
  progress: FixityProgress,
  checks: FixityCheck[],
): Promise<void> {
  if (progress.queue.length === 0) await fillQueue(deps, progress);
  const budget = { bytes: progress.isBehind ? LATE_ROUND_BYTES : ROUND_BYTES };
  while (budget.bytes > 0 && checks.length < ROUND_FILES && !deps.stopping.aborted) {
    const file = progress.current?.file ?? progress.queue.shift();
    if (file === undefined) return;
    const check = await checkFile(deps, progress, file, budget);
    if (check !== undefined) checks.push(check);
  }
}

async function fillQueue({ store, clock, maxAgeMs }: FixityDeps, progress: FixityProgress): Promise<void> {
  const nowMs = clock.nowMs();
  for (const [sha256, atMs] of progress.unreadable)
    if (nowMs - atMs >= AGAIN_MS) progress.unreadable.delete(sha256);
  const due = async (kind: keyof typeof PAGE, ageMs: number): Promise<readonly StoredFile[]> => {
    const limit = PAGE[kind] + progress.unreadable.size;
    const files = await store.filesToCheck(kind, nowMs - Math.min(ageMs, maxAgeMs), limit);
    return files.filter((file) => !progress.unreadable.has(file.sha256));
  };
  progress.queue = [
    ...(await due('missing', AGAIN_MS)),
    ...(await due('damaged', AGAIN_MS)),
    ...(await due('unchecked', FIRST_CHECK_MS)),
    ...(await due('ok', maxAgeMs)),
  ];
  // Times are whole milliseconds: PostgreSQL takes nothing else.
  const lateMs = nowMs - Math.ceil(maxAgeMs * LATE);
  progress.isBehind = (await store.filesToCheck('ok', lateMs, 1)).length > 0;
}

/** Undefined where the file goes on in the next round. Throws BlobUnavailable where it cannot be read now: that is no result. */
async function checkFile(
  deps: FixityDeps,
  progress: FixityProgress,
  file: StoredFile,
  budget: { bytes: number },
): Promise<FixityCheck | undefined> {
  try {
    const size = progress.current?.size ?? (await deps.blobs.size('files', file.sha256));
    if (size === undefined) return resultOf(deps, file, 'missing');
    progress.current ??= { file, digest: deps.digests.begin(), at: 0, size };
    const { digest } = progress.current;
    if (!(await hashPiece(deps, progress.current, budget))) return undefined;
    progress.current = undefined;
    const found = await digest.finish();
    const isWhole = found.sha256 === file.sha256 && found.sm3 === file.sm3 && found.size === file.size;
    return isWhole ? resultOf(deps, file, 'ok') : resultOf(deps, file, 'damaged', found);
  } catch (error) {
    progress.current?.digest.abandon();
    progress.current = undefined;
    if (deps.stopping.aborted) return undefined;
    if (error instanceof BlobUnavailable) progress.unreadable.set(file.sha256, deps.clock.nowMs());
    // It went away while it was read.
    else if ((await deps.blobs.size('files', file.sha256)) === undefined)
      return resultOf(deps, file, 'missing');
    throw error;
  }
}

const resultOf = (
  { clock }: FixityDeps,
  { sha256 }: StoredFile,
  result: FixityResult,
  found?: StoredFile,
): FixityCheck => ({ sha256, checkedMs: clock.nowMs(), result, found });

/** Hashes the next piece; true at the end of the file. */
async function hashPiece(
  { blobs, stopping }: FixityDeps,
  current: NonNullable<FixityProgress['current']>,
  budget: { bytes: number },
): Promise<boolean> {
  const { file, digest, at, size } = current;
  const end = Math.min(size, at + Math.max(budget.bytes, LEAST_PIECE));
  const stream = await blobs.stream('files', file.sha256, at, end);
  const read = await readBlocks(stream, end - at, async (block) => {
    stopping.throwIfAborted();
    await digest.update(block);
  });
  current.at += read;
  budget.bytes -= read;
  // A file that has become shorter ends here, and its digests will say so.
  return current.at >= size || read < end - at;
}

/** Tells what changed, then records all; the record is what counts. */
async function keepChecks({ store, log }: FixityDeps, checks: readonly FixityCheck[]): Promise<void> {
  if (checks.length === 0) return;
  const earlier = await store.fixityOf(checks.map((check) => check.sha256));
  await store.recordFixity(checks);
  for (const [i, { sha256, result, found }] of checks.entries()) {
    const before = earlier[i]?.result ?? 'ok';
    if (before === result) continue;
    if (result === 'ok') log.warn({ sha256, before }, 'a stored file is whole again');
    else log.error({ sha256, found }, `a stored file is ${result}`);
  }
}
