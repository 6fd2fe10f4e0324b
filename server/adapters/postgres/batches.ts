import { sql } from 'kysely';
import type { BatchStore } from '../../ports/store.ts';
import { type BatchRow, batchOf } from '../relational/rows.ts';
import type { Database } from './database.ts';

/** Leaves that one statement reads: their rows are some ten megabytes for the server, and 3 MB on the way. */
const LEAVES_AT_ONCE = 50_000;

const LEAF = 32;

export function openBatchReads({ query, run }: Database): Omit<BatchStore, 'seal'> {
  const sealedThrough = async (): Promise<number> => (await newest())?.last_sequence ?? 0;

  const newest = (): Promise<BatchRow | undefined> =>
    query.selectFrom('batches').selectAll().orderBy('number', 'desc').limit(1).executeTakeFirst();

  /** Entries are numbered without gaps, so a gap is damage: a tree over the others would give every leaf a wrong place. */
  async function leavesAfter(sequence: number, limit: number): Promise<Buffer> {
    const [row] = await run<{ leaves: Buffer | null; count: number; last: number }>(
      `select string_agg(leaf, ''::bytea order by sequence) as leaves, count(*) as count, max(sequence) as last
       from (select sequence, leaf from entries where sequence > $1 order by sequence limit $2) as waiting`,
      [sequence, limit],
    );
    const { leaves, count, last } = row!;
    if (leaves === null) return Buffer.alloc(0);
    if (last !== sequence + count || leaves.length !== count * LEAF)
      throw new Error(`of the entries ${sequence + 1} to ${last} only ${count} are there`);
    return leaves;
  }

  return {
    async pending() {
      // One statement, so that both ends are of one moment.
      const [row] = await run<{ last: number | null; sealed: number; oldest: number | null }>(
        `with sealed as (
           select coalesce((select last_sequence from batches order by number desc limit 1), 0) as through)
         select (select max(sequence) from entries) as last, through as sealed,
           (select received_ms from entries where sequence = through + 1) as oldest from sealed`,
        [],
      );
      const { last, sealed, oldest } = row!;
      return { count: (last ?? 0) - sealed, oldestMs: oldest ?? undefined };
    },
    async pendingLeaves(limit) {
      const sealed = await sealedThrough();
      const pieces: Buffer[] = [];
      for (let count = 0; count < limit; ) {
        const piece = await leavesAfter(sealed + count, Math.min(limit - count, LEAVES_AT_ONCE));
        if (piece.length === 0) break;
        pieces.push(piece);
        count += piece.length / LEAF;
      }
      return { firstSequence: sealed + 1, leaves: new Uint8Array(Buffer.concat(pieces)) };
    },
    async batch(number) {
      const row = await query
        .selectFrom('batches')
        .selectAll()
        .where('number', '=', number)
        .executeTakeFirst();
      return row && batchOf(row);
    },
    async lastBatch() {
      const row = await newest();
      return row && batchOf(row);
    },
    async placeOf(sequence) {
      // The last batch that begins at or before the entry: one seek in the index, in a batch of any size.
      const row = await query
        .selectFrom('batches')
        .selectAll()
        .where('first_sequence', '<=', sequence)
        .orderBy('first_sequence', 'desc')
        .limit(1)
        .executeTakeFirst();
      if (row === undefined || sequence > row.last_sequence) return undefined;
      return { batch: batchOf(row), index: sequence - row.first_sequence };
    },
  };
}

export function openBatchWrites({ query }: Database): Pick<BatchStore, 'seal'> {
  return {
    async seal({ firstSequence, size, root, nowMs }) {
      if (!Number.isSafeInteger(size)) throw new TypeError(`a batch of ${size} entries`);
      const { rows } = await sql<BatchRow>`select * from seal_batch(
        ${firstSequence}::bigint, ${size}::bigint, ${root}::text, ${nowMs}::bigint)`.execute(query);
      return batchOf(rows[0]!);
    },
  };
}
