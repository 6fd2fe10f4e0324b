import type { Clock } from '../ports/clock.ts';
import type { Membership, PeopleStore } from '../ports/people.ts';
import type { Organization } from '../ports/store.ts';
import type { RecordEvent } from './account-events.ts';
import { membershipOf } from './invitations.ts';
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

type Outcome = 'done' | 'unknown' | 'last-admin';

export async function setRoles(
  { store, clock, record }: Managing,
  person: string,
  roles: readonly string[],
  { organization: { id: organization }, person: by }: By,
): Promise<Outcome> {
  const before = await memberOf(store, person, organization);
  if (before === undefined) return 'unknown';
  const nowMs = clock.nowMs();
  if (!(await store.setMembership(membershipOf(person, organization, roles, nowMs), nowMs)))
    return 'last-admin';
  await record('roles-changed', { person, organization }, { from: before.roles, to: roles, by });
  return 'done';
}

/** Ends it; the account stays for other organizations, and for what it did. */
export async function endMembership(
  { store, clock, record }: Managing,
  person: string,
  { organization: { id: organization }, person: by }: By,
): Promise<Outcome> {
  if ((await memberOf(store, person, organization)) === undefined) return 'unknown';
  const nowMs = clock.nowMs();
  if (!(await store.setMembership(membershipOf(person, organization, [], nowMs), nowMs))) return 'last-admin';
  await record('membership-ended', { person, organization }, { by });
  return 'done';
}

/**
 * An account that acts for others too is no single admin's to open: with its password he would be there what it is
 * there.
 */
export const isOnlyIn = (memberships: readonly Membership[], organization: string): boolean =>
  memberships.length > 0 && memberships.every((one) => one.organization === organization);
