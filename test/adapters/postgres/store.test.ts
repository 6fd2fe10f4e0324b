import t from 'tap';
import { openPostgres } from '../../../server/adapters/postgres/open.ts';
import { patientQueue } from '../../suites/patient.ts';
import { NOW_MS } from '../../suites/sample.ts';
import { storeSuite } from '../../suites/store.suite.ts';
import { newStamping } from '../../suites/store-stamps.ts';
import { freshDatabase, whyNoPostgres } from '../../support/postgres.ts';

const skip = whyNoPostgres();

if (skip) t.test('postgres', { skip }, async () => {});
else
  storeSuite('postgres', async (t) => {
    const url = await freshDatabase();
    const stamping = await newStamping();
    const open = () =>
      openPostgres({
        url,
        clock: { nowMs: () => NOW_MS },
        allowUnsyncedForTests: true,
        queue: patientQueue(),
        stamper: stamping.spec,
      });
    let postgres = await open();
    t.teardown(() => postgres.close());
    return {
      store: postgres.store,
      stamping,
      async reopen() {
        await postgres.close();
        postgres = await open();
        return postgres.store;
      },
    };
  });
