import type { Kysely } from 'kysely';
import type { SharedSchema } from './shared-schema.ts';
import { rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const keyUseReads = (query: Query) => ({
  *keyUses(keys: readonly string[]): Work<readonly (number | undefined)[]> {
    if (keys.length === 0) return [];
    const found = yield* rows(query.selectFrom('key_uses').selectAll().where('key', 'in', keys));
    const uses = new Map(found.map(({ key, at_ms }) => [key, at_ms]));
    return keys.map((key) => uses.get(key));
  },
});

export const keyUseWrites = (query: Query) => ({
  *recordKeyUse(uses: readonly { readonly key: string; readonly atMs: number }[]): Work<void> {
    // In the order of their names: instances that write the same ones never wait for each other in a ring.
    for (const { key, atMs } of uses.toSorted((a, b) => (a.key < b.key ? -1 : 1)))
      yield* rows(
        query
          .insertInto('key_uses')
          .values({ key, at_ms: atMs })
          .onConflict((conflict) =>
            conflict.column('key').doUpdateSet({ at_ms: atMs }).where('key_uses.at_ms', '<', atMs),
          ),
      );
  },
});
