import type { Test } from 'tap';
import type { Invitation, Membership, Passkey, Person, Session } from '../../server/ports/people.ts';
import type { Store } from '../../server/ports/store.ts';
import { addOrganization, DAY_MS, digest, idAt, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

const personOf = (given: Partial<Person> = {}): Person => ({
  id: idAt(NOW_MS),
  login: `li-${digest().slice(0, 12)}`,
  name: '李',
  password: '$argon2id$v=19$…',
  totp: undefined,
  totpStep: 0,
  createdMs: NOW_MS,
  closedMs: undefined,
  ...given,
});

const membershipOf = (person: string, organization: string, roles = ['admin']): Membership => ({
  person,
  organization,
  roles,
  sinceMs: NOW_MS,
  endedMs: undefined,
});

async function addPerson(store: Store, organization: string, roles?: string[]): Promise<Person> {
  const person = personOf();
  await store.addPerson(person, membershipOf(person.id, organization, roles));
  return person;
}

const sessionOf = (person: string, organization: string, given: Partial<Session> = {}): Session => ({
  id: digest(),
  person,
  organization,
  createdMs: NOW_MS,
  seenMs: NOW_MS,
  expiresMs: NOW_MS + DAY_MS,
  provedMs: NOW_MS,
  factors: ['password'],
  ...given,
});

const invitationOf = (organization: string, given: Partial<Invitation> = {}): Invitation => ({
  id: idAt(NOW_MS),
  organization,
  person: undefined,
  roles: ['member'],
  note: '王律师',
  tokenHash: digest(),
  invitedBy: idAt(NOW_MS),
  createdMs: NOW_MS,
  expiresMs: NOW_MS + DAY_MS,
  usedMs: undefined,
  revokedMs: undefined,
  ...given,
});

const passkeyOf = (person: string, given: Partial<Passkey> = {}): Passkey => ({
  id: digest(),
  person,
  publicKey: Uint8Array.of(1, 2, 3),
  counter: 0,
  transports: ['usb', 'nfc'],
  label: '办公室的钥匙',
  createdMs: NOW_MS,
  usedMs: undefined,
  ...given,
});

const count = (answers: readonly unknown[], wanted: unknown): number =>
  answers.filter((answer) => answer === wanted).length;

export async function peopleGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('accounts', (t) => accounts(t, open));
  t.test('memberships', (t) => memberships(t, open));
  t.test('invitations', (t) => invitations(t, open));
  t.test('sessions', (t) => sessions(t, open));
  t.test('factors', (t) => factors(t, open));
  t.test('what is sealed', (t) => sealedValues(t, open));
  t.test('what is recorded and what is forgotten', (t) => records(t, open));
}

async function accounts(t: Test, open: OpenStore): Promise<void> {
  t.test('a person is found by id and by login, over a restart', async (t) => {
    const { store, reopen } = await open(t);
    const organization = await addOrganization(store);
    const person = personOf({ totp: Uint8Array.of(9, 0, 255), totpStep: 3 });
    t.equal(await store.addPerson(person, membershipOf(person.id, organization)), true);
    const again = await reopen();
    t.strictSame(await again.person(person.id), person);
    t.strictSame(await again.personByLogin(person.login), person);
    t.equal(await again.person(idAt(1)), undefined);
    t.equal(await again.personByLogin(person.login.toUpperCase()), undefined);
    await again.setPassword(person.id, '$argon2id$other');
    await again.setTotp(person.id, undefined);
    t.strictSame(await again.person(person.id), {
      ...person,
      password: '$argon2id$other',
      totp: undefined,
    });
  });

  t.test('of many who take one login at once one has it, and the others leave nothing', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const many = Array.from({ length: 8 }, () => personOf({ login: '同名' }));
    const taken = await Promise.all(
      many.map((one) => store.addPerson(one, membershipOf(one.id, organization))),
    );
    t.equal(count(taken, true), 1);
    t.equal((await store.membersOf(organization)).length, 1);
  });

  t.test('a step of time is taken once, and none before it afterwards', async (t) => {
    const { store } = await open(t);
    const { id } = await addPerson(store, await addOrganization(store));
    t.equal(count(await Promise.all([5, 5, 5, 5].map((step) => store.takeTotpStep(id, step))), true), 1);
    t.equal(await store.takeTotpStep(id, 4), false);
    t.equal(await store.takeTotpStep(id, 6), true);
  });

  t.test(
    'wrong passwords that come at once are all counted, and the wait is that of their number',
    async (t) => {
      const { store, reopen } = await open(t);
      const waits = [0, 0, 2_000, 4_000];
      const login = `login:${digest()}`;
      t.strictSame(await store.failuresOf(login), { count: 0, untilMs: 0 });
      const counted = await Promise.all(
        Array.from({ length: 6 }, () => store.recordFailure(login, NOW_MS, waits)),
      );
      t.strictSame(counted.map((one) => one.count).toSorted(), [1, 2, 3, 4, 5, 6]);
      const wait = (n: number) => counted.find((one) => one.count === n)!.untilMs - NOW_MS;
      t.strictSame([1, 2, 3, 4, 5, 6].map(wait), [0, 0, 2_000, 4_000, 4_000, 4_000]);
      const again = await reopen();
      t.strictSame(await again.failuresOf(login), { count: 6, untilMs: NOW_MS + 4_000 });
      await again.clearFailures(login);
      t.strictSame(await again.failuresOf(login), { count: 0, untilMs: 0 });
    },
  );

  t.test('who closed his account is signed in nowhere and a member of nothing', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const person = await addPerson(store, organization);
    const session = sessionOf(person.id, organization);
    await store.addSession(session);
    await store.closePerson(person.id, NOW_MS + 1);
    await store.closePerson(person.id, NOW_MS + 2);
    t.equal((await store.person(person.id))!.closedMs, NOW_MS + 1);
    t.equal(await store.session(session.id), undefined);
    t.strictSame(await store.membershipsOf(person.id), []);
    t.strictSame(await store.membersOf(organization), []);
  });
}

