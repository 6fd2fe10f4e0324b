import { toHex } from '../core/read/bytes.ts';
import { HASH_LENGTH, MAX_TREE_SIZE } from '../core/tree/tree.ts';
import type { BlobInspector, RawBatch, RawEntry, Snapshot } from '../ports/inspect.ts';
import { CLOCKS_DIFFER_MS, isoOf } from './clocks.ts';
import { checkEntry } from './entries.ts';
import { at, type Report } from './finding.ts';
import { leafOf, rootOfLeaves } from './merkle.ts';
import { differenceFrom, storedLeaves, treeOf } from './trees.ts';

/*
 * The journal and its batches in one pass: every entry is read once, in the order of the batches, and its leaf made
 * again from its bytes. What a batch's root says of its leaves tells which of two values that differ is the wrong one.
 */

export interface JournalDeps {
  readonly snapshot: Snapshot;
  readonly blobs: BlobInspector;
  readonly report: Report;
  /**
   * Keeps the tree of a batch whose file is missing; false where it is not proven to be the right one. Undefined where
   * nothing is to be repaired.
   */
  readonly keepTree: ((batch: RawBatch, file: Uint8Array) => Promise<boolean>) | undefined;
}

const LAST = Number.MAX_SAFE_INTEGER;
const FIRST = Number.MIN_SAFE_INTEGER;

export async function checkJournal(deps: JournalDeps): Promise<void> {
  const { snapshot, report } = deps;
  const owners = new Set<string>();
  for await (const { id } of snapshot.organizations()) owners.add(id);
  for await (const { id, organization } of snapshot.keys())
    if (!owners.has(organization))
      report.found('key-owner-missing', at('api_keys', id), { found: organization });

  /** Every entry up to here has been looked at. */
  let seen = snapshot.gapless ? 0 : FIRST;
  let count = 0;
  const look = (entry: RawEntry): void => {
    if (entry.sequence <= seen) return;
    if (snapshot.gapless && entry.sequence > seen + 1) missing(report, seen + 1, entry.sequence - 1);
    seen = entry.sequence;
    checkEntry(entry, owners, report);
    if (++count % 10_000 === 0) report.progress('journal', count);
  };
  /** Entries that are in no batch: what waits at the end, and what lies between batches of a damaged store. */
  const lookAlone = async (first: number, last: number): Promise<void> => {
    for await (const entry of snapshot.entries(first, last)) {
      look(entry);
      const leaf = leafOf(entry.bytes);
      if (Buffer.compare(leaf, entry.leaf) !== 0)
        report.found('leaf-differs', at('entries', entry.sequence), {
          expected: toHex(leaf),
          found: toHex(entry.leaf),
        });
    }
  };

  let number = 0;
  let end = seen;
  if (snapshot.gapless)
    for await (const { sequence } of snapshot.entries(FIRST, 0))
      report.found('entry-column-differs', at('entries', sequence), {
        what: 'sequence',
        expected: '≥ 1',
        found: sequence,
      });
  for await (const batch of snapshot.batches()) {
    const follows = batch.number === number + 1;
    if (!follows) gap(report, number + 1, batch.number - 1);
    number = batch.number;
    // Behind a batch that is missing entries without one are no second finding.
    checkRange(batch, end, snapshot.gapless && follows, report);
    if (batch.firstSequence > end + 1) await lookAlone(end + 1, batch.firstSequence - 1);
    if (batch.lastSequence >= batch.firstSequence && batch.size <= MAX_TREE_SIZE)
      await checkBatch(deps, batch, look);
    end = Math.max(end, batch.lastSequence);
  }
  if (end < LAST) await lookAlone(end === FIRST ? FIRST : end + 1, LAST);
  report.progress('journal', count);
}

const missing = (report: Report, first: number, last: number): void =>
  report.found('entry-missing', at('entries', first === last ? first : `${first}–${last}`));

