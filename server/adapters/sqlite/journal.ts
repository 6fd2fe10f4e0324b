import type { Connection } from './connection.ts';
import { DIGESTS, dayOf, KEYS, type Lookup, lookupHash, openLookup, segmentOf } from './lookup.ts';
import type { Unpacked } from './packed.ts';
import type { EntryRow } from './schema.ts';
import { createUnsealed, type Unsealed } from './unsealed.ts';

/** Rows of the look-up in memory before they are merged into the table: some megabytes, twice while merging. */
const SLICE = 65_536;

/** Rows merged for each new one: the old slice is gone before the new one has grown to half of its size. */
const MERGED_PER_NEW = 2;

/**
 * What the writer knows beside its tables, all of it made from them: how far the journal and its batches go, the leaves
 * that wait, the newest part of the look-up. It changes only after COMMIT returned, so a failed transaction leaves it
 * as it was.
 */
interface Memory {
  last: number;
  sealed: number;
  readonly unsealed: Unsealed;
  readonly lookup: Lookup;
}

export interface Journal {
  /**
   * BEGIN IMMEDIATE, work, COMMIT. When it returned, everything is on disk (synchronous=FULL); when it threw, nothing
   * is there, neither in the tables nor in memory. A crash inside leaves nothing.
   */
  transaction<T>(work: () => T): T;
  /** Inside a transaction. Throws where a row of the schema's rules is broken; then only this entry is missing. */
  append(deposit: Unpacked): number;
  /** Inside a transaction: entries that may hold the key of this hash, by a hint; the caller compares. */
  entriesWithKey(hash: number, aroundMs: number): readonly number[];
  /** Inside a transaction: entries that may hold this digest and are perhaps not in the table yet. */
  recentWithDigest(organization: Uint8Array, digest: Uint8Array): readonly number[];
  /** The newest sequence, and the last one in a batch, as this transaction has them. */
  last(): number;
  sealed(): number;
  /** Inside a transaction, after the batch was inserted. */
  sealThrough(sequence: number): void;
  /** Inside a transaction: the sequence that the oldest waiting entry has or will have, and the leaves from there. */
  firstWaiting(): number;
  waitingLeaves(limit: number): Uint8Array<ArrayBuffer>;
  /** A bounded piece of merging when nothing else is to be done; false where there is none. */
  tidy(rows: number): boolean;
}

