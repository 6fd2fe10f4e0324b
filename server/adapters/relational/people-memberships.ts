import type { Kysely } from 'kysely';
import type { Membership } from '../../ports/people.ts';
import { listOf, type MembershipColumns } from './people-schema.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;
type Member = Membership & { readonly name: string; readonly login: string };

export const membershipReads = (query: Query) => ({
  *membershipsOf(person: string): Work<readonly Membership[]> {
    const found = yield* rows(
      query
        .selectFrom('memberships')
        .selectAll()
        .where('person', '=', person)
        .where('ended_ms', 'is', null)
        .orderBy('since_ms')
        .orderBy('organization'),
    );
    return found.map(membershipOf);
  },
  *membersOf(organization: string): Work<readonly Member[]> {
    const found = yield* rows(
      query
        .selectFrom('memberships')
        .innerJoin('persons', 'persons.id', 'memberships.person')
        .selectAll('memberships')
        .select(['persons.name', 'persons.login'])
        .where('memberships.organization', '=', organization)
        .where('memberships.ended_ms', 'is', null)
        .orderBy('memberships.since_ms')
        .orderBy('memberships.person'),
    );
    return found.map((of) => ({ ...membershipOf(of), name: of.name, login: of.login }));
  },
});

export const membershipWrites = (query: Query) => ({
  *setMembership(membership: Membership, nowMs: number): Work<boolean> {
    const { person, organization, roles } = membership;
    yield* lockMembers(query, organization);
    if (!roles.includes('admin') && (yield* isLastAdmin(query, membership))) return false;
    if (roles.length > 0) {
      yield* joined(query, membership);
      return true;
    }
    yield* rows(
      query
        .updateTable('memberships')
        .set({ ended_ms: nowMs })
        .where('person', '=', person)
        .where('organization', '=', organization)
        .where('ended_ms', 'is', null),
    );
    yield* rows(
      query.deleteFrom('sessions').where('person', '=', person).where('organization', '=', organization),
    );
    return true;
  },
});

/**
 * Two admins who take each other's role at once would each still see the other: so all changes of one organization
 * stand in a line.
 */
export function* lockMembers(query: Query, organization: string): Work<void> {
  yield* rows(
    query
      .insertInto('membership_changes')
      .values({ organization, count: 1 })
      .onConflict((conflict) =>
        conflict
          .column('organization')
          .doUpdateSet((set) => ({ count: set('membership_changes.count', '+', 1) })),
      ),
  );
}

function* isLastAdmin(query: Query, { person, organization }: Membership): Work<boolean> {
  const admins = yield* rows(
    query
      .selectFrom('memberships')
      .select('person')
      .where('organization', '=', organization)
      .where('ended_ms', 'is', null)
      .where('roles', 'like', '%"admin"%'),
  );
  return admins.length === 1 && admins[0]!.person === person;
}

export function* isMember(query: Query, { person, organization }: Membership): Work<boolean> {
  return (yield* currentOf(query, person, organization)) !== undefined;
}

const currentOf = (query: Query, person: string, organization: string) =>
  row(
    query
      .selectFrom('memberships')
      .select('since_ms')
      .where('person', '=', person)
      .where('organization', '=', organization)
      .where('ended_ms', 'is', null),
  );

/** Since when is kept while it goes on; who comes back begins anew. */
export function* joined(query: Query, of: Membership): Work<void> {
  const since = yield* currentOf(query, of.person, of.organization);
  const columns = {
    roles: JSON.stringify(of.roles),
    since_ms: since?.since_ms ?? of.sinceMs,
    ended_ms: of.endedMs ?? null,
  };
  yield* rows(
    query
      .insertInto('memberships')
      .values({ person: of.person, organization: of.organization, ...columns })
      .onConflict((conflict) => conflict.columns(['person', 'organization']).doUpdateSet(columns)),
  );
}

export const membershipOf = (of: MembershipColumns): Membership => ({
  person: of.person,
  organization: of.organization,
  roles: listOf(of.roles),
  sinceMs: of.since_ms,
  endedMs: of.ended_ms ?? undefined,
});
