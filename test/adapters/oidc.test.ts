import { generateKeyPairSync } from 'node:crypto';
import t, { type Test } from 'tap';
import { openOidc } from '../../server/adapters/oidc.ts';
import { beginElsewhere, finishElsewhere, type Purpose } from '../../server/identity/elsewhere.ts';
import { openDoor } from '../../server/outbox/door.ts';
import { OidcProblem } from '../../server/ports/oidc.ts';
import {
  CLIENT,
  type RunningProvider,
  signInThere,
  startProvider,
  type Tamper,
} from '../support/oidc-provider.ts';
import { memoryPeople } from '../support/people.ts';

const BACK = 'http://localhost:3000/v1/session/oidc/callback';
const SIGN_IN: Purpose = { to: 'sign-in' };

async function setUp(t: Test, settings: Partial<Parameters<typeof openOidc>[0]> = {}) {
  const provider = await startProvider([BACK]);
  const door = openDoor({ allow: [{ host: '127.0.0.1', port: provider.port }] });
  t.teardown(async () => {
    door.close();
    await provider.close();
  });
  let nowMs = Date.now();
  const clock = { nowMs: () => nowMs };
  const given = { issuer: provider.issuer, name: '某机构', redirectUri: () => BACK, ...CLIENT, ...settings };
  const deps = { people: memoryPeople(), clock, provider: openOidc(given, door, clock.nowMs) };
  return {
    deps,
    provider,
    pass(ms: number) {
      nowMs += ms;
    },
    /** as far as the way back; what the browser holds then */
    async go(login = 'li', purpose: Purpose = SIGN_IN) {
      const { url, browser } = await beginElsewhere(deps, purpose);
      return { url, browser, query: (await signInThere(url, login, BACK)).search };
    },
  };
}

const refused = (code: OidcProblem['code']) => ({ name: 'OidcProblem', code });

t.test('a real provider signs somebody in, and each time as the same subject', async (t) => {
  const { deps, provider, go } = await setUp(t);
  const { url, query, browser } = await go();
  const asked = new URL(url).searchParams;
  t.equal(asked.get('code_challenge_method'), 'S256');
  t.equal(asked.get('response_type'), 'code');
  t.equal(asked.get('scope'), 'openid');
  for (const secret of ['state', 'nonce', 'code_challenge'] as const) t.equal(asked.get(secret)!.length, 43);
  t.strictSame(await finishElsewhere(deps, query, browser), {
    subject: { issuer: provider.issuer, subject: 'li' },
    purpose: SIGN_IN,
  });
  const again = await go('li');
  t.match(await finishElsewhere(deps, again.query, again.browser), { subject: { subject: 'li' } });
  const other = await go('wang');
  t.match(await finishElsewhere(deps, other.query, other.browser), { subject: { subject: 'wang' } });
  t.equal(
    provider.asked.filter((path) => path.startsWith('/.well-known')).length,
    1,
    'its metadata are kept',
  );
});

t.test('what an attempt is for comes back with it, and nothing that the browser says', async (t) => {
  const { deps, go } = await setUp(t);
  for (const purpose of [
    { to: 'join', invitation: 'i1', login: 'li', name: '李' },
    { to: 'link', person: 'p1', session: 's1' },
  ] as const) {
    const { query, browser } = await go('li', purpose);
    t.match(await finishElsewhere(deps, `${query}&purpose=sign-in&to=sign-in`, browser), { purpose });
  }
});

t.test('a way back counts once: neither state nor code is taken again', async (t) => {
  const { deps, go } = await setUp(t);
  const { query, browser } = await go();
  await finishElsewhere(deps, query, browser);
  await t.rejects(finishElsewhere(deps, query, browser), refused('refused'));
  const [first, second] = [await go(), await go()];
  const code = new URLSearchParams(first.query).get('code')!;
  await finishElsewhere(deps, first.query, first.browser);
  const mixed = new URLSearchParams(second.query);
  mixed.set('code', code);
  await t.rejects(finishElsewhere(deps, `?${mixed}`, second.browser), refused('refused'));
});

