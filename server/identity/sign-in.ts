import { createHash } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';
import type { Failures, PeopleStore, Person } from '../ports/people.ts';
import type { RecordEvent } from './account-events.ts';
import type { Addresses } from './addresses.ts';
import type { Devices } from './devices.ts';
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
 * most, so that whoever guesses on gets a hundred a day. He may go on for ever, and then a browser that is new finds
 * the account waiting each time: its owner comes in from one where he signed in before, whose wrong ones are counted
 * apart; by a passkey; or by a link, from an admin of his or from the command line, which begins the count anew.
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

/** Where guesses come from, as far as it is known. */
export interface From {
  /** the mark of a browser (devices.ts) */
  readonly device?: string | undefined;
  readonly address?: string | undefined;
}

/** Where guesses are counted: under an account, and, of strangers, under their address too. */
export interface Line {
  readonly account: string;
  readonly address: string | undefined;
}

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
  prove(login: string, password: string, from?: From): Promise<Proof>;
  /** The same for somebody who is signed in. */
  proveAgain(person: string, password: string, from?: From): Promise<Proof>;
  /** Where guesses at this person that come from there are counted. */
  lineOf(person: string, from?: From): Promise<Line>;
  /** Until when nothing in this line is looked at; not after now where something is. */
  waitsUntil(line: Line): Promise<number>;
  /** Makes a wrong code count like a wrong password. */
  failed(person: string, from?: From): Promise<Failures>;
  /** What was proved from there begins its count anew, and no other: strangers win no guesses by it. */
  clear(person: string, from?: From): Promise<void>;
  secondFactors(person: Person): Promise<readonly SecondFactor[]>;
  /** Where a second factor is asked for. `token` goes to the caller and is taken once. */
  askSecond(person: Person, factors: readonly string[]): Promise<{ token: string; expiresMs: number }>;
  /** All was proved: a session in his first organization, or the one named; undefined where he is in none. */
  finish(
    person: string,
    factors: readonly string[],
    organization?: string,
    from?: From,
  ): Promise<Opened | undefined>;
}

interface SignInDeps {
  readonly store: PeopleStore;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly record: RecordEvent;
  readonly devices: Devices;
  readonly addresses: Addresses;
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

  const check = (found: Person | undefined, line: Line, password: string): Promise<Proof> =>
    inLine(line.account, () => checkInLine(deps, found, line, password));

  return {
    async prove(given, password, from = {}) {
      const login = normalLogin(given);
      const found = await store.personByLogin(login);
      const person = found?.closedMs === undefined ? found : undefined;
      const line = await lineOf(deps, person?.id ?? accountOfNobody(login), from);
      return check(person, line, password);
    },
    async proveAgain(id, password, from = {}) {
      return check(await store.person(id), await lineOf(deps, id, from), password);
    },
    lineOf: (person, from = {}) => lineOf(deps, person, from),
    waitsUntil: (line) => waitsUntil(deps, line),
    failed: async (person, from = {}) => fail(deps, await lineOf(deps, person, from), person),
    clear: async (person, from = {}) => store.clearFailures((await lineOf(deps, person, from)).account),
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
    async finish(person, factors, wanted, from = {}) {
      const memberships = await store.membershipsOf(person);
      const organization = wanted ?? memberships[0]?.organization;
      if (!memberships.some((one) => one.organization === organization)) return undefined;
      // Only now: whoever knows the password alone must not win new guesses at the second factor by it.
      await store.clearFailures((await lineOf(deps, person, from)).account);
      const opened = await sessions.open(person, organization!, factors);
      await record('signed-in', { person, organization }, { factors });
      return opened;
    },
  };
}

async function lineOf({ devices }: SignInDeps, account: string, { device, address }: From): Promise<Line> {
  const known = device === undefined ? undefined : await devices.accountOf(account, device);
  // Nor do strangers behind one address with him keep him out.
  return known === undefined ? { account, address } : { account: known, address: undefined };
}

async function waitsUntil({ store, addresses }: SignInDeps, { account, address }: Line): Promise<number> {
  const { untilMs } = await store.failuresOf(account);
  return address === undefined ? untilMs : Math.max(untilMs, addresses.waitsUntil(address));
}

async function checkInLine(
  deps: SignInDeps,
  person: Person | undefined,
  line: Line,
  password: string,
): Promise<Proof> {
  const { clock, passwords } = deps;
  const untilMs = await waitsUntil(deps, line);
  // Not even the right one is looked at: else a lock would tell which one that is.
  if (untilMs > clock.nowMs()) return { outcome: 'waits', untilMs };
  if (person !== undefined && (await passwords.verify(person.password, password))) {
    await renewHash(deps, person, password);
    return { outcome: 'right', person };
  }
  if (person === undefined) await passwords.verify(undefined, password);
  await fail(deps, line, person?.id);
  return { outcome: 'wrong' };
}

async function fail(
  { store, clock, record, addresses }: SignInDeps,
  { account, address }: Line,
  person: string | undefined,
): Promise<Failures> {
  const nowMs = clock.nowMs();
  const failures = await store.recordFailure(account, nowMs, WAITS);
  if (address !== undefined) await addresses.failed(address);
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
