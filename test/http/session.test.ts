import t from 'tap';
import { browser, demoOf, PASSWORD, registered, signedIn } from '../support/browser.ts';
import { body, hashOnly, run } from '../support/running.ts';
import { databaseOf } from '../support/storage.ts';

const service = await run();
t.teardown(() => service.stop());

const notary = demoOf(service)
  .flatMap(({ people }) => people)
  .find(({ login }) => login === 'notary')!;

t.test(
  'who signs in is told who he is, under a cookie that no script reads and no other site sends',
  async (t) => {
    const own = browser(service);
    const answer = await own.signIn('  NOTARY ', notary.password);
    t.equal(answer.status, 200);
    const said = await body(answer);
    t.match(said, {
      person: { name: '郑公证员' },
      organization: { name: '示范公证处', role: 'notary' },
      roles: ['notary'],
      factors: ['password'],
      idleMinutes: 60,
      organizations: [{ name: '示范公证处', roles: ['notary'] }],
    });
    const cookie = answer.headers.getSetCookie();
    t.equal(cookie.length, 2);
    t.match(
      cookie[1],
      /^__Host-kezheng-device=[A-Za-z0-9_-]{94}; Max-Age=31536000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    t.match(
      cookie[0],
      /^__Host-kezheng=[A-Za-z0-9_-]{43}; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
    );
    t.strictSame(await own.json('/v1/session'), said);
    t.notMatch(JSON.stringify(said), own.cookie!.split('=')[1], 'the token is told in the cookie alone');
  },
);

t.test(
  'without a session there is none; signing out ends it, and a copy of its cookie with it',
  async (t) => {
    t.equal((await browser(service).json('/v1/session')).code, 'not-authenticated');
    const own = await signedIn(service, 'notary');
    const stolen = own.stolen();
    t.equal((await stolen.call('/v1/session')).status, 200);
    const answer = await own.call('/v1/session', { method: 'DELETE' });
    t.equal(answer.status, 204);
    t.match(
      answer.headers.get('set-cookie'),
      /^__Host-kezheng=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970/,
    );
    t.match(await stolen.json('/v1/session'), { code: 'session-over', status: 401 });
    t.equal((await stolen.call('/v1/evidence')).status, 401);
  },
);

t.test('a session fixed before signing in is not the one afterwards', async (t) => {
  const attacker = await signedIn(service, 'holder-b');
  const victim = browser(service);
  victim.cookie = attacker.cookie;
  t.equal((await victim.signIn('notary', notary.password)).status, 200);
  t.not(victim.cookie, attacker.cookie);
  t.equal((await attacker.json('/v1/session')).code, 'session-over', 'and the fixed one is over');
  const made = browser(service);
  made.cookie = `__Host-kezheng=${'A'.repeat(43)}`;
  t.equal((await made.signIn('notary', notary.password)).status, 200);
  t.not(made.cookie, `__Host-kezheng=${'A'.repeat(43)}`);
});

t.test('where there is a second factor a right password opens nothing by itself', async (t) => {
  const { own, person } = await registered(service, 'second-1');
  const { store, close } = await databaseOf(service.dataDir);
  await store.setTotp(person, Uint8Array.of(1));
  await close();
  const asked = await browser(service).signIn('second-1', PASSWORD);
  t.equal(asked.status, 202);
  t.strictSame(asked.headers.getSetCookie(), []);
  t.match(await body(asked), { ticket: /^[A-Za-z0-9_-]{43}$/, factors: ['totp'], expiresAt: String });
  const { items } = await own.json('/v1/account/events');
  t.equal(items[0].action, 'second-factor-asked');
});

t.test('a wrong password, a login of nobody and a closed form are told apart by nothing', async (t) => {
  const [wrong, nobody] = [
    await browser(service).signIn('court', 'not this one at all'),
    await browser(service).signIn('nobody-at-all', 'not this one at all'),
  ];
  t.equal(wrong.status, 401);
  t.strictSame(await body(wrong), await body(nobody));
  t.strictSame(wrong.headers.getSetCookie(), []);
});

t.test('a change under a cookie needs the page of this service itself and its own proof', async (t) => {
  const own = await signedIn(service, 'notary');
  const origin = new URL(service.url).origin;
  const { csrf } = own;
  const forged: Readonly<Record<string, Record<string, string>>> = {
    'nothing at all': {},
    'no proof': { origin },
    'an empty proof': { origin, 'x-kezheng-csrf': '' },
    'the proof of another session': { origin, 'x-kezheng-csrf': (await signedIn(service, 'court')).csrf },
    'no origin': { 'x-kezheng-csrf': csrf },
    'another origin': { origin: 'https://evil.example', 'x-kezheng-csrf': csrf },
    'a null origin': { origin: 'null', 'x-kezheng-csrf': csrf },
    'the origin as a prefix': { origin: `${origin}.evil.example`, 'x-kezheng-csrf': csrf },
    'another port': { origin: 'http://localhost:1', 'x-kezheng-csrf': csrf },
    'a browser that says cross-site': { origin, 'sec-fetch-site': 'cross-site', 'x-kezheng-csrf': csrf },
    'a browser that says same-site': { origin, 'sec-fetch-site': 'same-site', 'x-kezheng-csrf': csrf },
    'a browser that says none': { 'sec-fetch-site': 'none', 'x-kezheng-csrf': csrf },
  };
  for (const [how, headers] of Object.entries(forged)) {
    const said = await own.json('/v1/account/sessions', { method: 'DELETE', bare: true, headers });
    t.match(said, { code: 'forged-request', status: 403 }, how);
  }
  const post = await own.json('/v1/evidence', { json: hashOnly(1), bare: true, headers: { origin } });
  t.equal(post.code, 'forged-request', 'also where keys may do the same');
  const right = { 'sec-fetch-site': 'same-origin', 'x-kezheng-csrf': csrf };
  const done = await own.call('/v1/account/sessions', { method: 'DELETE', bare: true, headers: right });
  t.equal(done.status, 204);
  t.equal((await own.call('/v1/session', { bare: true })).status, 200, 'reading needs none');
});

t.test('no other site signs a browser in under an account of its own', async (t) => {
  const foreign = { origin: 'https://evil.example' };
  const json = { login: 'notary', password: notary.password };
  const said = await browser(service).json('/v1/session', { json, bare: true, headers: foreign });
  t.equal(said.code, 'forged-request');
  const silent = await browser(service).call('/v1/session', { json, bare: true });
  t.equal(silent.status, 200, 'a program that is no browser says nothing of itself');
});

t.test('where a key comes with a cookie the key counts and the cookie is not looked at', async (t) => {
  const own = await signedIn(service, 'notary');
  const key = { authorization: `Bearer ${service.keys[0]}` };
  t.equal((await own.call('/v1/evidence', { json: hashOnly(2), bare: true, headers: key })).status, 201);
  t.equal((await own.json('/v1/session', { headers: key })).code, 'not-allowed', 'a key is nobody');
  const bad = await own.json('/v1/evidence', { headers: { authorization: 'Bearer kz_x' } });
  t.equal(bad.code, 'not-authenticated', 'and a bad one is not made good by a cookie');
});

t.test('a person deposits and reads as his organization', async (t) => {
  const own = await signedIn(service, 'holder-a');
  const { id, manifest } = await own.json('/v1/evidence', { json: hashOnly(3) });
  t.equal(manifest.depositor.name, '示范权利人甲有限公司');
  t.equal((await service.call(`/v1/evidence/${id}`)).status, 200, 'its keys see it');
  t.equal((await own.call(`/v1/evidence/${id}`)).status, 200);
  const other = await signedIn(service, 'holder-b');
  t.equal((await other.call(`/v1/evidence/${id}`)).status, 404);
  const operator = await signedIn(service, 'operator');
  t.equal((await operator.json('/v1/evidence', { json: hashOnly(4) })).code, 'not-allowed');
});

t.test('a stream of events ends with the session under which it was opened', async (t) => {
  const own = await signedIn(service, 'lawyer');
  const { id } = await own.json('/v1/evidence', { json: hashOnly(5) });
  const answer = await own.call(`/v1/evidence/${id}/events`);
  t.equal(answer.status, 200);
  const reader = answer.body!.getReader();
  await reader.read();
  await own.call('/v1/session', { method: 'DELETE' });
  const ended = (async () => {
    while (!(await reader.read()).done);
    return 'ended';
  })();
  t.equal(await ended, 'ended');
});

t.test('own sessions are listed and ended, others’ are not found', async (t) => {
  const { own } = await registered(service, 'sessions-1');
  const second = browser(service);
  await second.signIn('sessions-1', PASSWORD);
  const { items } = await own.json('/v1/account/sessions');
  t.equal(items.length, 2);
  t.equal(items.filter((one: { current: boolean }) => one.current).length, 1);
  const foreign = await (await signedIn(service, 'court')).json('/v1/account/sessions');
  for (const id of [foreign.items[0].id, 'f'.repeat(64)])
    t.equal((await own.json(`/v1/account/sessions/${id}`, { method: 'DELETE' })).code, 'not-found');
  const other = items.find((one: { current: boolean }) => !one.current);
  t.equal((await own.call(`/v1/account/sessions/${other.id}`, { method: 'DELETE' })).status, 204);
  t.equal((await second.json('/v1/session')).code, 'session-over');
  await second.signIn('sessions-1', PASSWORD);
  await own.call('/v1/account/sessions', { method: 'DELETE' });
  t.equal((await second.json('/v1/session')).code, 'session-over');
  t.equal((await own.call('/v1/session')).status, 200);
});

t.test('a new password needs the old one, ends the other sessions and comes under a new token', async (t) => {
  const { own } = await registered(service, 'passwords-1');
  const second = browser(service);
  await second.signIn('passwords-1', PASSWORD);
  const before = own.stolen();
  const change = (json: object) => own.json('/v1/account/password', { json });
  t.match(await change({ old: 'something else', new: `${PASSWORD}2` }), {
    code: 'password-wrong',
    status: 403,
  });
  t.match(await change({ old: PASSWORD, new: 'short' }), { code: 'password-too-short', least: 12 });
  t.equal((await change({ old: PASSWORD, new: 'xPASSWORDS-1x!' })).code, 'password-like-login');
  t.match((await change({ old: PASSWORD, new: `${PASSWORD}2` })).csrf, /^.{43}$/);
  t.equal((await own.call('/v1/session')).status, 200);
  for (const over of [before, second]) t.equal((await over.json('/v1/session')).code, 'session-over');
  t.equal((await second.signIn('passwords-1', PASSWORD)).status, 401);
  t.equal((await second.signIn('passwords-1', `${PASSWORD}2`)).status, 200);
  const { items } = await own.json('/v1/account/events');
  const actions = items.map((one: { action: string }) => one.action);
  for (const action of ['registered', 'signed-in', 'sign-in-failed', 'password-changed'])
    t.ok(actions.includes(action), action);
  t.notMatch(JSON.stringify(items), PASSWORD);
});

t.test('what is more than was asked for is refused and raises nothing', async (t) => {
  const more = { roles: ['admin'], organization: service.url, role: 'operator' };
  const json = { login: 'extra-1', name: 'x', password: PASSWORD };
  for (const [name, value] of Object.entries(more)) {
    const said = await browser(service).json('/v1/organizations', { json: { ...json, [name]: value } });
    t.match(said, { code: 'request-invalid', status: 400 }, name);
    const signing = { login: 'notary', password: notary.password, [name]: value };
    t.equal((await browser(service).json('/v1/session', { json: signing })).code, 'request-invalid', name);
  }
  const { own } = await registered(service, 'extra-1');
  t.match(await own.json('/v1/session'), { organization: { role: 'depositor' }, roles: ['admin'] });
});

t.test('a login is taken once, in whatever letters, and a password is one', async (t) => {
  await registered(service, 'taken-1');
  const post = (json: object) =>
    browser(service).json('/v1/organizations', { json: { name: '王', ...json } });
  t.match(await post({ login: ' ＴＡＫＥＮ-1', password: PASSWORD }), { code: 'login-taken', status: 409 });
  t.equal((await post({ login: 'a b', password: PASSWORD })).code, 'login-invalid');
  t.equal((await post({ login: 'new-1', password: 'aaaaaaaaaaaaaa' })).code, 'password-common');
  t.equal((await post({ login: 'new-1', password: 'x'.repeat(300) })).code, 'password-too-long');
});

t.test('whoever knows the login alone does not keep its owner out of his own browser', async (t) => {
  const { own, person } = await registered(service, 'known-1');
  await own.call('/v1/session', { method: 'DELETE' });
  t.match(own.device, /^__Host-kezheng-device=/, 'signing out leaves the mark');
  const stranger = browser(service);
  const { store, close } = await databaseOf(service.dataDir);
  await store.recordFailure(person, Date.now(), [900_000]);
  await close();
  t.equal((await stranger.signIn('known-1', PASSWORD)).status, 429);
  t.equal((await own.signIn('known-1', PASSWORD)).status, 200);
  t.equal((await stranger.signIn('known-1', PASSWORD)).status, 429, 'and wins no guesses by it');
  const change = { json: { old: PASSWORD, new: `${PASSWORD}2` } };
  t.equal((await own.call('/v1/account/password', change)).status, 200, 'nor out of his account');
  const { own: other } = await registered(service, 'known-2');
  other.cookie = undefined;
  for (let i = 0; i < 5; i++) await other.signIn('known-1', `wrong ${i}`);
  t.equal((await other.signIn('known-1', `${PASSWORD}2`)).status, 429, 'a mark is of one person alone');
  const { items } = await own.json('/v1/account/events');
  t.ok(items.some((one: { action: string }) => one.action === 'sign-in-locked'));
});

t.test('signing in over and over from one address has an end', async (t) => {
  const other = await run({ KEZHENG_TRUSTED_PROXIES: '127.0.0.1' });
  t.teardown(() => other.stop());
  const from = (address: string) =>
    browser(other).json('/v1/session', {
      json: { login: `nobody-${Math.random()}`, password: 'x' },
      headers: { 'x-forwarded-for': address },
    });
  const statuses = (await Promise.all(Array.from({ length: 64 }, () => from('192.0.2.1')))).map(
    ({ status }) => status,
  );
  t.ok(statuses.includes(429));
  t.ok(statuses.filter((status) => status === 401).length <= 60);
  t.equal((await from('192.0.2.2')).status, 401, 'others sign in as before');
});
