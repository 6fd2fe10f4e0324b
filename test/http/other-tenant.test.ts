import t from 'tap';
import { PERSON_ROLES, SCOPES } from '../../server/identity/permissions.ts';
import type { Answer, Headers } from '../support/calls.ts';
import { each } from '../support/calls.ts';
import { NEVER, PUBLIC, pathOf, publicName, type Route, SAFE } from '../support/every-route.ts';
import { settingOfAll } from '../support/every-route-setting.ts';
import { bodies } from '../support/right-bodies.ts';
import { body, certificateOf, form } from '../support/running.ts';
import { addMember, allScopes, type Member, signedInAs, withRoles } from '../support/tenants.ts';

/*
 * What belongs to one organization is nothing to any other: a guessed id answers, byte for byte, as one that never was;
 * and nothing that is written into a body beside what belongs there makes anybody more than he is.
 */

t.setTimeout(240_000);
const setting = await settingOfAll();
const { service, store, accounts, tenants, origin, routes, guarded, call } = setting;
const { depositor, notary } = tenants.first;
const admin = withRoles(depositor, 'admin');
const colleague = withRoles(depositor, 'member');

const RIGHT = bodies(notary.organization);
const bodyOf = (route: Route): string => JSON.stringify(RIGHT[route.name] ?? {});
const as = async (member: Member): Promise<Headers> => (await signedInAs(accounts, member, origin)).headers;
const byKey = (clear: string): Headers => ({ authorization: `Bearer ${clear}` });
const routeOf = (name: string): Route => routes.find((route) => route.name === name)!;

// biome-ignore lint/suspicious/noExplicitAny: what a test looks into, it names
async function made(name: string, ids: Readonly<Record<string, string>> = {}, body?: object): Promise<any> {
  const route = routeOf(name);
  const text = body === undefined ? bodyOf(route) : JSON.stringify(body);
  const { status, payload } = await call(route, pathOf(route, ids), await as(admin), text);
  if (status >= 300) throw new Error(`${name}: ${status} ${payload}`);
  return payload === '' ? {} : JSON.parse(payload);
}

// ---- one of everything, in the first depositor

const own = allScopes(depositor).clear;
const upload = form({ title: '证据' }, [{ name: 'f', bytes: new Uint8Array(9) }]);
const evidence: string = (
  await body(service.call('/v1/evidence', { method: 'POST', body: upload, key: own }))
).id;
const certificate = JSON.parse(String(await certificateOf(service, evidence, own)));
const application = {
  ...{ office: notary.organization, matter: 'evidence-preservation' },
  applicants: [{ kind: 'organization', organization: depositor.organization, name: '甲' }],
  evidence: [
    {
      ...{ id: evidence, title: '证据', leaf: 'ab'.repeat(32), certificate: certificate.number },
      files: [{ name: 'f', sha256: 'cd'.repeat(32) }],
    },
  ],
};
const opening = { procedure: 'notarization/1', input: { application } };
const webhook: string = (await made('POST /v1/webhooks')).id;
await made('POST /v1/webhooks/:id/test', { id: webhook });
const [delivery] = (await store.deliveriesOf(webhook, {}, { limit: 1 })).items;
const passkey = 'cGFzc2tleS1vZi10aGUtYWRtaW4';
await store.addPasskey({
  ...{ id: passkey, person: admin.person, publicKey: new Uint8Array(8), counter: 0, transports: [] },
  ...{ label: 'x', createdMs: Date.now(), usedMs: undefined },
});
const leaving = await addMember(store, depositor, ['reader']);
const ids = {
  case: (await made('POST /v1/cases', {}, opening)).id as string,
  key: (await made('POST /v1/keys')).id as string,
  invitation: (await made('POST /v1/people/invitations')).id as string,
  session: (await signedInAs(accounts, admin, origin)).session,
};
const identity: string = (await made('POST /v1/identity-numbers')).id;
const ofCase = { id: ids.case, evidence, identity };
/** Of each path with an id: what is there, and whether it is the organization's or the person's alone. */
const THERE: readonly (readonly [prefix: string, ids: Readonly<Record<string, string>>, personal?: true])[] =
  [
    ['/v1/evidence/:id', { id: evidence }],
    ['/v1/cases/:id', ofCase],
    ['/v1/keys/:id', { id: ids.key }],
    ['/v1/identity-numbers/:id', { id: identity }],
    ['/v1/people/invitations/:id', { id: ids.invitation }],
    ['/v1/people/:id', { id: leaving.person }],
    ['/v1/webhooks/:id', { id: webhook, delivery: delivery!.id }],
    ['/v1/organizations/:organization/evidence/:id', { organization: depositor.organization, id: evidence }],
    ['/v1/account/passkeys/:id', { id: passkey }, true],
    ['/v1/account/sessions/:id', { id: ids.session }, true],
  ];
