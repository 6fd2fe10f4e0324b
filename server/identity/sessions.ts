import type { Clock } from '../ports/clock.ts';
import type { PeopleStore, Session } from '../ports/people.ts';
import type { IdentityStore, Organization } from '../ports/store.ts';
import type { Caller } from './api-keys.ts';
import { isPersonRole, type PersonRole, ROLES_IN } from './permissions.ts';
import { isToken, newToken, tokenHash } from './tokens.ts';

/** How long a session lasts at most, and how long unused. */
export interface SessionLimits {
  readonly absoluteMs: number;
  readonly idleMs: number;
}

export interface SignedIn extends Session {
  readonly name: string;
  readonly roles: readonly PersonRole[];
  readonly of: Organization;
}

export interface Opened {
  /** for the cookie; kept nowhere */
  readonly token: string;
  readonly session: Session;
}

export interface Sessions {
  readonly limits: SessionLimits;
  open(person: string, organization: string, factors: readonly string[]): Promise<Opened>;
  /** Whose it is; undefined where it is over. `touch`: this was the person, and no clock that looks by itself. */
  find(token: string, touch: boolean): Promise<SignedIn | undefined>;
  /**
   * The same sign-in under a new token, where its rights rise: whoever knew the old one does not rise with it. It ends
   * when the first one would have. A crash between leaves both, and the old one with its old rights.
   */
  renew(
    session: Session,
    change: Partial<Pick<Session, 'organization' | 'provedMs' | 'factors'>>,
  ): Promise<Opened>;
}

/** A session is written down as used at most so often. */
const TOUCH_MS = 60_000;

export function createSessions(
  store: PeopleStore & Pick<IdentityStore, 'organization'>,
  clock: Clock,
  limits: SessionLimits,
): Sessions {
  // What an organization is called and is does not change: one read a request is that of the session.
  const organizations = new Map<string, Organization>();
  async function organizationOf(id: string): Promise<Organization> {
    const known = organizations.get(id) ?? (await store.organization(id));
    if (known === undefined) throw new Error(`a session belongs to no organization: ${id}`);
    if (organizations.size >= MOST_ORGANIZATIONS) organizations.clear();
    organizations.set(id, known);
    return known;
  }

  async function keep(session: Omit<Session, 'id'>): Promise<Opened> {
    const token = newToken();
    const kept = { ...session, id: tokenHash(token) };
    await store.addSession(kept);
    return { token, session: kept };
  }

  return {
    limits,
    async open(person, organization, factors) {
      const nowMs = clock.nowMs();
      const times = { createdMs: nowMs, seenMs: nowMs, provedMs: nowMs };
      return keep({ ...times, person, organization, factors, expiresMs: nowMs + limits.absoluteMs });
    },
    async find(token, touch) {
      if (!isToken(token)) return undefined;
      const found = await store.session(tokenHash(token));
      const nowMs = clock.nowMs();
      if (found === undefined || isOver(found, nowMs, limits)) return undefined;
      if (touch && nowMs - found.seenMs >= TOUCH_MS) await store.touchSession(found.id, nowMs);
      const of = await organizationOf(found.organization);
      // What is no role in this kind of organization is none of his, however it came to be there.
      const roles = found.roles.filter(isPersonRole).filter((role) => ROLES_IN[of.role].includes(role));
      return { ...found, roles, of };
    },
    async renew(session, change) {
      const { id, person, organization, createdMs, expiresMs, provedMs, factors } = session;
      const same = { person, organization, createdMs, expiresMs, provedMs, factors };
      const opened = await keep({ ...same, seenMs: clock.nowMs(), ...change });
      await store.endSession(id);
      return opened;
    },
  };
}

/** Some hundred bytes each. */
const MOST_ORGANIZATIONS = 10_000;

/** A clock that was set back makes no session younger than it can be. */
export const isOver = (
  { createdMs, expiresMs, seenMs }: Session,
  nowMs: number,
  { absoluteMs, idleMs }: SessionLimits,
): boolean => nowMs >= Math.min(expiresMs, createdMs + absoluteMs) || nowMs - seenMs >= idleMs;

export const callerOf = ({ id, of, person, name, roles }: SignedIn): Caller => ({
  keyId: id,
  organization: of,
  scopes: [],
  person: { id: person, name, roles },
});
