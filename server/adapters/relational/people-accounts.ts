import type { Kysely } from 'kysely';
import type { Failures, Membership, Person } from '../../ports/people.ts';
import { joined } from './people-memberships.ts';
import { bytesOf, type PersonColumns } from './people-schema.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const accountReads = (query: Query) => ({
  *person(id: string): Work<Person | undefined> {
    const found = yield* row(query.selectFrom('persons').selectAll().where('id', '=', id));
    return found && personOf(found);
  },
  *personByLogin(login: string): Work<Person | undefined> {
    const found = yield* row(query.selectFrom('persons').selectAll().where('login', '=', login));
    return found && personOf(found);
  },
  *failuresOf(account: string): Work<Failures> {
    const found = yield* row(
      query.selectFrom('sign_in_failures').select(['count', 'until_ms']).where('account', '=', account),
    );
    return { count: found?.count ?? 0, untilMs: found?.until_ms ?? 0 };
  },
});

export const accountWrites = (query: Query) => ({
  *addPerson(person: Person, membership: Membership): Work<boolean> {
    if (!(yield* insertPerson(query, person))) return false;
    yield* joined(query, membership);
    return true;
  },
  *setPassword(person: string, password: string): Work<void> {
    yield* rows(query.updateTable('persons').set({ password }).where('id', '=', person));
  },
  *setTotp(person: string, totp: Uint8Array | undefined): Work<void> {
    yield* rows(
      query
        .updateTable('persons')
        .set({ totp: totp ?? null })
        .where('id', '=', person),
    );
  },
  *takeTotpStep(person: string, step: number): Work<boolean> {
    const taken = yield* row(
      query
        .updateTable('persons')
        .set({ totp_step: step })
        .where('id', '=', person)
        .where('totp_step', '<', step)
        .returning('id'),
    );
    return taken !== undefined;
  },
  *closePerson(person: string, nowMs: number): Work<void> {
    yield* rows(
      query
        .updateTable('persons')
        .set({ closed_ms: nowMs })
        .where('id', '=', person)
        .where('closed_ms', 'is', null),
    );
    yield* rows(query.deleteFrom('sessions').where('person', '=', person));
    yield* rows(
      query
        .updateTable('memberships')
        .set({ ended_ms: nowMs })
        .where('person', '=', person)
        .where('ended_ms', 'is', null),
    );
  },
  *recordFailure(account: string, nowMs: number, waits: readonly number[]): Work<Failures> {
    const counted = yield* row(
      query
        .insertInto('sign_in_failures')
        .values({ account, count: 1, until_ms: nowMs, last_ms: nowMs })
        .onConflict((conflict) =>
          conflict.column('account').doUpdateSet((set) => ({
            count: set('sign_in_failures.count', '+', 1),
            last_ms: nowMs,
          })),
        )
        .returning('count'),
    );
    const { count } = counted!;
    const untilMs = nowMs + (waits[Math.min(count, waits.length) - 1] ?? 0);
    yield* rows(
      query.updateTable('sign_in_failures').set({ until_ms: untilMs }).where('account', '=', account),
    );
    return { count, untilMs };
  },
  *clearFailures(account: string): Work<void> {
    yield* rows(query.deleteFrom('sign_in_failures').where('account', '=', account));
  },
});

/** False where the login is taken; of two that take it at once one waits here for the other. */
export function* insertPerson(query: Query, person: Person): Work<boolean> {
  const made = yield* row(
    query
      .insertInto('persons')
      .values({
        id: person.id,
        login: person.login,
        name: person.name,
        password: person.password ?? null,
        totp: person.totp ?? null,
        totp_step: person.totpStep,
        created_ms: person.createdMs,
        closed_ms: person.closedMs ?? null,
      })
      .onConflict((conflict) => conflict.column('login').doNothing())
      .returning('id'),
  );
  return made !== undefined;
}

const personOf = (of: PersonColumns): Person => ({
  id: of.id,
  login: of.login,
  name: of.name,
  password: of.password ?? undefined,
  totp: of.totp === null ? undefined : bytesOf(of.totp),
  totpStep: of.totp_step,
  createdMs: of.created_ms,
  closedMs: of.closed_ms ?? undefined,
});
