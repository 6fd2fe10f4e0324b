import type { PeopleStore, Person, Ticket } from '../ports/people.ts';
import type { Sealing } from '../ports/sealing.ts';
import type { Accounts } from './accounts.ts';
import { newRecoveryCodes, recoveryHash } from './recovery.ts';
import { type From, type Line, type Proof, SECOND_FACTOR, type TicketData } from './sign-in.ts';
import { issueTicket } from './tickets.ts';
import { tokenHash } from './tokens.ts';
import { newTotpSecret, totpStep, totpUri } from './totp.ts';
import { createTurnsByName, TooManyWaiting } from './turns.ts';

/*
 * Codes by which a sign-in is finished, and how somebody comes to have them. Wrong ones count where wrong passwords do:
 * to guess at both is no faster than to guess at one.
 */

export type CodeKind = 'totp' | 'recovery';

/** Guesses at one account stand in a line, so that each is counted before the next is looked at. */
const MOST_IN_LINE = 4;

/** Whoever scans a picture, finds his app and types a code has so long. */
const ENROLMENT_MS = 15 * 60_000;
const ENROLMENT = 'totp-enrolment';

export interface Waiting {
  readonly person: string;
  /** proved before */
  readonly factors: readonly string[];
}

export type Finished = Proof | { readonly outcome: 'over' };

export interface SecondFactors {
  /** Whether this is a code of this person; a right one is used up. */
  prove(person: string, kind: CodeKind, code: string, from?: From): Promise<Proof>;
  /**
   * Finishes what waits for a second factor. A wrong code leaves it waiting; of two at once one finds nothing there.
   * `factors` are all that were proved then.
   */
  finish(
    token: string,
    kind: CodeKind,
    code: string,
    from?: From,
  ): Promise<Finished & { readonly factors?: readonly string[] }>;
  /** Takes what waits, for a factor that proves itself. */
  takeWaiting(token: string): Promise<Waiting | undefined>;

  beginTotp(person: Person, session: string, service: string): Promise<TotpOffer>;
  /** `over`: not begun in this session, or too long ago. */
  confirmTotp(
    person: string,
    session: string,
    token: string,
    code: string,
  ): Promise<'added' | 'wrong' | 'over'>;
  removeTotp(person: Person): Promise<boolean>;
  /** In place of all earlier ones, shown once; undefined where there is no factor that they could stand in for. */
  makeRecoveryCodes(person: Person): Promise<readonly string[] | undefined>;
  removePasskey(person: Person, id: string): Promise<boolean>;
}

export interface TotpOffer {
  readonly token: string;
  readonly uri: string;
  readonly secret: string;
}

interface Deps extends Pick<Accounts, 'clock' | 'record'> {
  readonly store: PeopleStore;
  readonly signIn: Pick<Accounts['signIn'], 'failed' | 'lineOf' | 'waitsUntil'>;
  readonly sealing: Sealing;
}

