import { openSqliteStore } from '../../../server/adapters/sqlite/store.ts';
import { entryOf, fingerprintOf } from '../../suites/sample.ts';

/*
 * A process that deposits until it is killed: one line on its standard output for each answer, written when the
 * answer is there. Run by crash.test.ts: path, organization, name of the run.
 */
const [path, organization, run] = process.argv.slice(2) as [string, string, string];

/** Small, so that kills fall into every part of merging. */
const SLICE = 300;
const AT_ONCE = 48;

const store = await openSqliteStore({ path, clock: { nowMs: () => Date.now() }, slice: SLICE });
let count = 0;

async function depositForEver(): Promise<never> {
  for (;;) {
    const key = `${run}-${++count}`;
    const entry = entryOf(organization, { receivedMs: Date.now() });
    const outcome = await store.deposit(entry, { key, fingerprint: fingerprintOf(key) });
    if (outcome.outcome === 'stored')
      process.stdout.write(`${JSON.stringify([key, entry.id, outcome.sequence, entry.fileDigests[0]])}\n`);
  }
}

async function sealForEver(): Promise<never> {
  for (;;) {
    const { firstSequence, leaves } = await store.pendingLeaves(500);
    const size = leaves.length / 32;
    if (size > 0) await store.seal({ firstSequence, size, root: 'ab', nowMs: Date.now() });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await Promise.all([sealForEver(), ...Array.from({ length: AT_ONCE }, depositForEver)]);
