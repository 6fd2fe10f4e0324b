import t from 'tap';
import { demandsOf } from '../../server/identity/demands.ts';
import { tokenHash } from '../../server/identity/tokens.ts';
import type { Organization, Store } from '../../server/ports/store.ts';
import { authenticator } from '../support/authenticator.ts';
import { type Browser, browser, PASSWORD, registered } from '../support/browser.ts';
import { run } from '../support/running.ts';
import { databaseOf } from '../support/storage.ts';
import { codeOf } from '../support/totp.ts';

/* Second factors as people use them, against a whole service. */

const service = await run();
t.teardown(() => service.stop());
const ORIGIN = new URL(service.url).origin;

/** The store beside the running service, as the command line opens it. */
async function beside<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const database = await databaseOf(service.dataDir);
  try {
    return await use(database.store);
  } finally {
    await database.close();
  }
}

const sessionOf = ({ cookie }: Browser): string => tokenHash(cookie!.split('=')[1]!);

/** As if the last proof had been so long ago. */
const age = (own: Browser, ms: number) =>
  beside(async (store) => {
    const session = (await store.session(sessionOf(own)))!;
    await store.changeSession(session.id, { ...session, provedMs: session.provedMs - ms });
  });

let count = 0;
const newcomer = () => registered(service, `person-${count++}`);

async function addApp(own: Browser): Promise<string> {
  const offer = await own.json('/v1/account/totp', { method: 'POST' });
  const code = codeOf(offer.secret, Date.now());
  const said = await own.json('/v1/account/totp/confirm', { json: { ticket: offer.ticket, code } });
  if (!said.factors?.includes('totp')) throw new Error(JSON.stringify(said));
  return offer.secret;
}
/** The code of the next step: that of this one enrolled. */
const nextCode = (secret: string): string => codeOf(secret, Date.now() + 30_000);

async function addPasskey(own: Browser, device = authenticator('P-256', ORIGIN)) {
  const options = await own.json('/v1/account/passkeys/options', { method: 'POST' });
  const { id, transports, ...response } = device.create(options);
  const passkey = { id, rawId: id, type: 'public-key', response: { ...response, transports } };
  const answer = await own.json('/v1/account/passkeys', { json: { label: '手机', passkey } });
  return { device, answer };
}
async function signed(own: Browser, device: ReturnType<typeof authenticator>, person: string, lies = {}) {
  const options = await own.json('/v1/session/passkey/options', { method: 'POST' });
  const { id, ...response } = device.get(options, person, lies);
  return { id, rawId: id, type: 'public-key', authenticatorAttachment: 'platform', response };
}

t.test('with an app a password alone signs nobody in; with its code it does', async (t) => {
  const { own, login } = await newcomer();
  const before = await own.json('/v1/account/factors');
  t.match(before, { password: true, totp: false, passkeys: 0, recoveryCodes: 0, demanded: false });
  const secret = await addApp(own);
  t.match(await own.json('/v1/account/factors'), { totp: true });
  const other = browser(service);
  const asked = await other.json('/v1/session', { json: { login, password: PASSWORD } });
  t.match(asked, { factors: ['totp'] });
  t.equal(other.cookie, undefined);
  t.equal((await other.call('/v1/session')).status, 401);
  const { ticket } = asked;
  t.match(await other.json('/v1/session/totp', { json: { ticket, code: '000000' } }), { code: 'code-wrong' });
  const right = { ticket, code: nextCode(secret) };
  t.match(await other.json('/v1/session/totp', { json: right }), { factors: ['password', 'totp'] });
  t.match(await other.json('/v1/session'), { factors: ['password', 'totp'] });
  t.match(await browser(service).json('/v1/session/totp', { json: right }), {
    code: 'sign-in-step-over',
    status: 410,
  });
});

t.test('what adds a factor ends all other sessions, and gives its own a new token', async (t) => {
  const { own, login } = await newcomer();
  const elsewhere = browser(service);
  await elsewhere.signIn(login, PASSWORD);
  const stolen = own.stolen();
  await addApp(own);
  t.equal((await elsewhere.json('/v1/session')).code, 'session-over');
  t.equal((await stolen.json('/v1/session')).code, 'session-over');
  t.equal((await own.call('/v1/session')).status, 200);
});

