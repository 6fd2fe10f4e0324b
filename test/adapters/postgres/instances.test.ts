import t, { type Test } from 'tap';
import { openPostgres } from '../../../server/adapters/postgres/open.ts';
import type { DepositOutcome, Store } from '../../../server/ports/store.ts';
import { patientQueue } from '../../suites/patient.ts';
import {
  addOrganization,
  attemptOf,
  digest,
  entryOf,
  fingerprintOf,
  logOf,
  NOW_MS,
} from '../../suites/sample.ts';
import { freshDatabase, sharedPostgres, whyNoPostgres } from '../../support/postgres.ts';

/* Two instances on one database: whatever they do at once comes out as if one had done it after the other. */

const skip = whyNoPostgres();
const options = { clock: { nowMs: () => NOW_MS }, allowUnsyncedForTests: true };

async function openTwo(t: Test) {
  const url = await freshDatabase();
  const both = await Promise.all([1, 2].map(() => openPostgres({ ...options, url, queue: patientQueue() })));
  for (const one of both) t.teardown(() => one.close());
  const stores = both.map((one) => one.store) as [Store, Store];
  return { url, stores, organization: await addOrganization(stores[0]) };
}

const claimOf = (key: string) => ({ key, fingerprint: fingerprintOf(key) });
const sequenceOf = (outcome: DepositOutcome): number =>
  outcome.outcome === 'stored' ? outcome.sequence : Number.NaN;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const ascending = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

async function sealOnes(store: Store, organization: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await store.deposit(entryOf(organization));
    const { firstSequence } = await store.pendingLeaves(1);
    await store.seal({ firstSequence, size: 1, root: digest(), nowMs: NOW_MS });
  }
}

t.test(
  'sequences have no gaps and are unique, and each instance keeps its own order',
  { skip },
  async (t) => {
    const { stores, organization } = await openTwo(t);
    const deposits = stores.map((store) =>
      Promise.all(Array.from({ length: 1_500 }, () => store.deposit(entryOf(organization)))),
    );
    const bulk = stores.map((store) =>
      store.depositMany(
        organization,
        Array.from({ length: 400 }, () => entryOf(organization)),
      ),
    );
    const sequences = (await Promise.all(deposits)).map((outcomes) => outcomes.map(sequenceOf));
    await Promise.all(bulk);
    for (const own of sequences) t.same(own, ascending(own));
    t.equal(new Set(sequences.flat()).size, 3_000);
    const { leaves } = await stores[1].pendingLeaves(10_000);
    t.equal(leaves.length, 32 * 3_800);
    t.equal((await stores[0].pending()).count, 3_800);
  },
);

t.test('who sees an entry sees all before it', { skip }, async (t) => {
  const { url, stores, organization } = await openTwo(t);
  const server = await sharedPostgres();
  let isDone = false;
  const reader = (async () => {
    let looks = 0;
    for (; !isDone; looks++) {
      const [row] = await server.sql<{ dense: boolean }>(
        'select count(*) = coalesce(max(sequence), 0) as dense from entries',
        url,
      );
      if (!row!.dense) t.fail('a gap was seen');
    }
    return looks;
  })();
  const depositFor = async (store: Store, ms: number): Promise<void> => {
    for (const began = Date.now(); Date.now() - began < ms; ) await store.deposit(entryOf(organization));
  };
  await Promise.all(stores.flatMap((store) => upTo(8).map(() => depositFor(store, 1_500))));
  isDone = true;
  t.ok((await reader) > 20);
});

t.test('the same key on two instances at once makes one entry', { skip }, async (t) => {
  const { stores, organization } = await openTwo(t);
  const keys = upTo(200).map(String);
  const [ours, theirs] = (await Promise.all(
    stores.map((store) => Promise.all(keys.map((key) => store.deposit(entryOf(organization), claimOf(key))))),
  )) as [DepositOutcome[], DepositOutcome[]];
  for (const i of keys.keys()) {
    const kinds = [ours[i]!.outcome, theirs[i]!.outcome].sort();
    if (kinds.join() !== 'replayed,stored') t.fail(`key ${i}: ${kinds}`);
  }
  t.equal((await stores[0].pending()).count, 200);

  const bulk = { ...claimOf('many'), note: '', nowMs: NOW_MS };
  const calls = await Promise.all(
    [...stores, ...stores].map((store) => store.depositMany(organization, [entryOf(organization)], bulk)),
  );
  t.same(calls.map((call) => call.outcome).sort(), ['replayed', 'replayed', 'replayed', 'stored']);
  t.equal((await stores[0].pending()).count, 201);
});

