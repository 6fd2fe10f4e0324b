import { createHash } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';
import type { Failures, PeopleStore, Person } from '../ports/people.ts';
import type { RecordEvent } from './account-events.ts';
import { normalLogin } from './logins.ts';
import type { Passwords } from './passwords.ts';
import type { Opened, Sessions } from './sessions.ts';
import { newToken, tokenHash } from './tokens.ts';
import { createTurnsByName, TooManyWaiting } from './turns.ts';

/** Wrong ones that cost nothing but their own time: people mistype. */
const FREE = 5;
const LONGEST_WAIT_MS = 900_000;

/**
 * How long nothing is looked at after so many wrong ones: 2, 4, 8 … seconds from the fifth on, a quarter of an hour at
 * most. Whoever guesses on gets a hundred a day; the owner comes in after a quarter of an hour at the latest, by a
 * passkey at once, and by a link that an admin of his makes.
 */
export const WAITS: readonly number[] = Array.from({ length: FREE + 10 }, (_, i) =>
  i + 1 < FREE ? 0 : Math.min(2 ** (i + 2 - FREE) * 1_000, LONGEST_WAIT_MS),
);

/** Guesses at one account stand in a line: what comes at once is counted one by one. */
const MOST_IN_LINE = 4;

export type Proof =
  | { readonly outcome: 'right'; readonly person: Person }
  | { readonly outcome: 'wrong' }
  | { readonly outcome: 'waits'; readonly untilMs: number };

/** A second factor that a person has. */
export type SecondFactor = 'totp' | 'passkey' | 'recovery';

/** `kind` of the ticket that waits for a second factor; its person is who proved the first, its data `TicketData`. */
export const SECOND_FACTOR = 'second-factor';
export interface TicketData {
  /** proved already */
  readonly factors: readonly string[];
}
const TICKET_MS = 300_000;

export interface SignIn {
  /** Whether this is the password of this login. A login of nobody gets the same answers in the same time. */
  prove(login: string, password: string): Promise<Proof>;
  /** The same for somebody who is signed in. */
  proveAgain(person: string, password: string): Promise<Proof>;
  /** Makes a wrong code count like a wrong password. */
  failed(person: string): Promise<Failures>;
  secondFactors(person: Person): Promise<readonly SecondFactor[]>;
  /** Where a second factor is asked for. `token` goes to the caller and is taken once. */
  askSecond(person: Person, factors: readonly string[]): Promise<{ token: string; expiresMs: number }>;
  /** All was proved: a session in his first organization, or the one named; undefined where he is in none. */
  finish(person: string, factors: readonly string[], organization?: string): Promise<Opened | undefined>;
}

interface SignInDeps {
  readonly store: PeopleStore;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly record: RecordEvent;
}

/** Under which wrong passwords of a login are counted that is nobody's: of the name nothing stays but this, for a day. */
const accountOfNobody = (login: string): string =>
  `nobody:${createHash('sha256').update(`login ${login}`).digest('hex').slice(0, 32)}`;

export function createSignIn(deps: SignInDeps): SignIn {
  const { store, clock, record, sessions } = deps;
  const lines = createTurnsByName(MOST_IN_LINE);

  async function inLine(account: string, work: () => Promise<Proof>): Promise<Proof> {
    let begun = false;
    try {
      return await lines.take(account, () => {
        begun = true;
        return work();
      });
    } catch (error) {
      // The line of all passwords is full: that is another matter.
      if (begun || !(error instanceof TooManyWaiting)) throw error;
      // A line that long before one account is no person's.
      return { outcome: 'waits', untilMs: clock.nowMs() + 1_000 };
    }
  }

  const check = (found: Person | undefined, account: string, password: string): Promise<Proof> =>
    inLine(account, () => checkInLine(deps, found, account, password));

  return {
    async prove(given, password) {
      const login = normalLogin(given);
      const found = await store.personByLogin(login);
      const person = found?.closedMs === undefined ? found : undefined;
      return check(person, person?.id ?? accountOfNobody(login), password);
    },
    async proveAgain(id, password) {
      return check(await store.person(id), id, password);
    },
    failed: (person) => fail(deps, person, person),
    async secondFactors({ id, totp }) {
      const factors: SecondFactor[] = [];
      if (totp !== undefined) factors.push('totp');
      if ((await store.passkeysOf(id)).length > 0) factors.push('passkey');
      // A code stands in for a factor that is lost: by itself it is none.
      if (factors.length > 0 && (await store.recoveryCodesLeft(id)) > 0) factors.push('recovery');
      return factors;
    },
    async askSecond({ id }, factors) {
      const token = newToken();
      const expiresMs = clock.nowMs() + TICKET_MS;
      const data: TicketData = { factors };
      await store.addTicket({
        ...{ id: tokenHash(token), kind: SECOND_FACTOR, person: id },
        data: JSON.stringify(data),
        expiresMs,
      });
      await record('second-factor-asked', { person: id }, { factors });
      return { token, expiresMs };
    },
    async finish(person, factors, wanted) {
      const memberships = await store.membershipsOf(person);
      const organization = wanted ?? memberships[0]?.organization;
      if (!memberships.some((one) => one.organization === organization)) return undefined;
      // Only now: whoever knows the password alone must not win new guesses at the second factor by it.
      await store.clearFailures(person);
      const opened = await sessions.open(person, organization!, factors);
      await record('signed-in', { person, organization }, { factors });
      return opened;
    },
  };
}

async function checkInLine(
  deps: SignInDeps,
  person: Person | undefined,
  account: string,
  password: string,
): Promise<Proof> {
  const { store, clock, passwords } = deps;
  const { untilMs } = await store.failuresOf(account);
  // Not even the right one is looked at: else a lock would tell which one that is.
  if (untilMs > clock.nowMs()) return { outcome: 'waits', untilMs };
  if (person !== undefined && (await passwords.verify(person.password, password))) {
    await renewHash(deps, person, password);
    return { outcome: 'right', person };
  }
  if (person === undefined) await passwords.verify(undefined, password);
  await fail(deps, account, person?.id);
  return { outcome: 'wrong' };
}

async function fail(
  { store, clock, record }: SignInDeps,
  account: string,
  person: string | undefined,
): Promise<Failures> {
  const nowMs = clock.nowMs();
  const failures = await store.recordFailure(account, nowMs, WAITS);
  // So many and no more are recorded as are looked at: what comes while it waits leaves nothing.
  const { count, untilMs } = failures;
  const seconds = Math.ceil((untilMs - nowMs) / 1_000);
  await record(seconds > 0 ? 'sign-in-locked' : 'sign-in-failed', { person }, { count, seconds });
  return failures;
}

/** A hash of an earlier cost becomes one of today's, where the password was not changed meanwhile. */
async function renewHash({ store, passwords }: SignInDeps, person: Person, password: string): Promise<void> {
  if (!passwords.isOld(person.password!)) return;
  const made = await passwords.hash(password);
  if ((await store.person(person.id))?.password === person.password) await store.setPassword(person.id, made);
}