export function openJournal(db: Connection, slice = SLICE): Journal {
  const begin = db.prepare('begin immediate');
  const commit = db.prepare('commit');
  const rollback = db.prepare('rollback');
  const version = db.prepare<[], number>('pragma data_version').pluck();
  const insert = db.prepare(
    'insert into entries (sequence, organization, id, received_ms, leaf, entry, digests, idempotency_key, fingerprint) values (?, ?, ?, ?, ?, cast(? as text), ?, ?, ?)',
  );
  let memory = remember(db, slice);
  let seenVersion = version.get()!;
  let last = memory.last;
  let sealed = memory.sealed;
  let leaves: Uint8Array[] = [];

  /**
   * The version changes when another connection wrote. The command line adds organizations and keys, which touches
   * nothing here; a second service on the same file does, and then memory is made again.
   */
  function refresh(): void {
    const now = version.get()!;
    if (now === seenVersion) return;
    const { last: theirs, sealed: theirSealed, merged } = tails(db);
    if (theirs !== memory.last || theirSealed !== memory.sealed || merged !== memory.lookup.mergedThrough)
      memory = remember(db, slice);
    seenVersion = now;
  }

  function settle(): void {
    memory.last = last;
    for (const leaf of leaves) memory.unsealed.append(leaf);
    if (sealed > memory.sealed) memory.unsealed.drop(sealed - memory.sealed);
    memory.sealed = sealed;
    memory.lookup.committed(last);
  }

  function transaction<T>(work: () => T): T {
    begin.run();
    try {
      refresh();
      last = memory.last;
      sealed = memory.sealed;
      leaves = [];
      const result = work();
      if (memory.lookup.staged > 0) memory.lookup.merge(memory.lookup.staged * MERGED_PER_NEW);
      commit.run();
      settle();
      return result;
    } catch (error) {
      memory.lookup.rolledBack();
      // SQLite rolls back by itself after some errors.
      if (db.inTransaction) rollback.run();
      throw error;
    }
  }

  function append(deposit: Unpacked): number {
    const sequence = last + 1;
    const { organization, key, receivedMs, digests } = deposit;
    const fingerprint = key === undefined ? null : deposit.fingerprint;
    insert.run(
      sequence,
      organization,
      deposit.id,
      receivedMs,
      deposit.leaf,
      deposit.entry,
      digests,
      key ?? null,
      fingerprint,
    );
    last = sequence;
    leaves.push(deposit.leaf);
    stage(memory.lookup, { sequence, organization, receivedMs, digests, keyHash: deposit.keyHash });
    return sequence;
  }

  return {
    transaction,
    append,
    entriesWithKey(hash, aroundMs) {
      const day = dayOf(aroundMs);
      const { lookup } = memory;
      const around = [day - 1, day, day + 1].map((bucket) => lookup.find(KEYS, bucket, hash));
      return around.flat();
    },
    recentWithDigest: (organization, digest) =>
      memory.lookup.findRecent(DIGESTS, lookupHash(organization, digest)),
    last: () => last,
    sealed: () => sealed,
    sealThrough(sequence) {
      sealed = sequence;
    },
    firstWaiting: () => memory.sealed + 1,
    waitingLeaves: (limit) => memory.unsealed.copy(limit),
    tidy(rows) {
      if (!memory.lookup.isMerging) return false;
      transaction(() => memory.lookup.merge(rows));
      return true;
    },
  };
}

interface Indexed {
  readonly sequence: number;
  readonly organization: Uint8Array;
  readonly receivedMs: number;
  readonly digests: Uint8Array;
  readonly keyHash: number | undefined;
}

const DIGEST = 32;

function stage(lookup: Lookup, row: Indexed): void {
  const { organization, sequence, digests, keyHash } = row;
  if (keyHash !== undefined) lookup.stage([KEYS, dayOf(row.receivedMs), keyHash, sequence]);
  for (let at = 0; at < digests.length; at += DIGEST) {
    const hash = lookupHash(organization, digests.subarray(at, at + DIGEST));
    lookup.stage([DIGESTS, segmentOf(sequence), hash, sequence]);
  }
}

function tails(db: Connection): { last: number; sealed: number; merged: number } {
  return db
    .prepare<[], { last: number; sealed: number; merged: number }>(
      `select coalesce((select max(sequence) from entries), 0) as last,
        coalesce((select last_sequence from batches order by number desc limit 1), 0) as sealed,
        (select merged_through from lookup_state) as merged`,
    )
    .get()!;
}

/** Reads at start what a crash took from memory: entries above two marks, never the whole journal. */
function remember(db: Connection, slice: number): Memory {
  const { last, sealed, merged } = tails(db);
  const unsealed = createUnsealed();
  const waiting = db
    .prepare<number[], Uint8Array>('select leaf from entries where sequence > ? order by sequence')
    .pluck();
  for (const leaf of waiting.iterate(sealed)) unsealed.append(leaf);
  const lookup = openLookup(db, slice);
  const unmerged = db.prepare<
    number[],
    Pick<EntryRow, 'sequence' | 'organization' | 'received_ms' | 'digests' | 'idempotency_key'>
  >(
    'select sequence, organization, received_ms, digests, idempotency_key from entries where sequence > ? order by sequence',
  );
  for (const { received_ms: receivedMs, idempotency_key: key, ...row } of unmerged.iterate(merged)) {
    const keyHash = key === null ? undefined : lookupHash(row.organization, Buffer.from(key, 'utf8'));
    stage(lookup, { ...row, receivedMs, keyHash });
  }
  lookup.committed(last);
  return { last, sealed, unsealed, lookup };
}
