import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from './adapters/files.ts';
import { createApiKey, keyChecker, newIdentity } from './identity/api-keys.ts';
import { membershipOf } from './identity/invitations.ts';
import { hashRandom, randomPassword } from './identity/passwords.ts';
import { type PersonRole, SCOPES } from './identity/permissions.ts';
import type { Clock } from './ports/clock.ts';
import type { PeopleStore } from './ports/people.ts';
import type { IdentityStore, Organization, OrganizationRole } from './ports/store.ts';

/*
 * What exists in demonstration mode only: organizations whose keys, and people whose passwords, lie in the open in
 * demo.json. Against a configured chain the keys are revoked, the accounts closed and the file is removed, also where the
 * same data was a demonstration before.
 */

interface Demonstrated {
  readonly name: string;
  readonly role: OrganizationRole;
  readonly people: readonly {
    readonly login: string;
    readonly name: string;
    readonly roles: readonly PersonRole[];
  }[];
}

const admin = (login: string, name: string) => ({ login, name, roles: ['admin'] as const });

const DEMONSTRATED: readonly Demonstrated[] = [
  { name: '示范权利人甲有限公司', role: 'depositor', people: [admin('holder-a', '甲一')] },
  { name: '示范权利人乙工作室', role: 'depositor', people: [admin('holder-b', '乙一')] },
  { name: '示范律师事务所', role: 'law-firm', people: [admin('lawyer', '陆律师')] },
  {
    name: '示范公证处',
    role: 'notary',
    people: [
      admin('notary-admin', '公主任'),
      { login: 'notary', name: '郑公证员', roles: ['notary'] },
      // Nobody approves what he drafted himself.
      { login: 'notary-approver', name: '沈公证员', roles: ['notary', 'approver'] },
      { login: 'notary-assistant', name: '祝助理', roles: ['assistant'] },
    ],
  },
  { name: '示范人民法院', role: 'court', people: [admin('court', '法官一')] },
  { name: '示范主管部门', role: 'department', people: [admin('department', '管一')] },
  { name: '示范运营者', role: 'operator', people: [admin('operator', '营一')] },
];

/** Label of the keys; what carries it is revoked when the demonstration is over. */
const LABEL = 'demonstration';

/** Ids of the accounts, always the same (UUIDv8, as OPERATOR_ID): they are closed when it is over, whatever is in the file. */
const PEOPLE = DEMONSTRATED.flatMap(({ people }) => people.map(({ login }) => login));
const idOf = (login: string): string =>
  `6b657a68-656e-8670-8000-00000000d${(PEOPLE.indexOf(login) + 1).toString(16).padStart(3, '0')}`;

interface DemoPerson {
  readonly login: string;
  readonly password: string;
  readonly roles: readonly string[];
}

interface DemoFile {
  readonly url: string;
  readonly organizations: readonly {
    readonly name: string;
    readonly role: OrganizationRole;
    readonly apiKey: string;
    readonly people: readonly DemoPerson[];
  }[];
}

type Stores = IdentityStore & PeopleStore;

const fileIn = (dataDir: string): string => join(dataDir, 'demo.json');

/** Writes demo.json with keys and passwords that work; those of an earlier start are kept where they still do. */
export async function ensureDemonstration(
  store: Stores,
  clock: Clock,
  dataDir: string,
  url: string,
): Promise<void> {
  const earlier = await readDemo(dataDir);
  const check = keyChecker(store, clock);
  const organizations: DemoFile['organizations'][number][] = [];
  for (const { name, role, people } of DEMONSTRATED) {
    const known = earlier?.organizations.find((one) => one.name === name && one.role === role);
    const organization = await organizationOf(store, clock, name, role);
    const works = known !== undefined && typeof (await check(known.apiKey)) !== 'string';
    const apiKey = works ? known.apiKey : await newKey(store, clock, organization);
    const written: DemoPerson[] = [];
    for (const person of people) {
      const old = known?.people?.find(({ login }) => login === person.login)?.password;
      written.push(...(await ensurePerson(store, clock, organization, person, old)));
    }
    organizations.push({ name, role, apiKey, people: written });
  }
  const file: DemoFile = { url, organizations };
  await writeDurably(fileIn(dataDir), `${JSON.stringify(file, undefined, 2)}\n`, 0o600);
}

async function readDemo(dataDir: string): Promise<DemoFile | undefined> {
  try {
    return JSON.parse(await readFile(fileIn(dataDir), 'utf8')) as DemoFile;
  } catch {
    // None yet, or damaged: new keys are made, and the old ones are nobody's any more.
    return undefined;
  }
}

async function organizationOf(
  store: Stores,
  clock: Clock,
  name: string,
  role: OrganizationRole,
): Promise<Organization> {
  const known = (await store.organizations()).find((one) => one.name === name && one.role === role);
  if (known !== undefined) return known;
  const createdMs = clock.nowMs();
  const made: Organization = { id: newIdentity(createdMs), name, role, uscc: undefined, createdMs };
  await store.addOrganization(made);
  return made;
}

async function newKey(store: Stores, clock: Clock, { id }: Organization): Promise<string> {
  const key = { organization: id, label: LABEL, scopes: SCOPES, expiresMs: undefined };
  return (await createApiKey(store, key, clock.nowMs())).clear;
}

/** `old`: as the file has it. Where the account is there and its password lost, it gets a new one; none where others took its login. */
async function ensurePerson(
  store: Stores,
  clock: Clock,
  organization: Organization,
  { login, name, roles }: Demonstrated['people'][number],
  old: string | undefined,
): Promise<readonly DemoPerson[]> {
  const id = idOf(login);
  const known = await store.person(id);
  if (known !== undefined && old !== undefined) return [{ login, password: old, roles }];
  const nowMs = clock.nowMs();
  const password = randomPassword();
  const hash = await hashRandom(password);
  if (known !== undefined) await store.setPassword(id, hash);
  else {
    const account = { totp: undefined, totpStep: 0, createdMs: nowMs, closedMs: undefined };
    const person = { id, login, name, password: hash, ...account };
    const membership = membershipOf(id, organization.id, roles, nowMs);
    if (!(await store.addPerson(person, membership))) return [];
  }
  return [{ login, password, roles }];
}

export async function endDemonstration(store: Stores, clock: Clock, dataDir: string): Promise<void> {
  for (const key of await store.apiKeys())
    if (key.label === LABEL && key.revokedMs === undefined) await store.revokeApiKey(key.id, clock.nowMs());
  for (const login of PEOPLE) await store.closePerson(idOf(login), clock.nowMs());
  await rm(fileIn(dataDir), { force: true });
}
