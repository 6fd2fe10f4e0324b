import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ensureIssuer } from '../../server/adapters/issuer.ts';
import { openSqliteStore } from '../../server/adapters/sqlite/store.ts';
import { createAccesses, EVIDENCE_ACCESS, type Reading } from '../../server/casework/access.ts';
import { CaseBusy } from '../../server/casework/cases.ts';
import { chainedOf } from '../../server/casework/chain.ts';
import { contentDigest } from '../../server/core/entry/event-content.ts';
import { toHex, utf8 } from '../../server/core/read/bytes.ts';
import type { Store } from '../../server/ports/store.ts';
import { addOrganization, entryOf, idAt, NOW_MS } from '../suites/sample.ts';

async function setting(t: Test) {
  const clock = { ms: NOW_MS, nowMs: () => clock.ms };
  const store = await openSqliteStore({ path: join(t.testdir(), 'store.sqlite'), clock });
  t.teardown(() => store.close());
  const issuer = await ensureIssuer(t.testdirName, '读取记录测试', NOW_MS);
  const [owner, operator] = [await addOrganization(store), await addOrganization(store)];
  const entry = entryOf(owner);
  await store.deposit(entry);
  const person = idAt(NOW_MS);
  const reading = (more: Partial<Reading> = {}): Reading => ({
    evidence: entry.id,
    owner,
    by: { organization: operator, person, role: 'member' },
    what: 'evidence',
    reason: '处理工单 7',
    ...more,
  });
  const open = (over: Partial<Store> = {}) =>
    createAccesses({
      store: Object.assign(Object.create(store) as Store, over),
      issuer,
      clock,
      service: '测试',
    });
  return { store, clock, issuer, owner, operator, person, id: entry.id, reading, open };
}

t.test('each reading is one event more, with who, when, what and why', async (t) => {
  const { open, reading, id, person, operator, clock, owner, store } = await setting(t);
  const accesses = open();
  t.strictSame(await accesses.seen(id, 0, 10), []);
  t.equal(await accesses.readings(id), undefined);
  await accesses.record(reading());
  clock.ms += 5_000;
  await accesses.record(reading({ what: 'files/0', reason: '复核损坏的原件' }));
  const by = { organization: operator, person, role: 'member' };
  const seen = await accesses.seen(id, 0, 10);
  t.match(seen, [
    { index: 0, at: new Date(NOW_MS).toISOString(), by, what: 'evidence', reason: '处理工单 7' },
    { index: 1, at: new Date(NOW_MS + 5_000).toISOString(), by, what: 'files/0', reason: '复核损坏的原件' },
  ]);
  t.strictSame(await accesses.seen(id, 1, 10), seen.slice(1));
  t.strictSame(await accesses.readings(id), { count: 2, lastAt: seen[1]!.at });
  t.strictSame(await store.partiesOf(id), [{ organization: owner, part: 'owner', untilMs: undefined }]);
  const head = JSON.parse(Buffer.from(await accesses.head((await accesses.chainOf(id))!)).toString('utf8'));
  t.match(head, { case: id, count: 2, last: seen[1]!.leaf, procedure: EVIDENCE_ACCESS, state: 'read' });
});

t.test('of many at the same moment each is on record, in one chain without a gap', async (t) => {
  const { open, reading, id, store } = await setting(t);
  const accesses = open();
  const wanted = Array.from({ length: 6 }, (_, i) => `第 ${i} 个`);
  await Promise.all(wanted.map((reason) => accesses.record(reading({ reason }))));
  const seen = await accesses.seen(id, 0, 100);
  t.strictSame(seen.map(({ reason }) => reason).toSorted(), wanted);
  const events = await store.caseEvents(id, 0, 100);
  const chained = events.map(chainedOf);
  for (const [i, { event }] of chained.entries()) {
    t.equal(event.index, i);
    t.equal(event.previous, i === 0 ? null : toHex(chained[i - 1]!.leaf));
    t.equal(event.from, i === 0 ? null : 'read');
    t.equal(event.content, contentDigest(utf8(events[i]!.content!)));
  }
});

t.test('whoever is overtaken again and again is told so, and nothing is written', async (t) => {
  const { open, reading, id, store } = await setting(t);
  let tried = 0;
  const accesses = open({
    async stepCase() {
      tried++;
      return 'overtaken';
    },
  });
  await t.rejects(accesses.record(reading()), CaseBusy);
  t.equal(tried, 8);
  t.equal(await store.caseById(id), undefined);
});

t.test('a store that fails in between leaves the caller without a word that it was recorded', async (t) => {
  const { open, reading } = await setting(t);
  const broken = open({
    async stepCase() {
      throw new Error('away');
    },
  });
  await t.rejects(broken.record(reading()), /away/);
});

t.test('what an event said can be erased; that there was one stays', async (t) => {
  const { open, reading, id, store } = await setting(t);
  await open().record(reading());
  const erased = open({
    caseEvents: async (...args) =>
      (await store.caseEvents(...args)).map((event) => ({ ...event, content: undefined })),
  });
  t.match(await erased.seen(id, 0, 10), [{ index: 0, what: undefined, reason: undefined }]);
  t.equal((await erased.readings(id))?.count, 1);
});

t.test('another case under the id of an evidence is not read as readings of it', async (t) => {
  const { open, id, owner, store } = await setting(t);
  const entry = entryOf(owner, { fileDigests: [] });
  const row = { id, procedure: 'notarization/1', state: 'draft', organization: owner, data: '{}' };
  await store.stepCase({
    case: { ...row, clocks: '[]', openedMs: NOW_MS, updatedMs: NOW_MS, dueMs: undefined },
    expected: 0,
    after: undefined,
    entry,
    content: undefined,
    parties: [],
  });
  t.equal(await open().chainOf(id), undefined);
  t.strictSame(await open().seen(id, 0, 10), []);
});
