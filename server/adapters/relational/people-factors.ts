import type { Kysely } from 'kysely';
import type { Passkey } from '../../ports/people.ts';
import { bytesOf, listOf, type PasskeyColumns } from './people-schema.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const factorReads = (query: Query) => ({
  *passkey(id: string): Work<Passkey | undefined> {
    const found = yield* row(query.selectFrom('passkeys').selectAll().where('id', '=', id));
    return found && passkeyOf(found);
  },
  *passkeysOf(person: string): Work<readonly Passkey[]> {
    const found = yield* rows(
      query
        .selectFrom('passkeys')
        .selectAll()
        .where('person', '=', person)
        .orderBy('created_ms')
        .orderBy('id'),
    );
    return found.map(passkeyOf);
  },
  *recoveryCodesLeft(person: string): Work<number> {
    return (yield* rows(query.selectFrom('recovery_codes').select('hash').where('person', '=', person)))
      .length;
  },
});

export const factorWrites = (query: Query) => ({
  *addPasskey(of: Passkey): Work<boolean> {
    const added = yield* row(
      query
        .insertInto('passkeys')
        .values({
          id: of.id,
          person: of.person,
          public_key: of.publicKey,
          counter: of.counter,
          transports: JSON.stringify(of.transports),
          label: of.label,
          created_ms: of.createdMs,
          used_ms: of.usedMs ?? null,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .returning('id'),
    );
    return added !== undefined;
  },
  *usePasskey(id: string, counter: number, nowMs: number): Work<boolean> {
    const used = yield* row(
      query
        .updateTable('passkeys')
        .set({ counter, used_ms: nowMs })
        .where('id', '=', id)
        // Both 0: an authenticator that does not count.
        .where((is) => (counter === 0 ? is('counter', '=', 0) : is('counter', '<', counter)))
        .returning('id'),
    );
    return used !== undefined;
  },
  *renamePasskey(person: string, id: string, label: string): Work<boolean> {
    const renamed = yield* row(
      query
        .updateTable('passkeys')
        .set({ label })
        .where('id', '=', id)
        .where('person', '=', person)
        .returning('id'),
    );
    return renamed !== undefined;
  },
  *removePasskey(person: string, id: string): Work<boolean> {
    const removed = yield* row(
      query.deleteFrom('passkeys').where('id', '=', id).where('person', '=', person).returning('id'),
    );
    return removed !== undefined;
  },
  *setRecoveryCodes(person: string, hashes: readonly string[]): Work<void> {
    yield* rows(query.deleteFrom('recovery_codes').where('person', '=', person));
    for (const hash of hashes) yield* rows(query.insertInto('recovery_codes').values({ person, hash }));
  },
  *useRecoveryCode(person: string, hash: string): Work<boolean> {
    const used = yield* row(
      query
        .deleteFrom('recovery_codes')
        .where('person', '=', person)
        .where('hash', '=', hash)
        .returning('hash'),
    );
    return used !== undefined;
  },
});

const passkeyOf = (of: PasskeyColumns): Passkey => ({
  id: of.id,
  person: of.person,
  publicKey: bytesOf(of.public_key),
  counter: of.counter,
  transports: listOf(of.transports),
  label: of.label,
  createdMs: of.created_ms,
  usedMs: of.used_ms ?? undefined,
});
