import { type Selectable, sql } from 'kysely';
import type { Stamp, StampStore } from '../../ports/store.ts';
import type { Database } from './database.ts';
import type { Schema } from './schema.ts';

type StampReads = Pick<StampStore, 'stampOf' | 'waitingStamps' | 'leavesFrom' | 'signers'>;
type StampWrites = Pick<StampStore, 'recordStamp' | 'keepSigner' | 'reserveTime'>;

export function openStampReads({ query, run }: Database): StampReads {
  async function leavesFrom(firstSequence: number, count: number): Promise<Uint8Array> {
    const rows = await run<{ leaf: Buffer }>(
      'select leaf from entries where sequence >= $1 and sequence < $2 order by sequence',
      [firstSequence, firstSequence + count],
    );
    if (rows.length !== count)
      throw new Error(`${rows.length} entries from ${firstSequence} on, not ${count}`);
    return new Uint8Array(Buffer.concat(rows.map(({ leaf }) => leaf)));
  }

  return {
    // The last one that begins at or before the entry: one seek, whatever the size of the call.
    async stampOf(sequence) {
      const row = await query
        .selectFrom('stamps')
        .selectAll()
        .where('first_sequence', '<=', sequence)
        .orderBy('first_sequence', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row !== undefined && sequence < row.first_sequence + row.count ? stampOf(row) : undefined;
    },
    async waitingStamps(limit) {
      const rows = await query
        .selectFrom('stamps')
        .innerJoin('entries', 'entries.sequence', 'stamps.first_sequence')
        .select(['stamps.first_sequence', 'stamps.count', 'entries.entry'])
        .where('token', 'is', null)
        .orderBy('stamps.first_sequence')
        .limit(limit)
        .execute();
      return Promise.all(
        rows.map(async ({ first_sequence: firstSequence, count, entry }) => ({
          firstSequence,
          count,
          entry,
          leaves: await leavesFrom(firstSequence, count),
        })),
      );
    },
    leavesFrom,
    async signers() {
      const rows = await query.selectFrom('signers').selectAll().execute();
      return rows.map(({ id, chain }) => ({
        id,
        chain: chain.map((one) => new Uint8Array(Buffer.from(one, 'base64'))),
      }));
    },
  };
}

export function openStampWrites({ query, run }: Database): StampWrites {
  return {
    async recordStamp(firstSequence, token) {
      await query
        .updateTable('stamps')
        .set({ token: Buffer.from(token) })
        .where('first_sequence', '=', firstSequence)
        .where('token', 'is', null)
        .execute();
    },
    async keepSigner(id, chain) {
      const text = JSON.stringify(chain.map((one) => Buffer.from(one).toString('base64')));
      await sql`insert into signers (id, chain) values (${id}, ${text}::json) on conflict do nothing`.execute(
        query,
      );
    },
    async reserveTime(throughMs) {
      const [row] = await run<{ reserved: number }>('select reserve_time($1) as reserved', [throughMs]);
      return row!.reserved;
    },
  };
}

const stampOf = ({ first_sequence: firstSequence, count, token }: Selectable<Schema['stamps']>): Stamp => ({
  firstSequence,
  count,
  token: token === null ? undefined : new Uint8Array(token),
});
