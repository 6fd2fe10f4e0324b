import { act, type Done, type Refused } from '../../../server/casework/engine/act.ts';
import { type CaseRecord, type NewCase, newCase } from '../../../server/casework/engine/case.ts';
import type { Application, EvidenceItem } from '../../../server/casework/notarization/application.ts';
import { NOTICES, OBTAINING_QUESTIONS, REVIEW_ITEMS } from '../../../server/casework/notarization/codes.ts';
import type { NotarizationData } from '../../../server/casework/notarization/data.ts';
import { DEFAULT_RULES, type NotarizationFacts } from '../../../server/casework/notarization/facts.ts';
import type { State } from '../../../server/casework/notarization/names.ts';
import { versionInForce } from '../../../server/casework/notarization/notices.ts';
import { notarization } from '../../../server/casework/notarization/procedure.ts';
import type { JsonObject } from '../../../server/core/read/json.ts';
import { INTERESTED, NAMES, NOTARIES, ORGS, PEOPLE, type Person, REGISTERED, uuidOf } from './people.ts';

/*
 * A case as it goes when nothing is wrong, action by action; tests leave the path where they need to.
 */

export const CASE_ID = uuidOf(999);
/** Monday noon in China. */
export const START = Date.parse('2026-03-02T12:00:00.000+08:00');
export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

export const item = (n: number): EvidenceItem => ({
  id: uuidOf(500 + n),
  title: `网页截图 ${n}`,
  leaf: n.toString(16).padStart(64, '0'),
  certificate: `2026-${n}`,
  files: [{ name: 'page.png', sha256: 'ab'.repeat(32), sm3: 'cd'.repeat(32) }],
});

export const APPLICATION: Application = {
  office: ORGS.office,
  matter: 'evidence-preservation',
  applicants: [
    {
      kind: 'organization',
      organization: ORGS.applicant,
      name: '甲公司',
      uscc: '91350200MA2YJ1XR9G',
      representative: {
        name: '张三',
        title: '执行董事',
        identity: { reference: uuidOf(600), masked: '330***********0012' },
      },
    },
  ],
  agent: {
    organization: ORGS.firm,
    name: '李四，某律师事务所',
    authority: { deposit: uuidOf(601), scope: 'special' },
  },
  purpose: '诉讼',
  interest: '申请人为涉案商标的权利人',
  acquisition: '以普通消费者身份访问公开网页并截图',
  jurisdiction: { basis: 'residence', place: '宁波市' },
  evidence: [item(1), item(2)],
};

export const DEED = { number: '(2026)浙甬证民字第1号', sha256: 'ef'.repeat(32), deposit: uuidOf(700) };
export const CORRECTED = {
  number: '(2026)浙甬证民字第1号之一',
  sha256: 'fe'.repeat(32),
  deposit: uuidOf(701),
};

/** Deposits of whoever acts: the items, the power of attorney, an order of a court. */
export const OWN = [...[1, 2, 3].map((n) => item(n).id), uuidOf(601), uuidOf(900)];

export function factsAt(nowMs: number, changes: Partial<NotarizationFacts> = {}): NotarizationFacts {
  return {
    evidence: [1, 2, 3].map((n) => ({ id: item(n).id, verdict: 'valid', problems: [], checkedAtMs: nowMs })),
    notaries: NOTARIES,
    organizations: REGISTERED,
    own: OWN,
    names: NAMES,
    identityNumbers: { [uuidOf(600)]: { organization: ORGS.applicant, masked: '330***********0012' } },
    interested: INTERESTED,
    deed: { sha256: DEED.sha256, signed: true, deposit: DEED.deposit, numberTaken: false },
    rules: DEFAULT_RULES,
    ...changes,
  };
}

const reason = { reason: '事由' };

/** An input that is right for each action where the case went the usual way. */
export const INPUTS: Readonly<Record<string, JsonObject>> = {
  open: { application: APPLICATION },
  amend: { application: APPLICATION },
  'request-correction': { points: ['补充权属证明', '写明地点'] },
  resubmit: {
    application: APPLICATION,
    answers: [
      { point: 1, text: '已补充' },
      { point: 2, text: '已写明' },
    ],
  },
  'not-accept': { code: 'outside-jurisdiction', ...reason },
  withdraw: reason,
  assign: { organization: ORGS.office, person: PEOPLE.notary.person!, name: '王五' },
  'declare-recusal': { conflicts: [] },
  'check-obtaining': { answers: OBTAINING_QUESTIONS.map((question) => ({ question, yes: false })) },
  'record-check': { results: [{ id: item(1).id, verdict: 'valid', report: 'aa'.repeat(32) }] },
  accept: { number: '受2026001', basis: 'residence' },
  'set-fees': { items: [{ name: '公证费', fen: 80_000 }] },
  'record-payment': { fen: 80_000, method: 'bank', reference: 'T1' },
  'waive-fees': { fen: 80_000, ...reason },
  refund: { fen: 80_000, reference: 'R1', ...reason },
  'record-review': { items: REVIEW_ITEMS.map((item) => ({ item, satisfied: true })) },
  'request-supplement': { points: ['店铺主体信息'] },
  supply: { answers: [{ point: 1, text: '见附件' }], evidence: [item(3)] },
  verify: { means: 'entrusted-office', subject: '主体身份', entrusted: '某公证处' },
  'record-verification': { result: 'confirmed', text: '属实' },
  'suspend-term': reason,
  'resume-term': reason,
  refuse: { ground: 'untrue-or-unlawful', ...reason },
  terminate: { code: 'obstruction', ...reason },
  draft: { text: '兹证明……', annex: [item(1).id, item(2).id] },
  return: reason,
  recall: reason,
  approve: { version: 1 },
  issue: DEED,
  deliver: { way: 'online', recipient: '甲公司' },
  archive: { volume: '2026-民-1' },
  'request-recheck': { name: '乙公司', relation: 'interested', ...reason },
  uphold: reason,
  'draft-correction': { text: '兹更正如下……', conflicts: [] },
  'approve-correction': { version: 1 },
  correct: { ...CORRECTED, ...reason },
  revoke: { ground: 'untrue', ...reason, announcement: { place: '本处网站', text: '公告' } },
  announce: { place: '某报', text: '公告' },
  grant: {
    organization: ORGS.court,
    role: 'court',
    purpose: '审理案件',
    untilMs: START + 200 * DAY_MS,
  },
  'revoke-grant': { grant: 1, ...reason },
  access: { grant: 1, what: 'package' },
};
export const confirming = (code: string): JsonObject => ({
  code,
  version: versionInForce(code as (typeof NOTICES)[number]),
  readSeconds: 30,
});

