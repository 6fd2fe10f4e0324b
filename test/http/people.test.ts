import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { browser, PASSWORD, registered, signedIn } from '../support/browser.ts';
import { body, run } from '../support/running.ts';

const service = await run();
t.teardown(() => service.stop());

const admin = await signedIn(service, 'notary-admin');
const UNKNOWN = '01900000-0000-7000-8000-000000000000';

const invite = (json: object, by = admin) => by.json('/v1/people/invitations', { json });
const peopleOf = async (by: typeof admin) => (await by.json('/v1/people')).items as readonly Member[];
interface Member {
  readonly id: string;
  readonly name: string;
  readonly login?: string;
  readonly roles: readonly string[];
}
const memberOf = async (login: string) => (await peopleOf(admin)).find((one) => one.login === login)!;

/** Somebody new in the notary office. */
async function joined(login: string, roles: readonly string[]) {
  const { token } = await invite({ note: login, roles });
  const own = browser(service);
  const json = { login, name: `${login} 之名`, password: PASSWORD };
  const said = await own.json(`/v1/invitations/${token}`, { json });
  return { own, id: said.session.person.id as string, said };
}

t.test('a link lets one person in, with the roles that it was made for', async (t) => {
  const made = await invite({ note: '新助理', roles: ['assistant'], hours: 24 });
  t.match(made, { url: `${service.url}/join#${made.token}`, token: /^[A-Za-z0-9_-]{43}$/ });
  t.ok(Math.abs(Date.parse(made.expiresAt) - Date.now() - 86_400_000) < 60_000);
  const own = browser(service);
  t.match(await own.json(`/v1/invitations/${made.token}`), {
    kind: 'join',
    organization: { name: '示范公证处', role: 'notary' },
    roles: ['assistant'],
    note: '新助理',
  });
  const json = { login: 'assistant-2', name: '新助理', password: PASSWORD };
  const more = { ...json, roles: ['admin'] };
  t.equal((await own.json(`/v1/invitations/${made.token}`, { json: more })).code, 'request-invalid');
  t.match(await own.json(`/v1/invitations/${made.token}`, { json }), {
    kind: 'join',
    session: { person: { name: '新助理' }, roles: ['assistant'], organization: { name: '示范公证处' } },
  });
  t.equal((await own.call('/v1/session')).status, 200, 'signed in at once');
  const again = { json: { ...json, login: 'assistant-3' } };
  t.match(await browser(service).json(`/v1/invitations/${made.token}`, again), {
    code: 'invitation-over',
    status: 410,
  });
  const { items } = await admin.json('/v1/people/invitations');
  t.match(items[0], { id: made.id, state: 'used', note: '新助理', kind: 'join' });
  t.notMatch(JSON.stringify(items), made.token);
});

t.test('of many who use a link at once one comes in', async (t) => {
  const { token } = await invite({ note: 'x', roles: ['reader'] });
  const before = (await peopleOf(admin)).length;
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      browser(service).call(`/v1/invitations/${token}`, {
        json: { login: `racer-${n}`, name: 'x', password: PASSWORD },
      }),
    ),
  );
  t.equal(all.filter(({ status }) => status === 200).length, 1);
  t.ok(all.every(({ status }) => status === 200 || status === 410));
  t.equal((await peopleOf(admin)).length, before + 1);
});

t.test('a link that was revoked, or is none, lets nobody in', async (t) => {
  const { id, token } = await invite({ note: 'x', roles: ['reader'] });
  const other = await signedIn(service, 'court');
  const path = `/v1/people/invitations/${id}`;
  t.equal((await other.json(path, { method: 'DELETE' })).code, 'not-found', 'another’s is none');
  t.equal((await admin.call(path, { method: 'DELETE' })).status, 204);
  t.equal((await admin.json(path, { method: 'DELETE' })).code, 'not-found');
  t.equal((await browser(service).json(`/v1/invitations/${token}`)).code, 'invitation-over');
  const none = `/v1/invitations/${'A'.repeat(43)}`;
  const json = { login: 'none-1', name: 'x', password: PASSWORD };
  t.equal((await browser(service).json(none)).code, 'not-found');
  t.equal((await browser(service).json(none, { json })).code, 'not-found');
});

