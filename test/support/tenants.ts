import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createLimits } from '../../server/adapters/limits.ts';
import { createAccounts } from '../../server/identity/accounts.ts';
import { createAddresses } from '../../server/identity/addresses.ts';
import { createApiKey, newIdentity } from '../../server/identity/api-keys.ts';
import { createDevices } from '../../server/identity/devices.ts';
import { membershipOf, newPerson } from '../../server/identity/invitations.ts';
import {
  ORGANIZATION_ROLES,
  PERSON_ROLES,
  type PersonRole,
  ROLES_IN,
  SCOPES,
} from '../../server/identity/permissions.ts';
import { registerSigningKey } from '../../server/identity/signed-calls.ts';
import { csrfOf } from '../../server/identity/tokens.ts';
import type { OrganizationRole, Store } from '../../server/ports/store.ts';

/* Two organizations of each kind, with somebody in every role and a key of every scope. */

const clock = { nowMs: () => Date.now() };
const LIMITS = { absoluteMs: 3_600_000, idleMs: 3_600_000 };

export interface Member {
  readonly organization: string;
  readonly kind: OrganizationRole;
  readonly person: string;
  readonly roles: readonly PersonRole[];
}

export interface Tenant {
  readonly organization: string;
  readonly kind: OrganizationRole;
  /** one for each role, and one who has every role there is */
  readonly people: readonly Member[];
  readonly keys: readonly {
    readonly scopes: readonly string[];
    readonly clear: string;
    readonly id: string;
  }[];
}

/** Accounts over the store of the service, from beside it: sessions need no password. */
export const accountsOver = (store: Store) =>
  createAccounts(store, clock, LIMITS, {
    devices: createDevices(async () => [new Uint8Array(randomBytes(32))], clock),
    addresses: createAddresses(createLimits(), clock),
  });
export type Accounts = ReturnType<typeof accountsOver>;

let people = 0;

export async function addMember(
  store: Store,
  { organization, kind }: Pick<Member, 'organization' | 'kind'>,
  roles: readonly PersonRole[],
): Promise<Member> {
  const login = `tenant-${++people}`;
  const person = newPerson({ login, name: `${kind} ${roles.join(' ')}`, password: 'x' }, Date.now());
  await store.addPerson(person, membershipOf(person.id, organization, roles, Date.now()));
  return { organization, kind, person: person.id, roles };
}

async function addKey(store: Store, organization: string, scopes: readonly string[]) {
  const wanted = { organization, label: scopes.join(' '), scopes: scopes as never, expiresMs: undefined };
  return { scopes, ...(await createApiKey(store, wanted, Date.now())) };
}

async function addTenant(store: Store, kind: OrganizationRole, n: number): Promise<Tenant> {
  const organization = newIdentity(Date.now());
  await store.addOrganization({
    ...{ id: organization, name: `${kind} ${n}`, role: kind, uscc: undefined },
    createdMs: Date.now(),
  });
  const own = { organization, kind };
  const members: Member[] = [];
  // One who has every word of the table, those that are none in this kind of organization too.
  for (const roles of [...ROLES_IN[kind].map((role) => [role]), PERSON_ROLES])
    members.push(await addMember(store, own, roles));
  for (const role of PERSON_ROLES)
    if (!ROLES_IN[kind].includes(role)) members.push(await addMember(store, own, [role]));
  const keys = [];
  for (const scopes of [[], ['*'], ...SCOPES.map((scope) => [scope]), SCOPES])
    keys.push(await addKey(store, organization, scopes));
  return { organization, kind, people: members, keys };
}

export interface Tenants {
  readonly first: Readonly<Record<OrganizationRole, Tenant>>;
  readonly second: Readonly<Record<OrganizationRole, Tenant>>;
}

export async function addTenants(store: Store): Promise<Tenants> {
  const both = [];
  for (const n of [1, 2]) {
    const made: [string, Tenant][] = [];
    for (const kind of ORGANIZATION_ROLES) made.push([kind, await addTenant(store, kind, n)]);
    both.push(Object.fromEntries(made) as Tenants['first']);
  }
  return { first: both[0]!, second: both[1]! };
}

export const withRoles = ({ people }: Tenant, ...roles: readonly PersonRole[]): Member =>
  people.find((one) => String(one.roles) === String(roles))!;

export const allScopes = ({ keys }: Tenant) => keys.at(-1)!;

/** What a browser sends in which this person is signed in, as a page of the service itself sends it. */
export async function signedInAs(
  { sessions }: Accounts,
  { person, organization }: Member,
  origin: string,
  factors: readonly string[] = ['password', 'totp'],
) {
  const { token, session } = await sessions.open(person, organization, factors);
  const cookie = `__Host-kezheng=${token}`;
  return { cookie, session: session.id, headers: { cookie, origin, 'x-kezheng-csrf': csrfOf(token) } };
}

export async function addSigningKey(
  store: Store,
  organization: string,
): Promise<{ readonly key: KeyObject; readonly keyId: string }> {
  const { privateKey: key, publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const wanted = { organization, label: 'signs', scopes: SCOPES, expiresMs: undefined, spki };
  return { key, keyId: (await registerSigningKey(store, wanted, Date.now()))! };
}
