import assert from 'node:assert/strict';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { openPostgres } from '../../../server/adapters/postgres/open.ts';
import { openSqliteStore } from '../../../server/adapters/sqlite/store.ts';
import type { DepositOutcome, EvidenceFilter, JournalEntry, Store } from '../../../server/ports/store.ts';
import { digest, entryOf, fingerprintOf, idAt, NOW_MS } from '../../suites/sample.ts';
import { freshDatabase, whyNoPostgres } from '../../support/postgres.ts';

/* Whatever is asked of both, in any order: PostgreSQL answers what SQLite answers. */

const skip = whyNoPostgres();
const clock = { nowMs: () => NOW_MS };
const FILES = [digest(), digest(), digest()] as const;

const deposit = fc.record({
  owner: fc.integer({ min: 0, max: 2 }),
  key: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 3 }),
  request: fc.integer({ min: 0, max: 1 }),
  hours: fc.integer({ min: -40, max: 40 }),
  files: fc.subarray([...FILES]),
  /** of one that was handed in before: it is taken */
  oldId: fc.option(fc.nat(), { freq: 8 }),
});
type Spec = typeof deposit extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ group: fc.array(deposit, { minLength: 1, maxLength: 12 }) }) },
  { weight: 3, arbitrary: fc.record({ many: fc.array(deposit, { maxLength: 4 }), as: deposit }) },
  { weight: 2, arbitrary: fc.record({ seal: fc.integer({ min: 0, max: 6 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      owner: fc.integer({ min: 0, max: 2 }),
      list: fc.record(
        {
          sha256: fc.constantFrom(...FILES),
          state: fc.constantFrom('received' as const, 'batched' as const),
          text: fc.constantFrom('"n":1', '证', 'nowhere'),
          fromMs: fc.integer({ min: -40, max: 40 }).map((hours) => NOW_MS + hours * 3_600_000),
          toMs: fc.integer({ min: -40, max: 40 }).map((hours) => NOW_MS + hours * 3_600_000),
        },
        { requiredKeys: [] },
      ),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const plain = (outcome: PromiseSettledResult<DepositOutcome>): string => {
  if (outcome.status === 'rejected') return 'rejected';
  const { value } = outcome;
  if (value.outcome === 'stored') return `stored ${value.sequence}`;
  return value.outcome === 'replayed'
    ? `replayed ${value.stored.sequence} ${value.stored.id}`
    : value.outcome;
};

/** The same requests for both, with the same ids. */
function createHistory() {
  // The third is unknown to the store.
  const owners = [idAt(NOW_MS), idAt(NOW_MS), idAt(NOW_MS)];
  const ids: string[] = [];
  const claimOf = ({ key, request }: Spec) =>
    key === null ? undefined : { key: `k${key}`, fingerprint: fingerprintOf(`${request}`) };
  const timeOf = ({ hours }: Spec): number => NOW_MS + hours * 3_600_000;
  function entry(spec: Spec, owner = owners[spec.owner]!): JournalEntry {
    const receivedMs = timeOf(spec);
    const id = spec.oldId === null || ids.length === 0 ? idAt(receivedMs) : ids[spec.oldId % ids.length]!;
    ids.push(id);
    const text = `{"n":${ids.length},"title":"证据"}`;
    return entryOf(owner, { id, receivedMs, fileDigests: spec.files, entry: text });
  }
  return { owners, entry, claimOf, timeOf };
}

type History = ReturnType<typeof createHistory>;
type Ask = (store: Store) => Promise<unknown>;

async function listed(store: Store, owner: string, filter: EvidenceFilter, limit: number): Promise<unknown> {
  const pages: unknown[] = [];
  for (let after: string | undefined, more = true; more; ) {
    const page = await store.listEvidence(owner, filter, after === undefined ? { limit } : { after, limit });
    pages.push(page.items.map(({ leaf, ...item }) => ({ ...item, leaf: Buffer.from(leaf).toString('hex') })));
    after = page.next;
    more = after !== undefined;
  }
  return pages;
}

/** Makes up the values once, and then asks each store for the same. */
function askOf(one: Step, { owners, entry, claimOf, timeOf }: History): Ask {
  if ('group' in one) {
    const requests = one.group.map((spec) => [entry(spec), claimOf(spec)] as const);
    return async (store) =>
      (await Promise.allSettled(requests.map(([made, claim]) => store.deposit(made, claim)))).map(plain);
  }
  if ('many' in one) {
    const owner = owners[one.as.owner]!;
    const entries = one.many.map((spec) => entry(spec, owner));
    const claim = claimOf(one.as);
    const bulk = claim && { ...claim, note: `note ${entries.length}`, nowMs: timeOf(one.as) };
    return async (store) => {
      const [result] = await Promise.allSettled([store.depositMany(owner, entries, bulk)]);
      if (result!.status === 'rejected') return 'rejected';
      const { value } = result!;
      if (value.outcome !== 'replayed') return value.outcome;
      return [value.note, ...value.entries.map(({ id, leaf }) => id + Buffer.from(leaf).toString('hex'))];
    };
  }
  if ('seal' in one)
    return async (store) => {
      const { firstSequence, leaves } = await store.pendingLeaves(one.seal);
      const size = leaves.length / 32;
      const batch = { firstSequence, size, root: 'aa', nowMs: NOW_MS };
      return [
        Buffer.from(leaves).toString('hex'),
        firstSequence,
        size === 0 ? undefined : await store.seal(batch),
        await store.pending(),
      ];
    };
  return (store) => listed(store, owners[one.owner]!, one.list as EvidenceFilter, one.limit);
}

async function openBoth(dir: string) {
  const url = await freshDatabase();
  const postgres = await openPostgres({ url, clock, allowUnsyncedForTests: true });
  const sqlite = await openSqliteStore({ path: join(dir, `${idAt(NOW_MS)}.sqlite`), clock, slice: 5 });
  return [postgres.store, sqlite] as const;
}

t.test('PostgreSQL answers what SQLite answers, whatever is asked in whatever order', { skip }, async (t) => {
  const dir = t.testdir();
  let run = 0;
  let both: readonly [Store, Store] | undefined;
  const close = () => Promise.all((both ?? []).map((store) => store.close()));
  t.teardown(close);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 20 }), async (steps) => {
      run++;
      both ??= await openBoth(dir);
      const [postgres, sqlite] = both;
      const history = createHistory();
      try {
        for (const store of both)
          for (const id of history.owners.slice(0, 2))
            await store.addOrganization({ id, name: '', role: 'depositor', uscc: undefined, createdMs: 0 });
        for (const one of steps) {
          const ask = askOf(one, history);
          const [ours, theirs] = [await ask(postgres), await ask(sqlite)];
          assert.deepEqual(ours, theirs);
        }
      } catch (error) {
        // From here on they hold different things.
        await close();
        both = undefined;
        throw error;
      }
    }),
    { numRuns: 300, interruptAfterTimeLimit: 20_000 },
  );
  t.ok(run > 20, `${run} histories`);
});
