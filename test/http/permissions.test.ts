import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { membershipOf } from '../../server/identity/invitations.ts';
import {
  type Action,
  PERMISSIONS,
  PERSON_ROLES,
  type PersonRole,
  ROLES_IN,
  SCOPES,
} from '../../server/identity/permissions.ts';
import { csrfOf } from '../../server/identity/tokens.ts';
import type { OrganizationRole } from '../../server/ports/store.ts';
import { PUBLIC, pathOf, publicName, type Route, SAFE, watchRoutes } from '../support/every-route.ts';
import { run } from '../support/running.ts';
import { signedHeaders } from '../support/signed.ts';
import { databaseOf } from '../support/storage.ts';
import {
  accountsOver,
  addMember,
  addSigningKey,
  addTenants,
  allScopes,
  type Member,
  signedInAs,
  type Tenant,
  withRoles,
} from '../support/tenants.ts';

/*
 * Every route that the service has, as every role of every kind of organization, as keys of every scope and as nobody.
 * What is right is read from permissions.ts and from nothing else; which action a route names is read at its own door.
 */

t.setTimeout(240_000);
const watched = watchRoutes();
const service = await run();
t.teardown(() => service.stop());
const { routes } = watched;
const app = watched.app();
const database = await databaseOf(service.dataDir);
t.teardown(() => database.close());
const { store } = database;
const accounts = accountsOver(store);
const { first } = await addTenants(store);
const { origin, host } = new URL(service.url);
/** What was signed before a start was forgotten is not taken: see signed.test.ts. */
const startedMs = Date.now();
const AFTER_START_MS = 7_000;

const guarded = routes.filter(({ action }) => action !== undefined);

// ---- who calls

interface Caller {
  readonly name: string;
  /** undefined: the door is to say `outcome` whatever the table says */
  readonly asks?: {
    readonly kind: OrganizationRole;
    readonly roles?: readonly PersonRole[];
    readonly scopes: readonly string[];
    readonly unproved?: boolean;
  };
  readonly outcome?: string;
  /** for one call; a session that a call ends is not the next one's */
  headers(): Promise<Readonly<Record<string, string>>>;
}

const bearing = (clear: string) => async () => ({ authorization: `Bearer ${clear}` });

const byKey = ({ kind }: Tenant, { scopes, clear }: Tenant['keys'][number]): Caller => ({
  name: `${kind} key [${scopes.join(' ')}]`,
  asks: { kind, scopes },
  headers: bearing(clear),
});

function byPerson(member: Member, factors?: readonly string[]): Caller {
  const { kind, roles } = member;
  let signedIn: Awaited<ReturnType<typeof signedInAs>> | undefined;
  const asks = { kind, roles, scopes: [], ...(factors && { unproved: true }) };
  return {
    name: `${kind} ${roles.join(' ')}${factors ? ' proved once' : ''}`,
    asks,
    async headers() {
      if (signedIn === undefined || (await store.session(signedIn.session)) === undefined)
        signedIn = await signedInAs(accounts, member, origin, factors);
      return signedIn.headers;
    },
  };
}

