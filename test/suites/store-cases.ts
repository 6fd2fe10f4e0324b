import type { Test } from 'tap';
import type { CaseStep, Deed } from '../../server/ports/cases.ts';
import type { JournalEntry, Store } from '../../server/ports/store.ts';
import { addOrganization, digest, entryOf, idAt, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

const leafOf = (entry: JournalEntry): string => Buffer.from(entry.leaf).toString('hex');

/** A case as its steps leave it, and the next step of it. */
function caseFor(owner: string, others: CaseStep['parties'] = [], procedure = 'notarization/1') {
  const id = idAt(NOW_MS);
  let events = 0;
  let last: string | undefined;
  return {
    id,
    step(given: Partial<CaseStep> & { state?: string; dueMs?: number; atMs?: number } = {}): CaseStep {
      const { state = 'draft', dueMs, atMs = NOW_MS, ...more } = given;
      return {
        case: {
          id,
          procedure,
          state,
          organization: owner,
          data: JSON.stringify({ title: '证据', events }),
          clocks: '[]',
          openedMs: NOW_MS,
          updatedMs: atMs,
          dueMs,
        },
        expected: events,
        after: last,
        entry: entryOf(owner, { fileDigests: [] }),
        content: `{"note":"第${events}步"}`,
        parties: [{ organization: owner, part: 'applicant', untilMs: undefined }, ...others],
        ...more,
      };
    },
    kept(step: CaseStep) {
      events++;
      last = leafOf(step.entry);
    },
  };
}

async function keep(t: Test, store: Store, of: ReturnType<typeof caseFor>, step: CaseStep): Promise<void> {
  t.equal(await store.stepCase(step), 'kept');
  of.kept(step);
}

const deedOf = (of: string, office: string, more: Partial<Deed> = {}): Deed => ({
  number: '（2026）甬证内字第000001号',
  office,
  case: of,
  codeHash: digest(),
  state: 'valid',
  issuedMs: NOW_MS,
  evidence: undefined,
  sha256: digest(),
  history: '[]',
  ...more,
});

const PAGE = { limit: 10, nowMs: NOW_MS };

export async function caseGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('a step keeps the case, its event and the entry together, over a restart', async (t) => {
    const { store, reopen } = await open(t);
    const owner = await addOrganization(store);
    const of = caseFor(owner);
    const first = of.step();
    await keep(t, store, of, first);
    const second = of.step({ state: 'submitted', dueMs: NOW_MS + 5, content: undefined });
    await keep(t, store, of, second);
    const again = await reopen();
    t.strictSame(await again.caseById(of.id), { ...second.case, events: 2, last: leafOf(second.entry) });
    const events = await again.caseEvents(of.id, 0, 10);
    t.strictSame(
      events.map(({ index, leaf, entry, content }) => ({ index, leaf, entry, content })),
      [first, second].map((step, index) => ({
        index,
        leaf: leafOf(step.entry),
        entry: step.entry.entry,
        content: step.content,
      })),
    );
    t.ok(events[0]!.sequence < events[1]!.sequence, 'in the order of the journal');
    t.equal((await again.evidence(owner, first.entry.id))?.sequence, events[0]!.sequence, 'it is an entry');
    const { leaves } = await again.pendingLeaves(10);
    t.equal(Buffer.from(leaves).toString('hex'), events.map(({ leaf }) => leaf).join(''), 'and gets sealed');
    t.strictSame(await again.caseEvents(of.id, 1, 10), events.slice(1));
    t.strictSame(await again.caseEventsAfter(events[0]!.sequence, 10), events.slice(1));
  });

  t.test('a step that was overtaken leaves nothing: no entry, no party, no deed', async (t) => {
    const { store } = await open(t);
    const [owner, office] = [await addOrganization(store), await addOrganization(store)];
    const of = caseFor(owner);
    await keep(t, store, of, of.step());
    const late = of.step({
      state: 'late',
      parties: [{ organization: office, part: 'office', untilMs: undefined }],
      deed: deedOf(of.id, office),
    });
    const kept = of.step({ state: 'first' });
    await keep(t, store, of, kept);
    t.equal(await store.stepCase(late), 'overtaken');
    t.equal(await store.stepCase({ ...of.step(), after: digest() }), 'overtaken', 'another history');
    t.equal(await store.stepCase({ ...of.step(), expected: 5 }), 'overtaken');
    t.equal(
      await store.stepCase({ ...of.step(), expected: 0, after: undefined }),
      'exists',
      'opened only once',
    );
    t.equal((await store.caseById(of.id))?.state, 'first');
    t.equal((await store.caseEvents(of.id, 0, 10)).length, 2);
    t.equal(await store.evidence(owner, late.entry.id), undefined);
    t.equal(await store.deedByNumber(late.deed!.number), undefined);
    t.strictSame(
      (await store.partiesOf(of.id)).map(({ organization }) => organization),
      [owner],
    );
    t.equal((await store.pending()).count, 2);
  });

  t.test('of steps that come at once one is kept and the others are overtaken', async (t) => {
    const { store } = await open(t);
    const of = caseFor(await addOrganization(store));
    await keep(t, store, of, of.step());
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => store.stepCase(of.step())));
    t.equal(outcomes.filter((outcome) => outcome === 'kept').length, 1);
    t.equal(outcomes.filter((outcome) => outcome === 'overtaken').length, 11);
    t.equal((await store.caseById(of.id))?.events, 2);
    t.equal((await store.pending()).count, 2);
  });

  t.test('an entry that cannot be stored takes its step with it', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const of = caseFor(owner);
    await t.rejects(store.stepCase(of.step({ entry: entryOf(idAt(NOW_MS)) })), 'of nobody we know');
    t.equal(await store.caseById(of.id), undefined);
    await keep(t, store, of, of.step());
    t.equal((await store.pending()).count, 1);
  });

  t.test('an organization finds the cases that it has a part in, as long as it has it', async (t) => {
    const { store } = await open(t);
    const [owner, office, stranger] = [
      await addOrganization(store),
      await addOrganization(store),
      await addOrganization(store),
    ];
    const parts = [
      { organization: office, part: 'office', untilMs: undefined },
      { organization: stranger, part: 'grantee', untilMs: NOW_MS + 1_000 },
    ];
    const made: string[] = [];
    for (let i = 0; i < 5; i++) {
      const of = caseFor(owner, i < 2 ? parts : [], i === 4 ? 'bounty/1' : undefined);
      await keep(t, store, of, of.step({ state: i === 3 ? 'submitted' : 'draft' }));
      made.unshift(of.id);
    }
    const ids = async (who: string, filter = {}, page = {}) =>
      (await store.casesOf(who, filter, { ...PAGE, ...page })).items.map(({ id }) => id);
    t.strictSame(await ids(owner), made, 'newest first');
    t.strictSame(await ids(office), made.slice(3));
    t.strictSame(await ids(stranger), made.slice(3));
    t.strictSame(await ids(stranger, {}, { nowMs: NOW_MS + 1_000 }), [], 'the part ended');
    t.strictSame(await ids(owner, { procedure: 'bounty/1' }), made.slice(0, 1));
    t.strictSame(await ids(owner, { procedures: ['bounty/1', 'none/1'] }), made.slice(0, 1));
    t.strictSame(await ids(owner, { procedures: [] }), [], 'of none');
    t.strictSame(await ids(owner, { state: 'submitted' }), [made[1]]);
    t.strictSame(await ids(owner, { part: 'office' }), []);
    const first = await store.casesOf(owner, {}, { ...PAGE, limit: 2 });
    t.equal(first.next, made[1]);
    const rest = await store.casesOf(owner, {}, { ...PAGE, after: first.next });
    t.strictSame(
      [first, rest].flatMap(({ items }) => items.map(({ id }) => id)),
      made,
    );
    t.equal(rest.next, undefined);
  });

  t.test('what is due is found, longest due first, until it is not', async (t) => {
    const { store } = await open(t);
    const owner = await addOrganization(store);
    const [a, b, c] = [caseFor(owner), caseFor(owner), caseFor(owner)];
    await keep(t, store, a, a.step({ dueMs: NOW_MS + 20 }));
    await keep(t, store, b, b.step({ dueMs: NOW_MS + 10 }));
    await keep(t, store, c, c.step());
    const due = async (nowMs: number) => (await store.dueCases(nowMs, 10)).map(({ id }) => id);
    t.strictSame(await due(NOW_MS + 9), []);
    t.strictSame(await due(NOW_MS + 30), [b.id, a.id]);
    await keep(t, store, b, b.step());
    t.strictSame(await due(NOW_MS + 30), [a.id]);
  });

  t.test('numbers of a series follow each other, each holder has one', async (t) => {
    const { store, reopen } = await open(t);
    const took = await Promise.all(['x', 'y', 'x', 'z'].map((holder) => store.takeSerial('s', holder)));
    t.equal(took[0], took[2]);
    t.strictSame([...new Set(took)].toSorted(), [1, 2, 3]);
    const again = await reopen();
    t.equal(await again.takeSerial('s', 'x'), took[0]);
    t.equal(await again.takeSerial('s', 'w'), 4);
    t.equal(await again.takeSerial('other', 'w'), 1);
  });

  t.test('settings of an office are its own, and the last word counts', async (t) => {
    const { store, reopen } = await open(t);
    const [one, two] = [await addOrganization(store), await addOrganization(store)];
    await store.setOfficeSetting(one, 'number', '"a"');
    await store.setOfficeSetting(one, 'number', '"b"');
    await store.setOfficeSetting(two, 'fees', '[]');
    const again = await reopen();
    t.strictSame(await again.officeSettings(one), { number: '"b"' });
    t.strictSame(await again.officeSettings(two), { fees: '[]' });
  });

  t.test(
    'of papers under one name the first is kept, unless it is replaced; each case has its own',
    async (t) => {
      const { store, reopen } = await open(t);
      const owner = await addOrganization(store);
      const [of, other] = [caseFor(owner), caseFor(owner)];
      await keep(t, store, of, of.step());
      await keep(t, store, other, other.step());
      const paperOf = (id: string, name: string, n: number, size = 3) => ({
        ...{ case: id, name },
        about: `{"n":${n}}`,
        bytes: new Uint8Array(size).fill(n),
      });
      const large = paperOf(of.id, 'deed', 1, 3_000_000);
      const same = (found: unknown, wanted: ReturnType<typeof paperOf>): void => {
        const { bytes, ...rest } = found as typeof wanted;
        t.strictSame(rest, { case: wanted.case, name: wanted.name, about: wanted.about });
        t.ok(Buffer.from(bytes).equals(wanted.bytes));
      };
      same(await store.keepPaper(large), large);
      same(await store.keepPaper(paperOf(of.id, 'deed', 2)), large);
      const kept = await Promise.all([3, 4, 5].map((n) => store.keepPaper(paperOf(of.id, 'code', n))));
      t.equal(new Set(kept.map(({ about }) => about)).size, 1, 'all that come at once get the same one');
      await store.replacePaper(paperOf(other.id, 'deed', 6));
      await store.replacePaper(paperOf(other.id, 'deed', 7));
      const again = await reopen();
      same(await again.paper(of.id, 'deed'), large);
      same(await again.paper(other.id, 'deed'), paperOf(other.id, 'deed', 7));
      t.equal(await again.paper(other.id, 'code'), undefined);
      t.strictSame(
        (await again.papersOf(of.id)).map(({ name }) => name),
        ['code', 'deed'],
      );
      await t.rejects(store.keepPaper(paperOf(idAt(NOW_MS), 'deed', 1)), 'of no case');
    },
  );

  t.test(
    'a deed is found by its number, changes with its case, and its number is no other case’s',
    async (t) => {
      const { store } = await open(t);
      const owner = await addOrganization(store);
      const [of, other] = [caseFor(owner), caseFor(owner)];
      const deed = deedOf(of.id, owner);
      await keep(t, store, of, of.step({ deed }));
      t.strictSame(await store.deedByNumber(deed.number), deed);
      const revoked = { ...deed, state: 'revoked' as const, evidence: idAt(NOW_MS), history: '[1]' };
      await keep(t, store, of, of.step({ deed: revoked }));
      t.strictSame(await store.deedByNumber(deed.number), revoked);
      await t.rejects(store.stepCase(other.step({ deed: deedOf(other.id, owner) })));
      t.equal(await store.caseById(other.id), undefined);
      t.strictSame(await store.deedByNumber(deed.number), revoked);
      t.equal(await store.deedByNumber('（2026）无'), undefined);
    },
  );
}
