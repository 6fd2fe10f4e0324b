import { Apply, NotAccept, Nothing, Points, Reasoned, Resubmit } from '../inputs.ts';
import { step, withApplication, withParty } from '../step.ts';

/** What an application has to have before an office looks at it. */
const COMPLETE = [
  'office-known',
  'purpose-stated',
  'interest-stated',
  'acquisition-stated',
  'jurisdiction-given',
  'evidence-chosen',
  'representative-named',
  'agent-authorized',
  'applicants-joined',
] as const;
const WELL_MADE = [
  'no-identity-number',
  'acts-for-itself',
  'parties-apply',
  'evidence-distinct',
  'evidence-within-limit',
  'evidence-own',
  'authority-own',
  'identity-kept',
] as const;

/** From the first word of an applicant to the decision to accept, and giving up on either side. */
export const applying = [
  step({
    from: null,
    action: 'open',
    who: ['applicant'],
    guards: WELL_MADE,
    to: 'draft',
    input: Apply,
    apply: (data, { application }, context) => withApplication(data, application, context),
  }),
  step({
    from: ['draft'],
    action: 'amend',
    who: ['applicant'],
    guards: WELL_MADE,
    to: '=',
    input: Apply,
    apply: (data, { application }, context) => withApplication(data, application, context),
  }),
  step({
    from: ['draft', 'submitted', 'correction'],
    action: 'join',
    who: ['named-applicant'],
    guards: ['person-present'],
    to: '=',
    input: Nothing,
    apply: (data, _, context) =>
      withParty({ ...data, joined: [...data.joined, context.actor.organization] }, context),
  }),
  step({
    from: ['draft'],
    action: 'submit',
    who: ['applicant'],
    guards: ['parties-apply', 'authority-own', ...COMPLETE],
    to: 'submitted',
    input: Nothing,
    apply: (data, _, context) => withParty(data, context),
    content: ({ application }) => ({ application }),
  }),
  step({
    from: ['submitted'],
    action: 'request-correction',
    who: ['office-notary', 'assistant'],
    guards: ['no-identity-number'],
    to: 'correction',
    clocks: { start: ['correction'] },
    input: Points,
    apply: (data, { points }, { nowMs }) => ({ ...data, correction: { points, answers: [], atMs: nowMs } }),
  }),
  step({
    from: ['correction'],
    action: 'resubmit',
    who: ['applicant'],
    guards: [
      ...WELL_MADE,
      'agent-within-authority',
      'office-stays',
      'applicants-stay',
      ...COMPLETE,
      'correction-answered',
    ],
    to: 'submitted',
    clocks: { end: ['correction'] },
    input: Resubmit,
    // The evidence may be another now: how it was obtained is examined anew.
    apply: (data, { application, answers }, context) =>
      withApplication(
        { ...data, obtaining: null, correction: { ...data.correction!, answers } },
        application,
        context,
      ),
  }),
  step({
    from: ['submitted'],
    action: 'not-accept',
    who: ['office-notary'],
    guards: ['no-identity-number', 'not-own-matter'],
    to: 'not-accepted',
    input: NotAccept,
    apply: (data, { code, reason }, { nowMs }) => ({ ...data, ending: { code, reason, atMs: nowMs } }),
  }),
  step({
    from: ['draft'],
    action: 'discard',
    who: ['applicant'],
    guards: [],
    to: 'withdrawn',
    input: Nothing,
  }),
  step({
    from: [
      'submitted',
      'correction',
      'accepted',
      'reviewing',
      'supplementing',
      'verifying',
      'drafted',
      'approved',
    ],
    action: 'withdraw',
    who: ['applicant'],
    guards: ['no-identity-number', 'agent-within-authority', 'agent-specially-authorized'],
    to: 'withdrawn',
    clocks: { end: ['issue', 'correction', 'supplement'] },
    input: Reasoned,
    apply: (data, { reason }, context) =>
      withParty({ ...data, ending: { code: 'withdrawn', reason, atMs: context.nowMs } }, context),
  }),
];
