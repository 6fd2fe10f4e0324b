import { Accept, Assign, Check, Obtaining, Recuse } from '../inputs.ts';
import { checkedEvidence, step } from '../step.ts';

const BEFORE_DRAFT = ['submitted', 'accepted', 'reviewing', 'supplementing', 'verifying'] as const;

/** Who handles the case, whether he may, whether the evidence may be notarized, and its acceptance. */
export const accepting = [
  step({
    from: BEFORE_DRAFT,
    action: 'assign',
    who: ['office-admin', 'office-notary'],
    guards: [
      'office-applied-to',
      'notary-of-office',
      'assigned-by-office',
      'not-own-matter',
      'no-identity-number',
    ],
    to: '=',
    input: Assign,
    apply: (data, { person }, { facts, nowMs }) => ({
      ...data,
      handling: { person, name: facts.names[person] ?? '', atMs: nowMs },
      recusal: null,
    }),
    content: ({ handling }, { organization, person }) => ({ organization, person, name: handling!.name }),
  }),
  step({
    from: BEFORE_DRAFT,
    action: 'declare-recusal',
    who: ['handling-notary'],
    guards: ['no-identity-number'],
    to: '=',
    input: Recuse,
    apply: (data, { conflicts }, { actor, nowMs }) => ({
      ...data,
      recusal: { person: actor.person!, conflicts, atMs: nowMs },
    }),
  }),
  step({
    from: ['submitted', 'reviewing'],
    action: 'check-obtaining',
    who: ['handling-notary'],
    guards: ['no-identity-number'],
    to: '=',
    input: Obtaining,
    apply: (data, { answers }, { nowMs }) => ({ ...data, obtaining: { answers, atMs: nowMs } }),
  }),
  step({
    from: [...BEFORE_DRAFT, 'drafted', 'approved'],
    action: 'record-check',
    internal: true,
    who: ['office-notary', 'assistant'],
    guards: ['check-of-case'],
    to: '=',
    input: Check,
  }),
  step({
    from: ['submitted'],
    action: 'accept',
    who: ['handling-notary'],
    guards: [
      'no-identity-number',
      'notary-of-office',
      'recusal-declared',
      'no-conflict',
      'not-own-matter',
      'parties-apply',
      'applicants-joined',
      'jurisdiction-given',
      'obtaining-checked',
      'obtaining-lawful',
      'evidence-verified',
    ],
    to: 'accepted',
    clocks: { start: ['issue'] },
    input: Accept,
    apply: (data, { number, basis, note }, { nowMs }) => ({
      ...data,
      acceptance: { number, basis, note: note ?? null, atMs: nowMs },
    }),
    content: (data, input, context) => ({
      ...input,
      handling: data.handling,
      evidence: checkedEvidence(context),
    }),
  }),
];