async function memberships(t: Test, open: OpenStore): Promise<void> {
  t.test('roles are changed, ended and begun anew', async (t) => {
    const { store } = await open(t);
    const [a, b] = [await addOrganization(store), await addOrganization(store)];
    const admin = await addPerson(store, a);
    const other = await addPerson(store, a, ['member']);
    const change = { ...membershipOf(other.id, a, ['reader', 'member']), sinceMs: NOW_MS + 9 };
    t.equal(await store.setMembership(change, NOW_MS + 9), true);
    t.equal(await store.setMembership(membershipOf(other.id, b, ['member']), NOW_MS), true);
    t.match(
      (await store.membershipsOf(other.id)).toSorted((x, y) => (x.organization === a ? -1 : y ? 1 : 0)),
      [
        { organization: a, roles: ['reader', 'member'], sinceMs: NOW_MS },
        { organization: b, roles: ['member'] },
      ],
    );
    t.match(await store.membersOf(a), [
      { person: admin.id, name: '李', login: admin.login, roles: ['admin'] },
      { person: other.id },
    ]);
    const [here, there] = [sessionOf(other.id, a), sessionOf(other.id, b)];
    await store.addSession(here);
    await store.addSession(there);
    t.equal(await store.setMembership({ ...change, roles: [] }, NOW_MS + 10), true);
    t.equal((await store.membersOf(a)).length, 1);
    t.equal(await store.session(here.id), undefined, 'its sessions end');
    t.equal((await store.session(there.id))?.organization, b, 'and no others');
    t.equal(await store.setMembership({ ...change, sinceMs: NOW_MS + 20 }, NOW_MS + 20), true);
    t.match(
      (await store.membersOf(a)).find(({ person }) => person === other.id),
      { sinceMs: NOW_MS + 20, endedMs: undefined },
    );
  });

  t.test('the last admin neither leaves nor becomes less, whoever asks at once', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const admins = await Promise.all([1, 2, 3, 4].map(() => addPerson(store, organization)));
    const left = await Promise.all(
      admins.map(({ id }, i) =>
        store.setMembership(membershipOf(id, organization, i % 2 === 0 ? [] : ['member']), NOW_MS),
      ),
    );
    t.equal(count(left, true), 3);
    const last = (await store.membersOf(organization)).filter(({ roles }) => roles.includes('admin'));
    t.equal(last.length, 1);
    const { person } = last[0]!;
    t.equal(await store.setMembership(membershipOf(person, organization, []), NOW_MS), false);
    t.equal(await store.setMembership(membershipOf(person, organization, ['reader']), NOW_MS), false);
    t.equal(await store.setMembership(membershipOf(person, organization, ['admin', 'reader']), NOW_MS), true);
  });
}

