import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Test } from 'tap';
import { createLimits } from '../../server/adapters/limits.ts';
import { openSqliteStore } from '../../server/adapters/sqlite/store.ts';
import { createAccounts } from '../../server/identity/accounts.ts';
import { createAddresses } from '../../server/identity/addresses.ts';
import { createDevices } from '../../server/identity/devices.ts';
import { membershipOf, newPerson } from '../../server/identity/invitations.ts';
import { createPasswords, type Passwords } from '../../server/identity/passwords.ts';
import type { Store } from '../../server/ports/store.ts';
import { addOrganization, NOW_MS } from '../suites/sample.ts';
import { freshDatabase, whyNoPostgres } from './postgres.ts';

/* Accounts over a real store, under a clock that the test moves and passwords that cost little. */

export const RIGHT = '一把相当长的口令，谁也猜不到';
export const HOUR_MS = 3_600_000;
export const LIMITS = { absoluteMs: 12 * HOUR_MS, idleMs: HOUR_MS };

/** The stores on which the guarantees hold; a machine without PostgreSQL says so by a shorter list. */
export const STORES: readonly ('sqlite' | 'postgres')[] = whyNoPostgres()
  ? ['sqlite']
  : ['sqlite', 'postgres'];

async function open(t: Test, kind: 'sqlite' | 'postgres', nowMs: () => number): Promise<Store> {
  if (kind === 'sqlite')
    return openSqliteStore({ path: join(t.testdir(), 'store.sqlite'), clock: { nowMs } });
  const { openPostgres } = await import('../../server/adapters/postgres/open.ts');
  const url = await freshDatabase();
  return (await openPostgres({ url, clock: { nowMs }, allowUnsyncedForTests: true })).store;
}

export async function accountsFor(t: Test, kind: 'sqlite' | 'postgres' = 'sqlite') {
  const clock = { ms: NOW_MS, nowMs: () => clock.ms };
  const store = await open(t, kind, clock.nowMs);
  t.teardown(() => store.close());
  const cheap = createPasswords({ memoryKiB: 64, passes: 2 });
  let looked = 0;
  const passwords: Passwords = {
    ...cheap,
    verify(stored, password) {
      looked++;
      return cheap.verify(stored, password);
    },
  };
  const keys: [Uint8Array, ...Uint8Array[]] = [new Uint8Array(randomBytes(32))];
  const devices = createDevices(async () => keys, clock);
  const addresses = createAddresses(createLimits(), clock);
  const accounts = createAccounts(store, clock, LIMITS, { devices, addresses }, passwords);
  const organization = await addOrganization(store);
  const person = newPerson({ login: 'li', name: '李', password: await cheap.hash(RIGHT) }, clock.ms);
  await store.addPerson(person, membershipOf(person.id, organization, ['admin'], clock.ms));
  return { ...accounts, keys, store, clock, accounts, organization, person, looked: () => looked };
}
