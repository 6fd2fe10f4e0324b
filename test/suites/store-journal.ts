import type { Test } from 'tap';
import type { Store } from '../../server/ports/store.ts';
import { addOrganization, digest, entryOf, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

const sealed = (firstSequence: number, size: number) => ({
  firstSequence,
  size,
  root: digest(),
  nowMs: NOW_MS,
});

/** Deposits all at once and returns the sequences in the order of the calls. */
async function depositAll(store: Store, entries: readonly ReturnType<typeof entryOf>[]): Promise<number[]> {
  const outcomes = await Promise.all(entries.map((entry) => store.deposit(entry)));
  return outcomes.map((outcome) => (outcome.outcome === 'stored' ? outcome.sequence : Number.NaN));
}

export async function journalGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('a deposit is there as soon as it is answered, byte for byte, also after a restart', async (t) => {
    const { store, reopen } = await open(t);
    const entry = entryOf(await addOrganization(store), { entry: '{"a":"证据 \u2028 😀 \\u0000"}' });
    const [sequence] = await depositAll(store, [entry]);
    for (const open of [async () => store, reopen]) {
      const found = (await (await open()).evidence(entry.organization, entry.id))!;
      const { organization, id } = entry;
      t.match(found, { sequence, id, organization, entry: entry.entry, receivedMs: NOW_MS });
      t.same(Buffer.from(found.leaf), Buffer.from(entry.leaf));
    }
  });

  t.test('many deposits at once get increasing sequences in the order of the calls', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const sequences = await depositAll(
      store,
      Array.from({ length: 500 }, () => entryOf(organization)),
    );
    t.same(
      sequences,
      sequences.toSorted((a, b) => a - b),
    );
    t.equal(new Set(sequences).size, 500);
    t.match(await store.pending(), { count: 500, oldestMs: NOW_MS });
  });

  t.test('a deposit that cannot be stored fails alone, and those beside it are stored', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const twice = entryOf(organization);
    const results = await Promise.allSettled([
      store.deposit(twice),
      store.deposit(twice),
      store.deposit(entryOf(entryOf(organization).id)),
      store.deposit(entryOf('not-an-id')),
      store.deposit(entryOf(organization)),
    ]);
    t.same(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'],
    );
    t.equal((await store.pending()).count, 2);
    t.equal((await store.pendingLeaves(9)).leaves.length, 64);
  });

  t.test('an entry of another organization is not there, as is one with an id that is none', async (t) => {
    const { store } = await open(t);
    const entry = entryOf(await addOrganization(store));
    await store.deposit(entry);
    t.equal(await store.evidence(await addOrganization(store), entry.id), undefined);
    t.equal(await store.evidence(entry.organization, 'x'), undefined);
    t.equal(await store.evidence('x', entry.id), undefined);
  });

  t.test('a bulk call is stored whole and in order, or not at all', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const entries = Array.from({ length: 1_000 }, () => entryOf(organization));
    t.same(await store.depositMany(organization, entries), { outcome: 'stored' });
    const { leaves } = await store.pendingLeaves(2_000);
    t.same(Buffer.from(leaves), Buffer.concat(entries.map((entry) => entry.leaf)));
    await t.rejects(store.depositMany(organization, [entryOf(organization), entries[0]!]));
    await t.rejects(store.depositMany(organization, [entryOf(entryOf(organization).id)]));
    t.equal((await store.pending()).count, 1_000);
    t.same(await store.depositMany(organization, []), { outcome: 'stored' });
  });

  t.test('leaves wait in the order of the journal, also after a restart', async (t) => {
    const { store, reopen } = await open(t);
    const organization = await addOrganization(store);
    const entries = Array.from({ length: 2_100 }, () => entryOf(organization));
    const sequences = await depositAll(store, entries);
    // What comes at once is stored in groups, of which one may overtake another.
    const inOrder = entries.map((_, i) => i).sort((a, b) => sequences[a]! - sequences[b]!);
    const expected = Buffer.concat(inOrder.map((i) => entries[i]!.leaf));
    const before = await store.pendingLeaves(2_000);
    t.same(Buffer.from(before.leaves), expected.subarray(0, 2_000 * 32));
    await store.seal(sealed(before.firstSequence, 1_500));
    const after = await store.pendingLeaves(10_000);
    t.same(Buffer.from(after.leaves), expected.subarray(1_500 * 32));
    const again = await (await reopen()).pendingLeaves(10_000);
    t.same(Buffer.from(again.leaves), Buffer.from(after.leaves));
    t.equal(again.firstSequence, after.firstSequence);
  });

  t.test('a batch is sealed exactly once, and numbers have no gaps', async (t) => {
    const { store } = await open(t);
    t.same(await store.pending(), { count: 0, oldestMs: undefined });
    t.equal(await store.lastBatch(), undefined);
    const organization = await addOrganization(store);
    await depositAll(
      store,
      [1, 2, 3, 4, 5].map((n) => entryOf(organization, { receivedMs: NOW_MS + n })),
    );
    const { firstSequence } = await store.pendingLeaves(5);
    const first = sealed(firstSequence, 2);
    const twice = await Promise.allSettled([store.seal(first), store.seal(first)]);
    t.same(twice.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
    const wrong = [sealed(firstSequence + 3, 1), sealed(firstSequence + 2, 4), sealed(firstSequence + 2, 0)];
    for (const batch of wrong) await t.rejects(store.seal(batch));
    const second = await store.seal(sealed(firstSequence + 2, 3));
    t.match(second, { number: 2, size: 3, oldestMs: NOW_MS + 3, firstSequence: firstSequence + 2 });
    t.match(await store.batch(1), { number: 1, size: 2, root: first.root, oldestMs: NOW_MS + 1 });
    t.same(await store.lastBatch(), second);
    t.equal(await store.batch(3), undefined);
    t.equal((await store.pending()).count, 0);
  });

  t.test('the place of an entry is its batch and its index, and none while it waits', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const sequences = await depositAll(
      store,
      [1, 2, 3, 4].map(() => entryOf(organization)),
    );
    await store.seal(sealed(sequences[0]!, 1));
    await store.seal(sealed(sequences[1]!, 2));
    const places = await Promise.all(sequences.map((sequence) => store.placeOf(sequence)));
    t.same(
      places.map((place) => place && [place.batch.number, place.index]),
      [[1, 0], [2, 0], [2, 1], undefined],
    );
  });
}