t.test('who is signed in joins with the account that he has, or shows its password', async (t) => {
  const { own } = await registered(service, 'joiner-1');
  const { token } = await invite({ note: 'x', roles: ['reader'] });
  t.match(await own.json(`/v1/invitations/${token}`, { json: {} }), { kind: 'join', session: null });
  const before = own.stolen();
  const { organizations } = await own.json('/v1/session');
  t.equal(organizations.length, 2);
  const office = organizations.find((one: { role: string }) => one.role === 'notary');
  const switched = await own.json('/v1/session/organization', { json: { organization: office.id } });
  t.match(switched, { organization: { role: 'notary' }, roles: ['reader'] });
  t.equal((await before.json('/v1/session')).code, 'session-over', 'a new token with new rights');
  for (const organization of [UNKNOWN, (await admin.json('/v1/session')).person.id])
    t.equal((await own.json('/v1/session/organization', { json: { organization } })).code, 'not-found');

  const second = await invite({ note: 'x', roles: ['admin'] });
  t.equal((await own.json(`/v1/invitations/${second.token}`, { json: {} })).code, 'member-already');
  const { own: other } = await registered(service, 'joiner-2');
  await other.call('/v1/session', { method: 'DELETE' });
  const wrong = { login: 'joiner-2', password: 'not this one' };
  const path = `/v1/invitations/${second.token}`;
  t.equal((await browser(service).json(path, { json: wrong })).code, 'credentials-wrong');
  t.equal((await browser(service).json(path, { json: {} })).code, 'not-authenticated');
  const right = { login: 'joiner-2', password: PASSWORD };
  t.match(await browser(service).json(path, { json: right }), { session: null });
  t.match(await memberOf('joiner-2'), { roles: ['admin'] });
});

t.test('only roles of this kind of organization are given', async (t) => {
  t.match(await invite({ note: 'x', roles: ['member'] }), {
    code: 'roles-unfit',
    roles: 'admin, notary, approver, assistant, reader',
  });
  const court = await signedIn(service, 'court');
  t.equal((await invite({ note: 'x', roles: ['notary'] }, court)).code, 'roles-unfit');
  for (const roles of [[], ['root'], 'admin'])
    t.equal((await invite({ note: 'x', roles })).code, 'request-invalid');
  const { id } = await joined('roles-1', ['reader']);
  const put = (roles: readonly string[]) =>
    admin.json(`/v1/people/${id}/roles`, { method: 'PUT', json: { roles } });
  t.equal((await put(['member'])).code, 'roles-unfit');
  t.strictSame(await put(['reader', 'approver', 'reader']), { revokedKeys: [] });
  t.strictSame((await memberOf('roles-1')).roles, ['approver', 'reader']);
});

t.test('a role counts from the next request on, and what is taken is gone with it', async (t) => {
  const { own, id } = await joined('roles-2', ['reader']);
  const mine = { json: { note: 'x', roles: ['reader'] } };
  t.equal((await own.json('/v1/people/invitations', mine)).code, 'not-allowed');
  t.equal(
    (await own.json(`/v1/people/${id}/roles`, { method: 'PUT', json: { roles: ['admin'] } })).code,
    'not-allowed',
  );
  t.notOk('login' in (await peopleOf(own))[0]!, 'logins are for admins');
  await admin.call(`/v1/people/${id}/roles`, { method: 'PUT', json: { roles: ['admin'] } });
  t.equal((await own.call('/v1/people/invitations', mine)).status, 201);
  await admin.call(`/v1/people/${id}/roles`, { method: 'PUT', json: { roles: ['reader'] } });
  t.equal((await own.json('/v1/people/invitations', mine)).code, 'not-allowed');
  t.strictSame(await admin.json(`/v1/people/${id}`, { method: 'DELETE' }), { revokedKeys: [] });
  t.equal((await own.json('/v1/session')).code, 'session-over');
  t.equal(
    (await own.json('/v1/session', { json: { login: 'roles-2', password: PASSWORD } })).code,
    'no-membership',
  );
  t.equal((await admin.json(`/v1/people/${id}`, { method: 'DELETE' })).code, 'not-found');
});

t.test('nobody who was admin comes back by a link of his own making', async (t) => {
  for (const [login, end] of [
    ['former-1', { method: 'DELETE', path: '' }],
    ['former-2', { method: 'PUT', path: '/roles', json: { roles: ['reader'] } }],
  ] as const) {
    const { own, id } = await joined(login, ['admin']);
    const { token } = await invite({ note: 'back door', roles: ['admin'] }, own);
    const kept = await invite({ note: 'of another admin', roles: ['reader'] });
    const { path, ...options } = end;
    t.equal((await admin.call(`/v1/people/${id}${path}`, options)).status, 200);
    t.equal((await browser(service).json(`/v1/invitations/${token}`)).code, 'invitation-over', login);
    t.equal((await browser(service).call(`/v1/invitations/${kept.token}`)).status, 200);
  }
});

