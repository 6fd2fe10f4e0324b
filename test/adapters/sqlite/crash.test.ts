import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import Sqlite from 'better-sqlite3';
import t, { type Test } from 'tap';
import { openSqliteStore } from '../../../server/adapters/sqlite/store.ts';
import type { Store } from '../../../server/ports/store.ts';
import { addOrganization, entryOf, fingerprintOf } from '../../suites/sample.ts';

type Acknowledged = readonly [key: string, id: string, sequence: number, digest: string];

const KILLS = 12;
const DEPOSITOR = new URL('./depositor.ts', import.meta.url).pathname;

/** Runs the depositor for a random moment, kills it with SIGKILL and returns what it had been promised. */
async function depositUntilKilled(path: string, organization: string, run: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [DEPOSITOR, path, organization, `run${run}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = text(child.stdout);
  await Promise.race([once(child.stdout, 'readable'), once(child, 'exit')]);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
  child.kill('SIGKILL');
  const lines = (await printed).split('\n');
  // The last line may be cut by the kill.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Acknowledged);
}

async function holds(t: Test, store: Store, organization: string, promised: readonly Acknowledged[]) {
  for (const [key, id, sequence, digest] of promised) {
    const stored = await store.evidence(organization, id);
    if (stored?.sequence !== sequence) t.fail(`${id} was promised and is not there`);
    if (Math.random() < 0.9) continue;
    const again = await store.deposit(entryOf(organization, { receivedMs: Date.now() }), {
      key,
      fingerprint: fingerprintOf(key),
    });
    if (again.outcome !== 'replayed' || again.stored.id !== id) t.fail(`${key} made a second entry`);
    const found = await store.listEvidence(organization, { sha256: digest }, { limit: 2 });
    if (found.items.length !== 1 || found.items[0]!.id !== id) t.fail(`${digest} is not found`);
  }
}

function isDense(path: string): boolean {
  const db = new Sqlite(path, { readonly: true });
  const { journal, batches, integrity } = db
    .prepare(
      `select (select count(*) = coalesce(max(sequence), 0) from entries) as journal,
        (select count(*) = coalesce(max(number), 0) and coalesce(sum(last_sequence - first_sequence + 1), 0)
          = coalesce(max(last_sequence), 0) from batches) as batches,
        (select group_concat(integrity_check) from pragma_integrity_check) as integrity`,
    )
    .get() as { journal: number; batches: number; integrity: string };
  db.close();
  return journal === 1 && batches === 1 && integrity === 'ok';
}

t.test(
  'whatever was answered is there after kill -9, again and again; nothing twice, nothing skipped',
  async (t) => {
    const path = join(t.testdir(), 'store.sqlite');
    const open = () => openSqliteStore({ path, clock: { nowMs: () => Date.now() }, slice: 300 });
    const first = await open();
    const organization = await addOrganization(first, Date.now());
    await first.close();
    let count = 0;
    for (let run = 0; run < KILLS; run++) {
      const promised = await depositUntilKilled(path, organization, run);
      count += promised.length;
      t.ok(isDense(path), `dense after kill ${run}`);
      const store = await open();
      await holds(t, store, organization, promised);
      await store.close();
    }
    t.ok(count > 100, `${count} promises`);
  },
);
