import type { SealedKind } from './sealing.ts';

/*
 * People, what they prove themselves with, and their sessions. Nothing secret stands here in the clear: passwords as
 * argon2id, tokens and codes as SHA-256, what has to be read again sealed under the service's own key. Times are Unix
 * milliseconds, hashes hex.
 */

export interface Person {
  readonly id: string;
  /** what one signs in with: trimmed, NFKC, lower case; unique */
  readonly login: string;
  readonly name: string;
  /** PHC string of argon2id; undefined: signs in by OpenID Connect alone */
  readonly password: string | undefined;
  /** sealed TOTP secret; undefined: none */
  readonly totp: Uint8Array | undefined;
  /** the last time step (RFC 6238) whose code was taken: none is taken twice */
  readonly totpStep: number;
  readonly createdMs: number;
  /** closed accounts stay, for what they did */
  readonly closedMs: number | undefined;
}

/** Wrong passwords and codes since the last right one. */
export interface Failures {
  readonly count: number;
  /** until then not even the right one is looked at */
  readonly untilMs: number;
}

export interface Membership {
  readonly person: string;
  readonly organization: string;
  /** words of `PERSON_ROLES`; never empty */
  readonly roles: readonly string[];
  readonly sinceMs: number;
  readonly endedMs: number | undefined;
}

/** A link by which somebody joins an organization (`person` undefined), or sets a new password for an account. */
export interface Invitation {
  readonly id: string;
  readonly organization: string;
  readonly person: string | undefined;
  readonly roles: readonly string[];
  /** who it is for, as the inviting one wrote it */
  readonly note: string;
  readonly tokenHash: string;
  readonly invitedBy: string;
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly usedMs: number | undefined;
  readonly revokedMs: number | undefined;
}

export interface Session {
  /** SHA-256 of the cookie's token */
  readonly id: string;
  readonly person: string;
  /** which of his organizations he acts for now */
  readonly organization: string;
  readonly createdMs: number;
  readonly seenMs: number;
  /** absolute end; idle time is reckoned from `seenMs` */
  readonly expiresMs: number;
  /** when a second factor or the password was proved last: for what asks for it anew */
  readonly provedMs: number;
  /** how he signed in: words such as `password`, `totp`, `passkey`, `recovery`, `oidc` */
  readonly factors: readonly string[];
}

export interface Passkey {
  /** credential id, base64url */
  readonly id: string;
  readonly person: string;
  /** COSE key */
  readonly publicKey: Uint8Array;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly label: string;
  readonly createdMs: number;
  readonly usedMs: number | undefined;
}

/** Something begun that is finished once and soon: a challenge, a sign-in at another place, the wait for a second factor. */
export interface Ticket {
  /** SHA-256 of the token that finishes it */
  readonly id: string;
  readonly kind: string;
  readonly person: string | undefined;
  /** JSON */
  readonly data: string;
  readonly expiresMs: number;
}

export interface AccountEvent {
  readonly person: string | undefined;
  readonly organization: string | undefined;
  readonly atMs: number;
  /** a word: `signed-in`, `sign-in-failed`, `roles-changed`, … */
  readonly action: string;
  /** JSON, without anything personal */
  readonly detail: string;
}

/** A number of an identity document: sealed, beside the masked form that everybody sees. */
export interface IdentityNumber {
  readonly id: string;
  readonly organization: string;
  /** `resident` (居民身份证), `passport`, … */
  readonly kind: string;
  readonly masked: string;
  readonly sealed: Uint8Array;
  readonly createdMs: number;
  readonly erasedMs: number | undefined;
}

/** Something that is read again, under the service's own key, and whose it is. */
export interface SealedValue {
  readonly whose: string;
  readonly sealed: Uint8Array;
}

export interface PeopleStore {
  /** False where the login is taken; then nothing is kept. */
  addPerson(person: Person, membership: Membership): Promise<boolean>;
  person(id: string): Promise<Person | undefined>;
  personByLogin(login: string): Promise<Person | undefined>;
  setPassword(person: string, password: string): Promise<void>;
  setTotp(person: string, totp: Uint8Array | undefined): Promise<void>;
  /** True where this step is later than the last one taken: then it is the last one taken. */
  takeTotpStep(person: string, step: number): Promise<boolean>;
  /** Closes the account and ends its sessions and memberships. */
  closePerson(person: string, nowMs: number): Promise<void>;

  failuresOf(person: string): Promise<Failures>;
  /** One more; the answer is what holds afterwards. `waitMs(count)` is reckoned by the caller and comes as a list. */
  recordFailure(person: string, nowMs: number, waits: readonly number[]): Promise<Failures>;
  clearFailures(person: string): Promise<void>;

  /** Current ones. */
  membershipsOf(person: string): Promise<readonly Membership[]>;
  membersOf(
    organization: string,
  ): Promise<readonly (Membership & { readonly name: string; readonly login: string })[]>;
  /**
   * Sets roles, joins or ends (roles empty); false where it would leave an organization that has an `admin` without one.
   * Ends sessions of the person in that organization when it ends.
   */
  setMembership(membership: Membership, nowMs: number): Promise<boolean>;