t.test('nobody who was admin stays by a key that he made, and keys of others go on', async (t) => {
  const wanted = { label: 'x', scopes: ['cases:read'] };
  const spki = () =>
    generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const make = async (by: typeof admin) => (await by.json('/v1/keys', { json: wanted })).id as string;
  for (const [login, end] of [
    ['maker-1', { method: 'DELETE', path: '' }],
    ['maker-2', { method: 'PUT', path: '/roles', json: { roles: ['reader'] } }],
  ] as const) {
    const { own, id } = await joined(login, ['admin']);
    const bearer = await own.json('/v1/keys', { json: wanted });
    const signing = await own.json('/v1/keys/signing', { json: { ...wanted, publicKey: spki() } });
    const theirs = await make(admin);
    const rotated = await own.json(`/v1/keys/${theirs}/rotate`, { json: {} });
    const handed = await make(own);
    const next = await admin.json(`/v1/keys/${handed}/rotate`, { json: {} });
    const gone = await make(own);
    await own.call(`/v1/keys/${gone}`, { method: 'DELETE' });
    t.not((await service.call('/v1/me', { key: bearer.key })).status, 401);
    const put = { method: 'PUT', json: { roles: ['reader', 'admin'] } };
    t.strictSame(await admin.json(`/v1/people/${id}/roles`, put), { revokedKeys: [] }, 'still admin');
    const { path, ...options } = end;
    const { revokedKeys } = await admin.json(`/v1/people/${id}${path}`, options);
    const his = [bearer.id, signing.id, rotated.id, handed].toSorted();
    t.strictSame(revokedKeys.toSorted(), his, login);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    for (const key of [bearer.key, rotated.key])
      t.equal((await body(service.call('/v1/me', { key }))).code, 'key-revoked');
    t.not((await service.call('/v1/me', { key: next.key })).status, 401, 'made anew by another admin');
    const kept = (await admin.json('/v1/keys')).items as readonly { id: string; revokedAt: string | null }[];
    for (const one of [theirs, next.id]) t.equal(kept.find((key) => key.id === one)!.revokedAt, null);
    const { items } = await admin.json('/v1/people/events?limit=200');
    const told = items.filter(
      (one: { action: string; detail: { madeBy?: string } }) =>
        one.action === 'key-revoked' && one.detail.madeBy === id,
    );
    t.strictSame(told.map((one: { detail: { key: string } }) => one.detail.key).toSorted(), his);
  }
});

t.test('people of other organizations are nobody here, exactly as who never was', async (t) => {
  const court = await signedIn(service, 'court');
  const { id } = await joined('foreign-1', ['reader']);
  const calls: Readonly<Record<string, object>> = {
    [`/v1/people/ID/roles`]: { method: 'PUT', json: { roles: ['admin'] } },
    [`/v1/people/ID`]: { method: 'DELETE' },
    [`/v1/people/ID/reset`]: { method: 'POST' },
  };
  for (const [path, options] of Object.entries(calls)) {
    const [there, never] = [
      await court.json(path.replace('ID', id), options),
      await court.json(path.replace('ID', UNKNOWN), options),
    ];
    t.equal(there.code, 'not-found', path);
    t.strictSame(there, never);
  }
  t.notOk((await peopleOf(court)).some((one) => one.id === id));
  t.strictSame((await memberOf('foreign-1')).roles, ['reader']);
});

t.test('the last admin can neither leave nor become less, also where two go at once', async (t) => {
  const { own, organization, person } = await registered(service, 'last-1');
  const put = (id: string, by: typeof own) =>
    by.json(`/v1/people/${id}/roles`, { method: 'PUT', json: { roles: ['member'] } });
  t.match(await put(person, own), { code: 'last-admin', status: 409 });
  t.equal((await own.json(`/v1/people/${person}`, { method: 'DELETE' })).code, 'last-admin');
  const { own: second, person: other } = await registered(service, 'last-2');
  const { token } = await invite({ note: 'x', roles: ['admin'] }, own);
  await second.call(`/v1/invitations/${token}`, { json: {} });
  await second.call('/v1/session/organization', { json: { organization } });
  const both = await Promise.all([put(other, own), put(person, second)]);
  t.equal(both.filter(({ code }) => code === undefined).length, 1);
  t.equal((await peopleOf(own)).filter(({ roles }) => roles.includes('admin')).length, 1);
});

