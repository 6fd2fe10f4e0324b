import { type Kysely, sql } from 'kysely';
import type { SealedValue } from '../../ports/people.ts';
import type { SealedKind } from '../../ports/sealing.ts';
import { bytesOf } from './people-schema.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

/** The name of its key stands before each sealed value. */
const KEY_NAME_BYTES = 8;

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const nameIn = (column: string) =>
  sql<Uint8Array>`substr(${sql.ref(column)}, 1, ${sql.lit(KEY_NAME_BYTES)})`.as('name');

/** A webhook that was removed has an empty secret. */
const hasSecret = sql<boolean>`length(secret) > 0`;

export const sealedReads = (query: Query) => ({
  *sealedKeys(): Work<readonly string[]> {
    const names = [
      ...(yield* rows(
        query.selectFrom('persons').select(nameIn('totp')).distinct().where('totp', 'is not', null),
      )),
      ...(yield* rows(
        query
          .selectFrom('identity_numbers')
          .select(nameIn('sealed'))
          .distinct()
          .where('erased_ms', 'is', null),
      )),
      ...(yield* rows(query.selectFrom('webhooks').select(nameIn('secret')).distinct().where(hasSecret))),
      ...(yield* rows(
        query.selectFrom('webhooks').select(nameIn('previous')).distinct().where('previous', 'is not', null),
      )),
    ];
    return [...new Set(names.map((one) => hexOf(one.name)))].toSorted();
  },
  *sealedValues(kind: SealedKind, after: string, limit: number): Work<readonly SealedValue[]> {
    if (kind === 'webhook-secret') return yield* webhookSecrets(query, after, limit);
    const found =
      kind === 'totp'
        ? yield* rows(
            query
              .selectFrom('persons')
              .select(['id', 'totp as sealed'])
              .where('totp', 'is not', null)
              .where('id', '>', after)
              .orderBy('id')
              .limit(limit),
          )
        : yield* rows(
            query
              .selectFrom('identity_numbers')
              .select(['id', 'sealed'])
              .where('erased_ms', 'is', null)
              .where('id', '>', after)
              .orderBy('id')
              .limit(limit),
          );
    return found.map(({ id, sealed }) => ({ whose: id, sealed: bytesOf(sealed!) }));
  },
});

/** One or, for a day after a change, two of each: there may come more than the limit, never fewer while there are more. */
function* webhookSecrets(query: Query, after: string, limit: number): Work<readonly SealedValue[]> {
  const found = yield* rows(
    query
      .selectFrom('webhooks')
      .select(['id', 'secret', 'previous'])
      .where(hasSecret)
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit),
  );
  return found.flatMap(({ id, secret, previous }) =>
    [secret, ...(previous === null ? [] : [previous])].map((sealed) => ({
      whose: id,
      sealed: bytesOf(sealed),
    })),
  );
}

export const sealedWrites = (query: Query) => ({
  *replaceSealed(kind: SealedKind, whose: string, before: Uint8Array, sealed: Uint8Array): Work<boolean> {
    if (kind === 'webhook-secret') return yield* replaceSecret(query, whose, before, sealed);
    const replaced = yield* row(
      kind === 'totp'
        ? query
            .updateTable('persons')
            .set({ totp: sealed })
            .where('id', '=', whose)
            .where('totp', '=', before)
            .returning('id')
        : query
            .updateTable('identity_numbers')
            .set({ sealed })
            .where('id', '=', whose)
            .where('sealed', '=', before)
            .where('erased_ms', 'is', null)
            .returning('id'),
    );
    return replaced !== undefined;
  },
});

function* replaceSecret(query: Query, whose: string, before: Uint8Array, sealed: Uint8Array): Work<boolean> {
  for (const column of ['secret', 'previous'] as const) {
    const replaced = yield* row(
      query
        .updateTable('webhooks')
        .set({ [column]: sealed })
        .where('id', '=', whose)
        .where(column, '=', before)
        .returning('id'),
    );
    if (replaced !== undefined) return true;
  }
  return false;
}
