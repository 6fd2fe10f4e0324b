import type { Test } from 'tap';
import type { DepositOutcome } from '../../server/ports/store.ts';
import { addOrganization, DAY_MS, entryOf, fingerprintOf, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

const claim = (key: string, request = 'a') => ({ key, fingerprint: fingerprintOf(request) });
const bulk = (key: string, request = 'a', nowMs = NOW_MS) => ({
  ...claim(key, request),
  note: '["line 2 was bad"]',
  nowMs,
});
const kinds = (outcomes: readonly DepositOutcome[]) => outcomes.map((outcome) => outcome.outcome);

export async function idempotencyGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('the same key gives one entry, at once, later and after a restart', async (t) => {
    const { store, reopen } = await open(t);
    const organization = await addOrganization(store);
    const entries = Array.from({ length: 40 }, () => entryOf(organization));
    const outcomes = await Promise.all(entries.map((entry) => store.deposit(entry, claim('k'))));
    t.same(kinds(outcomes), ['stored', ...Array<string>(39).fill('replayed')]);
    for (const _ of ['one restart', 'two']) {
      const later = await reopen();
      const outcome = await later.deposit(entryOf(organization), claim('k'));
      t.match(outcome, { outcome: 'replayed', stored: { id: entries[0]!.id, entry: entries[0]!.entry } });
      t.equal((await later.pending()).count, 1);
    }
  });

  t.test('the same key for another request is refused and stores nothing', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const outcomes = await Promise.all(
      ['a', 'b', 'a'].map((request) => store.deposit(entryOf(organization), claim('k', request))),
    );
    t.same(kinds(outcomes), ['stored', 'key-reused', 'replayed']);
    t.equal((await store.pending()).count, 1);
  });

  t.test('keys of one organization say nothing to another', async (t) => {
    const { store } = await open(t);
    const owners = [await addOrganization(store), await addOrganization(store)];
    const outcomes = await Promise.all(owners.map((owner) => store.deposit(entryOf(owner), claim('k'))));
    t.same(kinds(outcomes), ['stored', 'stored']);
  });

  t.test('a key counts for 24 hours, also when the clock was set back', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const at = (ms: number) => store.deposit(entryOf(organization, { receivedMs: NOW_MS + ms }), claim('k'));
    t.match(await at(0), { outcome: 'stored' });
    t.match(await at(DAY_MS - 1), { outcome: 'replayed' });
    t.match(await at(1 - DAY_MS), { outcome: 'replayed' });
    t.match(await at(DAY_MS), { outcome: 'stored' });
    t.match(await at(DAY_MS + 1), { outcome: 'replayed' });
  });

  t.test('a bulk call with the same key is replayed whole, with its note', async (t) => {
    const { store, reopen } = await open(t);
    const organization = await addOrganization(store);
    const entries = Array.from({ length: 3 }, () => entryOf(organization));
    const first = await store.depositMany(organization, entries, bulk('k'));
    const calls = await Promise.all([
      store.depositMany(organization, [entryOf(organization)], bulk('k')),
      store.depositMany(organization, entries, bulk('k', 'b')),
    ]);
    t.same(
      [first, ...calls].map((call) => call.outcome),
      ['stored', 'replayed', 'key-reused'],
    );
    // Which of several at once is the first nobody says; but one is.
    const racing = await Promise.all(
      [1, 2, 3].map(() => store.depositMany(organization, [entryOf(organization)], bulk('r'))),
    );
    t.same(racing.map((call) => call.outcome).sort(), ['replayed', 'replayed', 'stored']);
    const later = await reopen();
    const replayed = await later.depositMany(organization, entries, bulk('k'));
    t.match(replayed, { outcome: 'replayed', note: '["line 2 was bad"]' });
    if (replayed.outcome !== 'replayed') return;
    t.same(
      replayed.entries.map(({ id, leaf }) => [id, Buffer.from(leaf)]),
      entries.map(({ id, leaf }) => [id, Buffer.from(leaf)]),
    );
    const nextDay = await later.depositMany(
      organization,
      [entryOf(organization)],
      bulk('k', 'b', NOW_MS + DAY_MS),
    );
    t.match(nextDay, { outcome: 'stored' });
    t.equal((await later.pending()).count, 5);
  });

  t.test('a bulk call in which no line was good is replayed too', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    t.match(await store.depositMany(organization, [], bulk('k')), { outcome: 'stored' });
    t.match(await store.depositMany(organization, [], bulk('k')), { outcome: 'replayed', entries: [] });
  });

  t.test('a key that a bulk call used is used for single deposits, and the other way round', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    await store.depositMany(organization, [entryOf(organization)], bulk('many'));
    await store.deposit(entryOf(organization), claim('one'));
    t.match(await store.deposit(entryOf(organization), claim('many')), { outcome: 'key-reused' });
    t.match(await store.depositMany(organization, [], bulk('one')), { outcome: 'key-reused' });
  });
}
