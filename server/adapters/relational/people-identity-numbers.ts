import type { Kysely } from 'kysely';
import type { IdentityNumber } from '../../ports/people.ts';
import { bytesOf } from './people-schema.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const identityNumberReads = (query: Query) => ({
  *identityNumber(id: string): Work<IdentityNumber | undefined> {
    const of = yield* row(query.selectFrom('identity_numbers').selectAll().where('id', '=', id));
    return (
      of && {
        id,
        organization: of.organization,
        kind: of.kind,
        masked: of.masked,
        sealed: bytesOf(of.sealed),
        createdMs: of.created_ms,
        erasedMs: of.erased_ms ?? undefined,
      }
    );
  },
});

export const identityNumberWrites = (query: Query) => ({
  *addIdentityNumber(of: IdentityNumber): Work<void> {
    yield* rows(
      query.insertInto('identity_numbers').values({
        id: of.id,
        organization: of.organization,
        kind: of.kind,
        masked: of.masked,
        sealed: of.sealed,
        created_ms: of.createdMs,
        erased_ms: of.erasedMs ?? null,
      }),
    );
  },
  *eraseIdentityNumber(id: string, nowMs: number): Work<boolean> {
    const erased = yield* row(
      query
        .updateTable('identity_numbers')
        .set({ sealed: new Uint8Array(0), erased_ms: nowMs })
        .where('id', '=', id)
        .where('erased_ms', 'is', null)
        .returning('id'),
    );
    return erased !== undefined;
  },
});