const thereOf = ({ url }: Route) => THERE.find(([prefix]) => url === prefix || url.startsWith(`${prefix}/`));

const withIds = guarded.filter(({ url }) => url.includes('/:'));

/** All of an answer but the time at which it was given. */
const wholeOf = ({ status, payload, headers: { date: _, ...headers } }: Answer): string =>
  JSON.stringify([status, headers, payload]);

t.test('of every path with an id it is known what is there', async (t) => {
  for (const route of withIds) t.ok(thereOf(route) !== undefined, route.name);
});

t.test('a guessed id answers, byte for byte, as one that never was', async (t) => {
  const others = Object.values(tenants.second).flatMap((tenant) => [
    { name: `the key of another ${tenant.kind}`, headers: async () => byKey(allScopes(tenant).clear) },
    ...tenant.people.map((member) => ({
      name: `${member.roles.join(' ')} of another ${tenant.kind}`,
      headers: () => as(member),
    })),
  ]);
  const within = [{ name: 'a colleague', headers: () => as(colleague), personal: true }];
  const found: string[] = [];
  let count = 0;
  await each([...others, ...within], async (caller) => {
    for (const route of withIds) {
      const [, there, personal] = thereOf(route)!;
      if ('personal' in caller && !personal) continue;
      // Whoever may read everybody's evidence is answered: access.test.ts holds what that leaves behind.
      if (route.action === 'evidence.read-any' && caller.name.endsWith('another operator')) continue;
      const headers = await caller.headers();
      const real = await call(route, pathOf(route, there), headers, bodyOf(route));
      const never = await call(route, pathOf(route), headers, bodyOf(route));
      count += 2;
      const isSame = wholeOf(real) === wholeOf(never);
      if (!isSame || ![401, 403, 404].includes(real.status))
        found.push(`${route.name} as ${caller.name}: ${real.status} ${real.payload} / ${never.status}`);
    }
  });
  t.strictSame(found, []);
  t.comment(`${count} calls`);
});

// ---- bodies

/** What would make somebody more than he is, if anything took it over. */
const RAISING: Readonly<Record<string, string>> = {
  role: '"operator"',
  roles: JSON.stringify(PERSON_ROLES),
  organization: JSON.stringify(tenants.second.operator.organization),
  organizationRole: '"operator"',
  person: JSON.stringify(withRoles(tenants.second.operator, 'admin').person),
  by: JSON.stringify(withRoles(tenants.second.operator, 'admin').person),
  admin: 'true',
  isAdmin: 'true',
  scopes: JSON.stringify(SCOPES),
  id: JSON.stringify(NEVER['id']),
  ['__proto__']: '{"role":"operator","roles":["admin"],"admin":true}',
  constructor: '{"prototype":{"admin":true,"roles":["admin"]}}',
  prototype: '{"admin":true}',
};

const withExtra = (body: string, name: string, value: string): string =>
  body === '{}' ? `{"${name}":${value}}` : `${body.slice(0, -1)},"${name}":${value}}`;

