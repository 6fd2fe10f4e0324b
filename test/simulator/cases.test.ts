import t from 'tap';
import type { Store } from '../../server/ports/store.ts';
import type { StoreUnderTest } from '../suites/store.suite.ts';
import { caseGuarantees } from '../suites/store-cases.ts';
import { createFaults, drawMixture } from './faults.ts';
import { randomOf } from './random.ts';
import { createSchedule } from './schedule.ts';
import { createDatabase } from './store.ts';

/* Whatever runs find out about cases rests on this: the simulated database keeps them as the real ones do. */

/** Its verbs as they are, without the wire. */
function databaseAtHand(gaps: boolean): Store {
  const random = randomOf(1);
  const schedule = createSchedule(random, 0, undefined);
  const faults = createFaults(random, drawMixture(random));
  const { verbs } = createDatabase({ random, schedule, faults, kill() {} }, gaps);
  const answered = Object.entries(verbs).map(([name, verb]) => [
    name,
    async (...args: never[]) => (verb as (...args: never[]) => unknown)(...args),
  ]);
  return Object.fromEntries(answered) as Store;
}

for (const gaps of [false, true])
  t.test(`simulated, ${gaps ? 'with gaps' : 'without gaps'}: cases`, (t) =>
    caseGuarantees(t, async () => {
      const store = databaseAtHand(gaps);
      return { store, reopen: async () => store } as unknown as StoreUnderTest;
    }),
  );
