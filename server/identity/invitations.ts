import type { Clock } from '../ports/clock.ts';
import type { Invitation, Membership, PeopleStore, Person } from '../ports/people.ts';
import type { RecordEvent } from './account-events.ts';
import { newIdentity } from './api-keys.ts';
import { newToken, tokenHash } from './tokens.ts';

/** How long a link may be good: whoever gets one may be away over a week-end, and a forgotten one is nobody's for long. */
export const INVITATION_HOURS = { least: 24, usual: 72, most: 168 } as const;
const HOUR_MS = 3_600_000;

/** Who made a link that no person made: the ids of people are of another form. */
export const COMMAND_LINE = 'command-line';

/** A link that was just made: `token` is told once and kept nowhere. */
export interface Link {
  readonly invitation: Invitation;
  readonly token: string;
}

interface Wanted {
  readonly organization: string;
  /** whose password it sets; undefined: somebody joins */
  readonly person?: string | undefined;
  readonly roles: readonly string[];
  readonly note: string;
  readonly hours: number;
  /** person, or a word for the command line or the service */
  readonly by: string;
}

export async function makeLink(
  store: Pick<PeopleStore, 'addInvitation'>,
  { organization, person, roles, note, hours, by }: Wanted,
  nowMs: number,
): Promise<Link> {
  const token = newToken();
  const invitation: Invitation = {
    ...{ id: newIdentity(nowMs), organization, person, roles, note },
    tokenHash: tokenHash(token),
    invitedBy: by,
    createdMs: nowMs,
    expiresMs: nowMs + hours * HOUR_MS,
    usedMs: undefined,
    revokedMs: undefined,
  };
  await store.addInvitation(invitation);
  return { invitation, token };
}

/** Whether it could be used now; whoever uses it is told by the store. */
export const isGood = ({ usedMs, revokedMs, expiresMs }: Invitation, nowMs: number): boolean =>
  usedMs === undefined && revokedMs === undefined && expiresMs > nowMs;

/** A person who has just been thought of. */
export const newPerson = (
  { login, name, password }: { login: string; name: string; password: string },
  nowMs: number,
): Person => ({
  id: newIdentity(nowMs),
  ...{ login, name, password },
  totp: undefined,
  totpStep: 0,
  createdMs: nowMs,
  closedMs: undefined,
});

export const membershipOf = (
  person: string,
  organization: string,
  roles: readonly string[],
  nowMs: number,
): Membership => ({ person, organization, roles, sinceMs: nowMs, endedMs: undefined });

interface Joining {
  readonly store: PeopleStore;
  readonly clock: Clock;
  readonly record: RecordEvent;
}

/** Joins as somebody new, or as who one is already (`person` an id). */
export async function join(
  { store, clock, record }: Joining,
  { id, organization, roles }: Invitation,
  person: Person | string,
): Promise<'joined' | 'over' | 'login-taken' | 'member-already'> {
  const nowMs = clock.nowMs();
  const [who, made] = typeof person === 'string' ? [person, undefined] : [person.id, person];
  const membership = membershipOf(who, organization, roles, nowMs);
  const outcome = await store.joinByInvitation(id, membership, made, nowMs);
  if (outcome === 'joined') await record('joined', { person: who, organization }, { roles, invitation: id });
  return outcome;
}