t.test('a code of another attempt is worth nothing: it is bound to its verifier and its nonce', async (t) => {
  const { deps, go } = await setUp(t);
  const [victim, attacker] = [await go('victim'), await go('attacker')];
  const mixed = new URLSearchParams(victim.query);
  mixed.set('code', new URLSearchParams(attacker.query).get('code')!);
  await t.rejects(finishElsewhere(deps, `?${mixed}`, victim.browser), refused('refused'));
});

t.test('another browser than the one that began is refused, and one without its cookie', async (t) => {
  const { deps, go } = await setUp(t);
  for (const browser of [undefined, '', 'x'.repeat(43), 'the other'] as const) {
    const [attacker, victim] = [await go('attacker'), await go('victim')];
    const given = browser === 'the other' ? victim.browser : browser;
    await t.rejects(finishElsewhere(deps, attacker.query, given), /another browser/);
    await t.rejects(finishElsewhere(deps, attacker.query, attacker.browser), /was used/);
  }
});

t.test('an attempt ends', async (t) => {
  const { deps, go, pass } = await setUp(t);
  const { query, browser } = await go();
  pass(10 * 60_000);
  await t.rejects(finishElsewhere(deps, query, browser), /is over/);
});

t.test('an answer that is none, or says no, is refused', async (t) => {
  const { deps, go } = await setUp(t);
  const state = (query: string) => new URLSearchParams(query).get('state')!;
  const answers: Readonly<Record<string, (query: string, issuer: string) => string>> = {
    'no state': (query) => query.replace(/state=[^&]*/, ''),
    'a state that nobody made': (query) => query.replace(/state=[^&]*/, 'state=x'),
    'two states': (query) => `${query}&state=${state(query)}`,
    'no code': (query) => query.replace(/code=[^&]*/, ''),
    'two codes': (query) => `${query}&code=x`,
    'a code that nobody gave': (query) => query.replace(/code=[^&]*/, 'code=x'),
    'an error': (query) => `?state=${state(query)}&error=access_denied`,
    'another issuer (RFC 9207)': (query) => query.replace(/iss=[^&]*/, 'iss=https%3A%2F%2Fevil.example'),
    'no issuer, though it always says it': (query) => query.replace(/&?iss=[^&]*/, ''),
    nothing: () => '',
  };
  for (const [what, change] of Object.entries(answers)) {
    const { query, browser } = await go();
    await t.rejects(finishElsewhere(deps, change(query, ''), browser), refused('refused'), what);
  }
});

const { privateKey: foreign } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const now = () => Math.floor(Date.now() / 1_000);
const without =
  (name: string): Tamper =>
  (claims) => ({
    claims: Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name)),
  });
const TAMPERS: Readonly<Record<string, Tamper>> = {
  'another nonce': (claims) => ({ claims: { ...claims, nonce: 'x' } }),
  'no nonce': without('nonce'),
  'another issuer': (claims) => ({ claims: { ...claims, iss: 'https://evil.example' } }),
  'a slash behind its issuer': (claims) => ({ claims: { ...claims, iss: `${claims['iss']}/` } }),
  'another audience': (claims) => ({ claims: { ...claims, aud: 'somebody' } }),
  'an end that is past': (claims) => ({ claims: { ...claims, iat: now() - 900, exp: now() - 60 } }),
  'no end': without('exp'),
  'a beginning that is to come': (claims) => ({ claims: { ...claims, nbf: now() + 600 } }),
  'no subject': without('sub'),
  'a subject that is no text': (claims) => ({ claims: { ...claims, sub: 1 } }),
  'an empty subject': (claims) => ({ claims: { ...claims, sub: '' } }),
  'a subject without bounds': (claims) => ({ claims: { ...claims, sub: 'x'.repeat(256) } }),
  'a subject of other characters': (claims) => ({ claims: { ...claims, sub: 'li\u0000' } }),
  'a signature by another key': () => ({ key: foreign }),
  'no signature': () => ({ header: { alg: 'none' } }),
  'another algorithm': () => ({ header: { alg: 'HS256', kid: 'k1' } }),
  'a key that nobody has': () => ({ header: { alg: 'RS256', kid: 'k2' } }),
};
for (const [what, tamper] of Object.entries(TAMPERS))
  t.test(`a token with ${what} is refused`, async (t) => {
    const { deps, provider, go } = await setUp(t);
    const { query, browser } = await go();
    provider.tamper = tamper;
    await t.rejects(finishElsewhere(deps, query, browser), refused('refused'));
    provider.tamper = (claims) => ({ claims });
    const again = await go();
    await finishElsewhere(deps, again.query, again.browser);
  });

