import { filesAfter } from '../audit/blobs.ts';
import { differenceFrom, storedLeaves, treeOf } from '../audit/trees.ts';
import type { BlobRemoval, BlobRoom, Blobs } from '../ports/blobs.ts';
import { BlobUnavailable } from '../ports/blobs.ts';
import { type BlobInspector, InspectionFailed, type Inspector, type RawBatch } from '../ports/inspect.ts';
import { eachOf, isOfDisk } from './archive.ts';
import { say } from './compare-store.ts';
import { copyBlob } from './copy-blob.ts';
import { EXIT, parse, UsageError } from './usage.ts';

/** What the command works on; `data.ts` opens it. */
export interface ColdTools {
  /** KEZHENG_COLD_BLOBS, without what is nobody's business */
  readonly place: string;
  readonly near: Blobs;
  readonly far: Blobs;
  readonly removal: BlobRemoval;
  readonly inspector: Inspector;
  close(): Promise<void>;
}

const DAY_MS = 86_400_000;
const ROOMS: readonly BlobRoom[] = ['trees', 'files'];

/** As `RawBatch.progress` has it: an anchor is final. */
const FINAL = 3;

interface Batch {
  readonly number: number;
  readonly first: number;
  readonly last: number;
  readonly root: string;
}

/** How many names are written out. */
const NAMED = 20;

/**
 * kezheng move-cold: trees and files of batches that have been final for long go to the cold place, each hashed there
 * before it is taken away here; the running service reads them from there. Killed at any moment, a blob is in one place
 * or in both, and the next run goes on.
 */
export async function moveColdCommand(
  args: readonly string[],
  open: () => Promise<ColdTools>,
): Promise<number> {
  const { values, positionals } = parse(args, {
    'older-than': { type: 'string' },
    only: { type: 'string' },
    'dry-run': { type: 'boolean' },
  });
  if (positionals.length > 0) throw new UsageError(`move-cold: ${positionals.join(' ')}`);
  const beforeMs = Date.now() - daysOf(values['older-than']) * DAY_MS;
  const rooms = ROOMS.filter((room) => values.only === undefined || room === values.only);
  if (rooms.length === 0) throw new UsageError('--only 应为 trees 或 files / is neither trees nor files');
  const tools = await open();
  const tally = createTally();
  try {
    const batches = await oldBatches(tools.inspector, beforeMs);
    for (const batch of batches)
      await eachOf(blobsOf(tools.inspector, batch, rooms), (one) =>
        moveOne(tools, one, values['dry-run'] === true, tally),
      );
    return tell(tools.place, batches.length, tally, values['dry-run'] === true);
  } catch (error) {
    if (!(error instanceof BlobUnavailable || error instanceof InspectionFailed || isOfDisk(error)))
      throw error;
    say(
      `没有完成，已移 ${tally.moved} 个，再次运行即继续 / not finished, ${tally.moved} were moved; run it again to go on: ${error.message}`,
    );
    return EXIT.invalid;
  } finally {
    await tools.close();
  }
}

function daysOf(given: string | undefined): number {
  if (given === undefined) throw new UsageError('缺少 --older-than DAYS / it is missing');
  if (!/^\d{1,5}$/.test(given)) throw new UsageError('--older-than 应为天数 / is no number of days');
  return Number(given);
}

/** By number; the snapshot is let go before anything is copied for hours. */
async function oldBatches(inspector: Inspector, beforeMs: number): Promise<Batch[]> {
  const isOld = ({ progress, sealedMs }: RawBatch) => progress === FINAL && sealedMs <= beforeMs;
  const batches: Batch[] = [];
  const snapshot = await inspector.begin();
  try {
    for await (const batch of snapshot.batches())
      if (isOld(batch))
        batches.push({
          number: batch.number,
          first: batch.firstSequence,
          last: batch.lastSequence,
          root: batch.root,
        });
  } finally {
    await snapshot.end();
  }
  return batches;
}

async function* blobsOf(
  inspector: Inspector,
  { first, last, root }: Batch,
  rooms: readonly BlobRoom[],
): AsyncGenerator<Movable> {
  const leaves = last - first + 1;
  if (rooms.includes('trees')) yield { room: 'trees', name: root, leaves };
  if (!rooms.includes('files')) return;
  for (let after = first - 1; ; ) {
    const page = await filesAfter(inspector, after, last);
    // Entries of one catalogue often name the same file.
    for (const name of new Set(page.files.map(({ sha256 }) => sha256))) yield { room: 'files', name, leaves };
    if (page.last === undefined) return;
    after = page.last;
  }
}

/** Of more the counts are a little wrong, and nothing else. */
const MOST_SEEN = 1_000_000;

interface Movable {
  readonly room: BlobRoom;
  readonly name: string;
  /** of its batch */
  readonly leaves: number;
}

interface Tally {
  moved: number;
  bytes: number;
  /** were there before */
  cold: number;
  readonly wrong: string[];
  readonly seen: Set<string>;
}

const createTally = (): Tally => ({ moved: 0, bytes: 0, cold: 0, wrong: [], seen: new Set() });

/** A file's name is its digest; that of a tree is the root of the leaves at its beginning, and all of it follows from them. */
async function isWholeTree(near: Blobs, root: string, size: number, leaves: number): Promise<boolean> {
  const inspected = {
    size: async () => size,
    stream: () => near.stream('trees', root, 0, size),
  } as unknown as BlobInspector;
  const found = await storedLeaves(inspected, root, leaves);
  return found !== undefined && (await differenceFrom(inspected, root, treeOf(found).file())) === undefined;
}

async function moveOne(
  { near, far, removal }: ColdTools,
  { room, name, leaves }: Movable,
  isDry: boolean,
  tally: Tally,
): Promise<void> {
  // Entries of a catalogue often name the same file; it is counted once, also where nothing is moved.
  const key = `${room}/${name}`;
  if (tally.seen.has(key)) return;
  if (tally.seen.size < MOST_SEEN) tally.seen.add(key);
  const size = await near.size(room, name);
  if (size === undefined) {
    if ((await far.size(room, name)) === undefined) tally.wrong.push(`missing  ${room}/${name}`);
    else tally.cold++;
    return;
  }
  if (!isDry) {
    const isWhole = room === 'files' || (await isWholeTree(near, name, size, leaves));
    if (!isWhole || (await copyBlob(near, far, room, name, size, { isLast: true })) === 'damaged') {
      tally.wrong.push(`damaged  ${room}/${name}`);
      return;
    }
    // The same file may be handed in again at this moment: what it is called by has been kept, so nobody loses it.
    await removal.remove(room, name);
  }
  tally.moved++;
  tally.bytes += size;
}

function tell(place: string, batches: number, { moved, bytes, cold, wrong }: Tally, isDry: boolean): number {
  say(
    isDry
      ? `${batches} 个批次，将移动 ${moved} 个文件、${bytes} 字节往 ${place}，已在该处 ${cold} 个 / ${batches} batches: ${moved} files, ${bytes} bytes would go there, ${cold} are there`
      : `${batches} 个批次，已移动 ${moved} 个文件、${bytes} 字节往 ${place}，原已在该处 ${cold} 个 / ${batches} batches: ${moved} files, ${bytes} bytes were moved, ${cold} were there`,
  );
  if (wrong.length === 0) return EXIT.valid;
  say(
    `${wrong.length} 个文件缺失或损坏，没有移动；fsck 与备份可助查明 / files are missing or damaged and were not moved; see fsck and backups:`,
  );
  for (const line of wrong.slice(0, NAMED)) say(`  ${line}`);
  return EXIT.incomplete;
}
