import type { Test } from 'tap';
import type { EvidenceFilter, Store } from '../../server/ports/store.ts';
import { addOrganization, digest, entryOf, logOf, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

/** All ids that a filter finds, page by page; a short page is no end. */
async function all(store: Store, owner: string, filter: EvidenceFilter, limit = 3): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.listEvidence(owner, filter, after === undefined ? { limit } : { after, limit });
    ids.push(...page.items.map((item) => item.id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

/** Twelve entries, newest first, a second apart, and one of a neighbour with the same file and text. */
async function filled(store: Store) {
  const owner = await addOrganization(store);
  const shared = digest();
  const entries = [];
  for (let n = 0; n < 12; n++) {
    const entry = entryOf(owner, {
      receivedMs: NOW_MS + n * 1_000,
      entry: JSON.stringify({ title: `第${n}号 "引" \n`, n }),
      fileDigests: n % 3 === 0 ? [digest(), shared] : [digest()],
    });
    await store.deposit(entry);
    entries.unshift(entry);
  }
  const neighbour = await addOrganization(store);
  await store.deposit(entryOf(neighbour, { fileDigests: [shared], entry: entries[0]!.entry }));
  return { owner, shared, entries, ids: entries.map((entry) => entry.id) };
}

export async function listingGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('a list has everything of its organization once, newest first', async (t) => {
    const { store } = await open(t);
    const { owner, ids } = await filled(store);
    for (const limit of [1, 3, 12, 100]) t.same(await all(store, owner, {}, limit), ids);
    t.same(await all(store, 'x', {}), []);
  });

  t.test('a file is found by its digest at once, in one page or in many, also after a restart', async (t) => {
    const { store, reopen } = await open(t);
    const { owner, shared, entries } = await filled(store);
    const wanted = entries.filter((entry) => entry.fileDigests.includes(shared)).map((entry) => entry.id);
    t.equal(wanted.length, 4);
    for (const limit of [1, 2, 100]) t.same(await all(store, owner, { sha256: shared }, limit), wanted);
    t.same(await all(store, owner, { sha256: digest() }), []);
    t.same(await all(store, owner, { sha256: 'no digest' }), []);
    t.same(await all(await reopen(), owner, { sha256: shared }), wanted);
  });

  t.test('times bound a list, from inclusive, to exclusive', async (t) => {
    const { store } = await open(t);
    const { owner, shared, ids } = await filled(store);
    const filter = { fromMs: NOW_MS + 2_000, toMs: NOW_MS + 7_000 };
    t.same(await all(store, owner, filter), ids.slice(5, 10));
    t.same(await all(store, owner, { ...filter, sha256: shared }), [ids[5], ids[8]]);
    t.same(await all(store, owner, { fromMs: NOW_MS + 99_000 }), []);
  });

  t.test('text is found as it was given: exact, with case, and with what JSON escapes', async (t) => {
    const { store } = await open(t);
    const { owner, shared, ids } = await filled(store);
    t.same(await all(store, owner, { text: '第7号' }), [ids[4]]);
    t.same(await all(store, owner, { text: '号 "引" \n' }), ids);
    t.same(await all(store, owner, { text: 'TITLE' }), []);
    t.same(await all(store, owner, { text: '%' }), []);
    t.same(await all(store, owner, { text: '第9号', sha256: shared }), [ids[2]]);
  });

  t.test('the state of an entry follows its batch and the best of its anchors', async (t) => {
    const { store } = await open(t);
    const { owner, shared, ids } = await filled(store);
    const { firstSequence } = await store.pendingLeaves(1);
    for (const n of [0, 1, 2])
      await store.seal({ firstSequence: firstSequence + 3 * n, size: 3, root: digest(), nowMs: NOW_MS });
    const [first, second] = [await store.planAnchor(logOf(), 1), await store.planAnchor(logOf(), 1)];
    const at = { transactionHash: '0x1', blockNumber: 1, blockHash: '0x2', blockTime: 1 };
    for (const anchor of [first!, second!]) await store.recordMined(anchor.id, at, 1);
    await store.recordFinal(first!.id, at.blockHash, {} as never, 2);

    const states = (await store.listEvidence(owner, {}, { limit: 50 })).items.map((item) => item.state);
    const expected = ['received', 'batched', 'anchoring', 'anchored'] as const;
    t.same(
      states,
      expected.flatMap((state) => [state, state, state]),
    );
    for (const [n, state] of expected.entries()) {
      t.same(await all(store, owner, { state }), ids.slice(3 * n, 3 * n + 3));
      t.same(await all(store, owner, { state, sha256: shared }), [ids[3 * n + 2]]);
    }
    await store.recordReorganised(second!.id, { blockHash: at.blockHash }, 3);
    t.same(await all(store, owner, { state: 'anchoring' }), []);
    t.same(await all(store, owner, { state: 'batched' }), ids.slice(3, 9));
  });

  t.test('a filter that finds nothing looks at a bounded number of entries a page', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const rare = entryOf(owner, { receivedMs: NOW_MS - 1, entry: '"rare"' });
    await store.deposit(rare);
    await store.depositMany(
      owner,
      Array.from({ length: 11_000 }, () => entryOf(owner)),
    );
    const page = await store.listEvidence(owner, { text: 'rare' }, { limit: 5 });
    t.same(page.items, []);
    t.ok(page.next);
    t.same(await all(store, owner, { text: 'rare' }), [rare.id]);
  });

  t.test('a file that was deposited many thousand times is listed whole, in bounded pages', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const fileDigests = [digest()];
    const entries = Array.from({ length: 11_000 }, () => entryOf(owner, { fileDigests }));
    await store.depositMany(owner, entries);
    const found = await all(store, owner, { sha256: fileDigests[0]! }, 4_000);
    t.same(found, entries.map((entry) => entry.id).reverse());
    t.same(await all(store, owner, { sha256: fileDigests[0]!, text: 'nowhere' }, 100), []);
  });
}