  addInvitation(invitation: Invitation): Promise<void>;
  invitationByToken(tokenHash: string): Promise<Invitation | undefined>;
  invitationsOf(organization: string): Promise<readonly Invitation[]>;
  revokeInvitation(organization: string, id: string, nowMs: number): Promise<boolean>;
  /** True for one caller alone, and only while it is good. */
  useInvitation(id: string, nowMs: number): Promise<boolean>;
  /** Uses it and joins by it, as a new person where one is given: both or nothing. Nobody who is in it gets other roles. */
  joinByInvitation(
    id: string,
    membership: Membership,
    person: Person | undefined,
    nowMs: number,
  ): Promise<'joined' | 'over' | 'login-taken' | 'member-already'>;

  addSession(session: Session): Promise<void>;
  /** With the person and his membership in its organization, in one read: it is asked for at each request. */
  session(
    id: string,
  ): Promise<(Session & { readonly name: string; readonly roles: readonly string[] }) | undefined>;
  sessionsOf(person: string): Promise<readonly Session[]>;
  touchSession(id: string, seenMs: number): Promise<void>;
  changeSession(id: string, change: Pick<Session, 'organization' | 'provedMs' | 'factors'>): Promise<void>;
  endSession(id: string): Promise<void>;
  /** All of a person's but this one. */
  endOtherSessions(person: string, kept: string | undefined): Promise<void>;

  addPasskey(passkey: Passkey): Promise<boolean>;
  passkey(id: string): Promise<Passkey | undefined>;
  passkeysOf(person: string): Promise<readonly Passkey[]>;
  /** False where its counter does not go forward (WebAuthn §6.1.1: perhaps a clone); both 0 is no counter. */
  usePasskey(id: string, counter: number, nowMs: number): Promise<boolean>;
  renamePasskey(person: string, id: string, label: string): Promise<boolean>;
  removePasskey(person: string, id: string): Promise<boolean>;

  /** In place of all earlier ones. */
  setRecoveryCodes(person: string, hashes: readonly string[]): Promise<void>;
  recoveryCodesLeft(person: string): Promise<number>;
  /** True once for each. */
  useRecoveryCode(person: string, hash: string): Promise<boolean>;

  linkSubject(issuer: string, subject: string, person: string, nowMs: number): Promise<boolean>;
  personBySubject(issuer: string, subject: string): Promise<string | undefined>;
  subjectsOf(person: string): Promise<readonly { readonly issuer: string; readonly subject: string }[]>;
  unlinkSubject(person: string, issuer: string, subject: string): Promise<boolean>;

  addTicket(ticket: Ticket): Promise<void>;
  /** Takes it away: undefined for everybody else, and where it is over. */
  takeTicket(id: string, kind: string, nowMs: number): Promise<Ticket | undefined>;

  recordAccountEvent(event: AccountEvent): Promise<void>;
  accountEvents(
    of: { readonly person?: string; readonly organization?: string },
    page: { readonly beforeMs?: number; readonly limit: number },
  ): Promise<readonly AccountEvent[]>;

  addIdentityNumber(number: IdentityNumber): Promise<void>;
  identityNumber(id: string): Promise<IdentityNumber | undefined>;
  /** The sealed number goes, the masked form stays. */
  eraseIdentityNumber(id: string, nowMs: number): Promise<boolean>;

  /** Names of the keys, hex, that anything is sealed under. */
  sealedKeys(): Promise<readonly string[]>;
  /** What is sealed, in an order that stays; erased numbers are not in it. Begins with `after` empty. */
  sealedValues(kind: SealedKind, after: string, limit: number): Promise<readonly SealedValue[]>;
  /** The same, sealed anew, in place of what was read; false where something else stands there by now. */
  replaceSealed(kind: SealedKind, whose: string, before: Uint8Array, sealed: Uint8Array): Promise<boolean>;

  /** Whether an organization asks a second factor of its people, of its own accord. */
  demandsSecondFactor(organization: string): Promise<boolean>;
  demandSecondFactor(organization: string, demanded: boolean, nowMs: number): Promise<void>;

  /** When a key was used last, as far as it was recorded. */
  recordKeyUse(uses: readonly { readonly key: string; readonly atMs: number }[]): Promise<void>;
  keyUses(keys: readonly string[]): Promise<readonly (number | undefined)[]>;
  /** Whose a key is, written before the key itself: a crash between leaves the name of a key that there is not. */
  recordKeyMaker(key: string, person: string, organization: string): Promise<void>;
  /** Keys that somebody made in an organization, revoked ones too. */
  keysMadeBy(person: string, organization: string): Promise<readonly string[]>;
  /** Sessions, tickets and invitations that are over, a bounded piece; true where there may be more. */
  forgetOldPeople(nowMs: number): Promise<boolean>;
}
