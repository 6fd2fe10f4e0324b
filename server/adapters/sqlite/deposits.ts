import type { Batch, BulkOutcome, DepositOutcome, StoredEntry } from '../../ports/store.ts';
import { PROGRESS, requireWhole } from '../relational/rows.ts';
import { uuidText } from '../relational/uuid.ts';
import { type Connection, isConstraint } from './connection.ts';
import type { Journal } from './journal.ts';
import { DAY_MS, lookupHash } from './lookup.ts';
import { type Unpacked, unpack } from './packed.ts';
import type { BulkCallRow, EntryRow } from './schema.ts';
import type { Stamping } from './stamping.ts';

/** What became of one deposit of a group; an error is that deposit's own and the others are stored. */
export type GroupOutcome = DepositOutcome | { readonly outcome: 'failed'; readonly error: Error };

/** The usual answer, all stored in one row, is two numbers instead of a list. */
export interface GroupAnswer {
  readonly first: number;
  readonly outcomes: readonly GroupOutcome[] | undefined;
}

export interface BulkCall {
  readonly organization: Uint8Array;
  readonly bytes: ArrayBuffer;
  readonly count: number;
  readonly claim: { key: string; fingerprint: Uint8Array; note: string; nowMs: number } | undefined;
}

export interface Deposits {
  /** One transaction for all. */
  group(bytes: Buffer, count: number): GroupAnswer;
  many(call: BulkCall): BulkOutcome;
  forgetOldBulkCalls(nowMs: number): boolean;
  seal(batch: { firstSequence: number; size: number; root: string; nowMs: number }): Batch;
}

/** 24 hours to either side, so that a clock that was set back does not make a key count twice. */
const counts = (thenMs: number, nowMs: number): boolean => Math.abs(nowMs - thenMs) < DAY_MS;

/** Rows that one call of `forgetOldBulkCalls` deletes at most. */
const FORGET_ROWS = 1_000;