const everythingKept = async () => {
  const organizations = await store.organizations();
  const members = await Promise.all(organizations.map(({ id }) => store.membersOf(id)));
  const keys = (await store.apiKeys()).map(({ id, organization, scopes, revokedMs }) => ({
    ...{ id, organization, scopes, revokedMs },
  }));
  const invitations = await Promise.all(organizations.map(({ id }) => store.invitationsOf(id)));
  // How its deliveries go changes by itself.
  const hooks = (await Promise.all(organizations.map(({ id }) => store.webhooksOf(id))))
    .flat()
    .map(({ id, url, types, description, secret }) => ({ id, url, types, description, secret }));
  return JSON.stringify({ organizations, members, keys, invitations, hooks }, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
};

t.test(
  'each route that takes JSON has a right body here, so that it is its extra member that is refused',
  async (t) => {
    const taking = routes.filter(({ body }) => body !== undefined);
    t.strictSame(
      taking.map(({ name }) => name).filter((name) => RIGHT[name] === undefined),
      [],
    );
  },
);

t.test('nothing beside what belongs in a body raises anybody', async (t) => {
  const taking = routes.filter(({ method, body }) => !SAFE.has(method) && body !== undefined);
  const before = await everythingKept();
  const people = [withRoles(depositor, 'reader'), colleague, admin, withRoles(notary, 'assistant')];
  const found: string[] = [];
  let count = 0;
  await each(people, async (member) => {
    for (const route of taking)
      for (const [name, value] of Object.entries(RAISING)) {
        const text = bodyOf(route);
        if (name in JSON.parse(text)) continue;
        count++;
        const isPublic =
          PUBLIC[publicName(route)] !== undefined && !route.url.startsWith('/v1/organizations');
        const headers = isPublic ? {} : await as(member);
        const { status, payload } = await call(route, pathOf(route), headers, withExtra(text, name, value));
        if (status < 400 || status >= 500)
          found.push(`${route.name} with ${name} as ${member.roles}: ${status} ${payload}`);
      }
  });
  t.strictSame(found, []);
  t.comment(`${count} calls`);
  t.equal(await everythingKept(), before, 'and nothing has changed');
  t.equal(({} as { admin?: boolean }).admin, undefined, 'no prototype either');
});

t.test('a deep extra member raises nobody: the applicant of a case stays who he is', async (t) => {
  const route = routeOf('POST /v1/cases');
  for (const [name, value] of Object.entries(RAISING)) {
    const text = JSON.stringify({ ...opening, input: { application: { ...application, HERE: 1 } } });
    const body = text.replace('"HERE":1', `"${name}":${value}`);
    const { status } = await call(route, pathOf(route), await as(admin), body);
    t.ok([400, 409, 422].includes(status), `${name}: ${status}`);
  }
});

// ---- and the owner himself: else nothing above says anything. What takes away comes last.

const ORDER = ['GET', 'HEAD', 'PATCH', 'PUT', 'POST', 'DELETE'];

t.test('its owner finds each of them', async (t) => {
  const reading = routeOf('GET /v1/organizations/:organization/evidence/:id');
  const path = pathOf(reading, thereOf(reading)![1]);
  await call({ method: 'GET' }, path, await as(withRoles(tenants.first.operator, 'admin')));
  const sorted = withIds.toSorted((a, b) => ORDER.indexOf(a.method) - ORDER.indexOf(b.method));
  for (const route of sorted) {
    const [, there] = thereOf(route)!;
    const isOperators = route.action === 'evidence.read-any';
    const reader = isOperators ? withRoles(tenants.first.operator, 'admin') : admin;
    const answer = await call(route, pathOf(route, there), await as(reader), bodyOf(route));
    t.not(answer.status, 404, `${route.name}: ${answer.code}`);
    t.not(answer.status, 500, route.name);
  }
});