t.test('a batch is sealed once, whoever tries', { skip }, async (t) => {
  const { stores, organization } = await openTwo(t);
  for (let round = 0; round < 10; round++) {
    const outcome = await stores[0].deposit(entryOf(organization));
    const batch = { firstSequence: sequenceOf(outcome), size: 1, root: digest(), nowMs: NOW_MS };
    const results = await Promise.allSettled(stores.map((store) => store.seal(batch)));
    t.same(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
    const failed = results.find((result) => result.status === 'rejected');
    t.match(failed?.reason, /is not the first waiting one/);
  }
  t.match(await stores[1].lastBatch(), { number: 10, lastSequence: 10 });
});

t.test('each batch gets one index of a log, and indexes have no gaps', { skip }, async (t) => {
  const { stores, organization } = await openTwo(t);
  await sealOnes(stores[0], organization, 20);
  const planned = await Promise.all(
    upTo(15).flatMap(() => stores.map((store) => store.planAnchor(logOf(), NOW_MS))),
  );
  const made = planned.flatMap((anchor) => (anchor === undefined ? [] : [anchor]));
  t.same(
    ascending(made.map((anchor) => anchor.index)),
    upTo(20).map((n) => n - 1),
  );
  t.ok(made.every((anchor) => anchor.batch === anchor.index + 1));
  t.equal((await stores[0].logs()).length, 1);
});

t.test(
  'an anchor changes once, and the progress of its batch is that of its best anchor',
  { skip },
  async (t) => {
    const { stores, organization } = await openTwo(t);
    await sealOnes(stores[0], organization, 8);
    const at = { transactionHash: '0x1', blockNumber: 1, blockHash: '0x2', blockTime: 1 };
    const attempt = attemptOf(1);
    for (let n = 0; n < 8; n++) {
      const anchors = [
        (await stores[0].planAnchor(logOf('aa'), 1))!,
        (await stores[1].planAnchor(logOf('bb'), 1))!,
      ] as const;
      // Both tell the same, and of the two logs each is told by another instance at the same time.
      await Promise.all(stores.map((store) => store.recordAttempt(anchors[0].id, attempt, 2)));
      await Promise.all([
        ...stores.map((store) => store.recordMined(anchors[0].id, at, 3)),
        ...stores.map((store) => store.recordMined(anchors[1].id, at, 3)),
      ]);
      await Promise.all([
        stores[0].recordReorganised(anchors[0].id, { blockHash: at.blockHash }, 4),
        stores[1].recordFinal(anchors[1].id, at.blockHash, {} as never, 4),
      ]);
      const events = (await stores[0].historyOfBatch(n + 1))
        .filter((event) => event.anchorId === anchors[0].id)
        .map((event) => event.event);
      t.same(events, ['planned', 'sent', 'mined', 'reorganised']);
    }
    const { items } = await stores[1].listEvidence(organization, { state: 'anchored' }, { limit: 10 });
    t.equal(items.length, 8);
  },
);

t.test('serials of a year have no gaps, and a certificate is kept once', { skip }, async (t) => {
  const { stores, organization } = await openTwo(t);
  await stores[0].depositMany(
    organization,
    Array.from({ length: 40 }, () => entryOf(organization)),
  );
  const [ours, theirs] = await Promise.all(
    stores.map((store) => Promise.all(upTo(40).map((n) => store.certificateSerial(n, 2026)))),
  );
  t.same(ours, theirs);
  t.same(ascending(ours!.map((given) => given.serial)), upTo(40));
  const kept = await Promise.all(
    stores.map((store, i) =>
      store.keepCertificate({
        sequence: 1,
        revision: 1,
        issuedMs: i,
        anchorKeys: [],
        bytes: new Uint8Array([i]),
      }),
    ),
  );
  t.same(kept[0], kept[1]);
  t.same(await stores[0].certificate(1), kept[0]);
});

t.test('what one instance adds or revokes counts for the other at once', { skip }, async (t) => {
  const { stores, organization } = await openTwo(t);
  const key = {
    id: 'k',
    organization,
    label: '',
    secretHash: digest(),
    scopes: ['evidence:read'],
    createdMs: 1,
    expiresMs: undefined,
    revokedMs: undefined,
  };
  await stores[0].addApiKey(key);
  t.same(await stores[1].apiKey('k'), key);
  const revoked = await Promise.all(stores.map((store) => store.revokeApiKey('k', 2)));
  t.same(revoked.sort(), [false, true]);
  for (const store of stores) t.equal((await store.apiKey('k'))?.revokedMs, 2);
  const added = await addOrganization(stores[1]);
  t.match(await stores[0].deposit(entryOf(added)), { outcome: 'stored', sequence: 1 });
});

t.test('rates are counted over all instances, by window, and forgotten', { skip }, async (t) => {
  const url = await freshDatabase();
  const both = await Promise.all([1, 2].map(() => openPostgres({ ...options, url })));
  for (const one of both) t.teardown(() => one.close());
  const hits = await Promise.all(
    upTo(100).flatMap(() => both.map(({ limits }) => limits.hit('a', 60_000, NOW_MS))),
  );
  t.same(ascending(hits.map((hit) => hit.count)), upTo(200));
  const endsMs = (Math.floor(NOW_MS / 60_000) + 1) * 60_000;
  t.ok(hits.every((hit) => hit.endsMs === endsMs));
  const [first, second] = both;
  t.same(await first!.limits.hit('b', 60_000, NOW_MS), { count: 1, endsMs });
  t.same(await second!.limits.hit('a', 60_000, endsMs - 1), { count: 201, endsMs });
  t.same(await second!.limits.hit('a', 60_000, endsMs), { count: 1, endsMs: endsMs + 60_000 });
  t.match(await second!.limits.hit('a', 1_000, NOW_MS), { count: 1 });
  const keys = upTo(1_500).map((n) => `key ${n}`);
  await Promise.all(
    upTo(10).flatMap(() =>
      both.flatMap(({ limits }, i) =>
        (i === 0 ? keys : keys.toReversed()).map((key) => limits.hit(key, 60_000, NOW_MS)),
      ),
    ),
  );
  t.match(await first!.limits.hit('key 7', 60_000, NOW_MS), { count: 21 });

  const server = await sharedPostgres();
  await server.sql(`insert into rates select 'old ' || n, 1, 1, 1 from generate_series(1, 5000) as n`, url);
  const later = await openPostgres({ url, clock: { nowMs: () => endsMs }, allowUnsyncedForTests: true });
  t.teardown(() => later.close());
  const left = async () => (await server.sql<{ n: string }>('select count(*) as n from rates', url))[0]!.n;
  for (let tries = 0; tries < 100 && (await left()) !== '1'; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(await left(), '1', 'the window that has not ended');
});
