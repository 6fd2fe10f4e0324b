import t from 'tap';
import { act, type Call, type Done, type Refused } from '../../../server/casework/engine/act.ts';
import { type CaseRecord, newCase } from '../../../server/casework/engine/case.ts';
import { possible } from '../../../server/casework/engine/possible.ts';
import { ASKED, asker, clerk, FACTS, type Facts, HOUR_MS, ID, MONDAY, sample } from './sample.ts';

const call = (changes: Partial<Call<Facts>>): Call<Facts> => ({
  action: 'ask',
  actor: asker,
  input: ASKED,
  facts: FACTS,
  nowMs: MONDAY,
  ...changes,
});
const done = (outcome: Done | Refused): Done => {
  if (outcome.outcome !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome;
};
const refused = (outcome: Done | Refused): Refused => {
  if (outcome.outcome !== 'refused') throw new Error('done');
  return outcome;
};
const opened: CaseRecord = done(act(sample, newCase(ID), call({}))).record;

t.test('an opening action makes the case, its first event and its clocks', async (t) => {
  const { record, event } = done(act(sample, newCase(ID), call({})));
  t.match(record, {
    id: ID,
    procedure: 'sample/1',
    state: 'asked',
    data: { text: 'why', notes: 0 },
    openedMs: MONDAY,
    updatedMs: MONDAY,
  });
  t.strictSame(event, { action: 'ask', from: null, to: 'asked', content: { text: 'why' } });
  t.match(record.clocks, [
    { name: 'answer', state: 'running', deadlineMs: Date.parse('2026-03-09T15:59:59.999Z') },
  ]);
  t.strictSame(JSON.parse(JSON.stringify(record)), record, 'all of it is JSON');
});

t.test('a later action chains to the state before and keeps the time of opening', async (t) => {
  const nowMs = MONDAY + HOUR_MS;
  const answered = done(
    act(sample, opened, call({ action: 'answer', actor: clerk, input: { text: 'so' }, nowMs })),
  );
  t.strictSame(answered.event, {
    action: 'answer',
    from: 'asked',
    to: 'answered',
    content: { asked: 'why', answered: 'so' },
  });
  t.equal(answered.record.openedMs, MONDAY);
  t.equal(answered.record.updatedMs, nowMs);
});

t.test(
  'what stays in its state is an event all the same, without content where it was given none',
  async (t) => {
    const noted = done(act(sample, opened, call({ action: 'note', input: {} })));
    t.strictSame(noted.event, { action: 'note', from: 'asked', to: 'asked', content: null });
    t.equal(noted.record.data['notes'], 1);
    t.strictSame(noted.record.clocks, opened.clocks);
  },
);

t.test('each refusal has its code, changes nothing and says what is possible now', async (t) => {
  const frozen = JSON.stringify(opened);
  const cases: readonly [string, Partial<Call<Facts>>, Partial<Refused>][] = [
    ['action-unknown', { action: 'sing' }, { detail: { action: 'sing' } }],
    ['state-wrong', { action: 'go-on', actor: clerk }, { detail: { action: 'go-on', state: 'asked' } }],
    ['state-wrong', { action: 'ask' }, { detail: { action: 'ask', state: 'asked' } }],
    ['not-yours', { action: 'hold', input: {} }, { detail: { who: 'clerk' } }],
    ['input-invalid', { action: 'answer', actor: clerk, input: { text: 'x'.repeat(11) } }, {}],
    ['input-invalid', { action: 'answer', actor: clerk, input: { text: 'a', more: 1 } }, {}],
    ['input-invalid', { action: 'answer', actor: clerk, input: undefined }, {}],
    ['input-invalid', { action: 'answer', actor: clerk, input: { text: '\ud800' } }, {}],
    [
      'guard',
      { action: 'answer', actor: clerk, input: { text: 'a' }, facts: { ...FACTS, open: false } },
      { guard: 'office-open', detail: { when: 'later' } },
    ],
  ];
  for (const [code, changes, expected] of cases) {
    const outcome = refused(act(sample, opened, call(changes)));
    t.match(outcome, { code, ...expected }, code);
    const { actor, facts, nowMs } = call(changes);
    t.strictSame(outcome.possible, possible(sample, opened, actor, facts, nowMs));
  }
  t.equal(JSON.stringify(opened), frozen);
  t.equal(refused(act(sample, newCase(ID), call({ input: { text: 'empty' } }))).guard, 'not-empty');
  t.equal(refused(act(sample, newCase(ID), call({ action: 'note' }))).code, 'state-wrong');
  t.equal(
    refused(act(sample, opened, call({ action: 'x'.repeat(1_000) }))).detail['action'],
    'x'.repeat(64),
    'what was asked for is not echoed at any length',
  );
});

t.test(
  'what is possible is every action that starts in the state, with the reason where it is not',
  async (t) => {
    t.strictSame(possible(sample, newCase(ID), asker, { ...FACTS, open: false }, MONDAY), [
      {
        action: 'ask',
        to: 'asked',
        allowed: false,
        code: 'guard',
        guard: 'office-open',
        detail: { when: 'later' },
      },
    ]);
    t.strictSame(possible(sample, opened, clerk, FACTS, MONDAY), [
      { action: 'note', to: 'asked', allowed: true },
      { action: 'hold', to: 'held', allowed: true },
      { action: 'answer', to: 'answered', allowed: true },
    ]);
    t.match(possible(sample, opened, asker, FACTS, MONDAY)[1], {
      action: 'hold',
      allowed: false,
      code: 'not-yours',
      detail: { who: 'clerk' },
    });
  },
);

t.test('a case of another procedure, or of another version, is not touched', async (t) => {
  t.throws(() => act(sample, { ...opened, procedure: 'sample/2' }, call({ action: 'note', input: {} })));
});