t.test('to change how one signs in needs a proof of the last ten minutes', async (t) => {
  const { own, person } = await newcomer();
  const secret = await addApp(own);
  const { device } = await addPasskey(own);
  const changes: readonly (readonly [string, { method?: string; json?: unknown }])[] = [
    ['/v1/account/totp', { method: 'POST' }],
    ['/v1/account/totp/confirm', { json: { ticket: 'A'.repeat(43), code: '000000' } }],
    ['/v1/account/totp', { method: 'DELETE' }],
    ['/v1/account/recovery-codes', { method: 'POST' }],
    ['/v1/account/passkeys/options', { method: 'POST' }],
    [`/v1/account/passkeys/${device.id}`, { method: 'DELETE' }],
    ['/v1/account/oidc', { method: 'POST' }],
    ['/v1/account/oidc', { method: 'DELETE', json: { issuer: 'x', subject: 'x' } }],
    ['/v1/organization/second-factor', { method: 'PUT', json: { demanded: true } }],
  ];
  await age(own, 601_000);
  for (const [path, options] of changes)
    t.match(await own.json(path, options), { code: 'proof-needed', status: 403 }, path);
  t.equal((await own.call('/v1/account/factors')).status, 200, 'looking needs none');

  const proofs: readonly (() => Promise<object>)[] = [
    async () => ({ password: PASSWORD }),
    async () => ({ totp: nextCode(secret) }),
    async () => ({ passkey: await signed(own, device, person) }),
  ];
  for (const proof of proofs) {
    await age(own, 601_000);
    t.match(await own.json('/v1/session/proof', { json: await proof() }), { person: { id: person } });
    t.not((await own.json('/v1/account/passkeys/options', { method: 'POST' })).code, 'proof-needed');
  }
  for (const json of [{}, { password: PASSWORD, totp: '000000' }, { pin: '1' }])
    t.match(await own.json('/v1/session/proof', { json }), { code: 'request-invalid' });
  t.match(await own.json('/v1/session/proof', { json: { password: 'x' } }), { code: 'password-wrong' });
  t.match(await own.json('/v1/session/proof', { json: { totp: '000000' } }), { code: 'code-wrong' });
  t.match(await own.json('/v1/session/proof', { json: { recovery: 'x' } }), { code: 'code-wrong' });
});

t.test('a passkey signs in alone, and finishes a sign-in by password', async (t) => {
  const { own, login, person } = await newcomer();
  const { device, answer } = await addPasskey(own);
  t.match(answer, { factors: ['password', 'passkey'] });
  const [alone, second] = [browser(service), browser(service)];
  const passkey = await signed(alone, device, person);
  t.match(await alone.json('/v1/session/passkey', { json: { passkey } }), {
    person: { id: person },
    factors: ['passkey'],
  });
  t.match(await browser(service).json('/v1/session/passkey', { json: { passkey } }), {
    code: 'passkey-refused',
  });
  const { ticket, factors } = await second.json('/v1/session', { json: { login, password: PASSWORD } });
  t.strictSame(factors, ['passkey']);
  const json = { ticket, passkey: await signed(second, device, person) };
  t.match(await second.json('/v1/session/passkey', { json }), { factors: ['password', 'passkey'] });
  t.match(await second.json('/v1/account/passkeys'), { items: [{ id: device.id, label: '手机' }] });
});

t.test('the passkey of another person finishes nobody’s sign-in and proves nothing', async (t) => {
  const [victim, attacker] = [await newcomer(), await newcomer()];
  await addPasskey(victim.own);
  const { device } = await addPasskey(attacker.own);
  const other = browser(service);
  const { ticket } = await other.json('/v1/session', { json: { login: victim.login, password: PASSWORD } });
  const json = { ticket, passkey: await signed(other, device, attacker.person) };
  t.match(await other.json('/v1/session/passkey', { json }), { code: 'passkey-refused' });
  t.equal(other.cookie, undefined);
  const proof = { passkey: await signed(victim.own, device, attacker.person) };
  t.match(await victim.own.json('/v1/session/proof', { json: proof }), { code: 'passkey-refused' });
  const path = `/v1/account/passkeys/${device.id}`;
  t.match(await victim.own.json(path, { method: 'DELETE' }), { code: 'not-found' });
  t.match(await victim.own.json(path, { method: 'PATCH', json: { label: 'x' } }), { code: 'not-found' });
});

