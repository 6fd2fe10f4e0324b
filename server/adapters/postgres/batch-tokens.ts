import type { BatchTokenStore } from '../../ports/store.ts';
import { askedOf, batchTokenOf, namedEvidence, requireEvidence } from '../relational/rows.ts';
import type { Database } from './database.ts';
import { arraysOf, rowOf } from './row.ts';

type BatchTokenReads = Pick<
  BatchTokenStore,
  'askedAuthorities' | 'holdsOthers' | 'batchTokens' | 'tokenEvidence'
>;
type BatchTokenWrites = Pick<BatchTokenStore, 'joinAuthorities' | 'passBatch' | 'keepBatchToken'>;

export function openBatchTokenReads({ query, run }: Database): BatchTokenReads {
  return {
    async askedAuthorities() {
      const rows = await query.selectFrom('authorities').selectAll().orderBy('url').execute();
      return rows.map(askedOf);
    },
    // In the order of the journal it ends at the first that is another's: few entries of ours stand before a deposit.
    async holdsOthers({ firstSequence, lastSequence }, organization) {
      const rows = await run(
        `select from entries where sequence >= $1 and sequence <= $2 and organization <> $3
         order by sequence limit 1`,
        [firstSequence, lastSequence, organization],
      );
      return rows.length > 0;
    },
    async batchTokens(batch) {
      const rows = await query
        .selectFrom('batch_tokens')
        .selectAll()
        .where('batch', '=', batch)
        .orderBy('sequence')
        .execute();
      return rows.map((row) => batchTokenOf(row, row.evidence));
    },
    async tokenEvidence(ids) {
      if (ids.length === 0) return [];
      const rows = await query
        .selectFrom('token_evidence')
        .selectAll()
        .where('id', 'in', [...ids])
        .execute();
      const byId = new Map(rows.map((row) => [row.id, row]));
      return ids.map((id) => {
        const { kind, value } = requireEvidence(byId.get(id), id);
        return { kind, value: new Uint8Array(value) };
      });
    },
  };
}

const KEEP = `select keep_batch_token($1::uuid[], $2::uuid[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[],
  $7::text[], $8::bytea[], $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) as kept`;

export function openBatchTokenWrites({ query, run }: Database): BatchTokenWrites {
  return {
    joinAuthorities: (urls) =>
      query.transaction().execute(async (within) => {
        // Of two that join at once the second waits, and finds what the first did.
        const known = await within.selectFrom('authorities').selectAll().forUpdate().execute();
        const left = known.map(({ url }) => url).filter((url) => !urls.includes(url));
        if (left.length > 0) await within.deleteFrom('authorities').where('url', 'in', left).execute();
        const last = await within
          .selectFrom('batches')
          .select((select) => select.fn.max('number').as('number'))
          .executeTakeFirst();
        for (const url of urls)
          await within
            .insertInto('authorities')
            .values({ url, next_batch: (last?.number ?? 0) + 1 })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        return (await within.selectFrom('authorities').selectAll().orderBy('url').execute()).map(askedOf);
      }),
    async passBatch(url, batch) {
      await query
        .updateTable('authorities')
        .set({ next_batch: batch + 1 })
        .where('url', '=', url)
        .where('next_batch', '=', batch)
        .execute();
    },
    async keepBatchToken(given, entry) {
      const evidence = namedEvidence(given);
      // Before the journal is locked; where the token is not kept after all, they stay as what nobody names.
      for (const { id, kind, value } of evidence)
        await run('insert into token_evidence values ($1, $2, $3) on conflict do nothing', [
          ...[id, kind],
          Buffer.from(value),
        ]);
      const { batch, url, label, log, token, receivedMs } = given;
      const [answer] = await run<{ kept: boolean }>(KEEP, [
        ...arraysOf([rowOf(entry, undefined)]),
        ...[batch, url, label, log.chainId, log.contract, log.operator, log.index],
        ...[Buffer.from(token), JSON.stringify(evidence.map(({ id }) => id)), receivedMs],
      ]);
      return answer!.kept;
    },
  };
}
