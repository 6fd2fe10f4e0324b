import t from 'tap';
import { dayOf } from '../../../server/calendar/days.ts';
import { due, nextDueMs } from '../../../server/casework/engine/due.ts';
import { possible } from '../../../server/casework/engine/possible.ts';
import { owedFen } from '../../../server/casework/notarization/fees.ts';
import { FINAL, STATES } from '../../../server/casework/notarization/names.ts';
import { notarization } from '../../../server/casework/notarization/procedure.ts';
import { ORGS, PEOPLE, uuidOf } from './people.ts';
import {
  APPLICATION,
  CORRECTED,
  CORRECTION,
  caseIn,
  DAY_MS,
  DEED,
  dataOf,
  doing,
  factsAt,
  INPUTS,
  item,
  type Standing,
  tried,
} from './story.ts';

const clockOf = ({ record }: Standing, name: string) => record.clocks.find((clock) => clock.name === name);
const later = (standing: Standing, days: number): Standing => ({
  ...standing,
  nowMs: standing.nowMs + days * DAY_MS,
});

for (const state of STATES)
  t.test(`a case comes to be ${state}`, async (t) => {
    const standing = caseIn(state);
    t.equal(standing.record.state, state);
    const open = standing.record.clocks.filter((clock) => clock.state !== 'ended');
    if ((FINAL as readonly string[]).includes(state)) t.strictSame(open, []);
    t.notMatch(JSON.stringify(standing.record), /"-\d|undefined/);
  });

t.test('the term of fifteen working days begins with acceptance and ends with the deed', async (t) => {
  const accepted = caseIn('accepted');
  // Accepted on Monday, 2 March 2026; no holiday lies between.
  t.match(clockOf(accepted, 'issue'), { state: 'running', passed: false });
  t.equal(dayOf(clockOf(accepted, 'issue')!.deadlineMs), '2026-03-23');
  t.equal(clockOf(caseIn('submitted'), 'issue'), undefined);
  t.equal(clockOf(caseIn('issued'), 'issue')!.state, 'ended');
});

t.test(
  'the term stands while material is supplied or facts are verified, and goes on with what was left',
  async (t) => {
    const asked = doing(later(caseIn('reviewing'), 4), { action: 'request-supplement', by: 'notary' });
    t.match(clockOf(asked, 'issue'), { state: 'stopped', left: 11 });
    t.equal(clockOf(asked, 'supplement')!.state, 'running');
    const received = doing(
      later(asked, 31),
      { action: 'supply', by: 'agent' },
      { action: 'receive-supplement', by: 'assistant' },
    );
    // From Monday, 6 April 2026 (清明, a day off): eleven working days are 7 to 10, 13 to 17, 20 and 21.
    t.equal(dayOf(received.nowMs), '2026-04-06');
    t.equal(dayOf(clockOf(received, 'issue')!.deadlineMs), '2026-04-21');
    t.equal(clockOf(received, 'supplement')!.state, 'ended');
    const verified = doing(received, { action: 'verify', by: 'notary' });
    t.equal(clockOf(verified, 'issue')!.state, 'stopped');
    t.equal(
      clockOf(doing(verified, { action: 'record-verification', by: 'assistant' }), 'issue')!.state,
      'running',
    );
  },
);

t.test('force majeure stops the term, and what is asked for meanwhile waits', async (t) => {
  const standing = doing(caseIn('drafted'), { action: 'suspend-term', by: 'notary' });
  t.equal(clockOf(standing, 'issue')!.state, 'stopped');
  t.equal(standing.record.state, 'drafted');
  const again = doing(later(standing, 10), { action: 'resume-term', by: 'notary' });
  t.equal(clockOf(again, 'issue')!.state, 'running');
});

t.test(
  'material that is not supplied in time ends the case by the service itself, where the office says so',
  async (t) => {
    const standing = caseIn('supplementing');
    const after = later(standing, 185);
    t.strictSame(due(notarization, standing.record, after.nowMs).automatic, ['lapse']);
    t.equal(nextDueMs(standing.record)! < after.nowMs, true);
    const ended = doing(after, { action: 'lapse', by: 'system' });
    t.equal(ended.record.state, 'terminated');
    t.match(dataOf(ended).ending, { code: 'supplement-unanswered' });
    for (const by of ['applicant', 'notary', 'admin'] as const)
      t.match(tried(after.record, { action: 'lapse', by }, after.nowMs), { code: 'not-yours' });
  },
);

t.test('reminders of the term come five and two working days before', async (t) => {
  const { record } = caseIn('accepted');
  const days = clockOf({ record, nowMs: 0 }, 'issue')!.reminders.map(({ before, atMs }) => [
    before,
    dayOf(atMs),
  ]);
  t.strictSame(days, [
    [5, '2026-03-16'],
    [2, '2026-03-19'],
  ]);
});

t.test('evidence that was supplied later is examined anew before there is a draft', async (t) => {
  const received = doing(
    caseIn('reviewing'),
    { action: 'record-review', by: 'notary' },
    { action: 'request-supplement', by: 'notary' },
    { action: 'supply', by: 'applicant' },
    { action: 'receive-supplement', by: 'notary' },
  );
  t.strictSame([dataOf(received).review, dataOf(received).obtaining], [null, null]);
  t.equal(dataOf(received).application!.evidence.length, 3);
  const draft = {
    action: 'draft',
    by: 'notary',
    input: { text: '兹证明', annex: [1, 2, 3].map((n) => item(n).id) },
  } as const;
  t.match(tried(received.record, draft, received.nowMs), { guard: 'obtaining-checked' });
  const examined = doing(
    received,
    { action: 'check-obtaining', by: 'notary' },
    { action: 'record-review', by: 'notary' },
    draft,
  );
  t.equal(examined.record.state, 'drafted');
});

t.test(
  'answers that come without new evidence leave the examination as it is; a later answer replaces an earlier',
  async (t) => {
    const input = (text: string) => ({ answers: [{ point: 1, text }] });
    const standing = doing(
      caseIn('reviewing'),
      { action: 'record-review', by: 'notary' },
      { action: 'request-supplement', by: 'notary' },
      { action: 'supply', by: 'applicant', input: input('先') },
      { action: 'supply', by: 'agent', input: input('后') },
    );
    t.not(dataOf(standing).review, null);
    t.strictSame(dataOf(standing).supplement!.answers, [{ point: 1, text: '后' }]);
  },
);

t.test('a draft that was returned is drafted again and approved in its new version only', async (t) => {
  const again = doing(
    caseIn('approved'),
    { action: 'return', by: 'approver' },
    { action: 'draft', by: 'notary' },
  );
  t.match(dataOf(again), { draft: { version: 2 }, approval: null });
  t.match(tried(again.record, { action: 'approve', by: 'approver' }, again.nowMs), {
    guard: 'draft-is-current',
  });
  const taken = doing(again, { action: 'recall', by: 'notary' });
  t.equal(taken.record.state, 'reviewing');
});

t.test('another notary who takes the case over declares for himself', async (t) => {
  const assigned = doing(caseIn('reviewing'), {
    action: 'assign',
    by: 'admin',
    input: { organization: ORGS.office, person: PEOPLE.second.person!, name: '赵六' },
  });
  t.equal(dataOf(assigned).recusal, null);
  t.match(tried(assigned.record, { action: 'draft', by: 'notary' }, assigned.nowMs), { code: 'not-yours' });
  const conflicted = doing(assigned, {
    action: 'declare-recusal',
    by: 'second',
    input: { conflicts: [{ relation: 'interest', note: '持有申请人股份' }] },
  });
  t.match(tried(conflicted.record, { action: 'draft', by: 'second' }, conflicted.nowMs), {
    guard: 'no-conflict',
  });
});

t.test('events say what was checked: acceptance and draft carry the verdict on each item', async (t) => {
  const { record, nowMs } = doing(caseIn('reviewing'), { action: 'record-review', by: 'notary' });
  const outcome = tried(record, { action: 'draft', by: 'notary' }, nowMs);
  t.match(outcome, {
    event: {
      content: {
        version: 1,
        evidence: [
          { id: item(1).id, verdict: 'valid', problems: [], checkedAt: new Date(nowMs).toISOString() },
        ],
      },
    },
  });
});

t.test('what the service records of a check or a reading is never offered as an action', async (t) => {
  const internal = notarization.transitions.filter((one) => one.internal).map(({ action }) => action);
  t.strictSame(internal, ['record-check', 'access']);
  for (const state of STATES) {
    const standing = caseIn(state);
    for (const person of Object.values(PEOPLE))
      for (const { action } of possible(
        notarization,
        standing.record,
        person,
        factsAt(standing.nowMs),
        standing.nowMs,
      ))
        t.notOk(internal.includes(action), `${action} in ${state}`);
  }
});

t.test('the handling notary has the name of his account, whatever somebody calls him', async (t) => {
  const { record, nowMs } = caseIn('submitted');
  const outcome = tried(record, { action: 'assign', by: 'admin' }, nowMs);
  t.match(outcome, {
    event: { content: { person: PEOPLE.notary.person, name: PEOPLE.notary.name } },
    record: { data: { handling: { name: PEOPLE.notary.name } } },
  });
});

t.test('a correction is written anew for each re-examination', async (t) => {
  const again = doing(
    caseIn('under-recheck'),
    ...CORRECTION,
    { action: 'uphold', by: 'second' },
    { action: 'request-recheck', by: 'applicant' },
  );
  t.equal(dataOf(again).deedCorrection, null);
  t.match(tried(again.record, { action: 'correct', by: 'second' }, again.nowMs), {
    guard: 'correction-approved-by-another',
  });
});

t.test('fees: owed, paid, given up and given back', async (t) => {
  const set = doing(caseIn('accepted'), { action: 'set-fees', by: 'notary' });
  const part = doing(
    set,
    { action: 'record-payment', by: 'assistant', input: { ...INPUTS['record-payment']!, fen: 30_000 } },
    { action: 'waive-fees', by: 'admin', input: { fen: 40_000, reason: '法律援助' } },
  );
  t.equal(owedFen(dataOf(part).fees!), 10_000);
  const refunded = doing(part, {
    action: 'refund',
    by: 'admin',
    input: { ...INPUTS['refund']!, fen: 30_000 },
  });
  t.equal(owedFen(dataOf(refunded).fees!), 40_000);
  const fewer = doing(part, {
    action: 'set-fees',
    by: 'notary',
    input: { items: [{ name: '公证费', fen: 20_000 }] },
  });
  t.equal(dataOf(fewer).fees!.waiver, null, 'what was given up of more is not given up of less');
  t.equal(owedFen(dataOf(fewer).fees!), 0);
  const waived = doing(
    caseIn('accepted'),
    { action: 'set-fees', by: 'notary' },
    { action: 'waive-fees', by: 'admin' },
  );
  t.equal(owedFen(dataOf(waived).fees!), 0);
});

t.test('a corrected deed stands beside the first, is delivered and archived again', async (t) => {
  const corrected = caseIn('corrected');
  t.match(dataOf(corrected).deed, {
    status: 'corrected',
    deliveredMs: null,
    versions: [{ number: DEED.number }, { number: CORRECTED.number, sha256: CORRECTED.sha256 }],
  });
  const archived = doing(
    corrected,
    { action: 'deliver', by: 'assistant' },
    { action: 'archive', by: 'assistant' },
  );
  t.equal(archived.record.state, 'archived');
  const again = doing(
    archived,
    { action: 'request-recheck', by: 'applicant' },
    { action: 'revoke', by: 'approver' },
  );
  t.match(dataOf(again).deed, { status: 'revoked', revocation: { ground: 'untrue' }, announcements: [{}] });
});

t.test('a revoked deed stays revoked: nothing leads back, further announcements are recorded', async (t) => {
  const revoked = doing(caseIn('revoked'), { action: 'announce', by: 'admin' });
  t.equal(dataOf(revoked).deed!.announcements.length, 2);
  for (const { from, to } of notarization.transitions)
    if (from?.includes('revoked')) t.ok(to === '=' || to === 'revoked');
});

t.test('an upheld deed that was not yet delivered is delivered', async (t) => {
  const upheld = doing(
    caseIn('issued'),
    { action: 'request-recheck', by: 'applicant' },
    { action: 'uphold', by: 'second' },
    { action: 'deliver', by: 'assistant' },
  );
  t.equal(upheld.record.state, 'delivered');
});

t.test(
  'a lawyer with an order reads, also after the case is archived; after the time is over he does not',
  async (t) => {
    const grant = {
      organization: ORGS.firm,
      role: 'law-firm',
      purpose: '调查取证',
      untilMs: caseIn('archived').nowMs + 10 * DAY_MS,
      attachment: uuidOf(900),
    };
    const application = { ...APPLICATION };
    delete application.agent;
    const granted = doing(caseIn('archived'), { action: 'grant', by: 'admin', input: grant });
    const { record, nowMs } = granted;
    const read = tried(record, { action: 'access', by: 'agent' }, nowMs);
    t.match(read, {
      outcome: 'done',
      event: {
        from: 'archived',
        to: 'archived',
        content: { grant: 1, what: 'package', purpose: '调查取证' },
      },
    });
    t.match(tried(record, { action: 'access', by: 'judge' }, nowMs), { code: 'not-yours' });
    t.match(tried(record, { action: 'access', by: 'agent' }, nowMs + 11 * DAY_MS), {
      guard: 'grant-in-force',
    });
  },
);

t.test(
  'who is what: readers of a party, other offices, the operator and strangers act in nothing',
  async (t) => {
    const { data } = caseIn('reviewing').record;
    const whoIs = (person: keyof typeof PEOPLE) =>
      notarization.whoIs(PEOPLE[person], data as typeof notarization.blank);
    t.strictSame(whoIs('applicant'), ['applicant']);
    t.strictSame(whoIs('agent'), ['applicant']);
    t.strictSame(whoIs('machine'), ['applicant']);
    t.strictSame(whoIs('notary'), ['office-notary', 'handling-notary']);
    t.strictSame(whoIs('second'), ['office-notary']);
    t.strictSame(whoIs('approver'), ['office-notary', 'approver']);
    t.strictSame(whoIs('assistant'), ['assistant']);
    t.strictSame(whoIs('admin'), ['office-admin']);
    t.strictSame(whoIs('system'), ['system']);
    for (const person of ['reader', 'otherNotary', 'judge', 'stranger', 'operator'] as const)
      t.strictSame(whoIs(person), [], person);
    const office = { ...PEOPLE.notary, role: 'member' } as const;
    t.strictSame(notarization.whoIs(office, data as typeof notarization.blank), []);
    for (const person of ['notary', 'operator', 'reader'] as const)
      t.strictSame(notarization.whoIs(PEOPLE[person], notarization.blank), [], `${person} opens nothing`);
  },
);

t.test('a refusal at the desk names every reason one after the other, until there is none', async (t) => {
  let standing = caseIn('submitted');
  const reasons: string[] = [];
  const remedies = {
    'not-yours': { action: 'assign', by: 'admin' },
    'recusal-declared': { action: 'declare-recusal', by: 'notary' },
    'obtaining-checked': { action: 'check-obtaining', by: 'notary' },
  } as const;
  for (;;) {
    const outcome = tried(standing.record, { action: 'accept', by: 'notary' }, standing.nowMs);
    if (outcome.outcome === 'done') break;
    const reason = outcome.guard ?? outcome.code;
    reasons.push(reason);
    standing = doing(standing, remedies[reason as keyof typeof remedies]);
  }
  t.strictSame(reasons, Object.keys(remedies));
});
