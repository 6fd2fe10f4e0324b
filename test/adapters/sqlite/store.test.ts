import { join } from 'node:path';
import { openSqliteStore } from '../../../server/adapters/sqlite/store.ts';
import { patientQueue } from '../../suites/patient.ts';
import { NOW_MS } from '../../suites/sample.ts';
import { storeSuite } from '../../suites/store.suite.ts';
import { newStamping } from '../../suites/store-stamps.ts';

/** So small that the look-up is merged all the time; lookup.test.ts goes through the other sizes. */
const SLICE = 7;

storeSuite('sqlite', async (t) => {
  const stamping = await newStamping();
  const path = join(t.testdir(), 'store.sqlite');
  const open = () =>
    openSqliteStore({
      path,
      clock: { nowMs: () => NOW_MS },
      slice: SLICE,
      queue: patientQueue(),
      stamper: stamping.spec,
    });
  let store = await open();
  t.teardown(() => store.close());
  return {
    store,
    stamping,
    async reopen() {
      await store.close();
      return (store = await open());
    },
  };
});
