import { createServer } from 'node:net';
import t from 'tap';
import { type Browser, browser, PASSWORD, registered } from '../support/browser.ts';
import { CLIENT, signInThere, startProvider } from '../support/oidc-provider.ts';
import { run } from '../support/running.ts';
import { codeOf } from '../support/totp.ts';

/* Signing in elsewhere: a whole service, a real provider, and browsers in between. */

/** Known before the service starts, since a provider sends browsers back to what it was told. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const port = await freePort();
const BACK = `http://localhost:${port}/v1/session/oidc/callback`;
const provider = await startProvider([BACK]);
t.teardown(() => provider.close());
const service = await run({
  KEZHENG_PORT: String(port),
  KEZHENG_OIDC_ISSUER: provider.issuer,
  KEZHENG_OIDC_CLIENT_ID: CLIENT.clientId,
  KEZHENG_OIDC_CLIENT_SECRET_FILE: `${t.testdir({ secret: CLIENT.clientSecret })}/secret`,
  KEZHENG_OIDC_NAME: '某机构',
  KEZHENG_EGRESS_ALLOW: `127.0.0.1:${provider.port}`,
});
t.teardown(() => service.stop());

/** A browser that keeps both cookies, as a real one does. */
function visitor() {
  const jar = new Map<string, string>();
  const own = browser(service);
  const call = async (path: string, options: { method?: string; json?: unknown } = {}) => {
    own.cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ') || undefined;
    const answer = await own.call(path, { ...options, headers: { 'sec-fetch-site': 'same-origin' } });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      if (value === '') jar.delete(name!);
      else jar.set(name!, value!);
    }
    return answer;
  };
  return {
    jar,
    call,
    // biome-ignore lint/suspicious/noExplicitAny: answers are judged by assertions, not by types
    json: async (path: string, options = {}): Promise<any> => (await call(path, options)).json(),
    /** Takes over who is signed in in another browser. */
    as(other: Browser) {
      jar.set(...(other.cookie!.split('=') as [string, string]));
      own.csrf = other.csrf;
      return this;
    },
    /** What the page is told, behind #. */
    async back(url: URL): Promise<string> {
      const answer = await fetch(url, {
        redirect: 'manual',
        headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      });
      for (const cookie of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
        if (value === '') jar.delete(name!);
        else jar.set(name!, value!);
      }
      t.equal(answer.status, 303);
      const location = answer.headers.get('location')!;
      t.ok(location.startsWith(`http://localhost:${port}/sign-in#`), location);
      return location.split('#')[1]!;
    },
    async go(login: string, json: object = {}, path = '/v1/session/oidc'): Promise<string> {
      const { url, ...problem } = await this.json(path, { json });
      if (url === undefined) throw new Error(JSON.stringify(problem));
      return this.back(await signInThere(url, login, BACK));
    },
  };
}

async function invitation(admin: Browser): Promise<string> {
  const json = { note: '王', roles: ['member'] };
  return (await admin.json('/v1/people/invitations', { json })).token;
}

const admin = await registered(service, 'admin');

t.test('the provider is named; who is linked with nobody is let in nowhere', async (t) => {
  const own = visitor();
  t.strictSame(await own.json('/v1/session/oidc'), { name: '某机构' });
  t.equal(await own.go('stranger'), 'problem=elsewhere-unknown');
  t.equal(own.jar.size, 0, 'nothing is left in the browser');
});

t.test('somebody joins by an invitation from there, once, and signs in from there afterwards', async (t) => {
  const own = visitor();
  const token = await invitation(admin.own);
  const json = { invitation: token, login: 'Wang', name: '王' };
  t.equal(await own.go('wang', json), 'signed-in');
  t.match(await own.json('/v1/session'), {
    person: { name: '王' },
    organization: { id: admin.organization },
    roles: ['member'],
    factors: ['oidc'],
  });
  t.match(await own.json('/v1/account/factors'), { password: false, elsewhere: 1 });
  const again = visitor();
  t.equal(await again.go('wang'), 'signed-in');
  t.match(await again.json('/v1/session'), { person: { name: '王' } });
  const used = await visitor().json('/v1/session/oidc', { json: { ...json, login: 'other' } });
  t.equal(used.code, 'invitation-over');
  const subject = { issuer: provider.issuer, subject: 'wang' };
  t.match(await own.json('/v1/account/oidc', { method: 'DELETE', json: subject }), { code: 'last-way-in' });
});

