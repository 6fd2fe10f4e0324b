import type { AskedAuthority, Batch, BatchToken, NewBatchToken, TokenEvidence } from '../../ports/store.ts';
import { askedOf, batchTokenOf, namedEvidence, requireEvidence } from '../relational/rows.ts';
import { requireUuid } from '../relational/uuid.ts';
import type { Connection } from './connection.ts';
import type { Journal } from './journal.ts';
import { unpack } from './packed.ts';
import type { Schema } from './schema.ts';
import { prepare } from './statements.ts';

type AuthorityRow = Schema['authorities'];
type TokenRow = Schema['batch_tokens'];

export function openBatchTokenReads(db: Connection) {
  const authorities = prepare<object, AuthorityRow>(db, (query) =>
    query.selectFrom('authorities').selectAll().orderBy('url'),
  );
  const ofBatch = prepare<{ batch: number }, TokenRow>(db, (query, of) =>
    query.selectFrom('batch_tokens').selectAll().where('batch', '=', of.batch).orderBy('sequence'),
  );
  const evidence = db.prepare<[string], TokenEvidence>('select kind, value from token_evidence where id = ?');
  // It ends at the first that is another's: few entries of ours stand before the first deposit.
  const other = db.prepare<[number, number, Uint8Array]>(
    'select 1 from entries where sequence >= ? and sequence <= ? and organization <> ? limit 1',
  );
  return {
    askedAuthorities: (): AskedAuthority[] => authorities.all({}).map(askedOf),
    holdsOthers: ({ firstSequence, lastSequence }: Batch, organization: string): boolean =>
      other.get(firstSequence, lastSequence, requireUuid(organization)) !== undefined,
    batchTokens: (batch: number): BatchToken[] =>
      ofBatch.all({ batch }).map((row) => batchTokenOf(row, JSON.parse(row.evidence) as string[])),
    tokenEvidence: (ids: readonly string[]): TokenEvidence[] =>
      ids.map((id) => {
        const { kind, value } = requireEvidence(evidence.get(id), id);
        return { kind, value: new Uint8Array(value) };
      }),
  };
}

/** Each inside a transaction. */
export function openBatchTokenWrites(db: Connection, journal: Pick<Journal, 'append'>) {
  const { askedAuthorities } = openBatchTokenReads(db);
  const leave = db.prepare<[string]>('delete from authorities where url = ?');
  const join = db.prepare<[string]>(
    'insert or ignore into authorities values (?, (select coalesce(max(number), 0) + 1 from batches))',
  );
  const pass = db.prepare<[number, string, number]>(
    'update authorities set next_batch = ? where url = ? and next_batch = ?',
  );
  const known = db.prepare<[number, string]>('select 1 from batch_tokens where batch = ? and url = ?');
  const keepEvidence = db.prepare<[string, string, Uint8Array]>(
    'insert or ignore into token_evidence values (?, ?, ?)',
  );
  const insert = db.prepare('insert into batch_tokens values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');

  const passBatch = (url: string, batch: number): void => void pass.run(batch + 1, url, batch);

  function keep(given: NewBatchToken, sequence: number): void {
    const { batch, url, label, log, token, receivedMs } = given;
    const evidence = namedEvidence(given);
    for (const { id, kind, value } of evidence) keepEvidence.run(id, kind, value);
    const ids = JSON.stringify(evidence.map(({ id }) => id));
    const { chainId, contract, operator, index } = log;
    insert.run(sequence, batch, url, label, chainId, contract, operator, index, token, ids, receivedMs);
  }

  return {
    joinAuthorities(urls: readonly string[]): AskedAuthority[] {
      for (const { url } of askedAuthorities()) if (!urls.includes(url)) leave.run(url);
      for (const url of urls) join.run(url);
      return askedAuthorities();
    },
    passBatch,
    /** `bytes`: the entry, packed. */
    keepBatchToken(given: NewBatchToken, bytes: ArrayBuffer): boolean {
      const isFirst = known.get(given.batch, given.url) === undefined;
      if (isFirst) for (const entry of unpack(Buffer.from(bytes), 1)) keep(given, journal.append(entry));
      passBatch(given.url, given.batch);
      return isFirst;
    },
  };
}
