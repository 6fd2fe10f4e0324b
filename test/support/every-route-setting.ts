import t from 'tap';
import { callsOf } from './calls.ts';
import { watchRoutes } from './every-route.ts';
import { run } from './running.ts';
import { databaseOf } from './storage.ts';
import { accountsOver, addTenants } from './tenants.ts';

/** A whole service, all its routes, and two organizations of each kind in it. */
export async function settingOfAll() {
  const watched = watchRoutes();
  const service = await run();
  const startedMs = Date.now();
  t.teardown(() => service.stop());
  const database = await databaseOf(service.dataDir);
  t.teardown(() => database.close());
  const { store } = database;
  const { origin, host } = new URL(service.url);
  const { routes } = watched;
  return {
    ...{ service, startedMs, store, origin, routes },
    accounts: accountsOver(store),
    tenants: await addTenants(store),
    guarded: routes.filter(({ action }) => action !== undefined),
    call: callsOf(watched.app(), host),
  };
}