export function openDeposits(db: Connection, journal: Journal, stamping?: Stamping): Deposits {
  const bySequence = db.prepare<[number], EntryRow>('select * from entries where sequence = ?');
  const bulkByKey = db.prepare<[Uint8Array, string], BulkCallRow>(
    'select * from bulk_calls where organization = ? and key = ?',
  );
  const anyBulk = db.prepare<[], number>('select 1 from bulk_calls limit 1').pluck();
  const range = db.prepare<[number, number, Uint8Array], { id: Uint8Array; leaf: Uint8Array }>(
    'select id, leaf from entries where sequence >= ? and sequence < ? and organization = ? order by sequence',
  );
  const keepBulk = db.prepare('insert or replace into bulk_calls values (?, ?, ?, ?, ?, ?, ?)');
  const forgetBulk = db.prepare(
    'delete from bulk_calls where rowid in (select rowid from bulk_calls where created_ms <= ? order by created_ms limit ?)',
  );
  const insertBatch = db.prepare(
    `insert into batches (number, first_sequence, last_sequence, root, sealed_ms, oldest_ms, progress)
     values ((select coalesce(max(number), 0) + 1 from batches), ?, ?, ?, ?,
       (select received_ms from entries where sequence = ?), ${PROGRESS.indexOf('batched')}) returning number, oldest_ms`,
  );

  /** The newest entry that holds this key and whose 24 hours are not over. */
  function earlierSingle(
    organization: Uint8Array,
    key: string,
    keyHash: number,
    nowMs: number,
  ): EntryRow | undefined {
    const sequences = journal.entriesWithKey(keyHash, nowMs);
    if (sequences.length === 0) return undefined;
    for (const sequence of sequences.toSorted((a, b) => b - a)) {
      const row = bySequence.get(sequence);
      if (
        row?.idempotency_key === key &&
        same(row.organization, organization) &&
        counts(row.received_ms, nowMs)
      )
        return row;
    }
    return undefined;
  }

  function earlierBulk(organization: Uint8Array, key: string, nowMs: number): BulkCallRow | undefined {
    const row = bulkByKey.get(organization, key);
    return row !== undefined && counts(row.created_ms, nowMs) ? row : undefined;
  }

  /** One name space for single and bulk calls: a key used for one is used. */
  function claimed(deposit: Unpacked, hasBulk: boolean): DepositOutcome | undefined {
    const { organization, key, keyHash, receivedMs, fingerprint } = deposit;
    if (key === undefined || keyHash === undefined) return undefined;
    if (hasBulk && earlierBulk(organization, key, receivedMs)) return { outcome: 'key-reused' };
    const row = earlierSingle(organization, key, keyHash, receivedMs);
    if (row === undefined) return undefined;
    if (!same(row.fingerprint!, fingerprint)) return { outcome: 'key-reused' };
    return { outcome: 'replayed', stored: storedEntry(row) };
  }

  function storeOne(deposit: Unpacked, hasBulk: boolean): GroupOutcome {
    try {
      const earlier = claimed(deposit, hasBulk);
      if (earlier !== undefined) return earlier;
      const sequence = journal.append(deposit);
      stamping?.single(sequence, deposit.entry);
      return { outcome: 'stored', sequence };
    } catch (error) {
      // The id is taken or the organization is unknown: the statement alone was undone, the transaction goes on.
      if (isConstraint(error)) return { outcome: 'failed', error: error as Error };
      throw error;
    }
  }

  function replayBulk(row: BulkCallRow, fingerprint: Uint8Array): BulkOutcome {
    if (!same(row.fingerprint, fingerprint)) return { outcome: 'key-reused' };
    const entries = range
      .all(row.first_sequence, row.first_sequence + row.count, row.organization)
      .map(({ id, leaf }) => ({ id: uuidText(id), leaf }));
    requireWhole(entries, row.count);
    return { outcome: 'replayed', entries, note: row.note };
  }

  function storeMany({ organization, bytes, count, claim }: BulkCall): BulkOutcome {
    if (claim !== undefined) {
      const earlier = earlierBulk(organization, claim.key, claim.nowMs);
      if (earlier !== undefined) return replayBulk(earlier, claim.fingerprint);
      const keyHash = lookupHash(organization, Buffer.from(claim.key, 'utf8'));
      if (earlierSingle(organization, claim.key, keyHash, claim.nowMs)) return { outcome: 'key-reused' };
    }
    const first = journal.last() + 1;
    const leaves: Uint8Array[] = [];
    let only: Uint8Array | undefined;
    for (const deposit of unpack(Buffer.from(bytes), count)) {
      journal.append(deposit);
      leaves.push(deposit.leaf);
      only = deposit.entry;
    }
    // Of one entry it is a deposit like any other.
    if (count === 1) stamping?.single(first, only!);
    else if (count > 1) stamping?.bulk(first, leaves);
    if (claim !== undefined)
      keepBulk.run(organization, claim.key, claim.fingerprint, claim.note, first, count, claim.nowMs);
    return { outcome: 'stored' };
  }

  /** One transaction; the times that it reserved count for all threads when it is durable. */
  function stamped<T>(work: () => T): T {
    const result = journal.transaction(() => {
      stamping?.begin();
      return work();
    });
    stamping?.committed();
    return result;
  }

  return {
    group: (bytes, count) =>
      stamped(() => {
        const first = journal.last() + 1;
        const hasBulk = anyBulk.get() !== undefined;
        const outcomes: GroupOutcome[] = [];
        for (const deposit of unpack(bytes, count)) outcomes.push(storeOne(deposit, hasBulk));
        const isPlain = journal.last() === first + count - 1;
        return { first, outcomes: isPlain ? undefined : outcomes };
      }),
    many: (call) => stamped(() => storeMany(call)),
    forgetOldBulkCalls: (nowMs) =>
      journal.transaction(() => forgetBulk.run(nowMs - 2 * DAY_MS, FORGET_ROWS).changes === FORGET_ROWS),
    seal: ({ firstSequence, size, root, nowMs }) =>
      journal.transaction(() => {
        const waiting = journal.last() - journal.sealed();
        if (firstSequence !== journal.sealed() + 1)
          throw new Error(`entry ${firstSequence} is not the first waiting one, ${journal.sealed() + 1} is`);
        if (!Number.isInteger(size) || size < 1 || size > waiting)
          throw new Error(`a batch of ${size} entries where ${waiting} wait`);
        const lastSequence = firstSequence + size - 1;
        const made = insertBatch.get(firstSequence, lastSequence, root, nowMs, firstSequence) as {
          number: number;
          oldest_ms: number;
        };
        journal.sealThrough(lastSequence);
        return {
          number: made.number,
          firstSequence,
          lastSequence,
          root,
          size,
          sealedMs: nowMs,
          oldestMs: made.oldest_ms,
        };
      }),
  };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export const storedEntry = (
  row: Omit<EntryRow, 'digests' | 'idempotency_key' | 'fingerprint'>,
): StoredEntry => ({
  sequence: row.sequence,
  id: uuidText(row.id),
  organization: uuidText(row.organization),
  receivedMs: row.received_ms,
  entry: row.entry,
  leaf: new Uint8Array(row.leaf),
});