async function invitations(t: Test, open: OpenStore): Promise<void> {
  t.test('an invitation is found by its token, listed newest first, and revoked by its own', async (t) => {
    const { store, reopen } = await open(t);
    const [owner, stranger] = [await addOrganization(store), await addOrganization(store)];
    const [first, second] = [invitationOf(owner), invitationOf(owner, { roles: ['admin', 'reader'] })];
    await store.addInvitation(first);
    await store.addInvitation(second);
    const again = await reopen();
    t.strictSame(await again.invitationByToken(second.tokenHash), second);
    t.equal(await again.invitationByToken(digest()), undefined);
    t.strictSame(await again.invitationsOf(owner), [second, first]);
    t.strictSame(await again.invitationsOf(stranger), []);
    t.equal(await again.revokeInvitation(stranger, first.id, NOW_MS), false);
    t.equal(await again.revokeInvitation(owner, first.id, NOW_MS), true);
    t.equal(await again.revokeInvitation(owner, first.id, NOW_MS), false);
    t.equal(await again.useInvitation(first.id, NOW_MS), false, 'a revoked one is good for nothing');
    t.equal(await again.useInvitation(second.id, second.expiresMs), false, 'nor one that is over');
    t.equal(await again.useInvitation(second.id, second.expiresMs - 1), true);
    t.equal(await again.revokeInvitation(owner, second.id, NOW_MS), false, 'a used one is used');
  });

  t.test('of many who use an invitation at once one joins', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const invitation = invitationOf(organization);
    await store.addInvitation(invitation);
    const many = Array.from({ length: 6 }, () => personOf());
    const joined = await Promise.all(
      many.map((one) =>
        store.joinByInvitation(invitation.id, membershipOf(one.id, organization, ['member']), one, NOW_MS),
      ),
    );
    t.equal(count(joined, 'joined'), 1);
    t.equal(count(joined, 'over'), 5);
    t.equal((await store.membersOf(organization)).length, 1);
    const made = await Promise.all(many.map(({ id }) => store.person(id)));
    t.equal(made.filter((one) => one !== undefined).length, 1, 'and the others leave no account');
  });

  t.test(
    'a login that is taken leaves the invitation good; who is a member gets no other roles',
    async (t) => {
      const { store } = await open(t);
      const organization = await addOrganization(store);
      const admin = await addPerson(store, organization);
      const invitation = invitationOf(organization, { roles: ['reader'] });
      await store.addInvitation(invitation);
      const same = personOf({ login: admin.login });
      const join = (id: string, person?: Person) =>
        store.joinByInvitation(invitation.id, membershipOf(id, organization, ['reader']), person, NOW_MS);
      t.equal(await join(same.id, same), 'login-taken');
      t.equal(await join(admin.id), 'member-already');
      t.match(await store.membershipsOf(admin.id), [{ roles: ['admin'] }]);
      const elsewhere = await addPerson(store, await addOrganization(store));
      t.equal(await join(elsewhere.id), 'joined');
      t.equal((await store.membershipsOf(elsewhere.id)).length, 2);
    },
  );
}

async function sessions(t: Test, open: OpenStore): Promise<void> {
  t.test('a session is read with who it is and what he is now, over a restart', async (t) => {
    const { store, reopen } = await open(t);
    const [a, b] = [await addOrganization(store), await addOrganization(store)];
    const person = await addPerson(store, a, ['reader']);
    const session = sessionOf(person.id, a);
    await store.addSession(session);
    const again = await reopen();
    t.strictSame(await again.session(session.id), { ...session, name: '李', roles: ['reader'] });
    await again.setMembership(membershipOf(person.id, a, ['member']), NOW_MS);
    t.match(await again.session(session.id), { roles: ['member'] }, 'roles are those of this moment');
    await again.setMembership(membershipOf(person.id, b, ['reader']), NOW_MS);
    const change = { organization: b, provedMs: NOW_MS + 7, factors: ['password', 'totp'] };
    await again.changeSession(session.id, change);
    await again.touchSession(session.id, NOW_MS + 8);
    await again.touchSession(session.id, NOW_MS + 1);
    t.match(await again.session(session.id), { ...change, seenMs: NOW_MS + 8, roles: ['reader'] });
    await again.endSession(session.id);
    t.equal(await again.session(session.id), undefined);
    await again.touchSession(session.id, NOW_MS + 9);
    t.equal(await again.session(session.id), undefined, 'what ended does not come back');
  });

  t.test('all sessions of a person end but one, and nobody else’s', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const [person, other] = [await addPerson(store, organization), await addPerson(store, organization)];
    const own = [0, 1, 2].map((n) => sessionOf(person.id, organization, { createdMs: NOW_MS + n }));
    const foreign = sessionOf(other.id, organization);
    for (const one of [...own, foreign]) await store.addSession(one);
    t.strictSame(await store.sessionsOf(person.id), own.toReversed());
    await store.endOtherSessions(person.id, own[1]!.id);
    t.strictSame(await store.sessionsOf(person.id), [own[1]]);
    await store.endOtherSessions(person.id, undefined);
    t.strictSame(await store.sessionsOf(person.id), []);
    t.equal((await store.sessionsOf(other.id)).length, 1);
  });

  t.test('a ticket is taken once, for what it is, and before its end', async (t) => {
    const { store } = await open(t);
    const ticket = { id: digest(), kind: 'login', person: undefined, data: '{"a":1}', expiresMs: NOW_MS + 5 };
    await store.addTicket(ticket);
    t.equal(await store.takeTicket(ticket.id, 'other', NOW_MS), undefined);
    t.equal(await store.takeTicket(ticket.id, 'login', NOW_MS + 5), undefined);
    const taken = await Promise.all([1, 2, 3].map(() => store.takeTicket(ticket.id, 'login', NOW_MS)));
    t.strictSame(
      taken.filter((one) => one !== undefined),
      [ticket],
    );
  });
}

