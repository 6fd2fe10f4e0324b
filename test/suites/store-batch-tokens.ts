import { createHash } from 'node:crypto';
import type { Test } from 'tap';
import type { Batch, NewBatchToken, Store } from '../../server/ports/store.ts';
import { addOrganization, entryOf, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

const A = 'http://a.example/';
const B = 'http://b.example/';

const name = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const batchTokenOf = (batch: number, more: Partial<NewBatchToken> = {}): NewBatchToken => ({
  batch,
  url: A,
  label: '甲机构',
  log: { chainId: 1, contract: `0x${'22'.repeat(20)}`, operator: `0x${'33'.repeat(20)}`, index: batch - 1 },
  token: Uint8Array.of(1, 2, batch),
  receivedMs: NOW_MS,
  evidence: [
    { kind: 'certificate', value: Uint8Array.of(7) },
    { kind: 'crl', value: Uint8Array.of(8) },
  ],
  ...more,
});

async function sealAll(store: Store): Promise<Batch> {
  const { firstSequence, leaves } = await store.pendingLeaves(1_000);
  const root = createHash('sha256').update(leaves).digest('hex');
  return store.seal({ firstSequence, size: leaves.length / 32, root, nowMs: NOW_MS });
}

async function withBatch(t: Test, open: OpenStore) {
  const { store, reopen } = await open(t);
  const organization = await addOrganization(store);
  const operator = await addOrganization(store);
  await store.deposit(entryOf(organization));
  return { store, reopen, organization, operator, batch: await sealAll(store) };
}

export async function batchTokenGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('an authority begins with the batch that is sealed next, and keeps its place', async (t) => {
    const { store, reopen, organization, batch } = await withBatch(t, open);
    t.same(await store.askedAuthorities(), []);
    t.same(await store.joinAuthorities([A]), [{ url: A, nextBatch: batch.number + 1 }]);
    await store.deposit(entryOf(organization));
    const next = await sealAll(store);
    t.same(
      await store.joinAuthorities([A, B]),
      [
        { url: A, nextBatch: next.number },
        { url: B, nextBatch: next.number + 1 },
      ],
      'one that comes later begins later',
    );
    await store.passBatch(A, next.number - 1);
    await store.passBatch(A, next.number + 1);
    const again = await reopen();
    t.equal((await again.askedAuthorities())[0]!.nextBatch, next.number, 'only the next one is passed');
    await again.passBatch(A, next.number);
    t.equal((await again.askedAuthorities())[0]!.nextBatch, next.number + 1);
    await again.joinAuthorities([B]);
    await again.deposit(entryOf(organization));
    await sealAll(again);
    t.same(
      (await again.joinAuthorities([A, B])).map(({ nextBatch }) => nextBatch),
      [next.number + 2, next.number + 1],
      'one that was away meanwhile begins anew',
    );
  });

  t.test('a token is kept with its entry and what came with it, once for a batch and address', async (t) => {
    const { store, reopen, operator, batch } = await withBatch(t, open);
    await store.joinAuthorities([]);
    const entries = [1, 2, 3].map(() => entryOf(operator, { fileDigests: [] }));
    const given = batchTokenOf(batch.number);
    t.equal(await store.keepBatchToken(given, entries[0]!), true);
    const other = { ...given, token: Uint8Array.of(9) };
    t.equal(await store.keepBatchToken(other, entries[1]!), false, 'the first one stays');
    const second = { ...given, url: B, label: '乙', evidence: given.evidence.slice(0, 1) };
    t.equal(await store.keepBatchToken(second, entries[2]!), true);
    const again = await reopen();
    const names = given.evidence.map(({ value }) => name(value));
    const sequence = batch.lastSequence + 1;
    t.same(await again.batchTokens(batch.number), [
      { ...given, evidence: names, sequence },
      { ...second, evidence: names.slice(0, 1), sequence: sequence + 1 },
    ]);
    t.same(await again.batchTokens(batch.number + 1), []);
    t.same(await again.tokenEvidence(names.toReversed()), given.evidence.toReversed());
    t.same(await again.tokenEvidence([]), []);
    await t.rejects(again.tokenEvidence(['00'.repeat(32)]), /missing/);
    t.match(await again.evidence(operator, entries[0]!.id), { entry: entries[0]!.entry, sequence });
    t.equal(await again.evidence(operator, entries[1]!.id), undefined, 'its entry is not there either');
    t.equal((await again.pending()).count, 2);
    t.equal(await again.stampOf(sequence), undefined, 'nobody is promised anything by it');
    const { leaves } = await again.pendingLeaves(10);
    t.same(
      Buffer.from(leaves),
      Buffer.concat([entries[0]!, entries[2]!].map(({ leaf }) => leaf)),
      'and they wait for a batch as all do',
    );
  });

  t.test(
    'where a token is kept, its authority goes on to the next batch, also where it was there',
    async (t) => {
      const { store, organization, operator } = await withBatch(t, open);
      await store.joinAuthorities([A, B]);
      await store.deposit(entryOf(organization));
      const { number } = await sealAll(store);
      const next = async () => (await store.askedAuthorities()).map(({ nextBatch }) => nextBatch - number);
      t.same(await next(), [0, 0]);
      await store.keepBatchToken(batchTokenOf(number), entryOf(operator));
      t.same(await next(), [1, 0]);
      await store.keepBatchToken(batchTokenOf(number), entryOf(operator));
      t.same(await next(), [1, 0]);
      await store.joinAuthorities([B]);
      await store.keepBatchToken(batchTokenOf(number, { url: B }), entryOf(operator));
      t.same(await next(), [1]);
    },
  );

  t.test('of two that keep a token at once one is kept, and one entry', async (t) => {
    const { store, operator, batch } = await withBatch(t, open);
    const kept = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        store.keepBatchToken(
          batchTokenOf(batch.number, { token: Uint8Array.of(n) }),
          entryOf(operator, { fileDigests: [] }),
        ),
      ),
    );
    t.equal(kept.filter(Boolean).length, 1);
    t.equal((await store.batchTokens(batch.number)).length, 1);
    t.equal((await store.pending()).count, 1);
  });

  t.test('what cannot be kept whole is not kept at all', async (t) => {
    const { store, operator, batch } = await withBatch(t, open);
    const nobody = entryOf('01a204cb-591c-7000-a27b-000000000001');
    await t.rejects(store.keepBatchToken(batchTokenOf(batch.number), nobody));
    await t.rejects(store.keepBatchToken(batchTokenOf(batch.number + 7), entryOf(operator)));
    t.same(await store.batchTokens(batch.number), []);
    t.equal((await store.pending()).count, 0);
    t.equal(await store.keepBatchToken(batchTokenOf(batch.number), entryOf(operator)), true);
    t.equal((await store.batchTokens(batch.number))[0]!.sequence, batch.lastSequence + 1, 'without a gap');
  });

  t.test('a batch tells whether it holds entries of others', async (t) => {
    const { store, organization, operator, batch } = await withBatch(t, open);
    t.equal(await store.holdsOthers(batch, operator), true);
    t.equal(await store.holdsOthers(batch, organization), false);
    await store.deposit(entryOf(operator));
    await store.deposit(entryOf(organization));
    t.equal(await store.holdsOthers(await sealAll(store), operator), true);
    await store.deposit(entryOf(operator));
    t.equal(await store.holdsOthers(await sealAll(store), operator), false);
  });
}
