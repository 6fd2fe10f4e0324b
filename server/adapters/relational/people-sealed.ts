import { type Kysely, sql } from 'kysely';
import type { SealedValue } from '../../ports/people.ts';
import { bytesOf } from './people-schema.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;
type Kind = 'totp' | 'identity-number';

/** The name of its key stands before each sealed value. */
const KEY_NAME_BYTES = 8;

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const sealedReads = (query: Query) => ({
  *sealedKeys(): Work<readonly string[]> {
    const name = (column: 'totp' | 'sealed') =>
      sql<Uint8Array>`substr(${sql.ref(column)}, 1, ${sql.lit(KEY_NAME_BYTES)})`.as('name');
    const names = [
      ...(yield* rows(
        query.selectFrom('persons').select(name('totp')).distinct().where('totp', 'is not', null),
      )),
      ...(yield* rows(
        query.selectFrom('identity_numbers').select(name('sealed')).distinct().where('erased_ms', 'is', null),
      )),
    ];
    return [...new Set(names.map((one) => hexOf(one.name)))].toSorted();
  },
  *sealedValues(kind: Kind, after: string, limit: number): Work<readonly SealedValue[]> {
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

export const sealedWrites = (query: Query) => ({
  *replaceSealed(kind: Kind, whose: string, before: Uint8Array, sealed: Uint8Array): Work<boolean> {
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
