import { NOTICES } from '../../../../server/casework/notarization/codes.ts';
import type { examiningGuards } from '../../../../server/casework/notarization/guards/examining.ts';
import { APPLICATION, confirming, DAY_MS, doing } from '../story.ts';
import { drafting, type Scenes } from './scene.ts';

export const examiningScenes: Scenes<keyof typeof examiningGuards> = {
  'correction-answered': {
    in: 'correction',
    action: 'resubmit',
    by: 'applicant',
    changed: { input: { application: APPLICATION, answers: [{ point: 1, text: '已补充' }] } },
    detail: { point: 2 },
  },
  'supplement-answered': {
    in: 'supplementing',
    action: 'receive-supplement',
    by: 'assistant',
    given: (standing) => doing(standing, { action: 'supply', by: 'agent' }),
    changed: { data: ({ supplement }) => ({ supplement: { ...supplement!, answers: [] } }) },
    detail: { point: 1 },
  },
  'notice-in-force': {
    in: 'accepted',
    action: 'confirm-notice',
    by: 'applicant',
    input: confirming('legal-meaning'),
    changed: { input: { ...confirming('legal-meaning'), version: 2 } },
    detail: { version: 1 },
  },
  'notices-confirmed': [
    {
      in: 'accepted',
      action: 'begin-review',
      by: 'notary',
      given: (standing) =>
        doing(
          standing,
          ...NOTICES.map((code) => ({
            action: 'confirm-notice',
            by: 'applicant' as const,
            input: confirming(code),
          })),
          { action: 'set-fees', by: 'notary', input: { items: [] } },
        ),
      changed: { data: ({ notices }) => ({ notices: notices.slice(1) }) },
      detail: { missing: 1 },
    },
    {
      ...drafting,
      // Read in a version that has been replaced since.
      changed: { data: ({ notices }) => ({ notices: notices.map((one) => ({ ...one, version: 7 })) }) },
      detail: { missing: NOTICES.length },
    },
  ],
  'term-running': [
    {
      in: 'reviewing',
      action: 'request-supplement',
      by: 'notary',
      changed: { standing: (standing) => doing(standing, { action: 'suspend-term', by: 'notary' }) },
    },
    {
      in: 'reviewing',
      action: 'verify',
      by: 'notary',
      changed: { standing: (standing) => doing(standing, { action: 'suspend-term', by: 'notary' }) },
    },
  ],
  'term-suspended': {
    in: 'approved',
    action: 'resume-term',
    by: 'notary',
    given: (standing) => doing(standing, { action: 'suspend-term', by: 'notary' }),
    changed: { standing: (standing) => doing(standing, { action: 'resume-term', by: 'notary' }) },
  },
  'review-complete': [
    { ...drafting, changed: { data: () => ({ review: null }) }, detail: { missing: 4 } },
    {
      ...drafting,
      changed: {
        data: ({ review }) => ({
          review: { ...review!, items: review!.items.map((one, i) => ({ ...one, satisfied: i > 0 })) },
        }),
      },
      detail: { missing: 1 },
    },
  ],
  'verification-clear': {
    ...drafting,
    given: (standing) =>
      doing(
        standing,
        { action: 'verify', by: 'notary' },
        { action: 'record-verification', by: 'assistant' },
        { action: 'record-review', by: 'notary' },
      ),
    changed: {
      data: ({ verifications }) => ({
        verifications: verifications.map((one) => ({ ...one, result: 'unclear' })),
      }),
    },
    detail: { result: 'verification-result.unclear' },
  },
  'ground-fits': {
    in: 'reviewing',
    action: 'refuse',
    by: 'notary',
    input: { ground: 'fee-refused', reason: '拒绝支付' },
    changed: { data: () => ({ fees: null }) },
  },
  'draft-is-current': {
    in: 'drafted',
    action: 'approve',
    by: 'approver',
    changed: { input: { version: 2 } },
    detail: { version: 1 },
  },
  'correction-is-current': {
    in: 'under-recheck',
    action: 'approve-correction',
    by: 'approver',
    given: (standing) => doing(standing, { action: 'draft-correction', by: 'second' }),
    changed: {
      standing: (standing) => doing(standing, { action: 'draft-correction', by: 'second' }),
    },
    detail: { version: 2 },
  },
  'supplement-unanswered': {
    in: 'supplementing',
    action: 'lapse',
    by: 'system',
    given: (standing) => ({ ...standing, nowMs: standing.nowMs + 190 * DAY_MS }),
    changed: { standing: (standing) => doing(standing, { action: 'supply', by: 'applicant' }) },
  },
  'supplement-overdue': {
    in: 'supplementing',
    action: 'lapse',
    by: 'system',
    given: (standing) => ({ ...standing, nowMs: standing.nowMs + 190 * DAY_MS }),
    changed: { standing: (standing) => ({ ...standing, nowMs: standing.nowMs - 20 * DAY_MS }) },
  },
};