t.test('a wrong client secret signs nobody in', async (t) => {
  const { deps, go } = await setUp(t, { clientSecret: 'another' });
  const { query, browser } = await go();
  await t.rejects(finishElsewhere(deps, query, browser), refused('refused'));
});

t.test('a provider that is away is told so, and is asked again the next time', async (t) => {
  const { deps, provider, go } = await setUp(t);
  provider.instead = (path) => (path.startsWith('/.well-known') ? { status: 503 } : undefined);
  await t.rejects(beginElsewhere(deps, SIGN_IN), OidcProblem);
  provider.instead = undefined;
  const { query, browser } = await go();
  await provider.close();
  await t.rejects(finishElsewhere(deps, query, browser), refused('away'));
});

t.test('nothing leads the secret elsewhere: no redirect is followed', async (t) => {
  const { deps, provider, go } = await setUp(t);
  const { query, browser } = await go();
  provider.instead = (path) => (path === '/token' ? { status: 307, location: '/elsewhere' } : undefined);
  await t.rejects(finishElsewhere(deps, query, browser), refused('away'));
  t.notOk(provider.asked.includes('/elsewhere'));
});

t.test('metadata that name addresses inside, or another issuer, lead nowhere', async (t) => {
  const { deps, provider, pass } = await setUp(t);
  const inside = await startProvider([BACK]);
  t.teardown(() => inside.close());
  const metadata = async () =>
    (await (await fetch(`${provider.issuer}/.well-known/openid-configuration`)).json()) as Record<
      string,
      string
    >;
  const honest = await metadata();
  const answering = (body: object) => (path: string) =>
    path.startsWith('/.well-known') ? { status: 200, body } : undefined;
  provider.instead = answering({ ...honest, token_endpoint: `${inside.issuer}/token` });
  const { url, browser } = await beginElsewhere(deps, SIGN_IN);
  const { search } = await signInThere(url, 'li', BACK);
  await t.rejects(finishElsewhere(deps, search, browser), refused('away'));
  t.strictSame(inside.asked, []);
  for (const body of [
    { ...honest, issuer: 'https://evil.example' },
    { ...honest, issuer: `${honest['issuer']}/` },
    { ...honest, code_challenge_methods_supported: ['plain'] },
    { ...honest, token_endpoint: undefined },
    [],
  ]) {
    provider.instead = answering(body);
    pass(3_600_000);
    const begun = await beginElsewhere(deps, SIGN_IN).catch((error) => error);
    if (!(begun instanceof OidcProblem)) {
      const back = await signInThere(begun.url, 'li', BACK);
      await t.rejects(finishElsewhere(deps, back.search, begun.browser), OidcProblem);
    }
  }
});

t.test("without the operator's word nothing inside is asked", async (t) => {
  const provider: RunningProvider = await startProvider([BACK]);
  const door = openDoor({ allow: [] });
  t.teardown(async () => {
    door.close();
    await provider.close();
  });
  const settings = { issuer: provider.issuer, name: 'x', redirectUri: () => BACK, ...CLIENT };
  const deps = {
    people: memoryPeople(),
    clock: { nowMs: Date.now },
    provider: openOidc(settings, door, Date.now),
  };
  await t.rejects(beginElsewhere(deps, SIGN_IN), refused('away'));
  t.strictSame(provider.asked, []);
});
