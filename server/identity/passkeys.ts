import type { Clock } from '../ports/clock.ts';
import type { Passkey, PeopleStore } from '../ports/people.ts';
import {
  type PasskeyOwner,
  PasskeyRefused,
  type RegistrationAnswer,
  type SignInAnswer,
  type WebAuthn,
} from '../ports/webauthn.ts';
import { issueTicket } from './tickets.ts';
import { tokenHash } from './tokens.ts';

/*
 * Passkeys of people. A challenge is the token of its own ticket: it is good once, for a short time, and for what and
 * whom it was made; whatever answers it, right or wrong, has used it up.
 */

export interface PasskeyDeps {
  readonly people: Pick<
    PeopleStore,
    'addTicket' | 'takeTicket' | 'addPasskey' | 'passkey' | 'passkeysOf' | 'usePasskey'
  >;
  readonly webAuthn: WebAuthn;
  readonly clock: Clock;
}

/** So long a browser may ask for a finger; longer than its own limit. */
const CHALLENGE_MS = 6 * 60_000;

/** Phones, keys and computers of one person; more is not how anybody signs in. */
export const MAX_PASSKEYS = 20;

const ADDING = 'passkey-add';
const SIGNING_IN = 'passkey-sign-in';

/** `session`: the one that adds it; no other can finish what it began. */
export async function passkeyToAdd(
  { people, webAuthn, clock }: PasskeyDeps,
  owner: PasskeyOwner,
  session: string,
): Promise<object | 'too-many-passkeys'> {
  const known = await people.passkeysOf(owner.id);
  if (known.length >= MAX_PASSKEYS) return 'too-many-passkeys';
  const ticket = { kind: ADDING, person: owner.id, data: { session }, lifeMs: CHALLENGE_MS };
  const challenge = await issueTicket(people, ticket, clock.nowMs());
  return webAuthn.registrationOptions(owner, known, challenge);
}

/** Throws PasskeyRefused. */
export async function addPasskey(
  { people, webAuthn, clock }: PasskeyDeps,
  given: {
    readonly person: string;
    readonly session: string;
    readonly label: string;
    readonly answer: RegistrationAnswer;
  },
): Promise<Passkey> {
  const nowMs = clock.nowMs();
  const challenge = webAuthn.challengeOf(given.answer) ?? '';
  const ticket = await people.takeTicket(tokenHash(challenge), ADDING, nowMs);
  if (ticket === undefined) throw new PasskeyRefused('a challenge that was not made, was used, or is over');
  const { session } = JSON.parse(ticket.data) as { readonly session: string };
  if (ticket.person !== given.person || session !== given.session)
    throw new PasskeyRefused('a challenge of another session');
  const { person, label } = given;
  const made = await webAuthn.register(given.answer, challenge);
  const passkey = { ...made, person, label, createdMs: nowMs, usedMs: undefined };
  // §7.1 step 26: an id that somebody has already is a clone, or an attempt to be taken for him.
  if (!(await people.addPasskey(passkey))) throw new PasskeyRefused('this passkey is registered already');
  return passkey;
}

export async function passkeyToSignIn({ people, webAuthn, clock }: PasskeyDeps): Promise<object> {
  const ticket = { kind: SIGNING_IN, person: undefined, data: {}, lifeMs: CHALLENGE_MS };
  return webAuthn.signInOptions(await issueTicket(people, ticket, clock.nowMs()));
}

/**
 * Whose passkey it is. Throws PasskeyRefused; where it was the counter that went back (§6.1.1), the passkey may have
 * been copied, and PasskeyCopied says which it is, so that its owner can be told.
 */
export async function personByPasskey(
  { people, webAuthn, clock }: PasskeyDeps,
  answer: SignInAnswer,
): Promise<string> {
  const nowMs = clock.nowMs();
  const challenge = webAuthn.challengeOf(answer) ?? '';
  if ((await people.takeTicket(tokenHash(challenge), SIGNING_IN, nowMs)) === undefined)
    throw new PasskeyRefused('a challenge that was not made, was used, or is over');
  const passkey = await people.passkey(answer.id);
  if (passkey === undefined) throw new PasskeyRefused('no such passkey');
  // Without the counter: the store compares it in the same step in which it keeps the new one.
  const counter = await webAuthn.signIn(answer, { ...passkey, counter: 0 }, challenge);
  if (!(await people.usePasskey(passkey.id, counter, nowMs))) throw new PasskeyCopied(passkey);
  return passkey.person;
}

/** The counter of a passkey did not go forward: two devices hold it, or somebody plays back what he heard. */
export class PasskeyCopied extends PasskeyRefused {
  readonly passkey: Passkey;

  constructor(passkey: Passkey) {
    super('its counter does not go forward');
    this.name = 'PasskeyCopied';
    this.passkey = passkey;
  }
}
