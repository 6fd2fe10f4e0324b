import { parseArgs } from 'node:util';
import { BUGS } from './bugs.ts';
import { simulate } from './simulation.ts';

/*
 * node test/simulator/run.ts --seed N [--steps M] [--verbose] [--length L] [--count C] [--fsck] [--bug NAME]
 * Runs a seed again, exactly as it was; or C seeds from N on. Exit code 1 where something did not hold.
 */

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    steps: { type: 'string' },
    length: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    bug: { type: 'string' },
    fsck: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const bug = BUGS.find(({ name }) => name === values.bug);
if (values.seed === undefined || (values.bug !== undefined && bug === undefined)) {
  say(`usage: node test/simulator/run.ts --seed N [--steps M] [--verbose] [--length L] [--count C] [--fsck] [--bug NAME]
bugs: ${BUGS.map(({ name }) => `\n  ${name}`).join('')}`);
  process.exit(64);
}

let failed = 0;
let steps = 0;
const begun = performance.now();
const count = Number(values.count);
for (let seed = Number(values.seed); seed < Number(values.seed) + count; seed++) {
  const result = await simulate({
    seed,
    length: Number(values.length),
    fsck: values.fsck,
    ...(values.steps !== undefined && { steps: Number(values.steps) }),
    ...(values.verbose && { print: say }),
    ...(bug && { bug }),
  });
  steps += result.steps;
  const { violation } = result;
  if (violation !== undefined) {
    failed++;
    say(`seed ${seed}, step ${violation.step}, ${violation.what}`);
  } else if (count === 1)
    say(
      `seed ${seed}: ${result.steps} steps, ${result.certificates} certificates, ${result.events} events of cases, ${result.digest}`,
    );
}
if (count > 1) {
  const ms = performance.now() - begun;
  say(`${count} seeds, ${failed} failed, ${steps} steps, ${(ms / count).toFixed(1)} ms a seed`);
}
process.exitCode = failed > 0 ? 1 : 0;
