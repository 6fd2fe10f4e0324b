import t from 'tap';
import { type CaseRecord, type NewCase, newCase } from '../../../server/casework/engine/case.ts';
import { startsIn } from '../../../server/casework/engine/table.ts';
import type { Application } from '../../../server/casework/notarization/application.ts';
import { NOTICES, OBTAINING_QUESTIONS } from '../../../server/casework/notarization/codes.ts';
import type { NotarizationData } from '../../../server/casework/notarization/data.ts';
import { DEFAULT_RULES, type NotarizationFacts } from '../../../server/casework/notarization/facts.ts';
import type { GuardName } from '../../../server/casework/notarization/guards/all.ts';
import { MAX_CHECK_AGE_MS } from '../../../server/casework/notarization/guards/evidence.ts';
import type { State } from '../../../server/casework/notarization/names.ts';
import { notarization } from '../../../server/casework/notarization/procedure.ts';
import type { JsonObject } from '../../../server/core/read/json.ts';
import { ORGS, PEOPLE, type Person, uuidOf } from './people.ts';
import {
  APPLICATION,
  CASE_ID,
  caseIn,
  confirming,
  DAY_MS,
  DEED,
  doing,
  factsAt,
  INPUTS,
  item,
  MINUTE_MS,
  START,
  type Standing,
  tried,
  withData,
} from './story.ts';

/*
 * For each guard: a case in which the action is done, and the same case with one thing changed, in which this guard
 * refuses and no other one would have.
 */

interface Scene {
  readonly in: State | null;
  readonly action: string;
  readonly by: Person;
  readonly input?: JsonObject;
  /** What makes the action possible at all where the usual way does not. */
  readonly given?: (standing: Standing) => Standing;
  readonly changed: {
    readonly by?: Person;
    readonly input?: JsonObject;
    readonly facts?: (nowMs: number) => Partial<NotarizationFacts>;
    readonly data?: (data: NotarizationData) => Partial<NotarizationData>;
    readonly standing?: (standing: Standing) => Standing;
  };
  readonly detail?: Readonly<Record<string, string | number | RegExp>>;
}

/** 公民身份号码 made up for this test; its check character holds. */
const IDENTITY_NUMBER = '11010519491231002X';

const without = (name: keyof Application): Application => {
  const { [name]: _, ...rest } = APPLICATION;
  return rest as Application;
};
const applicationOf = (application: Application): Scene['changed'] => ({ data: () => ({ application }) });
const submitting = { in: 'draft', action: 'submit', by: 'applicant' } as const;
const accepting = {
  in: 'submitted',
  action: 'accept',
  by: 'notary',
  given: (standing: Standing) =>
    doing(
      standing,
      { action: 'assign', by: 'admin' },
      { action: 'declare-recusal', by: 'notary' },
      { action: 'check-obtaining', by: 'notary' },
    ),
} as const;
const drafting = {
  in: 'reviewing',
  action: 'draft',
  by: 'notary',
  given: (standing: Standing) => doing(standing, { action: 'record-review', by: 'notary' }),
} as const;
const issuing = { in: 'approved', action: 'issue', by: 'notary' } as const;
const granting = { in: 'reviewing', action: 'grant', by: 'applicant' } as const;
const granted = (standing: Standing): Standing => doing(standing, { action: 'grant', by: 'applicant' });
const deedFact = (changes: Partial<NonNullable<NotarizationFacts['deed']>>) => () => ({
  deed: { sha256: DEED.sha256, signed: true, deposit: DEED.deposit, numberTaken: false, ...changes },
});

