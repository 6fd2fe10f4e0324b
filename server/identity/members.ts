import type { Clock } from '../ports/clock.ts';
import type { Membership, PeopleStore } from '../ports/people.ts';
import type { Organization } from '../ports/store.ts';
import type { RecordEvent } from './account-events.ts';
import { isGood, membershipOf } from './invitations.ts';
import { isPersonRole, ROLES_IN } from './permissions.ts';

interface Managing {
  readonly store: PeopleStore;
  readonly clock: Clock;
  readonly record: RecordEvent;
}

/** In whose name a change is made: the organization it is made in, and the person who makes it. */
export interface By {
  readonly organization: Organization;
  readonly person: string;
}

/** The roles as they are kept, in the order of the table, each once; undefined where this organization has not all of them. */
export function rolesFor(
  { role }: Pick<Organization, 'role'>,
  given: readonly string[],
): readonly string[] | undefined {
  const known = ROLES_IN[role];
  if (given.length === 0 || !given.every((word) => isPersonRole(word) && known.includes(word)))
    return undefined;
  return known.filter((word) => given.includes(word));
}

async function memberOf(store: PeopleStore, person: string, organization: string) {
  return (await store.membershipsOf(person)).find((one) => one.organization === organization);
}

/**
 * Nobody who was admin comes back by a link of his own making. A crash before this leaves them, and the list of
 * invitations shows them.
 */
async function revokeLinksOf(
  { store, clock, record }: Managing,
  person: string,
  organization: string,
): Promise<void> {
  for (const invitation of await store.invitationsOf(organization)) {
    if (invitation.invitedBy !== person || !isGood(invitation, clock.nowMs())) continue;
    if (await store.revokeInvitation(organization, invitation.id, clock.nowMs()))
      await record('invitation-revoked', { organization }, { invitation: invitation.id, madeBy: person });
  }
}

type Outcome = 'done' | 'unknown' | 'last-admin';

export async function setRoles(
  managing: Managing,
  person: string,
  roles: readonly string[],
  { organization: { id: organization }, person: by }: By,
): Promise<Outcome> {
  const { store, clock, record } = managing;
  const before = await memberOf(store, person, organization);
  if (before === undefined) return 'unknown';
  const nowMs = clock.nowMs();
  if (!(await store.setMembership(membershipOf(person, organization, roles, nowMs), nowMs)))
    return 'last-admin';
  await record('roles-changed', { person, organization }, { from: before.roles, to: roles, by });
  if (!roles.includes('admin')) await revokeLinksOf(managing, person, organization);
  return 'done';
}

/** Ends it; the account stays for other organizations, and for what it did. */
export async function endMembership(
  managing: Managing,
  person: string,
  { organization: { id: organization }, person: by }: By,
): Promise<Outcome> {
  const { store, clock, record } = managing;
  if ((await memberOf(store, person, organization)) === undefined) return 'unknown';
  const nowMs = clock.nowMs();
  if (!(await store.setMembership(membershipOf(person, organization, [], nowMs), nowMs))) return 'last-admin';
  await record('membership-ended', { person, organization }, { by });
  await revokeLinksOf(managing, person, organization);
  return 'done';
}

/**
 * An account that acts for others too is no single admin's to open: with its password he would be there what it is
 * there.
 */
export const isOnlyIn = (memberships: readonly Membership[], organization: string): boolean =>
  memberships.length > 0 && memberships.every((one) => one.organization === organization);