t.test('an invitation that is over, a login that is taken and a reset link let nobody in', async (t) => {
  const token = await invitation(admin.own);
  const base = { invitation: token, login: 'zhao', name: '赵' };
  const begin = (json: object) => visitor().json('/v1/session/oidc', { json: { ...base, ...json } });
  t.equal((await begin({ invitation: 'A'.repeat(43) })).code, 'not-found');
  t.equal((await begin({ login: 'admin' })).code, 'login-taken');
  t.equal((await begin({ login: 'a b' })).code, 'login-invalid');
  t.equal((await begin({ login: undefined })).code, 'login-invalid');
  const reset = await admin.own.json(`/v1/people/${admin.person}/reset`, { method: 'POST' });
  t.match(reset.token, /^[\w-]{43}$/);
  t.equal((await begin({ invitation: reset.token })).code, 'not-found');
  const [first, second] = [visitor(), visitor()];
  const ways = await Promise.all([first, second].map((one) => one.json('/v1/session/oidc', { json: base })));
  t.equal(await first.back(await signInThere(ways[0].url, 'zhao-1', BACK)), 'signed-in');
  t.equal(await second.back(await signInThere(ways[1].url, 'zhao-2', BACK)), 'problem=invitation-over');
});

t.test('an account is linked by who is signed in to it, and signs in from there', async (t) => {
  const { own, person, login } = await registered(service, 'qian');
  const elsewhere = browser(service);
  await elsewhere.signIn(login, PASSWORD);
  const signedIn = visitor().as(own);
  t.equal(await signedIn.go('qian-there', {}, '/v1/account/oidc'), 'linked');
  t.equal((await elsewhere.json('/v1/session')).code, 'session-over');
  t.match(await own.json('/v1/account/oidc'), {
    items: [{ issuer: provider.issuer, subject: 'qian-there' }],
  });
  const later = visitor();
  t.equal(await later.go('qian-there'), 'signed-in');
  t.match(await later.json('/v1/session'), { person: { id: person }, factors: ['oidc'] });
  const thief = await registered(service, 'thief');
  t.equal(await visitor().as(thief.own).go('qian-there', {}, '/v1/account/oidc'), 'problem=elsewhere-taken');
  const json = { issuer: provider.issuer, subject: 'qian-there' };
  t.match(await thief.own.json('/v1/account/oidc', { method: 'DELETE', json }), { code: 'not-found' });
  t.equal((await later.call('/v1/account/oidc', { method: 'DELETE', json })).status, 200);
  t.equal(await visitor().go('qian-there'), 'problem=elsewhere-unknown');
});

t.test(
  'a way back is worth nothing in another browser: nobody is linked or signed in as another',
  async (t) => {
    const [attacker, victim] = [await registered(service, 'attacker'), await registered(service, 'victim')];
    const begun = await visitor().as(attacker.own).json('/v1/account/oidc', { json: {} });
    const back = await signInThere(begun.url, 'of-attacker', BACK);
    t.equal(await visitor().as(victim.own).back(back), 'problem=elsewhere-refused');
    t.match(await victim.own.json('/v1/account/oidc'), { items: [] });
    t.match(await attacker.own.json('/v1/account/oidc'), { items: [] });
  },
);

t.test('a link that was begun ends with its session', async (t) => {
  const { own } = await registered(service, 'sun');
  const signedIn = visitor().as(own);
  const { url } = await signedIn.json('/v1/account/oidc', { json: {} });
  const back = await signInThere(url, 'sun-there', BACK);
  await own.call('/v1/session', { method: 'DELETE' });
  t.equal(await signedIn.back(back), 'problem=session-over');
  t.equal(await visitor().go('sun-there'), 'problem=elsewhere-unknown');
});

t.test('the provider’s word is no second factor: who has one is asked for it', async (t) => {
  const { own } = await registered(service, 'li');
  const signedIn = visitor().as(own);
  await signedIn.go('li-there', {}, '/v1/account/oidc');
  const offer = await own.json('/v1/account/totp', { method: 'POST' });
  const code = codeOf(offer.secret, Date.now());
  await own.json('/v1/account/totp/confirm', { json: { ticket: offer.ticket, code } });
  const later = visitor();
  const said = new URLSearchParams(await later.go('li-there'));
  t.equal(said.get('factors'), 'totp');
  t.equal((await later.call('/v1/session')).status, 401);
  const json = { ticket: said.get('ticket'), code: codeOf(offer.secret, Date.now() + 30_000) };
  t.match(await later.json('/v1/session/totp', { json }), { factors: ['oidc', 'totp'] });
});

t.test('what the provider refuses, and nonsense, ends at a page with a word for it', async (t) => {
  const own = visitor();
  const { url } = await own.json('/v1/session/oidc', { json: {} });
  const state = new URL(url).searchParams.get('state');
  for (const query of [
    '',
    '?state=x&code=y',
    `?state=${state}&error=access_denied`,
    `?state=${state}&code=x`,
  ])
    t.equal(await own.back(new URL(BACK + query)), 'problem=elsewhere-refused', query);
  provider.instead = (path) => (path === '/token' ? { status: 200, body: 'nonsense' } : undefined);
  t.equal(await visitor().go('x'), 'problem=elsewhere-refused');
  provider.instead = undefined;
});
