import t from 'tap';
import { membershipOf } from '../../server/identity/invitations.ts';
import { csrfOf, isCsrf, newToken, tokenHash } from '../../server/identity/tokens.ts';
import { addOrganization } from '../suites/sample.ts';
import { accountsFor, HOUR_MS } from '../support/people-store.ts';

const MINUTE_MS = 60_000;

t.test('a session ends after twelve hours, however busy it is', async (t) => {
  const { sessions, clock, person, organization } = await accountsFor(t);
  const { token } = await sessions.open(person.id, organization, ['password']);
  for (let minutes = 0; minutes < 12 * 60; minutes += 30) {
    t.ok(await sessions.find(token, true), `${minutes} minutes`);
    clock.ms += 30 * MINUTE_MS;
  }
  t.equal(await sessions.find(token, true), undefined);
});

t.test('a session that nobody uses ends after an hour, and looking at it is no use', async (t) => {
  const { sessions, clock, person, organization } = await accountsFor(t);
  const { token } = await sessions.open(person.id, organization, ['password']);
  clock.ms += 59 * MINUTE_MS;
  t.ok(await sessions.find(token, false));
  clock.ms += MINUTE_MS;
  t.equal(await sessions.find(token, false), undefined);
  t.equal(await sessions.find(token, true), undefined, 'and does not come back by being used');
});

t.test('it is written down as used once a minute at most', async (t) => {
  const { sessions, store, clock, person, organization } = await accountsFor(t);
  const { token, session } = await sessions.open(person.id, organization, ['password']);
  const seen = async () => (await store.session(session.id))!.seenMs;
  const begun = clock.ms;
  clock.ms += MINUTE_MS - 1;
  await sessions.find(token, true);
  t.equal(await seen(), begun);
  clock.ms += 1;
  await sessions.find(token, true);
  t.equal(await seen(), clock.ms);
});

t.test('a clock that was set back makes no session last longer', async (t) => {
  const { sessions, clock, person, organization } = await accountsFor(t);
  clock.ms += 24 * HOUR_MS;
  const { token, session } = await sessions.open(person.id, organization, ['password']);
  t.equal(session.expiresMs, session.createdMs + 12 * HOUR_MS);
  clock.ms -= 20 * HOUR_MS;
  t.ok(await sessions.find(token, false));
  clock.ms = session.expiresMs;
  t.equal(await sessions.find(token, false), undefined);
});

t.test('where rights rise the token is another one, and the end stays', async (t) => {
  const { sessions, store, clock, person, organization } = await accountsFor(t);
  const other = await addOrganization(store);
  await store.setMembership(membershipOf(person.id, other, ['reader'], clock.ms), clock.ms);
  const first = await sessions.open(person.id, organization, ['password']);
  clock.ms += HOUR_MS / 2;
  const second = await sessions.renew(first.session, { organization: other, factors: ['password', 'totp'] });
  t.not(second.token, first.token);
  t.equal(second.session.expiresMs, first.session.expiresMs);
  t.equal(await sessions.find(first.token, false), undefined);
  t.match(await sessions.find(second.token, false), {
    organization: other,
    roles: ['reader'],
    factors: ['password', 'totp'],
    of: { id: other },
  });
});

t.test('a role that was taken is gone at the next request, and with the last one the session', async (t) => {
  const { sessions, store, clock, person, organization } = await accountsFor(t);
  const { token } = await sessions.open(person.id, organization, ['password']);
  await store.setMembership(membershipOf(person.id, organization, ['admin', 'reader'], clock.ms), clock.ms);
  t.strictSame((await sessions.find(token, false))?.roles, ['admin', 'reader']);
  await store.closePerson(person.id, clock.ms);
  t.equal(await sessions.find(token, false), undefined);
});

t.test('what is stored opens nothing, and what is no token is not looked for', async (t) => {
  const { sessions, store, person, organization } = await accountsFor(t);
  const { token, session } = await sessions.open(person.id, organization, ['password']);
  t.notMatch(JSON.stringify(await store.sessionsOf(person.id)), token);
  for (const given of [session.id, '', token.slice(1), `${token}=`, `${token} `, newToken(), "' or 1=1 --"])
    t.equal(await sessions.find(given, false), undefined, given);
  t.equal(session.id, tokenHash(token));
});

t.test('the proof of a page is of one session, and tells nothing of its token', async (t) => {
  const [a, b] = [newToken(), newToken()];
  t.ok(isCsrf(a, csrfOf(a)));
  for (const given of [csrfOf(b), '', a, tokenHash(a), csrfOf(a).slice(1), `${csrfOf(a)} `])
    t.notOk(isCsrf(a, given), given);
});

t.test('a role that is none in this kind of organization is none of his', async (t) => {
  const { sessions, store, person, organization, clock } = await accountsFor(t);
  const { token } = await sessions.open(person.id, organization, ['password']);
  const roles = ['admin', 'notary', 'approver', 'emperor'];
  await store.setMembership(membershipOf(person.id, organization, roles, clock.ms), clock.ms);
  t.strictSame((await sessions.find(token, false))?.roles, ['admin']);
});