async function factors(t: Test, open: OpenStore): Promise<void> {
  t.test('a passkey is one person’s, and its counter goes forward or is none', async (t) => {
    const { store, reopen } = await open(t);
    const organization = await addOrganization(store);
    const [person, other] = [await addPerson(store, organization), await addPerson(store, organization)];
    const key = passkeyOf(person.id);
    t.equal(await store.addPasskey(key), true);
    t.equal(await store.addPasskey({ ...key, person: other.id }), false, 'a credential has one owner');
    const again = await reopen();
    t.strictSame(await again.passkey(key.id), key);
    t.strictSame(await again.passkeysOf(person.id), [key]);
    t.strictSame(await again.passkeysOf(other.id), []);
    t.equal(await again.usePasskey(key.id, 0, NOW_MS + 1), true);
    t.equal(await again.usePasskey(key.id, 0, NOW_MS + 2), true);
    t.equal(await again.usePasskey(key.id, 5, NOW_MS + 3), true);
    t.equal(await again.usePasskey(key.id, 5, NOW_MS + 4), false);
    t.equal(await again.usePasskey(key.id, 0, NOW_MS + 5), false);
    t.match(await again.passkey(key.id), { counter: 5, usedMs: NOW_MS + 3 });
    t.equal(await again.renamePasskey(other.id, key.id, '偷来的'), false);
    t.equal(await again.renamePasskey(person.id, key.id, '家里的钥匙'), true);
    t.match(await again.passkey(key.id), { label: '家里的钥匙', counter: 5 });
    t.equal(await again.removePasskey(other.id, key.id), false);
    t.equal(await again.removePasskey(person.id, key.id), true);
    t.equal(await again.passkey(key.id), undefined);
  });

  t.test('each recovery code is good once, and new ones take the place of all', async (t) => {
    const { store } = await open(t);
    const { id } = await addPerson(store, await addOrganization(store));
    const [a, b, c] = [digest(), digest(), digest()];
    await store.setRecoveryCodes(id, [a, b]);
    const used = await Promise.all([1, 2, 3].map(() => store.useRecoveryCode(id, a)));
    t.equal(count(used, true), 1);
    t.equal(await store.recoveryCodesLeft(id), 1);
    await store.setRecoveryCodes(id, [c]);
    t.equal(await store.useRecoveryCode(id, b), false);
    t.equal(await store.useRecoveryCode(id, c), true);
    t.equal(await store.recoveryCodesLeft(id), 0);
  });

  t.test('a subject of another place is one person’s', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const [person, other] = [await addPerson(store, organization), await addPerson(store, organization)];
    const issuer = 'https://login.example';
    const linked = await Promise.all(
      [person, other].map(({ id }) => store.linkSubject(issuer, 's', id, NOW_MS)),
    );
    t.equal(count(linked, true), 1);
    const owner = (await store.personBySubject(issuer, 's'))!;
    t.equal(await store.personBySubject(`${issuer}/`, 's'), undefined);
    t.strictSame(await store.subjectsOf(owner), [{ issuer, subject: 's' }]);
    const stranger = owner === person.id ? other.id : person.id;
    t.equal(await store.unlinkSubject(stranger, issuer, 's'), false);
    t.equal(await store.unlinkSubject(owner, issuer, 's'), true);
    t.equal(await store.personBySubject(issuer, 's'), undefined);
  });

  t.test('an identity number is erased and its masked form stays', async (t) => {
    const { store, reopen } = await open(t);
    const number = {
      id: idAt(NOW_MS),
      organization: await addOrganization(store),
      kind: 'resident',
      masked: '3302**********1234',
      sealed: Uint8Array.of(7, 7),
      createdMs: NOW_MS,
      erasedMs: undefined,
    };
    await store.addIdentityNumber(number);
    const again = await reopen();
    t.strictSame(await again.identityNumber(number.id), number);
    t.equal(await again.eraseIdentityNumber(number.id, NOW_MS + 1), true);
    t.equal(await again.eraseIdentityNumber(number.id, NOW_MS + 2), false);
    t.strictSame(await again.identityNumber(number.id), {
      ...number,
      sealed: new Uint8Array(0),
      erasedMs: NOW_MS + 1,
    });
    t.equal(await again.identityNumber(idAt(1)), undefined);
  });
}