async function refusedCallers(): Promise<Caller[]> {
  const { depositor, notary } = first;
  const revoked = depositor.keys[3]!;
  const own = { organization: depositor.organization, kind: 'depositor' as const };
  const [left, closed, out] = [
    await addMember(store, own, ['member']),
    await addMember(store, own, ['member']),
    withRoles(notary, 'admin'),
  ];
  const gone = await Promise.all([left, closed, out].map((one) => signedInAs(accounts, one, origin)));
  await store.revokeApiKey(revoked.id, Date.now());
  await store.setMembership(membershipOf(left.person, left.organization, [], Date.now()), Date.now());
  await store.closePerson(closed.person, Date.now());
  await store.endSession(gone[2]!.session);
  const cookie = (token: string) => async () => ({
    ...{ cookie: `__Host-kezheng=${token}`, origin },
    'x-kezheng-csrf': csrfOf(token),
  });
  const unknown = depositor.keys[0]!.clear.slice(0, -2);
  return [
    { name: 'nobody', outcome: 'not-authenticated', headers: async () => ({}) },
    { name: 'no key', outcome: 'not-authenticated', headers: bearing('kz_x') },
    { name: 'a wrong secret', outcome: 'not-authenticated', headers: bearing(`${unknown}AA`) },
    { name: 'a revoked key', outcome: 'key-revoked', headers: bearing(revoked.clear) },
    ...gone.map(({ headers }, i) => ({
      name: `a session of ${['one who left', 'a closed account', 'one signed out'][i]}`,
      outcome: 'session-over',
      headers: async () => headers,
    })),
    { name: 'an empty cookie', outcome: 'session-over', headers: cookie('') },
    { name: 'a made-up cookie', outcome: 'session-over', headers: cookie('A'.repeat(43)) },
    {
      name: 'a bad key beside a good cookie',
      outcome: 'not-authenticated',
      headers: async () => ({
        ...(await signedInAs(accounts, withRoles(notary, 'admin'), origin)).headers,
        authorization: 'Bearer kz_x',
      }),
    },
  ];
}

const demanding = first.court;
await store.demandSecondFactor(demanding.organization, true, Date.now());
const tenants = Object.values(first);
const callers: readonly Caller[] = [
  ...(await refusedCallers()),
  ...tenants.flatMap((tenant) => [
    ...tenant.people.map((member) => byPerson(member)),
    ...tenant.keys.filter((_, i) => tenant.kind !== 'depositor' || i !== 3).map((key) => byKey(tenant, key)),
  ]),
  ...demanding.people.map((member) => byPerson(member, ['password'])),
];

// ---- what the table says, read anew here

interface Row {
  readonly in?: readonly OrganizationRole[];
  readonly people: readonly PersonRole[];
  readonly key?: string;
}
type Table = Readonly<Record<string, Row>>;

function expectedOf(table: Table, action: Action, { asks, outcome }: Caller): string {
  if (asks === undefined) return outcome!;
  const { in: kinds, people, key } = table[action]!;
  if (kinds !== undefined && !kinds.includes(asks.kind)) return 'not-allowed';
  if (asks.roles === undefined) {
    if (key === undefined) return 'not-allowed';
    return asks.scopes.includes(key) ? 'admitted' : 'scope-missing';
  }
  const own = asks.roles.filter((role) => ROLES_IN[asks.kind].includes(role));
  if (!own.some((role) => people.includes(role))) return 'not-allowed';
  return asks.unproved && action !== 'account.use' ? 'second-factor-needed' : 'admitted';
}

// ---- what the door says

/** Of limits by address nothing is asked here. */
let address = 0;
const nextAddress = (): string => `10.${(address >> 16) & 255}.${(address >> 8) & 255}.${address++ & 255}`;

async function call(
  { method, url }: Pick<Route, 'method' | 'url'>,
  path: string,
  headers: Readonly<Record<string, string>>,
) {
  const payload = SAFE.has(method) ? {} : { payload: '{}' };
  const type = SAFE.has(method) ? {} : { 'content-type': 'application/json' };
  for (let tried = 0; ; tried++) {
    const answer = await app.inject({
      ...{ method: method as 'GET', url: path, remoteAddress: nextAddress() },
      headers: { host, ...type, ...headers },
      ...payload,
    });
    const isBusy = answer.statusCode === 503 && answer.payload.includes('"overloaded"');
    if (!isBusy || tried > 20) return { url, status: answer.statusCode, code: codeOf(answer.payload) };
    await sleep(500);
  }
}

function codeOf(payload: string): string {
  try {
    return String((JSON.parse(payload) as { readonly code?: unknown }).code);
  } catch {
    return '';
  }
}

const STATUS: Readonly<Record<string, number>> = {
  'not-authenticated': 401,
  'session-over': 401,
  'key-revoked': 401,
  'scope-missing': 403,
  'not-allowed': 403,
  'second-factor-needed': 403,
  'forged-request': 403,
};

