import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { denied, SCOPES } from '../../server/identity/permissions.ts';
import { each } from '../support/calls.ts';
import { PUBLIC, pathOf, publicName, SAFE } from '../support/every-route.ts';
import { settingOfAll } from '../support/every-route-setting.ts';
import { signedHeaders } from '../support/signed.ts';
import { addSigningKey, allScopes, signedInAs, withRoles } from '../support/tenants.ts';

/* No way around a door: requests that other pages forge, that somebody sends again, and that are written otherwise. */

t.setTimeout(240_000);
const { service, startedMs, store, accounts, tenants, origin, routes, guarded, call } = await settingOfAll();
const { first } = tenants;
/** What was signed until a few seconds after a start is not taken: what was used before it is not known. */
const AFTER_START_MS = 7_000;

t.test('no change under a cookie is made for a page that does not show that it is ours', async (t) => {
  const admin = await signedInAs(accounts, withRoles(first.depositor, 'admin'), origin);
  const { cookie, 'x-kezheng-csrf': csrf } = admin.headers;
  const forged: readonly Readonly<Record<string, string>>[] = [
    { cookie },
    { cookie, origin },
    { cookie, 'x-kezheng-csrf': csrf },
    { cookie, origin: 'https://evil.example', 'x-kezheng-csrf': csrf },
    { cookie, origin, 'x-kezheng-csrf': csrf, 'sec-fetch-site': 'cross-site' },
    { cookie, origin, 'x-kezheng-csrf': csrf, 'sec-fetch-site': 'same-site' },
  ];
  const found: string[] = [];
  let count = 0;
  for (const route of guarded.filter(({ method }) => !SAFE.has(method)))
    for (const headers of forged) {
      count++;
      const { code } = await call(route, pathOf(route), headers);
      if (code !== 'forged-request') found.push(`${route.name} ${JSON.stringify(headers)}: ${code}`);
    }
  for (const route of routes.filter((one) => PUBLIC[publicName(one)]?.sites === 'own')) {
    count++;
    const { code } = await call(route, pathOf(route), { origin: 'https://evil.example' });
    if (code !== 'forged-request') found.push(`${route.name}: ${code}`);
  }
  t.strictSame(found, []);
  t.comment(`${count} forged requests`);
  t.not(await store.session(admin.session), undefined, 'and the session is still there');
});

t.test('a signed request is good once, on every route', async (t) => {
  await sleep(Math.max(0, startedMs + AFTER_START_MS - Date.now()));
  const tenant = first.depositor;
  const signing = await addSigningKey(store, tenant.organization);
  const found: string[] = [];
  for (const route of guarded) {
    const path = pathOf(route);
    const isSafe = SAFE.has(route.method);
    const request = {
      ...{ method: route.method, url: service.url + path },
      headers: isSafe ? {} : { 'content-type': 'application/json' },
      body: isSafe ? undefined : Buffer.from('{}'),
    };
    const more = `;nonce="${route.name.replaceAll(/\W/g, '')}"`;
    const headers = signedHeaders(request, { ...signing, more });
    const once = await call(route, path, headers);
    const asking = { organizationRole: tenant.kind, roles: undefined, scopes: SCOPES };
    const isDenied = denied(route.action!, asking) !== undefined;
    if (once.status === 401 || (once.status === 403) !== isDenied)
      found.push(`${route.name}: ${once.status} ${once.code}`);
    const again = await call(route, path, headers);
    const isReplay = route.method === 'HEAD' ? again.status === 401 : again.code === 'signature-replayed';
    if (!isReplay) found.push(`${route.name} again: ${again.status} ${again.code}`);
    const key = first.court.keys.at(-1)!.clear;
    const both = signedHeaders(request, { ...signing, more: `${more};tag="b"` });
    const mixed = await call(route, path, { ...both, authorization: `Bearer ${key}` });
    if (mixed.status !== 401) found.push(`${route.name} with another’s key: ${mixed.status} ${mixed.code}`);
  }
  t.strictSame(found, []);
});

const agent = new Agent({ keepAlive: true, maxSockets: 16 });
t.teardown(() => agent.destroy());

/** As it stands: what fetch() and inject() would put right is sent. */
const raw = (method: string, path: string, headers: Readonly<Record<string, string>>): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(service.url);
    request({ hostname, port, path, method, headers, agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!));
    })
      .on('error', reject)
      .end();
  });

const OTHERWISE: Readonly<Record<string, (path: string) => string>> = {
  'a slash behind': (path) => `${path}/`,
  'two slashes in front': (path) => `/${path}`,
  'two slashes within': (path) => path.replace('/v1/', '/v1//'),
  'capital letters': (path) => path.toUpperCase(),
  'a capital letter': (path) => path.replace('/v1/', '/V1/'),
  'an encoded letter': (path) => path.replace('/v1/', '/%761/'),
  'an encoded slash': (path) => path.replace('/v1/', '/v1%2f'),
  'a dot': (path) => path.replace('/v1/', '/v1/./'),
  'an encoded dot': (path) => path.replace('/v1/', '/v1/%2e/'),
  'a way back': (path) => `/verify/..${path}`,
  'an encoded way back': (path) => `/docs/static/%2e%2e/%2e%2e${path}`,
  'an encoded way back, slashes too': (path) => `/docs/static/..%2f..${path.replaceAll('/', '%2f')}`,
  'a parameter': (path) => path.replace('/v1/', '/v1;x=1/'),
  'an absolute address': (path) => `http://127.0.0.1${path}`,
  'a zero': (path) => `${path}%00`,
};

t.test('no other way to write a path and no other method gets past the door', async (t) => {
  const keyless = first.depositor.keys[0]!.clear;
  const found: string[] = [];
  let count = 0;
  const expect = async (what: string, method: string, path: string, key?: string) => {
    count++;
    const status = await raw(method, path, key === undefined ? {} : { authorization: `Bearer ${key}` });
    if (![400, 401, 403, 404].includes(status)) found.push(`${method} ${path} (${what}): ${status}`);
  };
  await each(guarded, async (route) => {
    const path = pathOf(route);
    for (const [what, write] of Object.entries(OTHERWISE))
      for (const key of [undefined, keyless]) await expect(what, route.method, write(path), key);
  });
  const urls = [...new Map(guarded.map((route) => [route.url, pathOf(route)])).values()];
  await each(urls, async (path) => {
    for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'PUT', 'PATCH', 'DELETE', 'POST'])
      await expect('another method', method, path);
    await expect('all scopes', 'OPTIONS', path, allScopes(first.depositor).clear);
  });
  t.strictSame(found, []);
  t.comment(`${count} raw requests`);
  t.equal(
    await raw('GET', '/v1/evidence', { authorization: `Bearer ${allScopes(first.depositor).clear}` }),
    200,
  );
});
