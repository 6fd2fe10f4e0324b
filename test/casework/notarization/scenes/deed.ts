import { DEFAULT_RULES } from '../../../../server/casework/notarization/facts.ts';
import type { deedGuards } from '../../../../server/casework/notarization/guards/deed.ts';
import type { disclosureGuards } from '../../../../server/casework/notarization/guards/disclosure.ts';
import type { moneyGuards } from '../../../../server/casework/notarization/guards/money.ts';
import { ORGS, uuidOf } from '../people.ts';
import { DAY_MS, doing, INPUTS, START } from '../story.ts';
import { correcting, deedFact, drafting, granted, granting, issuing, type Scenes } from './scene.ts';

export const deedScenes: Scenes<keyof (typeof moneyGuards & typeof deedGuards & typeof disclosureGuards)> = {
  'fees-settled': [
    {
      ...drafting,
      changed: { data: ({ fees }) => ({ fees: { ...fees!, payments: [] } }) },
      detail: { owed: 80_000 },
    },
    { ...drafting, changed: { data: () => ({ fees: null }) } },
  ],
  'payment-within-owed': {
    in: 'accepted',
    action: 'record-payment',
    by: 'assistant',
    given: (standing) => doing(standing, { action: 'set-fees', by: 'notary' }),
    changed: { input: { ...INPUTS['record-payment']!, fen: 80_001 } },
    detail: { owed: 80_000 },
  },
  'payment-new': {
    in: 'accepted',
    action: 'record-payment',
    by: 'assistant',
    given: (standing) =>
      doing(
        standing,
        { action: 'set-fees', by: 'notary' },
        { action: 'record-payment', by: 'admin', input: { ...INPUTS['record-payment']!, fen: 30_000 } },
      ),
    input: { fen: 30_000, method: 'bank', reference: 'T2' },
    changed: { input: { fen: 30_000, method: 'bank', reference: ' T1' } },
  },
  'refund-new': {
    in: 'refused',
    action: 'refund',
    by: 'admin',
    given: (standing) =>
      doing(standing, { action: 'refund', by: 'admin', input: { ...INPUTS['refund']!, fen: 30_000 } }),
    input: { ...INPUTS['refund']!, fen: 30_000, reference: 'R2' },
    changed: { input: { ...INPUTS['refund']!, fen: 30_000 } },
  },
  'waiver-within-fees': {
    in: 'accepted',
    action: 'waive-fees',
    by: 'admin',
    given: (standing) => doing(standing, { action: 'set-fees', by: 'notary' }),
    changed: { input: { ...INPUTS['waive-fees']!, fen: 80_001 } },
    detail: { total: 80_000 },
  },
  'refund-within-kept': {
    in: 'refused',
    action: 'refund',
    by: 'admin',
    changed: { input: { ...INPUTS['refund']!, fen: 80_001 } },
    detail: { kept: 80_000 },
  },
  'room-left': {
    ...granting,
    changed: {
      data: ({ verifications }) => ({
        verifications: [
          ...verifications,
          ...Array.from({ length: 500 }, () => ({
            means: 'documents' as const,
            subject: '主体',
            result: 'confirmed',
            atMs: START,
          })),
        ],
      }),
    },
    detail: { limit: 500 },
  },
  'deed-signed': [
    { ...issuing, changed: { facts: deedFact({ signed: false }) } },
    { ...issuing, changed: { facts: deedFact({ sha256: '00'.repeat(32) }) } },
    {
      ...correcting,
      changed: { facts: deedFact({ signed: false }) },
    },
  ],
  'deed-deposited': { ...issuing, changed: { facts: deedFact({ deposit: null }) } },
  'deed-number-free': { ...issuing, changed: { facts: deedFact({ numberTaken: true }) } },
  'deed-undelivered': {
    in: 'issued',
    action: 'deliver',
    by: 'assistant',
    changed: { data: ({ deed }) => ({ deed: { ...deed!, deliveredMs: START } }) },
  },
  'deed-delivered': {
    in: 'upheld',
    action: 'archive',
    by: 'assistant',
    changed: { data: ({ deed }) => ({ deed: { ...deed!, deliveredMs: null } }) },
  },
  'recheck-in-time': {
    in: 'archived',
    action: 'request-recheck',
    by: 'applicant',
    changed: {
      facts: () => ({ rules: { ...DEFAULT_RULES, recheckWithinDays: 365 } }),
      standing: (standing) => ({ ...standing, nowMs: standing.nowMs + 366 * DAY_MS }),
    },
    detail: { days: 365 },
  },
  'grantee-known': [
    {
      ...granting,
      changed: { input: { ...INPUTS['grant']!, organization: ORGS.stranger } },
    },
    { ...granting, changed: { input: { ...INPUTS['grant']!, organization: uuidOf(77) } } },
  ],
  'order-attached': [
    {
      ...granting,
      input: { ...INPUTS['grant']!, organization: ORGS.firm, role: 'law-firm', attachment: uuidOf(900) },
      changed: { input: { ...INPUTS['grant']!, organization: ORGS.firm, role: 'law-firm' } },
    },
    // A letter of a court that is nobody's, or another's.
    { ...granting, changed: { input: { ...INPUTS['grant']!, attachment: uuidOf(9) } } },
  ],
  'grant-limited': [
    { ...granting, changed: { input: { ...INPUTS['grant']!, untilMs: START } } },
    { ...granting, changed: { input: { ...INPUTS['grant']!, untilMs: START + 400 * DAY_MS } } },
  ],
  'grant-open': [
    {
      in: 'reviewing',
      action: 'revoke-grant',
      by: 'applicant',
      given: granted,
      changed: { input: { grant: 2, reason: '不再需要' } },
    },
    {
      in: 'reviewing',
      action: 'revoke-grant',
      by: 'applicant',
      given: granted,
      changed: { standing: (standing) => doing(standing, { action: 'revoke-grant', by: 'applicant' }) },
    },
  ],
  'granted-by-us': {
    in: 'reviewing',
    action: 'revoke-grant',
    by: 'applicant',
    given: granted,
    changed: { by: 'admin' },
  },
  'grant-in-force': [
    {
      in: 'reviewing',
      action: 'access',
      by: 'judge',
      given: granted,
      changed: { standing: (standing) => doing(standing, { action: 'revoke-grant', by: 'applicant' }) },
    },
    {
      in: 'reviewing',
      action: 'access',
      by: 'judge',
      given: granted,
      changed: { standing: (standing) => ({ ...standing, nowMs: START + 201 * DAY_MS }) },
    },
    {
      // One's own grant is in force; the one named is another's.
      in: 'reviewing',
      action: 'access',
      by: 'judge',
      given: (standing) =>
        doing(granted(standing), {
          action: 'grant',
          by: 'applicant',
          input: { ...INPUTS['grant']!, organization: ORGS.department, role: 'department' },
        }),
      changed: { input: { grant: 2, what: 'deed' } },
    },
  ],
};