interface Tried {
  readonly route: Route;
  readonly caller: Caller;
  readonly status: number;
  readonly code: string;
}

const outcomeOf = ({ code }: Pick<Tried, 'code'>): string => (code in STATUS ? code : 'admitted');

/** A HEAD has no code to read: there the status counts. */
function differs(table: Table, tried: Tried): string[] {
  const { route, caller, status } = tried;
  const expected = expectedOf(table, route.action!, caller);
  const found = route.method === 'HEAD' ? String(STATUS[expected] ?? 0) : expected;
  const isRight =
    route.method === 'HEAD'
      ? found === '0'
        ? status !== 401 && status !== 403
        : status === Number(found)
      : outcomeOf(tried) === expected && (expected === 'admitted' || status === STATUS[expected]);
  return isRight ? [] : [`${route.name} as ${caller.name}: ${expected}, but ${status} ${tried.code}`];
}

const AT_ONCE = 12;
async function each<Of>(list: readonly Of[], work: (one: Of) => Promise<void>): Promise<void> {
  const waiting = [...list];
  const worker = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const answers: Tried[] = [];
// Callers side by side and routes one after the other: no caller's call ends the session of another of his calls.
await each(callers, async (caller) => {
  for (const route of guarded) {
    const { status, code } = await call(route, pathOf(route), await caller.headers());
    answers.push({ route, caller, status, code });
  }
});

t.test('every route has a door, or stands with its reason among those that have none', async (t) => {
  const open = routes.filter(({ action }) => action === undefined).map(publicName);
  t.strictSame(
    [...new Set(open)].filter((name) => PUBLIC[name] === undefined),
    [],
  );
  const known = new Set(open);
  t.strictSame(
    Object.keys(PUBLIC).filter((name) => !known.has(name)),
    [],
    'and no reason outlives its route',
  );
  t.ok(guarded.length > 90, `${guarded.length} with a door, ${open.length} without`);
});

t.test('each route admits whom the table admits, and nobody else', async (t) => {
  t.equal(answers.length, guarded.length * callers.length);
  t.comment(`${routes.length} routes, ${callers.length} callers, ${answers.length} calls`);
  t.strictSame(
    answers.flatMap((tried) => differs(PERMISSIONS, tried)),
    [],
  );
  t.strictSame(
    answers
      .filter(({ status }) => status >= 500)
      .map(({ route, status, caller }) => [route.name, status, caller.name]),
    [],
    'and none fails',
  );
});

t.test('a row that says more or less than the door is found, whichever it is', async (t) => {
  const asked = new Set(guarded.map(({ action }) => action!));
  for (const action of asked) {
    const row: Row = PERMISSIONS[action];
    const { in: _, ...everywhere } = row;
    const others = SCOPES.find((scope) => scope !== row.key)!;
    const planted: Readonly<Record<string, Row>> = {
      'nobody may': { ...row, people: [] },
      'everybody may': { ...everywhere, people: PERSON_ROLES },
      'a key of another scope may': { ...row, key: others },
      'one role less may': { ...row, people: row.people.slice(1) },
      'one kind of organization less may': {
        ...row,
        in: (row.in ?? Object.keys(ROLES_IN)).slice(1) as never,
      },
    };
    for (const [how, hole] of Object.entries(planted)) {
      if (how === 'everybody may' && row.in === undefined && row.people === PERSON_ROLES) continue;
      const table = { ...PERMISSIONS, [action]: hole };
      t.ok(answers.flatMap((tried) => differs(table, tried)).length > 0, `${action}: ${how}`);
    }
  }
});

// ---- forged, replayed, and other ways to write a path

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
  const caller: Caller = {
    name: 'a signing key',
    asks: { kind: tenant.kind, scopes: SCOPES },
    headers: async () => ({}),
  };
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
    const once = { route, caller, ...(await call(route, path, headers)) };
    found.push(...differs(PERMISSIONS, once));
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

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
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
