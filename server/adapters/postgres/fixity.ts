import { type Selectable, sql } from 'kysely';
import type { FixityCheck, FixityResult, FixityStore } from '../../ports/store.ts';
import type { Database } from './database.ts';
import { storedEntry } from './deposits.ts';
import type { EntryRow, Schema } from './schema.ts';

type FixityReads = Pick<FixityStore, 'unlistedEntries' | 'filesToCheck' | 'fixityOf' | 'fixityTotals'>;
type FixityWrites = Pick<FixityStore, 'listFiles' | 'recordFixity'>;

export function openFixityReads({ query, run }: Database): FixityReads {
  return {
    async unlistedEntries(limit, text) {
      // The journal has no gaps, and batches take it from the front.
      const [bounds] = await run<{ through: number; sealed: number }>(
        `select listed_through as through,
           coalesce((select last_sequence from batches order by number desc limit 1), 0) as sealed from fixity_state`,
        [],
      );
      const { through, sealed } = bounds!;
      const last = Math.min(through + limit, sealed);
      if (last <= through) return { entries: [], through: undefined };
      const rows = await run<EntryRow>(
        'select * from entries where sequence > $1 and sequence <= $2 and strpos(entry, $3) > 0 order by sequence',
        [through, last, text],
      );
      return { entries: rows.map(storedEntry), through: last };
    },
    async filesToCheck(last, beforeMs, limit) {
      const rows = await query
        .selectFrom('fixity')
        .select(['sha256', 'sm3', 'size'])
        .where('result', '=', last)
        .where('since_ms', '<', beforeMs)
        .orderBy('since_ms')
        .limit(limit)
        .execute();
      return rows.map(({ sha256, sm3, size }) => ({
        sha256: sha256.toString('hex'),
        sm3: sm3.toString('hex'),
        size,
      }));
    },
    async fixityOf(sha256s) {
      if (sha256s.length === 0) return [];
      const rows = await query
        .selectFrom('fixity')
        .selectAll()
        .where(
          'sha256',
          'in',
          [...new Set(sha256s)].map((sha256) => Buffer.from(sha256, 'hex')),
        )
        .where('result', '<>', 'unchecked')
        .execute();
      const found = new Map(rows.map((row) => [row.sha256.toString('hex'), checkOf(row)]));
      return sha256s.map((sha256) => found.get(sha256));
    },
    async fixityTotals() {
      const [row] = await run<{ missing: number; damaged: number }>(
        `select count(*) filter (where result = 'missing') as missing,
           count(*) filter (where result = 'damaged') as damaged
         from fixity where result in ('missing', 'damaged')`,
        [],
      );
      return row!;
    },
  };
}

export function openFixityWrites({ query }: Database): FixityWrites {
  return {
    listFiles: (files, through) =>
      query.transaction().execute(async (within) => {
        if (files.length > 0)
          await sql`insert into fixity (sha256, sm3, size, result, since_ms)
            select decode(sha256, 'hex'), decode(sm3, 'hex'), size, 'unchecked', since_ms
            from json_to_recordset(${JSON.stringify(
              files.map(({ sha256, sm3, size, receivedMs }) => ({ sha256, sm3, size, since_ms: receivedMs })),
            )}) as listed (sha256 text, sm3 text, size bigint, since_ms bigint)
            order by sha256 on conflict do nothing`.execute(within);
        await sql`update fixity_state set listed_through = greatest(listed_through, ${through}::bigint)`.execute(
          within,
        );
      }),
    async recordFixity(checks) {
      if (checks.length === 0) return;
      // Of several of one file the last counts.
      const last = [...new Map(checks.map((check) => [check.sha256, check])).values()];
      await sql`update fixity set result = given.result, since_ms = given.since_ms, found = given.found
        from json_to_recordset(${JSON.stringify(
          last.map(({ sha256, result, checkedMs, found }) => ({
            sha256,
            result,
            since_ms: checkedMs,
            found: found ?? null,
          })),
        )}) as given (sha256 text, result text, since_ms bigint, found json)
        where fixity.sha256 = decode(given.sha256, 'hex')`.execute(query);
    },
  };
}

const checkOf = (row: Selectable<Schema['fixity']>): FixityCheck => ({
  sha256: row.sha256.toString('hex'),
  checkedMs: row.since_ms,
  result: row.result as FixityResult,
  found: row.found ?? undefined,
});
