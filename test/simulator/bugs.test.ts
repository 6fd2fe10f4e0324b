import t from 'tap';
import { BUGS } from './bugs.ts';
import { CI_SEEDS, type RunResult, simulate } from './simulation.ts';

/* Of every mistake that is put in on purpose one of the seeds that CI runs must tell. */

t.setTimeout(1_800_000);

for (const bug of BUGS)
  t.test(`it is found that ${bug.name}`, async (t) => {
    const run = (seed: number) => simulate({ seed, bug, fsck: bug.atRest !== undefined });
    let found: RunResult | undefined;
    for (let seed = 1; seed <= CI_SEEDS && found === undefined; seed++) {
      const result = await run(seed);
      if (result.violation !== undefined) found = result;
    }
    if (found === undefined) {
      t.fail(`not in ${CI_SEEDS} seeds`);
      return;
    }
    t.comment(`seed ${found.seed}, step ${found.violation!.step}, ${found.violation!.what}`);
    t.strictSame(await run(found.seed), found, 'and its run can be had again');
  });
