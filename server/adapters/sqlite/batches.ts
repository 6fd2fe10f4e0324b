import type { Batch, EntryState } from '../../ports/store.ts';
import { type BatchRow, batchOf, PROGRESS } from '../relational/rows.ts';
import type { Connection } from './connection.ts';
import { prepare } from './statements.ts';

export interface BatchReads {
  batch(number: number): Batch | undefined;
  lastBatch(): Batch | undefined;
  placeOf(sequence: number): { readonly batch: Batch; readonly index: number } | undefined;
  stateOf(sequence: number): EntryState;
  pending(): { readonly count: number; readonly oldestMs: number | undefined };
}

export function openBatches(db: Connection): BatchReads {
  const byNumber = prepare<{ number: number }, BatchRow>(db, (query, of) =>
    query.selectFrom('batches').selectAll().where('number', '=', of.number),
  );
  const newest = prepare<object, BatchRow>(db, (query) =>
    query.selectFrom('batches').selectAll().orderBy('number', 'desc').limit(1),
  );
  // The last batch that begins at or before the entry: one seek in the index, in a batch of any size.
  const around = prepare<{ sequence: number }, BatchRow>(db, (query, of) =>
    query
      .selectFrom('batches')
      .selectAll()
      .where('first_sequence', '<=', of.sequence)
      .orderBy('first_sequence', 'desc')
      .limit(1),
  );
  // One statement, so that both ends are of one moment.
  const waiting = db.prepare<[], { last: number | null; sealed: number; oldest: number | null }>(
    `with sealed as (select coalesce((select last_sequence from batches order by number desc limit 1), 0) as at)
     select (select max(sequence) from entries) as last, at as sealed,
       (select received_ms from entries where sequence = at + 1) as oldest from sealed`,
  );

  function rowAround(sequence: number): BatchRow | undefined {
    const row = around.get({ sequence });
    return row !== undefined && sequence <= row.last_sequence ? row : undefined;
  }

  return {
    batch(number) {
      const row = byNumber.get({ number });
      return row && batchOf(row);
    },
    lastBatch() {
      const row = newest.get({});
      return row && batchOf(row);
    },
    placeOf(sequence) {
      const row = rowAround(sequence);
      return row && { batch: batchOf(row), index: sequence - row.first_sequence };
    },
    stateOf: (sequence) => PROGRESS[rowAround(sequence)?.progress ?? 0]!,
    pending() {
      const { last, sealed, oldest } = waiting.get()!;
      return { count: (last ?? 0) - sealed, oldestMs: oldest ?? undefined };
    },
  };
}
