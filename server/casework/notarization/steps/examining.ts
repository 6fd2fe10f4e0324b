import {
  Nothing,
  Points,
  Reasoned,
  Refuse,
  Review,
  Supply,
  Terminate,
  Verification,
  Verified,
} from '../inputs.ts';
import { IN_HAND } from '../names.ts';
import { step, withApplication } from '../step.ts';

/** States in which the term runs unless force majeure stops it. */
const RUNNING = ['accepted', 'reviewing', 'drafted', 'approved'] as const;
const UNDRAFTED = ['accepted', 'reviewing', 'supplementing', 'verifying'] as const;

/** 公证法 28 and 29; what stops the term of Article 30; and the ways in which a case ends without a deed. */
export const examining = [
  step({
    from: ['reviewing'],
    action: 'record-review',
    who: ['handling-notary'],
    guards: ['no-identity-number'],
    to: '=',
    input: Review,
    apply: (data, { items }, { nowMs }) => ({ ...data, review: { items, atMs: nowMs } }),
  }),
  step({
    from: ['reviewing'],
    action: 'request-supplement',
    who: ['handling-notary'],
    guards: ['no-identity-number', 'term-running'],
    to: 'supplementing',
    clocks: { stop: ['issue'], start: ['supplement'] },
    input: Points,
    apply: (data, { points }, { nowMs }) => ({ ...data, supplement: { points, answers: [], atMs: nowMs } }),
  }),
  step({
    from: ['supplementing'],
    action: 'supply',
    who: ['applicant'],
    guards: [
      'no-identity-number',
      'agent-within-authority',
      'evidence-distinct',
      'evidence-within-limit',
      'evidence-own',
    ],
    to: '=',
    input: Supply,
    apply: (data, { answers, evidence = [] }, context) => {
      const points = new Set(answers.map(({ point }) => point));
      const kept = data.supplement!.answers.filter(({ point }) => !points.has(point));
      const supplement = { ...data.supplement!, answers: [...kept, ...answers] };
      const application = { ...data.application!, evidence: [...data.application!.evidence, ...evidence] };
      // What is new has not been examined: neither how it was obtained nor whether it suffices.
      const examined = evidence.length === 0 ? {} : { obtaining: null, review: null };
      return withApplication({ ...data, supplement, ...examined }, application, context);
    },
  }),
  step({
    from: ['supplementing'],
    action: 'receive-supplement',
    who: ['handling-notary', 'assistant'],
    guards: ['supplement-answered'],
    to: 'reviewing',
    clocks: { resume: ['issue'], end: ['supplement'] },
    input: Nothing,
  }),
  step({
    from: ['reviewing'],
    action: 'verify',
    who: ['handling-notary'],
    guards: ['no-identity-number', 'term-running', 'room-left'],
    to: 'verifying',
    clocks: { stop: ['issue'] },
    input: Verification,
    apply: (data, verification, { nowMs }) => ({
      ...data,
      verifications: [...data.verifications, { ...verification, result: null, atMs: nowMs }],
    }),
  }),
  step({
    from: ['verifying'],
    action: 'record-verification',
    who: ['handling-notary', 'assistant'],
    guards: ['no-identity-number'],
    to: 'reviewing',
    clocks: { resume: ['issue'] },
    input: Verified,
    apply: (data, { result }) => ({
      ...data,
      verifications: data.verifications.map((one, i, all) =>
        i === all.length - 1 ? { ...one, result } : one,
      ),
    }),
  }),
  step({
    from: RUNNING,
    action: 'suspend-term',
    who: ['handling-notary'],
    guards: ['no-identity-number', 'term-running'],
    to: '=',
    clocks: { stop: ['issue'] },
    input: Reasoned,
  }),
  step({
    from: RUNNING,
    action: 'resume-term',
    who: ['handling-notary'],
    guards: ['no-identity-number', 'term-suspended'],
    to: '=',
    clocks: { resume: ['issue'] },
    input: Reasoned,
  }),
  step({
    from: UNDRAFTED,
    action: 'refuse',
    who: ['handling-notary'],
    guards: ['no-identity-number', 'no-conflict', 'not-own-matter', 'ground-fits'],
    to: 'refused',
    clocks: { end: ['issue', 'supplement'] },
    input: Refuse,
    apply: (data, { ground, reason }, { nowMs }) => ({
      ...data,
      ending: { code: ground, reason, atMs: nowMs },
    }),
  }),
  step({
    from: IN_HAND,
    action: 'terminate',
    who: ['handling-notary', 'office-admin'],
    guards: ['no-identity-number'],
    to: 'terminated',
    clocks: { end: ['issue', 'supplement'] },
    input: Terminate,
    apply: (data, { code, reason }, { nowMs }) => ({ ...data, ending: { code, reason, atMs: nowMs } }),
  }),
  step({
    from: ['supplementing'],
    action: 'lapse',
    who: ['system'],
    guards: ['supplement-overdue', 'supplement-unanswered'],
    to: 'terminated',
    clocks: { end: ['issue', 'supplement'] },
    input: Nothing,
    apply: (data, _, { nowMs }) => ({
      ...data,
      ending: { code: 'supplement-unanswered', reason: '', atMs: nowMs },
    }),
  }),
];
