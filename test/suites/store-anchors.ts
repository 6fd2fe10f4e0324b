import type { Test } from 'tap';
import type { EthereumHeaderAnchor } from '../../server/ports/chain.ts';
import type { Store } from '../../server/ports/store.ts';
import { addOrganization, attemptOf, digest, entryOf, logOf, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

const at = (blockNumber: number) => ({
  transactionHash: `0x${'01'.repeat(32)}`,
  blockNumber,
  blockHash: `0x${blockNumber.toString(16).padStart(64, '0')}`,
  blockTime: 1_800_000_000,
});

const proof: EthereumHeaderAnchor = {
  type: 'ethereum-header/1',
  header: 'f9',
  transactionIndex: 0,
  transaction: '02',
  transactionProof: ['aa'],
  receipt: '02',
  receiptProof: ['bb', 'cc'],
  logPosition: 0,
};

async function sealBatches(store: Store, count: number): Promise<void> {
  const organization = await addOrganization(store);
  for (let n = 0; n < count; n++) {
    await store.deposit(entryOf(organization));
    const { firstSequence } = await store.pendingLeaves(1);
    await store.seal({ firstSequence, size: 1, root: digest(), nowMs: NOW_MS });
  }
}

export async function anchorGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('batches enter each log in their order, each once, at indexes without gaps', async (t) => {
    const { store } = await open(t);
    t.equal(await store.planAnchor(logOf(), NOW_MS), undefined);
    await sealBatches(store, 3);
    const planned = await Promise.all([1, 2, 3, 4, 5].map(() => store.planAnchor(logOf(), NOW_MS)));
    t.same(
      planned.map((anchor) => anchor && [anchor.batch, anchor.index, anchor.state]),
      [[1, 0, 'planned'], [2, 1, 'planned'], [3, 2, 'planned'], undefined, undefined],
    );
    t.match(await store.planAnchor(logOf('bb'), NOW_MS), { batch: 1, index: 0 });
    t.same(await store.logs(), [logOf(), logOf('bb')]);
    t.match(await store.anchorsOfBatch(1), [{ log: logOf() }, { log: logOf('bb') }]);
    const root = (await store.batch(2))!.root;
    t.match(await store.anchorsOfLog(logOf(), 1, 1), [{ index: 1, batch: 2, root, size: 1 }]);
    t.same(await store.anchorsOfLog(logOf('cc'), 0, 9), []);
  });

  t.test('an anchor goes from planned to mined to final, and its history says when', async (t) => {
    const { store, reopen } = await open(t);
    await sealBatches(store, 1);
    const { id } = (await store.planAnchor(logOf(), 1))!;
    const attempts = [attemptOf(7), attemptOf(7)];
    await store.recordAttempt(id, attempts[0]!, 2);
    await store.recordAttempt(id, attempts[1]!, 3);
    await store.recordAttempt(id, attempts[1]!, 4);
    await store.recordMined(id, at(10), 5);
    await store.recordMined(id, at(10), 6);
    await store.recordConfirmations(id, 4, 12);
    t.match(await store.openAnchors(logOf()), [{ id, state: 'mined', confirmations: 4, required: 12 }]);
    await store.recordFinal(id, at(10).blockHash, proof, 7);
    await store.recordFinal(id, at(10).blockHash, proof, 8);
    await store.recordMined(id, at(11), 9);
    await store.recordEvent(id, { atMs: 10, event: 'foreign-root', detail: { root: 'ff' } });

    const later = await reopen();
    t.same(await later.openAnchors(logOf()), []);
    const [anchor] = await later.anchorsOfBatch(1);
    t.match(anchor, { ...at(10), state: 'final', finalMs: 7, required: 12 });
    t.same(anchor!.proof, proof);
    t.same(await later.attempts(id), [
      { ...attempts[0], signedMs: 2 },
      { ...attempts[1], signedMs: 3 },
    ]);
    const history = await later.historyOfBatch(1);
    t.same(
      history.map(({ atMs, event, anchorId }) => [atMs, event, anchorId]),
      [
        [1, 'planned', id],
        [2, 'sent', id],
        [3, 'replaced', id],
        [5, 'mined', id],
        [7, 'final', id],
        [10, 'foreign-root', id],
      ],
    );
    t.same(history[5]!.detail, { root: 'ff' });
  });

  t.test(
    'after a reorganisation an anchor is planned again, and nothing of its history is lost',
    async (t) => {
      const { store } = await open(t);
      await sealBatches(store, 1);
      const { id } = (await store.planAnchor(logOf(), 1))!;
      await store.recordMined(id, at(10), 2);
      await store.recordFinal(id, at(10).blockHash, proof, 3);
      await store.recordReorganised(id, { blockHash: at(10).blockHash }, 4);
      const [anchor] = await store.openAnchors(logOf());
      t.match(anchor, { id, state: 'planned', confirmations: 0, index: 0 });
      for (const gone of [
        'transactionHash',
        'blockHash',
        'blockNumber',
        'blockTime',
        'finalMs',
        'proof',
      ] as const)
        t.equal(anchor![gone], undefined, gone);
      await store.recordMined(id, at(11), 5);
      await store.recordFinal(id, at(11).blockHash, proof, 6);
      const events = (await store.historyOfBatch(1)).map((event) => event.event);
      t.same(events, ['planned', 'mined', 'final', 'reorganised', 'mined', 'final']);
    },
  );

  t.test('an anchor that does not exist, or is not mined, cannot become final', async (t) => {
    const { store } = await open(t);
    await sealBatches(store, 1);
    const { id } = (await store.planAnchor(logOf(), 1))!;
    await store.recordFinal(id, at(1).blockHash, proof, 1);
    t.match(await store.openAnchors(logOf()), [{ id, state: 'planned' }]);
    await t.rejects(store.recordMined(id + 1, at(1), 1));
    await t.rejects(store.recordFinal(id + 1, at(1).blockHash, proof, 1));
    t.equal((await store.historyOfBatch(1)).length, 1);
  });

  t.test('what is said of another block than the one an anchor is in changes nothing', async (t) => {
    const { store } = await open(t);
    await sealBatches(store, 1);
    const { id } = (await store.planAnchor(logOf(), 1))!;
    await store.recordMined(id, at(10), 2);
    await store.recordReorganised(id, { blockHash: at(9).blockHash }, 3);
    await store.recordFinal(id, at(9).blockHash, proof, 3);
    t.match(await store.openAnchors(logOf()), [{ id, state: 'mined', blockHash: at(10).blockHash }]);
    await store.recordFinal(id, at(10).blockHash, proof, 4);
    await store.recordReorganised(id, { blockHash: at(9).blockHash }, 5);
    t.match(await store.anchorsOfBatch(1), [{ id, state: 'final' }]);
    const events = (await store.historyOfBatch(1)).map((event) => event.event);
    t.same(events, ['planned', 'mined', 'final']);
  });
}
