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
import { each } from '../support/calls.ts';
import { PUBLIC, pathOf, publicName, type Route } from '../support/every-route.ts';
import { settingOfAll } from '../support/every-route-setting.ts';
import { addMember, type Member, signedInAs, type Tenant, withRoles } from '../support/tenants.ts';

/*
 * Every route that the service has, as every role of every kind of organization, as keys of every scope and as nobody.
 * What is right is read from permissions.ts and from nothing else; which action a route names is read at its own door.
 */

t.setTimeout(240_000);
const { store, accounts, tenants, origin, routes, guarded, call } = await settingOfAll();
const { first } = tenants;

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
/** Persons of their own: what somebody changes of his account ends his other sessions. */
const unproved = await Promise.all(demanding.people.map(({ roles }) => addMember(store, demanding, roles)));
const callers: readonly Caller[] = [
  ...(await refusedCallers()),
  ...Object.values(first).flatMap((tenant) => [
    ...tenant.people.map((member) => byPerson(member)),
    ...tenant.keys.filter((_, i) => tenant.kind !== 'depositor' || i !== 3).map((key) => byKey(tenant, key)),
  ]),
  ...unproved.map((member) => byPerson(member, ['password'])),
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

const STATUS: Readonly<Record<string, number>> = {
  'not-authenticated': 401,
  'session-over': 401,
  'key-revoked': 401,
  'scope-missing': 403,
  'not-allowed': 403,
  'second-factor-needed': 403,
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
  const expected = expectedOf(table, route.action ?? 'organizations.manage', caller);
  const found = route.method === 'HEAD' ? String(STATUS[expected] ?? 0) : expected;
  const isRight =
    route.method === 'HEAD'
      ? found === '0'
        ? status !== 401 && status !== 403
        : status === Number(found)
      : outcomeOf(tried) === expected && (expected === 'admitted' || status === STATUS[expected]);
  return isRight ? [] : [`${route.name} as ${caller.name}: ${expected}, but ${status} ${tried.code}`];
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

t.test(
  'the door behind the door: whoever is known makes organizations by the table, and as nobody only himself',
  async (t) => {
    const route = routes.find(({ name }) => name === 'POST /v1/organizations')!;
    const wrong: string[] = [];
    await each(callers, async (caller) => {
      const tried = { route, caller, ...(await call(route, pathOf(route), await caller.headers())) };
      // What is left of an old session is nothing: he is nobody, and may register himself.
      const isNobody = caller.name === 'nobody' || caller.outcome === 'session-over';
      if (isNobody ? tried.code !== 'request-invalid' : differs(PERMISSIONS, tried).length > 0)
        wrong.push(`${caller.name}: ${tried.code}`);
    });
    t.strictSame(wrong, []);
  },
);

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