t.test(
  'a passkey of another origin, and one whose counter went back, are refused and recorded',
  async (t) => {
    const { own, person } = await newcomer();
    const { device } = await addPasskey(own);
    const other = browser(service);
    for (const lies of [{ origin: 'https://evil.example' }, { rpId: 'evil.example' }, { flags: 1 }]) {
      const passkey = await signed(other, device, person, lies);
      t.match(await other.json('/v1/session/passkey', { json: { passkey } }), { code: 'passkey-refused' });
    }
    const good = await signed(other, device, person, { counter: 9 });
    t.equal((await other.call('/v1/session/passkey', { json: { passkey: good } })).status, 200);
    const copied = await signed(other, device, person, { counter: 9 });
    t.match(await other.json('/v1/session/passkey', { json: { passkey: copied } }), {
      code: 'passkey-refused',
    });
    const { items } = await own.json('/v1/account/events');
    t.equal(items[0].action, 'passkey-copied');
  },
);

t.test('a challenge of one session adds no passkey to another', async (t) => {
  const [victim, attacker] = [await newcomer(), await newcomer()];
  const options = await attacker.own.json('/v1/account/passkeys/options', { method: 'POST' });
  const { id, ...response } = authenticator('P-256', ORIGIN).create(options);
  const json = { label: 'x', passkey: { id, response } };
  t.match(await victim.own.json('/v1/account/passkeys', { json }), { code: 'passkey-refused' });
  t.match(await victim.own.json('/v1/account/factors'), { passkeys: 0 });
});

t.test('passkeys are renamed and removed; what stood in for the last factor goes with it', async (t) => {
  const { own, login } = await newcomer();
  t.match(await own.json('/v1/account/recovery-codes', { method: 'POST' }), {
    code: 'second-factor-missing',
  });
  const { device } = await addPasskey(own);
  const path = `/v1/account/passkeys/${device.id}`;
  t.equal((await own.call(path, { method: 'PATCH', json: { label: '钥匙' } })).status, 204);
  t.match(await own.json('/v1/account/passkeys'), { items: [{ label: '钥匙' }] });
  const { codes } = await own.json('/v1/account/recovery-codes', { method: 'POST' });
  t.equal(codes.length, 10);
  t.match(await own.json('/v1/account/factors'), { recoveryCodes: 10 });
  t.equal((await own.call(path, { method: 'DELETE' })).status, 200);
  t.match(await own.json('/v1/account/factors'), { passkeys: 0, recoveryCodes: 0 });
  t.match(await browser(service).json('/v1/session', { json: { login, password: PASSWORD } }), {
    factors: ['password'],
  });
});

t.test('a recovery code finishes a sign-in, and is told of', async (t) => {
  const { own, login } = await newcomer();
  await addApp(own);
  const { codes } = await own.json('/v1/account/recovery-codes', { method: 'POST' });
  const other = browser(service);
  const { ticket } = await other.json('/v1/session', { json: { login, password: PASSWORD } });
  const json = { ticket, code: codes[0].toLowerCase().replaceAll('-', ' ') };
  t.match(await other.json('/v1/session/recovery', { json }), { factors: ['password', 'recovery'] });
  const { items } = await other.json('/v1/account/events');
  t.match(items[1], { action: 'recovery-code-used' });
  t.match(await other.json('/v1/account/factors'), { recoveryCodes: 9 });
});