async function records(t: Test, open: OpenStore): Promise<void> {
  t.test('events of an account are read newest first, by person and by organization', async (t) => {
    const { store } = await open(t);
    const event = (atMs: number, person: string | undefined, organization: string | undefined) => ({
      person,
      organization,
      atMs,
      action: 'signed-in',
      detail: '{}',
    });
    const events = [event(1, 'p', 'o'), event(2, 'p', 'x'), event(3, 'q', 'o'), event(3, 'p', 'o')];
    for (const one of events) await store.recordAccountEvent(one);
    t.strictSame(await store.accountEvents({ person: 'p' }, { limit: 9 }), [events[3], events[1], events[0]]);
    t.strictSame(await store.accountEvents({ organization: 'o' }, { limit: 2 }), [events[3], events[2]]);
    t.strictSame(await store.accountEvents({ organization: 'o' }, { beforeMs: 3, limit: 9 }), [events[0]]);
    t.strictSame(await store.accountEvents({ person: 'p', organization: 'x' }, { limit: 9 }), [events[1]]);
  });

  t.test('the last use of a key never goes back', async (t) => {
    const { store } = await open(t);
    await store.recordKeyUse([
      { key: 'b', atMs: 5 },
      { key: 'a', atMs: 6 },
    ]);
    await store.recordKeyUse([{ key: 'b', atMs: 4 }]);
    t.strictSame(await store.keyUses(['a', 'b', 'c']), [6, 5, undefined]);
    t.strictSame(await store.keyUses([]), []);
  });

  t.test('whose a key is stays with it, in its organization alone', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const [one, other] = [await addPerson(store, organization), await addPerson(store, organization)];
    await store.recordKeyMaker('b', one.id, organization);
    await store.recordKeyMaker('a', one.id, organization);
    await store.recordKeyMaker('c', other.id, organization);
    await store.recordKeyMaker('d', one.id, 'elsewhere');
    t.strictSame(await store.keysMadeBy(one.id, organization), ['a', 'b']);
    t.strictSame(await store.keysMadeBy(one.id, 'elsewhere'), ['d']);
    t.strictSame(await store.keysMadeBy(other.id, 'elsewhere'), []);
  });

  t.test('what is over is forgotten piece by piece, and nothing else', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const { id } = await addPerson(store, organization);
    const over = Array.from({ length: 501 }, () => sessionOf(id, organization, { expiresMs: NOW_MS + 1 }));
    for (const one of over) await store.addSession(one);
    const lasting = sessionOf(id, organization);
    await store.addSession(lasting);
    const past = invitationOf(organization, { expiresMs: NOW_MS - 30 * DAY_MS });
    const shown = invitationOf(organization, { expiresMs: NOW_MS - DAY_MS });
    for (const one of [past, shown]) await store.addInvitation(one);
    const ticket = { id: digest(), kind: 'k', person: id, data: '{}', expiresMs: NOW_MS };
    await store.addTicket(ticket);
    await store.recordFailure('old', NOW_MS - DAY_MS, [9]);
    await store.recordFailure('new', NOW_MS, [9]);
    const old = { atMs: NOW_MS - 30 * DAY_MS, action: 'sign-in-failed', detail: '{}' };
    await store.recordAccountEvent({ ...old, person: undefined, organization: undefined });
    await store.recordAccountEvent({ ...old, person: id, organization });
    t.equal(await store.forgetOldPeople(NOW_MS + 1), true, 'there is more than one piece');
    t.equal(await store.forgetOldPeople(NOW_MS + 1), false);
    t.strictSame(await store.sessionsOf(id), [lasting]);
    t.strictSame(await store.invitationsOf(organization), [shown]);
    t.equal(await store.takeTicket(ticket.id, 'k', NOW_MS - 1), undefined);
    t.equal((await store.failuresOf('old')).count, 0);
    t.equal((await store.failuresOf('new')).count, 1);
    t.strictSame(await store.accountEvents({}, { limit: 9 }), [{ ...old, person: id, organization }]);
  });
}