const SCENES: Readonly<Record<GuardName, Scene | readonly Scene[]>> = {
  'no-identity-number': {
    in: 'accepted',
    action: 'terminate',
    by: 'notary',
    changed: { input: { code: 'other', reason: `证件号${IDENTITY_NUMBER}，查无此人` } },
  },
  'acts-for-itself': [
    { in: null, action: 'open', by: 'applicant', changed: { by: 'stranger' } },
    {
      in: 'draft',
      action: 'amend',
      by: 'applicant',
      changed: {
        input: {
          application: {
            ...without('agent'),
            applicants: [{ ...APPLICATION.applicants[0]!, organization: ORGS.stranger }],
          },
        },
      },
    },
  ],
  'office-known': { ...submitting, changed: applicationOf({ ...APPLICATION, office: ORGS.court }) },
  'office-stays': {
    in: 'correction',
    action: 'resubmit',
    by: 'applicant',
    changed: {
      input: { ...INPUTS['resubmit']!, application: { ...APPLICATION, office: ORGS.otherOffice } },
    },
  },
  'applicants-stay': {
    in: 'correction',
    action: 'resubmit',
    by: 'agent',
    changed: {
      input: {
        ...INPUTS['resubmit']!,
        application: {
          ...APPLICATION,
          applicants: [{ ...APPLICATION.applicants[0]!, organization: ORGS.stranger }],
        },
      },
    },
  },
  'purpose-stated': { ...submitting, changed: applicationOf(without('purpose')) },
  'interest-stated': { ...submitting, changed: applicationOf(without('interest')) },
  'acquisition-stated': { ...submitting, changed: applicationOf(without('acquisition')) },
  'jurisdiction-given': { ...submitting, changed: applicationOf(without('jurisdiction')) },
  'evidence-chosen': { ...submitting, changed: applicationOf({ ...APPLICATION, evidence: [] }) },
  'representative-named': {
    ...submitting,
    changed: applicationOf({
      ...APPLICATION,
      applicants: [{ kind: 'organization', organization: ORGS.applicant, name: '甲公司' }],
    }),
    detail: { name: '甲公司' },
  },
  'agent-authorized': [
    {
      ...submitting,
      changed: applicationOf({ ...APPLICATION, agent: { organization: ORGS.firm, name: '李四' } }),
      detail: { name: '李四' },
    },
    {
      ...submitting,
      changed: applicationOf({
        ...APPLICATION,
        agent: { name: '李四', authority: { deposit: uuidOf(1), scope: 'general', untilMs: START } },
      }),
    },
    {
      ...submitting,
      changed: {
        facts: () => ({ organizations: { [ORGS.office]: 'notary', [ORGS.applicant]: 'depositor' } }),
      },
    },
  ],
  'agent-within-authority': [
    {
      in: 'accepted',
      action: 'confirm-notice',
      by: 'agent',
      input: confirming('legal-meaning'),
      changed: applicationOf({ ...APPLICATION, agent: { organization: ORGS.firm, name: '李四' } }),
    },
    {
      in: 'accepted',
      action: 'confirm-notice',
      by: 'agent',
      input: confirming('legal-meaning'),
      changed: applicationOf({
        ...APPLICATION,
        agent: {
          organization: ORGS.firm,
          name: '李四',
          authority: { deposit: uuidOf(1), scope: 'special', untilMs: START },
        },
      }),
    },
  ],
  'agent-specially-authorized': {
    in: 'accepted',
    action: 'withdraw',
    by: 'agent',
    changed: applicationOf({
      ...APPLICATION,
      agent: {
        organization: ORGS.firm,
        name: '李四',
        authority: { deposit: uuidOf(1), scope: 'general' },
      },
    }),
  },
  'evidence-distinct': [
    {
      in: 'draft',
      action: 'amend',
      by: 'applicant',
      changed: { input: { application: { ...APPLICATION, evidence: [item(1), item(1)] } } },
    },
    {
      in: 'supplementing',
      action: 'supply',
      by: 'applicant',
      changed: { input: { answers: [{ point: 1, text: '同一份' }], evidence: [item(1)] } },
    },
  ],
  'evidence-within-limit': {
    in: 'supplementing',
    action: 'supply',
    by: 'applicant',
    changed: {
      input: {
        answers: [{ point: 1, text: '很多' }],
        evidence: Array.from({ length: 199 }, (_, n) => item(1_000 + n)),
      },
    },
    detail: { limit: 200 },
  },
  'evidence-verified': [
    {
      ...accepting,
      changed: { facts: (nowMs) => ({ evidence: factsAt(nowMs).evidence.slice(0, 1) }) },
      detail: { id: item(2).id },
    },
    {
      ...accepting,
      changed: {
        facts: (nowMs) => ({
          evidence: factsAt(nowMs).evidence.map((fact, i) =>
            i === 1 ? { ...fact, verdict: 'problems' } : fact,
          ),
        }),
      },
    },
    {
      ...accepting,
      changed: { facts: (nowMs) => ({ evidence: factsAt(nowMs - MAX_CHECK_AGE_MS - 1).evidence }) },
    },
    { ...accepting, changed: { facts: (nowMs) => ({ evidence: factsAt(nowMs + 1).evidence }) } },
  ],
  'evidence-verified-again': [
    { ...drafting, changed: { facts: () => ({ evidence: [] }) } },
    {
      ...drafting,
      // Fresh enough, but made before the case was accepted.
      changed: { facts: (nowMs) => ({ evidence: factsAt(nowMs - 20 * MINUTE_MS).evidence }) },
    },
  ],
  'obtaining-checked': {
    ...accepting,
    changed: {
      data: ({ obtaining }) => ({ obtaining: { ...obtaining!, answers: obtaining!.answers.slice(1) } }),
    },
    detail: { missing: 1 },
  },
  'obtaining-lawful': [
    {
      ...accepting,
      changed: {
        data: ({ obtaining }) => ({
          obtaining: {
            ...obtaining!,
            answers: obtaining!.answers.map((one) => ({
              ...one,
              yes: one.question === OBTAINING_QUESTIONS[4],
            })),
          },
        }),
      },
      detail: { question: 'obtaining.access-control-circumvented' },
    },
    {
      ...drafting,
      changed: {
        data: ({ obtaining }) => ({
          obtaining: { ...obtaining!, answers: obtaining!.answers.map((one) => ({ ...one, yes: true })) },
        }),
      },
    },
  ],
  'annex-complete': [
    [item(1).id],
    [item(1).id, item(1).id],
    [item(1).id, item(2).id, item(2).id],
    [item(1).id, item(3).id],
  ].map((annex) => ({ ...drafting, changed: { input: { text: '兹证明', annex } } })),
  'person-present': {
    in: 'accepted',
    action: 'confirm-notice',
    by: 'applicant',
    input: confirming('legal-meaning'),
    changed: { by: 'machine' },
  },
  'office-applied-to': {
    in: 'submitted',
    action: 'assign',
    by: 'admin',
    changed: { input: { ...INPUTS['assign']!, organization: ORGS.otherOffice } },
  },
  'notary-of-office': [
    {
      in: 'submitted',
      action: 'assign',
      by: 'admin',
      changed: { input: { ...INPUTS['assign']!, person: PEOPLE.assistant.person! } },
    },
    {
      ...accepting,
      changed: { facts: () => ({ notaries: [PEOPLE.second.person!] }) },
    },
    {
      in: 'drafted',
      action: 'approve',
      by: 'approver',
      changed: { facts: () => ({ notaries: [PEOPLE.notary.person!] }) },
    },
  ],
  'assigned-by-office': [
    { in: 'submitted', action: 'assign', by: 'notary', changed: { by: 'second' } },
    {
      in: 'submitted',
      action: 'assign',
      by: 'notary',
      changed: { data: () => ({ handling: { person: PEOPLE.second.person!, name: '赵六', atMs: START } }) },
    },
  ],
  'not-own-matter': [
    { ...accepting, changed: { data: () => ({ parties: [PEOPLE.notary.person!] }) } },
    { ...drafting, changed: { data: () => ({ parties: [PEOPLE.notary.person!] }) } },
    {
      in: 'submitted',
      action: 'assign',
      by: 'admin',
      changed: { data: () => ({ parties: [PEOPLE.notary.person!] }) },
    },
    {
      in: 'drafted',
      action: 'approve',
      by: 'approver',
      changed: { data: () => ({ parties: [PEOPLE.approver.person!] }) },
    },
  ],
  'recusal-declared': [
    { ...accepting, changed: { data: () => ({ recusal: null }) } },
    {
      ...accepting,
      // Declared by the notary who had the case before.
      changed: {
        data: () => ({ recusal: { person: PEOPLE.second.person!, conflicts: [], atMs: START } }),
      },
    },
  ],
  'no-conflict': {
    ...accepting,
    changed: {
      data: ({ recusal }) => ({
        recusal: { ...recusal!, conflicts: [{ relation: 'close-relative', note: '申请人之兄' }] },
      }),
    },
    detail: { relation: 'relation.close-relative' },
  },
  'approver-is-another': {
    in: 'drafted',
    action: 'approve',
    by: 'approver',
    changed: {
      data: () => ({ handling: { person: PEOPLE.approver.person!, name: '审批人', atMs: START } }),
    },
  },
  'draft-approved-by-another': [
    {
      ...issuing,
      changed: { data: ({ approval }) => ({ approval: { ...approval!, person: PEOPLE.notary.person! } }) },
    },
    { ...issuing, changed: { data: () => ({ approval: null }) } },
  ],
  'recheck-by-another': {
    in: 'under-recheck',
    action: 'uphold',
    by: 'second',
    changed: { by: 'notary' },
  },
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
  'supplement-overdue': {
    in: 'supplementing',
    action: 'lapse',
    by: 'system',
    given: (standing) => ({ ...standing, nowMs: standing.nowMs + 190 * DAY_MS }),
    changed: { standing: (standing) => ({ ...standing, nowMs: standing.nowMs - 20 * DAY_MS }) },
  },
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
      in: 'under-recheck',
      action: 'correct',
      by: 'second',
      input: { ...DEED, reason: '错别字' },
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
  'order-attached': {
    ...granting,
    input: { ...INPUTS['grant']!, organization: ORGS.firm, role: 'law-firm', attachment: uuidOf(9) },
    changed: { input: { ...INPUTS['grant']!, organization: ORGS.firm, role: 'law-firm' } },
  },
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

const standingOf = (scene: Scene): { record: CaseRecord | NewCase; nowMs: number } => {
  if (scene.in === null) return { record: newCase(CASE_ID), nowMs: START };
  const standing = caseIn(scene.in);
  return scene.given?.(standing) ?? standing;
};

/** Every guard of the action that refuses, not only the first. */
function refusing(
  record: CaseRecord | NewCase,
  action: string,
  by: Person,
  input: JsonObject,
  facts: NotarizationFacts,
  nowMs: number,
): readonly string[] {
  const data = record.state === null ? notarization.blank : (record.data as NotarizationData);
  const transition = notarization.transitions.find(
    (one) => one.action === action && startsIn(one, record.state),
  )!;
  const context = {
    state: record.state,
    data,
    clocks: record.state === null ? [] : record.clocks,
    actor: PEOPLE[by],
    who: notarization.whoIs(PEOPLE[by], data),
    facts,
    nowMs,
    input,
  };
  return transition.guards.filter((guard) => notarization.guards[guard](context) !== undefined);
}

for (const [guard, scenes] of Object.entries(SCENES))
  t.test(`${guard} alone refuses`, async (t) => {
    for (const scene of Array.isArray(scenes) ? (scenes as readonly Scene[]) : [scenes as Scene]) {
      const before = standingOf(scene);
      const input = scene.input ?? INPUTS[scene.action] ?? {};
      const fine = tried(before.record, { action: scene.action, by: scene.by, input }, before.nowMs + 1);
      t.equal(fine.outcome, 'done', JSON.stringify(fine).slice(0, 300));

      const { changed } = scene;
      let after = changed.standing?.(before as Standing) ?? before;
      if (changed.data !== undefined)
        after = withData(
          after as Standing,
          changed.data((after.record as CaseRecord).data as NotarizationData),
        );
      const nowMs = after.nowMs + 1;
      const [by, facts] = [changed.by ?? scene.by, changed.facts?.(nowMs) ?? {}];
      const step = { action: scene.action, by, input: changed.input ?? input, facts };
      t.match(tried(after.record, step, nowMs), {
        outcome: 'refused',
        code: 'guard',
        guard,
        ...(scene.detail && { detail: scene.detail }),
      });
      t.strictSame(
        refusing(after.record, scene.action, by, step.input, factsAt(nowMs, facts), nowMs),
        [guard],
        'no other would have',
      );
    }
  });

t.test('where the office has no rule that another re-examines, the handling notary may', async (t) => {
  const { record, nowMs } = caseIn('under-recheck');
  const facts = { rules: { ...DEFAULT_RULES, recheckByAnother: false } };
  t.equal(tried(record, { action: 'uphold', by: 'notary', facts }, nowMs).outcome, 'done');
});