const gap = (report: Report, first: number, last: number): void =>
  report.found('batch-number-gap', at('batches', first >= last ? first : `${first}–${last}`));

function checkRange(batch: RawBatch, end: number, gapless: boolean, report: Report): void {
  const place = at('batches', batch.number);
  const isRight = gapless ? batch.firstSequence === end + 1 : batch.firstSequence > end;
  if (!isRight)
    report.found('batch-range-differs', place, {
      what: 'first_sequence',
      expected: gapless ? end + 1 : `> ${end}`,
      found: batch.firstSequence,
    });
  if (batch.lastSequence < batch.firstSequence)
    report.found('batch-range-differs', place, {
      what: 'last_sequence',
      expected: `≥ ${batch.firstSequence}`,
      found: batch.lastSequence,
    });
}

/** Leaves of a batch: made from the entries, and where the column says otherwise, what it says. */
interface Leaves {
  readonly made: Uint8Array;
  readonly sequences: readonly number[] | undefined;
  readonly stored: ReadonlyMap<number, Uint8Array>;
  readonly firstMs: number | undefined;
  readonly oldestMs: number;
  readonly newestMs: number;
}

async function collect(
  { snapshot }: JournalDeps,
  batch: RawBatch,
  look: (entry: RawEntry) => void,
): Promise<Leaves> {
  const parts: Uint8Array[] = [];
  const stored = new Map<number, Uint8Array>();
  const sequences: number[] | undefined = snapshot.gapless ? undefined : [];
  let part = Buffer.alloc(0);
  let count = 0;
  let firstMs: number | undefined;
  let [oldestMs, newestMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const ROOM = 4_096 * HASH_LENGTH;
  for await (const entry of snapshot.entries(batch.firstSequence, batch.lastSequence)) {
    look(entry);
    firstMs ??= entry.receivedMs;
    oldestMs = Math.min(oldestMs, entry.receivedMs);
    newestMs = Math.max(newestMs, entry.receivedMs);
    const leaf = leafOf(entry.bytes);
    if (Buffer.compare(leaf, entry.leaf) !== 0) stored.set(count, Uint8Array.from(entry.leaf));
    if ((count * HASH_LENGTH) % ROOM === 0) parts.push((part = Buffer.alloc(ROOM)));
    part.set(leaf, (count * HASH_LENGTH) % ROOM);
    sequences?.push(entry.sequence);
    count++;
  }
  // A buffer of its own: the tree is made by words, which wants its beginning at one.
  const made = new Uint8Array(count * HASH_LENGTH);
  for (const [i, one] of parts.entries())
    made.set(one.subarray(0, Math.min(ROOM, made.length - i * ROOM)), i * ROOM);
  return { made, sequences, stored, firstMs, oldestMs, newestMs };
}

async function checkBatch(
  deps: JournalDeps,
  batch: RawBatch,
  look: (entry: RawEntry) => void,
): Promise<void> {
  const { report, blobs } = deps;
  const place = at('batches', batch.number);
  const leaves = await collect(deps, batch, look);
  const count = leaves.made.length / HASH_LENGTH;
  if (count !== batch.size)
    return report.found('batch-entries-missing', place, { expected: batch.size, found: count });
  if (batch.oldestMs !== leaves.firstMs && batch.oldestMs !== leaves.oldestMs)
    report.found('batch-oldest-differs', place, { expected: leaves.oldestMs, found: batch.oldestMs });
  if (batch.sealedMs < leaves.newestMs - CLOCKS_DIFFER_MS)
    report.found('batch-sealed-early', place, {
      what: 'sealed_ms',
      expected: `≥ ${isoOf(leaves.newestMs)}`,
      found: isoOf(batch.sealedMs),
    });
  const file = await explain(deps, batch, leaves);
  if (file === undefined) return;
  const difference = await differenceFrom(blobs, batch.root, file);
  if (difference === undefined) return;
  const tree = at('trees', batch.root);
  if (difference !== 'missing')
    return report.found('tree-differs', tree, {
      what: `batch ${batch.number}, byte ${difference.at}`,
      expected: hexAt(file, difference.at) || '—',
    });
  report.found('tree-missing', tree, { what: `batch ${batch.number}` });
  if (await deps.keepTree?.(batch, file)) report.repaired('tree-missing', tree);
}

const hexAt = (bytes: Uint8Array, at: number): string => toHex(bytes.subarray(at, at + HASH_LENGTH));

/**
 * Which leaves the batch was sealed over: those of the entries as they are; else those in the column; else those in the
 * stored tree. Names what differs from them, and returns the file that the tree should be; undefined where nothing leads
 * to the root.
 */
async function explain(
  { report, blobs }: JournalDeps,
  batch: RawBatch,
  leaves: Leaves,
): Promise<Uint8Array | undefined> {
  const { made, stored } = leaves;
  const sequenceAt = (i: number): number => leaves.sequences?.[i] ?? batch.firstSequence + i;
  const leafAt = (all: Uint8Array, i: number) => all.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
  const tree = treeOf(made);
  if (tree.root === batch.root) {
    for (const [i, leaf] of stored)
      report.found('leaf-differs', at('entries', sequenceAt(i)), {
        expected: toHex(leafAt(made, i)),
        found: toHex(leaf),
      });
    return tree.file();
  }
  const inColumn = Uint8Array.from(made);
  for (const [i, leaf] of stored) if (leaf.length === HASH_LENGTH) inColumn.set(leaf, i * HASH_LENGTH);
  const sealed =
    stored.size > 0 && rootOfLeaves(inColumn) === batch.root
      ? inColumn
      : await storedLeaves(blobs, batch.root, batch.size);
  if (sealed !== undefined) {
    nameAltered(report, batch.number, sealed, made, sequenceAt);
    return treeOf(Uint8Array.from(sealed)).file();
  }
  for (const [i, leaf] of stored)
    report.found('leaf-differs', at('entries', sequenceAt(i)), {
      expected: toHex(leafAt(made, i)),
      found: toHex(leaf),
    });
  report.found('batch-root-differs', at('batches', batch.number), { expected: tree.root, found: batch.root });
  return undefined;
}

/** Entries that are not what was sealed: their bytes give another leaf than the tree has in their place. */
function nameAltered(
  report: Report,
  batch: number,
  sealed: Uint8Array,
  made: Uint8Array,
  sequenceAt: (i: number) => number,
): void {
  for (let i = 0; i * HASH_LENGTH < sealed.length; i++) {
    const [was, is] = [sealed, made].map((all) => all.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH));
    if (Buffer.compare(was!, is!) === 0) continue;
    report.found('entry-altered', at('entries', sequenceAt(i)), {
      what: `batch ${batch}, leaf ${i}`,
      expected: toHex(was!),
      found: toHex(is!),
    });
  }
}

/**
 * Where a batch's root is not the one that was anchored: the tree of the anchored root may still be there, and then it
 * names the entries that were exchanged.
 */
export async function nameExchanged(
  deps: Pick<JournalDeps, 'snapshot' | 'blobs' | 'report'>,
  batch: RawBatch,
  anchored: { readonly root: string; readonly size: number },
): Promise<void> {
  if (batch.size !== anchored.size || batch.root === anchored.root) return;
  const sealed = await storedLeaves(deps.blobs, anchored.root, anchored.size);
  if (sealed === undefined) return;
  let i = 0;
  for await (const entry of deps.snapshot.entries(batch.firstSequence, batch.lastSequence)) {
    const was = sealed.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
    const is = leafOf(entry.bytes);
    if (Buffer.compare(was, is) !== 0)
      deps.report.found('entry-altered', at('entries', entry.sequence), {
        what: `batch ${batch.number}, leaf ${i}, anchored root ${anchored.root}`,
        expected: toHex(was),
        found: toHex(is),
      });
    i++;
  }
}
