import type { Kysely } from 'kysely';
import type { Session, Ticket } from '../../ports/people.ts';
import { listOf, type SessionColumns } from './people-schema.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;
type SignedIn = Session & { readonly name: string; readonly roles: readonly string[] };

export const sessionReads = (query: Query) => ({
  *session(id: string): Work<SignedIn | undefined> {
    const found = yield* row(
      query
        .selectFrom('sessions')
        .innerJoin('persons', 'persons.id', 'sessions.person')
        .innerJoin('memberships', (join) =>
          join
            .onRef('memberships.person', '=', 'sessions.person')
            .onRef('memberships.organization', '=', 'sessions.organization'),
        )
        .selectAll('sessions')
        .select(['persons.name', 'memberships.roles'])
        .where('sessions.id', '=', id)
        .where('persons.closed_ms', 'is', null)
        .where('memberships.ended_ms', 'is', null),
    );
    return found && { ...sessionOf(found), name: found.name, roles: listOf(found.roles) };
  },
  *sessionsOf(person: string): Work<readonly Session[]> {
    const found = yield* rows(
      query
        .selectFrom('sessions')
        .selectAll()
        .where('person', '=', person)
        .orderBy('created_ms', 'desc')
        .orderBy('id'),
    );
    return found.map(sessionOf);
  },
});

export const sessionWrites = (query: Query) => ({
  *addSession(of: Session): Work<void> {
    yield* rows(
      query.insertInto('sessions').values({
        id: of.id,
        person: of.person,
        organization: of.organization,
        created_ms: of.createdMs,
        seen_ms: of.seenMs,
        expires_ms: of.expiresMs,
        proved_ms: of.provedMs,
        factors: JSON.stringify(of.factors),
      }),
    );
  },
  *touchSession(id: string, seenMs: number): Work<void> {
    yield* rows(
      query
        .updateTable('sessions')
        .set({ seen_ms: seenMs })
        .where('id', '=', id)
        .where('seen_ms', '<', seenMs),
    );
  },
  *changeSession(
    id: string,
    { organization, provedMs, factors }: Pick<Session, 'organization' | 'provedMs' | 'factors'>,
  ): Work<void> {
    yield* rows(
      query
        .updateTable('sessions')
        .set({ organization, proved_ms: provedMs, factors: JSON.stringify(factors) })
        .where('id', '=', id),
    );
  },
  *endSession(id: string): Work<void> {
    yield* rows(query.deleteFrom('sessions').where('id', '=', id));
  },
  *endOtherSessions(person: string, kept: string | undefined): Work<void> {
    let ended = query.deleteFrom('sessions').where('person', '=', person);
    if (kept !== undefined) ended = ended.where('id', '!=', kept);
    yield* rows(ended);
  },
  *addTicket({ id, kind, person, data, expiresMs }: Ticket): Work<void> {
    const ticket = { id, kind, person: person ?? null, data, expires_ms: expiresMs };
    yield* rows(query.insertInto('tickets').values(ticket));
  },
  *takeTicket(id: string, kind: string, nowMs: number): Work<Ticket | undefined> {
    const taken = yield* row(
      query
        .deleteFrom('tickets')
        .where('id', '=', id)
        .where('kind', '=', kind)
        .where('expires_ms', '>', nowMs)
        .returningAll(),
    );
    if (taken === undefined) return undefined;
    const { person, data, expires_ms: expiresMs } = taken;
    return { id, kind, person: person ?? undefined, data, expiresMs };
  },
});

const sessionOf = (of: SessionColumns): Session => ({
  id: of.id,
  person: of.person,
  organization: of.organization,
  createdMs: of.created_ms,
  seenMs: of.seen_ms,
  expiresMs: of.expires_ms,
  provedMs: of.proved_ms,
  factors: listOf(of.factors),
});
