import type { Stamp, WaitingStamp } from '../../ports/store.ts';
import type { Connection } from './connection.ts';
import type { Schema } from './schema.ts';
import { prepare } from './statements.ts';

type StampRow = Schema['stamps'];

export function openStampReads(db: Connection) {
  // The last one that begins at or before the entry: one seek, whatever the size of the call.
  const around = prepare<{ sequence: number }, StampRow>(db, (query, of) =>
    query
      .selectFrom('stamps')
      .selectAll()
      .where('first_sequence', '<=', of.sequence)
      .orderBy('first_sequence', 'desc')
      .limit(1),
  );
  const waiting = db.prepare<[number], { first_sequence: number; count: number; entry: string }>(
    `select first_sequence, count, entry from stamps join entries on sequence = first_sequence
     where token is null order by first_sequence limit ?`,
  );
  const leaves = db
    .prepare<[number, number], Uint8Array>(
      'select leaf from entries where sequence >= ? and sequence < ? order by sequence',
    )
    .pluck();
  const signers = prepare<object, Schema['signers']>(db, (query) => query.selectFrom('signers').selectAll());

  const leavesFrom = (firstSequence: number, count: number): Uint8Array => {
    const found = leaves.all(firstSequence, firstSequence + count);
    if (found.length !== count)
      throw new Error(`${found.length} entries from ${firstSequence} on, not ${count}`);
    return new Uint8Array(Buffer.concat(found));
  };

  return {
    stampOf(sequence: number): Stamp | undefined {
      const row = around.get({ sequence });
      return row !== undefined && sequence < row.first_sequence + row.count ? stampOf(row) : undefined;
    },
    waitingStamps: (limit: number): WaitingStamp[] =>
      waiting.all(limit).map(({ first_sequence: firstSequence, count, entry }) => ({
        firstSequence,
        count,
        entry,
        leaves: leavesFrom(firstSequence, count),
      })),
    leavesFrom,
    signers: () =>
      signers.all({}).map(({ id, chain }) => ({
        id,
        chain: (JSON.parse(chain) as string[]).map((one) => new Uint8Array(Buffer.from(one, 'base64'))),
      })),
  };
}

export function openStampWrites(db: Connection) {
  const record = db.prepare<[Uint8Array, number]>(
    'update stamps set token = ? where first_sequence = ? and token is null',
  );
  const keep = db.prepare<[string, string]>('insert or ignore into signers values (?, ?)');
  const reserve = db
    .prepare<[number], number>(
      'update stamp_state set reserved_ms = max(reserved_ms, ?) returning reserved_ms',
    )
    .pluck();
  return {
    recordStamp: (firstSequence: number, token: Uint8Array): void => void record.run(token, firstSequence),
    keepSigner: (id: string, chain: readonly Uint8Array[]): void =>
      void keep.run(id, JSON.stringify(chain.map((one) => Buffer.from(one).toString('base64')))),
    reserveTime: (throughMs: number): number => reserve.get(throughMs)!,
  };
}

const stampOf = ({ first_sequence: firstSequence, count, token }: StampRow): Stamp => ({
  firstSequence,
  count,
  token: token === null ? undefined : new Uint8Array(token),
});
