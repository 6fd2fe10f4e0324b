import type { Clock } from '../ports/clock.ts';
import type { Membership, PeopleStore } from '../ports/people.ts';
import type { IdentityStore, Organization } from '../ports/store.ts';
import type { RecordEvent } from './account-events.ts';
import { isGood, membershipOf } from './invitations.ts';
import { isPersonRole, ROLES_IN } from './permissions.ts';

interface Managing {
  readonly store: PeopleStore & Pick<IdentityStore, 'revokeApiKey'>;
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
 * invitations shows them; what was asked for, asked for again, revokes them.
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

/**
 * Nor does he stay by a key that he made: whoever made it saw it. The answer is what was revoked. Keys of the command
 * line, and what another admin made in place of his, go on.
 */
async function revokeKeysOf(
  { store, clock, record }: Managing,
  person: string,
  { organization: { id: organization }, person: by }: By,
): Promise<readonly string[]> {
  const revoked: string[] = [];
  for (const key of await store.keysMadeBy(person, organization)) {
    if (!(await store.revokeApiKey(key, clock.nowMs()))) continue;
    revoked.push(key);
    await record('key-revoked', { organization }, { key, madeBy: person, by });
  }
  return revoked;
}

async function revokeMadeBy(managing: Managing, person: string, by: By): Promise<readonly string[]> {
  await revokeLinksOf(managing, person, by.organization.id);
  return revokeKeysOf(managing, person, by);
}

/** `keys` are those that were revoked with it. */
type Outcome =
  | { readonly outcome: 'done'; readonly keys: readonly string[] }
  | { readonly outcome: 'unknown' | 'last-admin' };

export async function setRoles(
  managing: Managing,
  person: string,
  roles: readonly string[],
  by: By,
): Promise<Outcome> {
  const { store, clock, record } = managing;
  const organization = by.organization.id;
  const before = await memberOf(store, person, organization);
  if (before === undefined) return { outcome: 'unknown' };
  const nowMs = clock.nowMs();
  if (!(await store.setMembership(membershipOf(person, organization, roles, nowMs), nowMs)))
    return { outcome: 'last-admin' };
  await record('roles-changed', { person, organization }, { from: before.roles, to: roles, by: by.person });
  // As often as it is said: what a crash left is revoked by saying it again.
  return { outcome: 'done', keys: roles.includes('admin') ? [] : await revokeMadeBy(managing, person, by) };
}

/** Ends it; the account stays for other organizations, and for what it did. */
export async function endMembership(managing: Managing, person: string, by: By): Promise<Outcome> {
  const { store, clock, record } = managing;
  const organization = by.organization.id;
  if ((await memberOf(store, person, organization)) === undefined) {
    // Perhaps a crash left what he made: then it is revoked now.
    const keys = await revokeMadeBy(managing, person, by);
    return keys.length > 0 ? { outcome: 'done', keys } : { outcome: 'unknown' };
  }
  const nowMs = clock.nowMs();
  if (!(await store.setMembership(membershipOf(person, organization, [], nowMs), nowMs)))
    return { outcome: 'last-admin' };
  await record('membership-ended', { person, organization }, { by: by.person });
  return { outcome: 'done', keys: await revokeMadeBy(managing, person, by) };
}

/**
 * An account that acts for others too is no single admin's to open: with its password he would be there what it is
 * there.
 */
export const isOnlyIn = (memberships: readonly Membership[], organization: string): boolean =>
  memberships.length > 0 && memberships.every((one) => one.organization === organization);
