import t from 'tap';
import { ORGS } from './people.ts';
import { APPLICATION, caseIn, dataOf, doing, item, tried } from './story.ts';

/* Whoever is named has no part by that, and what is put in stays whose it was. */

t.test('whoever is named as an applicant by another has no part until he joins', async (t) => {
  const named = { ...APPLICATION.applicants[0]!, organization: ORGS.stranger, name: '乙公司' };
  const application = { ...APPLICATION, applicants: [...APPLICATION.applicants, named] };
  const opened = doing(undefined, { action: 'open', by: 'applicant', input: { application } });
  t.match(tried(opened.record, { action: 'amend', by: 'stranger' }, opened.nowMs), { code: 'not-yours' });
  t.match(tried(opened.record, { action: 'submit', by: 'applicant' }, opened.nowMs), {
    guard: 'applicants-joined',
    detail: { name: '乙公司' },
  });
  const joined = doing(opened, { action: 'join', by: 'stranger' });
  t.strictSame(dataOf(joined).joined, [ORGS.applicant, ORGS.stranger]);
  t.match(tried(joined.record, { action: 'join', by: 'stranger' }, joined.nowMs), { code: 'not-yours' });
  t.equal(doing(joined, { action: 'submit', by: 'stranger' }).record.state, 'submitted');
  const alone = doing(joined, { action: 'amend', by: 'applicant' });
  const again = doing(alone, { action: 'amend', by: 'applicant', input: { application } });
  t.strictSame(dataOf(again).joined, [ORGS.applicant], 'who was taken out joins again');
});

t.test('an item stays whose it was when it was put in, whoever amends the application', async (t) => {
  const opened = caseIn('draft');
  t.equal(dataOf(opened).owners[item(1).id], ORGS.applicant);
  const amended = doing(opened, { action: 'amend', by: 'agent', facts: { own: [] } });
  t.equal(dataOf(amended).owners[item(1).id], ORGS.applicant);
  const fewer = doing(amended, {
    action: 'amend',
    by: 'agent',
    input: { application: { ...APPLICATION, evidence: [item(2)] } },
  });
  t.match(tried(fewer.record, { action: 'amend', by: 'agent', facts: { own: [] } }, fewer.nowMs), {
    guard: 'evidence-own',
  });
  const supplied = doing(caseIn('supplementing'), { action: 'supply', by: 'agent' });
  t.equal(dataOf(supplied).owners[item(3).id], ORGS.firm);
});