t.test('a reset link sets a new password, ends every session, and is good once', async (t) => {
  const { own, id } = await joined('reset-1', ['reader']);
  const second = browser(service);
  await second.signIn('reset-1', PASSWORD);
  const { token } = await admin.json(`/v1/people/${id}/reset`, { method: 'POST' });
  t.match(await browser(service).json(`/v1/invitations/${token}`), { kind: 'reset', roles: [] });
  const path = `/v1/invitations/${token}`;
  const set = (password: string) => browser(service).json(path, { json: { password } });
  t.equal((await set('short')).code, 'password-too-short');
  for (let i = 0; i < 5; i++) await second.stolen().signIn('reset-1', 'wrong');
  t.equal((await browser(service).signIn('reset-1', PASSWORD)).status, 429, 'locked, and the link opens it');
  t.match(await set(`${PASSWORD}！`), { kind: 'reset', session: null });
  for (const over of [own, second]) t.equal((await over.json('/v1/session')).code, 'session-over');
  t.equal((await set(`${PASSWORD}？`)).code, 'invitation-over');
  t.equal((await browser(service).signIn('reset-1', `${PASSWORD}！`)).status, 200);
  t.equal((await browser(service).signIn('reset-1', PASSWORD)).status, 401);
});

t.test('an admin of one organization opens no account that acts for another', async (t) => {
  const { own: attacker, person: attackerId } = await registered(service, 'attacker-1');
  const { own: victim, person } = await registered(service, 'victim-1');
  const { token } = await invite({ note: 'x', roles: ['member'] }, attacker);
  await victim.call(`/v1/invitations/${token}`, { json: {} });
  t.match(await attacker.json(`/v1/people/${person}/reset`, { method: 'POST' }), { code: 'reset-not-yours' });

  // The link comes first, and the account joins another one afterwards.
  const { own: later } = { own: browser(service) };
  const first = await invite({ note: 'x', roles: ['member'] }, attacker);
  const json = { login: 'victim-2', name: 'x', password: PASSWORD };
  const said = await later.json(`/v1/invitations/${first.token}`, { json });
  const link = await attacker.json(`/v1/people/${said.session.person.id}/reset`, { method: 'POST' });
  const office = await invite({ note: 'x', roles: ['notary'] });
  await later.call(`/v1/invitations/${office.token}`, { json: {} });
  const opened = { json: { password: 'the attacker knows this' } };
  t.equal((await browser(service).json(`/v1/invitations/${link.token}`, opened)).code, 'reset-not-yours');
  t.ok(attackerId);
});

t.test('what happened to accounts is told to their admin, and to nobody else', async (t) => {
  const { items, next } = await admin.json('/v1/people/events?limit=5');
  t.ok(items.length >= 1 && items.length <= 5);
  const older = await admin.json(`/v1/people/events?limit=200&before=${next}`);
  const all = [...items, ...older.items];
  const actions = new Set(all.map((one: { action: string }) => one.action));
  for (const action of [
    ...['invitation-made', 'invitation-revoked', 'joined', 'roles-changed', 'membership-ended'],
    ...['signed-in', 'reset-link-made', 'password-reset'],
  ])
    t.ok(actions.has(action), action);
  const office = (await admin.json('/v1/session')).organization.id;
  t.ok(all.every((one: { organization: string }) => one.organization === office));
  t.notMatch(JSON.stringify(all), /之名|口令|victim/);
});

t.test('the operator makes an organization and hands its first link on; nobody else does', async (t) => {
  const operator = await signedIn(service, 'operator');
  const json = { name: '某某公证处', role: 'notary' };
  const made = await operator.json('/v1/organizations', { json });
  t.match(made, { organization: json, invitation: { token: String } });
  const first = { json: { login: 'office-2', name: '主任', password: PASSWORD } };
  const own = browser(service);
  t.match(await own.json(`/v1/invitations/${made.invitation.token}`, first), {
    session: { roles: ['admin'], organization: json },
  });
  const listed = (await operator.json('/v1/organizations')).items;
  t.ok(listed.some(({ id }: { id: string }) => id === made.organization.id));
  t.match(await operator.json('/v1/organizations', { json: { ...json, uscc: '91330200MA2AAAAAA0' } }), {
    code: 'uscc-invalid',
  });
  for (const by of [admin, own, await signedIn(service, 'holder-a')]) {
    t.equal((await by.json('/v1/organizations', { json })).code, 'not-allowed');
    t.equal((await by.json('/v1/organizations')).code, 'not-allowed');
  }
  t.equal((await browser(service).json('/v1/organizations', { json })).code, 'not-authenticated');
  const key = { authorization: `Bearer ${service.keys[0]}` };
  t.equal((await browser(service).json('/v1/organizations', { json, headers: key })).code, 'not-allowed');
});

t.test('where nobody may register himself nobody does', async (t) => {
  const closed = await run({ KEZHENG_SELF_REGISTRATION: 'false' });
  t.teardown(() => closed.stop());
  const json = { login: 'someone', name: 'x', password: PASSWORD };
  t.match(await browser(closed).json('/v1/organizations', { json }), {
    code: 'registration-closed',
    status: 403,
  });
});
