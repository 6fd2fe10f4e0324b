import t from 'tap';
import type { CaseRecord } from '../../../server/casework/engine/case.ts';
import type { EvidenceCheck } from '../../../server/casework/evidence.ts';
import { deedFacts, type FactsDeps } from '../../../server/casework/notarization/deed/facts.ts';
import { canonicalize, type JsonObject } from '../../../server/core/read/json.ts';
import type { CaseEvent } from '../../../server/ports/cases.ts';
import { nothing } from '../../support/nothing.ts';
import { PEOPLE } from './people.ts';
import { caseIn, item } from './story.ts';

/* What the text of a deed is put together from: which check counts, and what it says of items that are not valid. */

const reportOf = (n: number, more: Partial<EvidenceCheck> = {}): EvidenceCheck => ({
  evidence: item(n).id,
  certificate: `2026-0000000${n}-00`,
  leaf: item(n).leaf,
  verdict: 'valid',
  checks: [],
  provenAt: '2026-03-01T00:00:00.000Z',
  testChain: false,
  files: [{ name: 'page.png', size: 3, sha256: 'ab'.repeat(32), sm3: null, looked: 'recomputed' }],
  title: undefined,
  ...more,
});

interface Made {
  readonly action?: string;
  readonly by?: string | null;
  readonly reports?: readonly EvidenceCheck[];
  readonly erased?: boolean;
}

const NOTARY = PEOPLE.notary.person;

function eventOf({ action = 'record-check', by = NOTARY, reports, erased }: Made, index: number): CaseEvent {
  const at = new Date(Date.UTC(2026, 2, 3, 4, index)).toISOString();
  const content = JSON.parse(JSON.stringify({ reports })) as JsonObject;
  return {
    ...{ case: 'c', index, sequence: index + 1, leaf: '' },
    entry: JSON.stringify({ action, at, actor: { person: by } }),
    content: erased === true ? undefined : canonicalize(content),
  };
}

const { record } = caseIn('reviewing') as { record: CaseRecord };

const factsOf = (events: readonly Made[], of = record) => {
  const store = {
    caseEvents: async () => events.map(eventOf),
    evidence: async () => undefined,
    identityNumber: nothing,
  };
  return deedFacts({ store, service: '可证' } as unknown as FactsDeps, of, events.length);
};
const both = [reportOf(1), reportOf(2)];

t.test('the last check by the notary himself of every item counts, and no other', async (t) => {
  const counted = await factsOf([
    { action: 'submit', by: 'x' },
    { reports: both },
    { reports: both },
    { reports: both, by: 'somebody else' },
    { reports: [reportOf(1)] },
    { reports: both, erased: true },
    { action: 'record-review', reports: both },
    {},
  ]);
  t.equal(counted.checkedAt, '2026-03-03T04:02:00.000Z');
  t.equal(counted.appliedAt, '2026-03-03T04:00:00.000Z');
  for (const events of [[], [{ reports: both, by: null }], [{ reports: [reportOf(2)] }]])
    await t.rejects(factsOf(events), { code: 'deed-not-checked', detail: { title: item(1).title } });
  await t.rejects(factsOf([{ reports: [reportOf(1)] }]), {
    code: 'deed-not-checked',
    detail: { title: item(2).title },
  });
});

t.test('each item says what was found of it, and the first reason why it is not valid', async (t) => {
  const check = (status: 'failed' | 'unknown') => ({
    ...{ id: 'issuer', at: undefined, status },
    reason: { code: 'file-digest-differs', detail: {} },
  });
  const cases: readonly (readonly [Partial<EvidenceCheck>, string, RegExp])[] = [
    [{ verdict: 'invalid', checks: [check('failed')] as never }, 'invalid', /./],
    [{ verdict: 'incomplete', checks: [check('unknown')] as never }, 'incomplete', /./],
    [{ verdict: 'no-certificate', files: [] }, 'incomplete', /证书尚未生成/],
    [{ verdict: 'not-there', files: [] }, 'incomplete', /没有这一项/],
    [
      { verdict: 'invalid', files: [{ ...both[0]!.files[0]!, looked: 'damaged' }] },
      'invalid',
      /[\u4e00-\u9fff]/,
    ],
    [
      { verdict: 'invalid', files: [{ ...both[0]!.files[0]!, looked: 'missing' }] },
      'invalid',
      /[\u4e00-\u9fff]/,
    ],
  ];
  for (const [more, verdict, reason] of cases) {
    const { items } = await factsOf([{ reports: [reportOf(1, more), reportOf(2)] }]);
    t.match(items[0], { verdict, reason, filesCompared: 0 + Number(more.checks !== undefined) });
    t.match(items[1], { verdict: 'valid', reason: '', filesCompared: 1 });
  }
});

t.test('one item on a chain for trying things out makes it a deed of that chain', async (t) => {
  t.equal((await factsOf([{ reports: both }])).testChain, false);
  t.equal((await factsOf([{ reports: [reportOf(1), reportOf(2, { testChain: true })] }])).testChain, true);
});

t.test('a case that was not accepted has no text', async (t) => {
  for (const state of ['draft', 'submitted'] as const)
    await t.rejects(factsOf([{ reports: both }], (caseIn(state) as { record: CaseRecord }).record), {
      code: 'deed-not-accepted',
    });
});