async function sealedValues(t: Test, open: OpenStore): Promise<void> {
  const under = (key: number, rest: number): Uint8Array => Uint8Array.of(...Array(8).fill(key), rest, 0, 255);
  const hex = (key: number): string => Buffer.from(Array(8).fill(key)).toString('hex');

  t.test('all of it is found, page by page, with its keys; what is erased is not', async (t) => {
    const { store, reopen } = await open(t);
    const organization = await addOrganization(store);
    const people: Person[] = [];
    for (let i = 0; i < 5; i++) {
      const person = personOf(i === 2 ? {} : { totp: under(i % 2, i) });
      await store.addPerson(person, membershipOf(person.id, organization));
      people.push(person);
    }
    const number = { organization, kind: 'resident', masked: '1', createdMs: NOW_MS, erasedMs: undefined };
    const [kept, erased] = [idAt(NOW_MS), idAt(NOW_MS)];
    await store.addIdentityNumber({ ...number, id: kept, sealed: under(7, 1) });
    await store.addIdentityNumber({ ...number, id: erased, sealed: under(8, 1) });
    await store.eraseIdentityNumber(erased, NOW_MS);
    const again = await reopen();
    t.strictSame(await again.sealedKeys(), [hex(0), hex(1), hex(7)]);
    const found: string[] = [];
    for (let after = ''; ; ) {
      const page = await again.sealedValues('totp', after, 2);
      if (page.length === 0) break;
      for (const { whose, sealed } of page) {
        t.strictSame(sealed, people.find(({ id }) => id === whose)?.totp);
        found.push(whose);
      }
      after = found.at(-1)!;
    }
    t.strictSame(
      found,
      people
        .filter(({ totp }) => totp !== undefined)
        .map(({ id }) => id)
        .toSorted(),
    );
    t.strictSame(await again.sealedValues('identity-number', '', 9), [{ whose: kept, sealed: under(7, 1) }]);
  });

  t.test('what was sealed anew takes the place of what was read, and of nothing else', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const person = personOf({ totp: under(1, 1) });
    await store.addPerson(person, membershipOf(person.id, organization));
    t.equal(await store.replaceSealed('totp', person.id, under(1, 2), under(2, 1)), false);
    t.equal(await store.replaceSealed('totp', person.id, under(1, 1), under(2, 1)), true);
    t.strictSame((await store.person(person.id))?.totp, under(2, 1));
    await store.setTotp(person.id, undefined);
    t.equal(await store.replaceSealed('totp', person.id, under(2, 1), under(3, 1)), false);
    const id = idAt(NOW_MS);
    const number = {
      id,
      organization,
      kind: 'resident',
      masked: '1',
      createdMs: NOW_MS,
      erasedMs: undefined,
    };
    await store.addIdentityNumber({ ...number, sealed: under(1, 1) });
    t.equal(await store.replaceSealed('identity-number', id, under(1, 1), under(2, 1)), true);
    t.strictSame((await store.identityNumber(id))?.sealed, under(2, 1));
    await store.eraseIdentityNumber(id, NOW_MS);
    t.equal(await store.replaceSealed('identity-number', id, new Uint8Array(0), under(3, 1)), false);
  });

  t.test('an organization demands a second factor of its people until it does not', async (t) => {
    const { store, reopen } = await open(t);
    const [one, other] = [await addOrganization(store), await addOrganization(store)];
    await store.demandSecondFactor(one, true, NOW_MS);
    await store.demandSecondFactor(one, true, NOW_MS);
    const again = await reopen();
    t.equal(await again.demandsSecondFactor(one), true);
    t.equal(await again.demandsSecondFactor(other), false);
    await again.demandSecondFactor(one, false, NOW_MS);
    t.equal(await again.demandsSecondFactor(one), false);
  });
}