t.test('who has to prove himself twice does nothing but what makes him able to', async (t) => {
  const { own, login } = await newcomer();
  t.match(await own.json('/v1/organization/second-factor', { method: 'PUT', json: { demanded: true } }), {
    demanded: true,
  });
  const needed = { code: 'second-factor-needed', status: 403 };
  t.match(await own.json('/v1/evidence'), needed);
  t.match(await own.json('/v1/people'), needed);
  t.match(
    await own.json('/v1/organization/second-factor', { method: 'PUT', json: { demanded: false } }),
    needed,
  );
  t.match(await own.json('/v1/session'), { factors: ['password'] });
  t.match(await own.json('/v1/account/factors'), { demanded: true });
  const secret = await addApp(own);
  t.equal((await own.call('/v1/evidence')).status, 200, 'the session has proved it now');
  const other = browser(service);
  const { ticket } = await other.json('/v1/session', { json: { login, password: PASSWORD } });
  await other.json('/v1/session/totp', { json: { ticket, code: nextCode(secret) } });
  t.equal((await other.call('/v1/evidence')).status, 200);
  await own.signIn(login, PASSWORD);
  t.equal((await other.call('/v1/account/totp', { method: 'DELETE' })).status, 200);
  const again = browser(service);
  await again.signIn(login, PASSWORD);
  t.match(await again.json('/v1/evidence'), needed, 'removed, it is asked for again');
});

t.test('notary offices and the operator always demand it, but in a demonstration', async (t) => {
  const of = (role: Organization['role']) => ({
    organization: 'o',
    of: { id: 'o', name: 'x', role, uscc: undefined, createdMs: 0 },
  });
  for (const chosen of [false, true]) {
    const store = { demandsSecondFactor: async () => chosen };
    for (const role of ['notary', 'operator', 'court', 'depositor', 'law-firm', 'department'] as const) {
      const always = role === 'notary' || role === 'operator';
      t.equal(await demandsOf(store, false)(of(role)), always || chosen, role);
      t.equal(await demandsOf(store, true)(of(role)), chosen, role);
    }
  }
});

t.test('no other site begins or finishes a sign-in, and no key touches an account', async (t) => {
  const { own } = await newcomer();
  const headers = { origin: 'https://evil.example', 'x-kezheng-csrf': own.csrf };
  const ticket = 'A'.repeat(43);
  for (const [path, json] of [
    ['/v1/session/totp', { ticket, code: '1' }],
    ['/v1/session/recovery', { ticket, code: '1' }],
    ['/v1/session/passkey/options', {}],
    ['/v1/session/oidc', {}],
    ['/v1/session/proof', { password: PASSWORD }],
    ['/v1/account/totp', {}],
  ] as const)
    t.match(await own.json(path, { json, headers }), { code: 'forged-request' }, path);
  for (const [method, path] of [
    ['GET', '/v1/account/factors'],
    ['POST', '/v1/account/totp'],
    ['POST', '/v1/account/recovery-codes'],
    ['GET', '/v1/account/passkeys'],
    ['POST', '/v1/account/passkeys/options'],
    ['GET', '/v1/account/oidc'],
    ['POST', '/v1/session/proof'],
  ] as const) {
    const answer = await service.call(path, { method });
    t.ok([400, 403].includes(answer.status), `${method} ${path} ${answer.status}`);
  }
});

t.test('sizes and forms are bounded before anything is looked at', async (t) => {
  const { own } = await newcomer();
  const passkey = {
    id: 'AAAA',
    response: { clientDataJSON: 'AA', authenticatorData: 'AA', signature: 'AA', userHandle: 'AA' },
  };
  for (const json of [
    { passkey: { ...passkey, id: 'A'.repeat(2_000) } },
    { passkey: { ...passkey, id: '' } },
    { passkey: { ...passkey, response: { ...passkey.response, signature: 'A'.repeat(2_000) } } },
    { passkey: { ...passkey, response: { ...passkey.response, userHandle: undefined } } },
    { passkey: { ...passkey, response: { ...passkey.response, clientDataJSON: '+/==' } } },
    { passkey, ticket: 'short' },
    { passkey, person: 'x' },
  ])
    t.match(await own.json('/v1/session/passkey', { json }), { code: 'request-invalid' });
  t.match(await own.json('/v1/session/passkey', { json: { passkey } }), { code: 'passkey-refused' });
  for (const code of ['', 'x'.repeat(65), 'a\nb', 1])
    t.match(await own.json('/v1/session/totp', { json: { ticket: 'A'.repeat(43), code } }), {
      code: 'request-invalid',
    });
});
