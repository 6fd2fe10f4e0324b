import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from './adapters/files.ts';
import { createApiKey, keyChecker, newIdentity } from './identity/api-keys.ts';
import { SCOPES } from './identity/permissions.ts';
import type { Clock } from './ports/clock.ts';
import type { IdentityStore, OrganizationRole } from './ports/store.ts';

/*
 * What exists in demonstration mode only: two organizations whose keys lie in the open in demo.json. Against a
 * configured chain these keys are revoked and the file is removed, also where the same data was a demonstration before.
 */

const DEMONSTRATED: readonly { readonly name: string; readonly role: OrganizationRole }[] = [
  { name: '示范权利人甲有限公司', role: 'depositor' },
  { name: '示范权利人乙工作室', role: 'depositor' },
];

/** Label of the keys; what carries it is revoked when the demonstration is over. */
const LABEL = 'demonstration';

interface DemoFile {
  readonly url: string;
  readonly organizations: readonly {
    readonly name: string;
    readonly role: OrganizationRole;
    readonly apiKey: string;
  }[];
}

const fileIn = (dataDir: string): string => join(dataDir, 'demo.json');

/** Writes demo.json with keys that work; keys of an earlier start are kept where they still do. */
export async function ensureDemonstration(
  store: IdentityStore,
  clock: Clock,
  dataDir: string,
  url: string,
): Promise<void> {
  const earlier = await readDemo(dataDir);
  const check = keyChecker(store, clock);
  const organizations: DemoFile['organizations'][number][] = [];
  for (const { name, role } of DEMONSTRATED) {
    const old = earlier?.organizations.find((one) => one.name === name && one.role === role)?.apiKey;
    const works = old !== undefined && typeof (await check(old)) !== 'string';
    organizations.push({ name, role, apiKey: works ? old : await newKey(store, clock, name, role) });
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

async function newKey(
  store: IdentityStore,
  clock: Clock,
  name: string,
  role: OrganizationRole,
): Promise<string> {
  const nowMs = clock.nowMs();
  const known = (await store.organizations()).find((one) => one.name === name && one.role === role);
  const id = known?.id ?? newIdentity(nowMs);
  if (known === undefined) await store.addOrganization({ id, name, role, uscc: undefined, createdMs: nowMs });
  const key = { organization: id, label: LABEL, scopes: SCOPES, expiresMs: undefined };
  return (await createApiKey(store, key, nowMs)).clear;
}

export async function endDemonstration(store: IdentityStore, clock: Clock, dataDir: string): Promise<void> {
  for (const key of await store.apiKeys())
    if (key.label === LABEL && key.revokedMs === undefined) await store.revokeApiKey(key.id, clock.nowMs());
  await rm(fileIn(dataDir), { force: true });
}
