import t from 'tap';
import { CI_SEEDS, type RunResult, simulate } from './simulation.ts';

/*
 * Thousands of short runs, each with other faults. A seed that fails runs again, exactly as it was, by
 * `node test/simulator/run.ts --seed N --verbose`. KEZHENG_TEST_LONG=1 adds a million steps in long runs.
 */

const LONG = process.env['KEZHENG_TEST_LONG'] === '1';
// Two minutes of one core; on a machine that does much else, as much as it takes.
t.setTimeout(LONG ? 7_200_000 : 1_800_000);

/** fsck checks every certificate anew; one run in so many has it look at what is left, with cases in it and without. */
const FSCK_EVERY = LONG ? 1 : 9;

/** The first that are run twice. */
const TWICE = 50;

const told = ({ seed, violation }: RunResult): string =>
  `seed ${seed}, step ${violation!.step}, ${violation!.what}`;

t.test('a seed is the same run each time, to the last event', async (t) => {
  for (let seed = 1; seed <= TWICE; seed++) {
    const [once, again] = [await simulate({ seed }), await simulate({ seed })];
    if (once.digest !== again.digest || once.steps !== again.steps) t.fail(`seed ${seed} has two runs`);
  }
  const digests = new Set<string>();
  for (let seed = 1; seed <= TWICE; seed++) digests.add((await simulate({ seed, steps: 200 })).digest);
  t.equal(digests.size, TWICE, 'and each seed is another one');
});

t.test(`nothing promised is lost, doubled or stuck, whatever goes wrong, in ${CI_SEEDS} runs`, async (t) => {
  let steps = 0;
  let certificates = 0;
  let events = 0;
  for (let seed = 1; seed <= CI_SEEDS; seed++) {
    const result = await simulate({ seed, fsck: seed % FSCK_EVERY === 0 });
    steps += result.steps;
    certificates += result.certificates;
    events += result.events;
    if (result.violation !== undefined) t.fail(told(result));
  }
  t.comment(`${steps} steps, ${certificates} certificates, ${events} events of cases`);
  t.ok(certificates > CI_SEEDS && events > CI_SEEDS, 'and there was something to be lost');
});

if (LONG)
  t.test('nor in a million steps of long runs', async (t) => {
    const MILLION = 1_000_000;
    for (let seed = 1, steps = 0; steps < MILLION; seed++) {
      const result = await simulate({ seed, length: 20, fsck: true });
      steps += result.steps;
      if (result.violation !== undefined) t.fail(told(result));
    }
    t.pass();
  });
