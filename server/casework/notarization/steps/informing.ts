import { Confirm, Nothing } from '../inputs.ts';
import { step, withParty } from '../step.ts';

/** 公证法 27: the applicant is told, and the record of it stays with the case. */
export const informing = [
  step({
    from: ['accepted', 'reviewing'],
    action: 'confirm-notice',
    who: ['applicant'],
    guards: ['person-present', 'agent-within-authority', 'notice-in-force'],
    to: '=',
    input: Confirm,
    apply: (data, { code, version, readSeconds }, context) => {
      const confirmed = { code, version, readSeconds, person: context.actor.person!, atMs: context.nowMs };
      const notices = [...data.notices.filter((one) => one.code !== code), confirmed];
      return withParty({ ...data, notices }, context);
    },
  }),
  step({
    from: ['accepted'],
    action: 'begin-review',
    who: ['handling-notary'],
    guards: ['recusal-declared', 'no-conflict', 'notices-confirmed', 'fees-settled'],
    to: 'reviewing',
    input: Nothing,
  }),
];
