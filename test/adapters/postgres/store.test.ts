import t from 'tap';
import { openPostgres } from '../../../server/adapters/postgres/open.ts';
import { patientQueue } from '../../suites/patient.ts';
import { NOW_MS } from '../../suites/sample.ts';
import { storeSuite } from '../../suites/store.suite.ts';
import { freshDatabase, whyNoPostgres } from '../../support/postgres.ts';

const skip = whyNoPostgres();

if (skip) t.test('postgres', { skip }, async () => {});
else
  storeSuite('postgres', async (t) => {
    const url = await freshDatabase();
    const open = () =>
      openPostgres({
        url,
        clock: { nowMs: () => NOW_MS },
        allowUnsyncedForTests: true,
        queue: patientQueue(),
      });
    let postgres = await open();
    t.teardown(() => postgres.close());
    return {
      store: postgres.store,
      async reopen() {
        await postgres.close();
        postgres = await open();
        return postgres.store;
      },
    };
  });
