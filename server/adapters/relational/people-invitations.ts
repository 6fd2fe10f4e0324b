import type { Kysely } from 'kysely';
import type { Invitation, Membership, Person } from '../../ports/people.ts';
import { insertPerson } from './people-accounts.ts';
import { isMember, joined, lockMembers } from './people-memberships.ts';
import { type InvitationColumns, listOf } from './people-schema.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const invitationReads = (query: Query) => ({
  *invitationByToken(tokenHash: string): Work<Invitation | undefined> {
    const found = yield* row(query.selectFrom('invitations').selectAll().where('token_hash', '=', tokenHash));
    return found && invitationOf(found);
  },
  *invitationsOf(organization: string): Work<readonly Invitation[]> {
    const found = yield* rows(
      query
        .selectFrom('invitations')
        .selectAll()
        .where('organization', '=', organization)
        .orderBy('id', 'desc'),
    );
    return found.map(invitationOf);
  },
});

export const invitationWrites = (query: Query) => ({
  *addInvitation(of: Invitation): Work<void> {
    yield* rows(
      query.insertInto('invitations').values({
        id: of.id,
        organization: of.organization,
        person: of.person ?? null,
        roles: JSON.stringify(of.roles),
        note: of.note,
        token_hash: of.tokenHash,
        invited_by: of.invitedBy,
        created_ms: of.createdMs,
        expires_ms: of.expiresMs,
        used_ms: of.usedMs ?? null,
        revoked_ms: of.revokedMs ?? null,
      }),
    );
  },
  *revokeInvitation(organization: string, id: string, nowMs: number): Work<boolean> {
    const revoked = yield* row(
      query
        .updateTable('invitations')
        .set({ revoked_ms: nowMs })
        .where('id', '=', id)
        .where('organization', '=', organization)
        .where('used_ms', 'is', null)
        .where('revoked_ms', 'is', null)
        .returning('id'),
    );
    return revoked !== undefined;
  },
  useInvitation: (id: string, nowMs: number) => use(query, id, nowMs),
  *joinByInvitation(
    id: string,
    membership: Membership,
    person: Person | undefined,
    nowMs: number,
  ): Work<'joined' | 'over' | 'login-taken' | 'member-already'> {
    yield* lockMembers(query, membership.organization);
    if (yield* isMember(query, membership)) return 'member-already';
    if (!(yield* use(query, id, nowMs))) return 'over';
    if (person !== undefined && !(yield* insertPerson(query, person))) {
      // Nobody saw it used: it is good again with this transaction.
      yield* rows(query.updateTable('invitations').set({ used_ms: null }).where('id', '=', id));
      return 'login-taken';
    }
    yield* joined(query, membership);
    return 'joined';
  },
});

function* use(query: Query, id: string, nowMs: number): Work<boolean> {
  const used = yield* row(
    query
      .updateTable('invitations')
      .set({ used_ms: nowMs })
      .where('id', '=', id)
      .where('used_ms', 'is', null)
      .where('revoked_ms', 'is', null)
      .where('expires_ms', '>', nowMs)
      .returning('id'),
  );
  return used !== undefined;
}

const invitationOf = (of: InvitationColumns): Invitation => ({
  id: of.id,
  organization: of.organization,
  person: of.person ?? undefined,
  roles: listOf(of.roles),
  note: of.note,
  tokenHash: of.token_hash,
  invitedBy: of.invited_by,
  createdMs: of.created_ms,
  expiresMs: of.expires_ms,
  usedMs: of.used_ms ?? undefined,
  revokedMs: of.revoked_ms ?? undefined,
});