export function createSecondFactors(deps: Deps): SecondFactors {
  const { store, clock, record } = deps;
  const lines = createTurnsByName(MOST_IN_LINE);

  async function prove(person: string, kind: CodeKind, code: string, from: From = {}): Promise<Proof> {
    const line = await deps.signIn.lineOf(person, from);
    let begun = false;
    try {
      return await lines.take(line.account, () => {
        begun = true;
        return proveInLine(deps, { person, line, from }, kind, code);
      });
    } catch (error) {
      if (begun || !(error instanceof TooManyWaiting)) throw error;
      return { outcome: 'waits', untilMs: clock.nowMs() + 1_000 };
    }
  }

  const take = (token: string): Promise<Ticket | undefined> =>
    store.takeTicket(tokenHash(token), SECOND_FACTOR, clock.nowMs());

  /** What stands in for a lost factor goes with the last one. */
  async function dropCodesOf(person: string): Promise<void> {
    const kept = await store.person(person);
    if (kept?.totp === undefined && (await store.passkeysOf(person)).length === 0)
      await store.setRecoveryCodes(person, []);
  }

  return {
    prove,
    async finish(token, kind, code, from) {
      const ticket = await take(token);
      if (ticket?.person === undefined) return { outcome: 'over' };
      const proof = await prove(ticket.person, kind, code, from);
      // A crash before this line loses the ticket: whoever waits signs in from the beginning.
      if (proof.outcome !== 'right') {
        await store.addTicket(ticket);
        return proof;
      }
      return { ...proof, factors: [...factorsOf(ticket), kind] };
    },
    async takeWaiting(token) {
      const ticket = await take(token);
      return ticket?.person === undefined ? undefined : { person: ticket.person, factors: factorsOf(ticket) };
    },
    async beginTotp({ id, login }, session, service) {
      const secret = newTotpSecret();
      const sealed = Buffer.from(await deps.sealing.seal('totp', id, secret)).toString('base64');
      const ticket = { kind: ENROLMENT, person: id, data: { session, sealed }, lifeMs: ENROLMENT_MS };
      const token = await issueTicket(store, ticket, clock.nowMs());
      return { token, ...totpUri(secret, service, login) };
    },
    async confirmTotp(person, session, token, code) {
      const nowMs = clock.nowMs();
      const ticket = await store.takeTicket(tokenHash(token), ENROLMENT, nowMs);
      if (ticket?.person !== person) return 'over';
      const data = JSON.parse(ticket.data) as { readonly session: string; readonly sealed: string };
      if (data.session !== session) return 'over';
      const sealed = new Uint8Array(Buffer.from(data.sealed, 'base64'));
      const step = totpStep(await deps.sealing.open('totp', person, sealed), code, nowMs);
      if (step === undefined) {
        // His own mistake at his own secret: nothing is guessed by it.
        await store.addTicket(ticket);
        return 'wrong';
      }
      await store.setTotp(person, sealed);
      // The code that enrolled signs nobody in.
      await store.takeTotpStep(person, step);
      await record('totp-added', { person });
      return 'added';
    },
    async removeTotp({ id, totp }) {
      if (totp === undefined) return false;
      await store.setTotp(id, undefined);
      await dropCodesOf(id);
      await record('totp-removed', { person: id });
      return true;
    },
    async makeRecoveryCodes({ id, totp }) {
      if (totp === undefined && (await store.passkeysOf(id)).length === 0) return undefined;
      const { codes, hashes } = newRecoveryCodes();
      await store.setRecoveryCodes(id, hashes);
      await record('recovery-codes-made', { person: id }, { count: codes.length });
      return codes;
    },
    async removePasskey({ id: person }, id) {
      if (!(await store.removePasskey(person, id))) return false;
      await dropCodesOf(person);
      await record('passkey-removed', { person });
      return true;
    },
  };
}

const factorsOf = ({ data }: Ticket): readonly string[] => (JSON.parse(data) as TicketData).factors;

interface Guess {
  readonly person: string;
  readonly line: Line;
  readonly from: From;
}

async function proveInLine(
  deps: Deps,
  { person: id, line, from }: Guess,
  kind: CodeKind,
  code: string,
): Promise<Proof> {
  const { store, clock, signIn } = deps;
  const untilMs = await signIn.waitsUntil(line);
  // Not even the right one is looked at, as with passwords.
  if (untilMs > clock.nowMs()) return { outcome: 'waits', untilMs };
  const person = await store.person(id);
  // As it is now: whoever removed a factor or closed his account did so for what waits, too.
  const isRight =
    person !== undefined &&
    person.closedMs === undefined &&
    (kind === 'totp' ? await takeTotp(deps, person, code) : await takeRecovery(deps, id, code));
  if (isRight) return { outcome: 'right', person };
  await signIn.failed(id, from);
  return { outcome: 'wrong' };
}

async function takeTotp({ store, sealing, clock }: Deps, person: Person, code: string): Promise<boolean> {
  if (person.totp === undefined) return false;
  const secret = await sealing.open('totp', person.id, person.totp);
  const step = totpStep(secret, code, clock.nowMs());
  return step !== undefined && store.takeTotpStep(person.id, step);
}

async function takeRecovery({ store, record }: Deps, person: string, code: string): Promise<boolean> {
  const hash = recoveryHash(code);
  if (hash === undefined || !(await store.useRecoveryCode(person, hash))) return false;
  await record('recovery-code-used', { person }, { left: await store.recoveryCodesLeft(person) });
  return true;
}