export interface Step {
  readonly action: string;
  readonly by: Person;
  readonly input?: JsonObject;
  readonly facts?: Partial<NotarizationFacts>;
}

const ACCEPTED: readonly Step[] = [
  { action: 'assign', by: 'admin' },
  { action: 'declare-recusal', by: 'notary' },
  { action: 'check-obtaining', by: 'notary' },
  { action: 'accept', by: 'notary' },
];
const REVIEWING: readonly Step[] = [
  ...NOTICES.map((code): Step => ({ action: 'confirm-notice', by: 'applicant', input: confirming(code) })),
  { action: 'set-fees', by: 'notary' },
  { action: 'record-payment', by: 'assistant' },
  { action: 'begin-review', by: 'notary' },
];

/** What a correction needs before it is made: its text by one, its approval by another. */
export const CORRECTION: readonly Step[] = [
  { action: 'draft-correction', by: 'second' },
  { action: 'approve-correction', by: 'approver' },
];

/** The usual way into each state, from the one before. */
const WAYS: Readonly<Record<State, readonly [State | null, ...Step[]]>> = {
  draft: [null, { action: 'open', by: 'applicant' }],
  submitted: ['draft', { action: 'submit', by: 'applicant' }],
  correction: ['submitted', { action: 'request-correction', by: 'assistant' }],
  'not-accepted': ['submitted', { action: 'not-accept', by: 'second' }],
  withdrawn: ['accepted', { action: 'withdraw', by: 'applicant' }],
  accepted: ['submitted', ...ACCEPTED],
  reviewing: ['accepted', ...REVIEWING],
  supplementing: ['reviewing', { action: 'request-supplement', by: 'notary' }],
  verifying: ['reviewing', { action: 'verify', by: 'notary' }],
  refused: ['reviewing', { action: 'refuse', by: 'notary' }],
  terminated: ['reviewing', { action: 'terminate', by: 'notary' }],
  drafted: ['reviewing', { action: 'record-review', by: 'notary' }, { action: 'draft', by: 'notary' }],
  approved: ['drafted', { action: 'approve', by: 'approver' }],
  issued: ['approved', { action: 'issue', by: 'notary' }],
  delivered: ['issued', { action: 'deliver', by: 'assistant' }],
  archived: ['delivered', { action: 'archive', by: 'assistant' }],
  'under-recheck': ['archived', { action: 'request-recheck', by: 'second' }],
  upheld: ['under-recheck', { action: 'uphold', by: 'second' }],
  corrected: [
    'under-recheck',
    ...CORRECTION,
    { action: 'correct', by: 'second', facts: { deed: correctedFact() } },
  ],
  revoked: ['under-recheck', { action: 'revoke', by: 'second' }],
};

export function correctedFact(): NotarizationFacts['deed'] {
  return { sha256: CORRECTED.sha256, signed: true, deposit: CORRECTED.deposit, numberTaken: false };
}

export const tried = (record: CaseRecord | NewCase, step: Step, nowMs: number): Done | Refused =>
  act(notarization, record, {
    action: step.action,
    actor: PEOPLE[step.by],
    input: step.input ?? INPUTS[step.action] ?? {},
    facts: factsAt(nowMs, step.facts),
    nowMs,
  });

export interface Standing {
  readonly record: CaseRecord;
  readonly nowMs: number;
}

export function doing(standing: Standing | undefined, ...steps: readonly Step[]): Standing {
  let record: CaseRecord | NewCase = standing?.record ?? newCase(CASE_ID);
  let nowMs = standing?.nowMs ?? START;
  for (const step of steps) {
    const outcome = tried(record, step, (nowMs += MINUTE_MS));
    if (outcome.outcome === 'refused')
      throw new Error(`${step.action}: ${outcome.code} ${outcome.guard} ${JSON.stringify(outcome.detail)}`);
    record = outcome.record;
  }
  return { record: record as CaseRecord, nowMs };
}

/** The way to a state: all its steps from the opening. */
export function wayTo(state: State): readonly Step[] {
  const [before, ...steps] = WAYS[state];
  return before === null ? steps : [...wayTo(before), ...steps];
}

export const caseIn = (state: State): Standing => doing(undefined, ...wayTo(state));

export const dataOf = ({ record }: Standing): NotarizationData => record.data as NotarizationData;

export const withData = (standing: Standing, changes: Partial<NotarizationData>): Standing => ({
  ...standing,
  record: { ...standing.record, data: { ...standing.record.data, ...changes } },
});
