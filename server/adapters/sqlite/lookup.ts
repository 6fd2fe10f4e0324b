import { hash } from 'node:crypto';
import type { Connection } from './connection.ts';
import { createMemtable, type LookupRow, type Memtable } from './memtable.ts';

/*
 * From an idempotency key, or from the digest of a file, to entries. Such keys are random: an ordinary index would
 * dirty a page of its own for every deposit. Instead
 *
 *   - the rows of `entries` hold what the index is made from, so a crash loses nothing;
 *   - the newest part stands in the writer's memory and is made again from `entries` at start;
 *   - when it has grown to a slice, the slice is sorted and goes into the table `lookup`, some rows with each
 *     deposit; only when all of it is there does `merged_through` move, and the slice leaves memory. After a crash in
 *     between, its rows are found twice, in memory and in the table, which is harmless.
 *
 * Parts ("buckets") keep what is merged at one time together: idempotency keys by day, so that a day is forgotten as
 * one range; digests by segments of the journal, so that a slice meets a bounded number of pages however large the
 * journal is. A row holds 48 bits of a hash: it is a hint, whoever follows it compares with the entry.
 */
export const KEYS = 0;
export const DIGESTS = 1;

export const DAY_MS = 86_400_000;
export const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);

/** Entries of one part of the index by digest: a search looks into each part, one more for each million entries. */
const SEGMENT = 2 ** 20;
export const segmentOf = (sequence: number): number => Math.floor(sequence / SEGMENT);

const scratch = Buffer.alloc(16 + 1024);

/** 48 bits of SHA-256(organization ‖ key): nobody can aim at the keys of another organization. */
export function lookupHash(organization: Uint8Array, key: Uint8Array): number {
  scratch.set(organization);
  scratch.set(key, 16);
  const text = hash('sha256', scratch.subarray(0, 16 + key.length), 'binary');
  const high = (text.charCodeAt(0) << 16) | (text.charCodeAt(1) << 8) | text.charCodeAt(2);
  const low = (text.charCodeAt(3) << 16) | (text.charCodeAt(4) << 8) | text.charCodeAt(5);
  return high * 2 ** 24 + low;
}

export interface Lookup {
  /** Entries that a row leads to: this transaction's, memory's, the table's; in no order, perhaps one twice. */
  find(kind: number, bucket: number, hash: number): number[];
  /** Those that are in memory only, or perhaps. */
  findRecent(kind: number, hash: number): number[];
  /** A row of the transaction that runs now. */
  stage(row: LookupRow): void;
  readonly staged: number;
  readonly isMerging: boolean;
  /** Merges about as many rows, inside the transaction that runs now. */
  merge(rows: number): void;
  /** COMMIT returned: what was staged and merged holds. `through` is the newest entry. */
  committed(through: number): void;
  rolledBack(): void;
  readonly mergedThrough: number;
}

/** `slice` is how many rows stand in memory before they are merged. */
export function openLookup(db: Connection, slice: number): Lookup {
  const insert = db.prepare<number[]>('insert or ignore into lookup values (?, ?, ?, ?)');
  const moveMerged = db.prepare('update lookup_state set merged_through = ?');
  const inTable = db
    .prepare<number[], number>('select sequence from lookup where kind = ? and bucket = ? and hash = ?')
    .pluck();
  const knownDays = new Set(daysInTable(db));

  let fresh = createMemtable(slice);
  let merging: { readonly table: Memtable; readonly rows: Iterator<LookupRow>; through: number } | undefined;
  let batch: LookupRow[] = [];
  let isLast = false;
  let isMerged = false;
  let staged: LookupRow[] = [];
  /** Which hashes are among them: as a rule none of those that are looked for. */
  let stagedHashes = new Set<number>();
  let mergedThrough = db.prepare<[], number>('select merged_through from lookup_state').pluck().get()!;

  /** Days without any row are known: a new key is then not looked for on disk. */
  const maybeInTable = (kind: number, bucket: number) => kind !== KEYS || knownDays.has(bucket);

  function takeBatch(rows: Iterator<LookupRow>, count: number): void {
    while (batch.length < count) {
      const next = rows.next();
      isLast = next.done === true;
      if (next.done) return;
      batch.push(next.value);
    }
  }

  function forgetStaged(): void {
    if (staged.length === 0) return;
    staged = [];
    stagedHashes = new Set();
  }

  function forgetBatch(): void {
    for (const [kind, bucket] of batch) if (kind === KEYS) knownDays.add(bucket);
    batch = [];
    isMerged = false;
    if (!isLast) return;
    mergedThrough = merging!.through;
    merging = undefined;
    isLast = false;
  }

  return {
    find(kind, bucket, wanted) {
      const found = [...fresh.find(kind, bucket, wanted)];
      if (stagedHashes.has(wanted))
        for (const row of staged)
          if (row[2] === wanted && row[0] === kind && row[1] === bucket) found.push(row[3]);
      if (merging !== undefined) found.push(...merging.table.find(kind, bucket, wanted));
      if (maybeInTable(kind, bucket)) found.push(...inTable.all(kind, bucket, wanted));
      return found;
    },
    findRecent: (kind, wanted) => [
      ...fresh.findAnywhere(kind, wanted),
      ...(merging?.table.findAnywhere(kind, wanted) ?? []),
    ],
    stage(row) {
      staged.push(row);
      stagedHashes.add(row[2]);
    },
    get staged() {
      return staged.length;
    },
    get isMerging() {
      return merging !== undefined;
    },
    merge(rows) {
      if (merging === undefined) return;
      takeBatch(merging.rows, rows);
      for (const row of batch) insert.run(...row);
      if (isLast) moveMerged.run(merging.through);
      isMerged = true;
    },
    committed(through) {
      for (const row of staged) fresh.add(row);
      forgetStaged();
      if (isMerged) forgetBatch();
      if (merging !== undefined || fresh.size < slice) return;
      merging = { table: fresh, rows: fresh.sorted(), through };
      fresh = createMemtable(slice);
    },
    rolledBack() {
      // The batch stays: its rows are no longer in the table and go there again with the next transaction.
      forgetStaged();
      isMerged = false;
    },
    get mergedThrough() {
      return mergedThrough;
    },
  };
}

/** A seek for each day, not a scan. */
function daysInTable(db: Connection): number[] {
  const next = db
    .prepare<number[], number | null>('select min(bucket) from lookup where kind = ? and bucket > ?')
    .pluck();
  const days: number[] = [];
  for (let day = next.get(KEYS, -1); typeof day === 'number'; day = next.get(KEYS, day)) days.push(day);
  return days;
}

/** Rows that one call of `forgetOldKeys` deletes at most: some milliseconds. */
const FORGET_ROWS = 2_000;

/**
 * Deletes a bounded number of idempotency keys that cannot count any more, oldest first; true where there may be
 * more. A key counts for 24 hours before and after its entry, so the days beside the current one stay.
 */
export function forgetOldKeys(db: Connection, nowMs: number): boolean {
  const oldest = daysInTable(db)[0];
  if (oldest === undefined || oldest >= dayOf(nowMs) - 2) return false;
  const bound = db
    .prepare<number[], number>(
      'select hash from lookup where kind = ? and bucket = ? order by hash limit 1 offset ?',
    )
    .pluck()
    .get(KEYS, oldest, FORGET_ROWS);
  db.prepare('delete from lookup where kind = ? and bucket = ? and hash <= ?').run(
    KEYS,
    oldest,
    bound ?? 2 ** 48,
  );
  return true;
}
