import { basename } from 'node:path';
import { deed, setUpOffice } from './deed.ts';
import { act, type CaseView, type Person, refused, signIn, tell } from './person.ts';
import { type Demo, deposit, follow, say } from './service.ts';

/*
 * Cases of an online notary office, played through the HTTP interface: one from application to deed, archive and
 * re-examination, and one for each of the other ways in which a case can end.
 */

export interface Stage {
  readonly demo: Demo;
  readonly applicant: Person;
  readonly admin: Person;
  readonly notary: Person;
  readonly approver: Person;
  readonly assistant: Person;
  readonly court: Person;
  readonly item: Item;
}

interface Item {
  readonly id: string;
  readonly title: string;
  readonly leaf: string;
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly sm3?: string }[];
}

export async function notarizations(demo: Demo, path: string): Promise<void> {
  const stage = await setUp(demo, path);
  await setUpOffice(stage);
  await fullCase(stage);
  await corrected(stage);
  await revoked(stage);
  await otherEnds(stage);
}

async function setUp(demo: Demo, path: string): Promise<Stage> {
  const [applicant, admin, notary, approver, assistant, court] = await Promise.all(
    ['holder-a', 'notary-admin', 'notary', 'notary-approver', 'notary-assistant', 'court'].map((login) =>
      signIn(demo, login),
    ),
  );
  const { apiKey } = demo.organizations.find((one) => one.role === 'depositor')!;
  say(`\n存证 deposit: ${basename(path)} → ${demo.url}`);
  const { id } = await deposit(demo, apiKey, [path]);
  await follow(demo, apiKey, id);
  const view = await applicant!.json<{
    leafHash: string;
    manifest: { evidence: { title: string }; files: Item['files'] };
  }>(`/v1/evidence/${id}`);
  const { evidence, files } = view.manifest;
  const item = {
    id,
    title: evidence.title,
    leaf: view.leafHash,
    files: files.map(({ name, sha256, sm3 }) => ({ name, sha256, ...(sm3 && { sm3 }) })),
  };
  return {
    ...{ demo, item },
    ...{ applicant: applicant!, admin: admin!, notary: notary!, approver: approver! },
    ...{ assistant: assistant!, court: court! },
  };
}

const applicationOf = ({ applicant, notary, item }: Stage) => ({
  office: notary.organization,
  matter: 'evidence-preservation',
  applicants: [
    {
      kind: 'organization',
      organization: applicant.organization,
      name: '示范权利人甲有限公司',
      representative: { name: '甲代表', title: '法定代表人' },
    },
  ],
  purpose: '用于商标侵权诉讼',
  interest: '申请人为涉案商标的权利人',
  acquisition: '申请人以普通消费者身份在公开网页上取得',
  jurisdiction: { basis: 'residence', place: '示范市' },
  evidence: [item],
});

export async function opened(stage: Stage, what: string): Promise<CaseView> {
  say(`\n${what}`);
  const input = { application: applicationOf(stage) };
  const view = await stage.applicant.json<CaseView>('/v1/cases', {
    method: 'POST',
    body: { procedure: 'notarization/1', input },
  });
  tell(stage.applicant, 'open', view);
  return view;
}

async function submitted(stage: Stage, what: string): Promise<CaseView> {
  const made = await opened(stage, what);
  return act(stage.applicant, made, 'submit');
}

/** 受理: who handles it, recusal, how the evidence was obtained, and all evidence checked at the desk in one step. */
async function accepted(stage: Stage, of: CaseView): Promise<CaseView> {
  const { admin, notary } = stage;
  const handler = { organization: notary.organization, person: notary.id, name: notary.name };
  await act(admin, of, 'assign', handler);
  await refused(notary, of, 'accept', { number: '（示）受字第1号', basis: 'residence' });
  await act(notary, of, 'declare-recusal', { conflicts: [] });
  await act(notary, of, 'check-obtaining', { answers: OBTAINING });
  const { items } = await notary.json<{ items: { verdict: string }[] }>(`/v1/cases/${of.id}/checks`, {
    method: 'POST',
  });
  say(`  ${notary.login.padEnd(16)} 核验 checks: ${items.map(({ verdict }) => verdict).join(', ')}`);
  return act(notary, of, 'accept', { number: '（示）受字第1号', basis: 'residence' });
}

const OBTAINING = [
  ...['rights-of-others-infringed', 'prohibition-violated', 'public-order-violated'],
  ...['secret-recording-or-intrusion', 'access-control-circumvented', 'infringement-instigated'],
  'secrets-or-privacy-exposed',
].map((question) => ({ question, yes: false }));

/** Each with the version that is in force. */
const NOTICES = [
  ['legal-meaning', 1],
  ['no-secrets-or-privacy', 1],
  ['method-and-consequences', 2],
  ['scope-of-certification', 1],
  ['identity-of-other-side', 1],
] as const;

async function reviewing(stage: Stage, of: CaseView): Promise<CaseView> {
  const { applicant, notary, assistant } = stage;
  await accepted(stage, of);
  for (const [code, version] of NOTICES)
    await act(applicant, of, 'confirm-notice', { code, version, readSeconds: 30 });
  await act(notary, of, 'set-fees', { items: [{ name: '保全证据公证费', fen: 80_000 }] });
  await act(assistant, of, 'record-payment', { fen: 80_000, method: 'bank', reference: '202611290001' });
  return act(notary, of, 'begin-review');
}

const REVIEW = ['standing', 'document-completeness', 'material', 'matter'].map((item) => ({
  item,
  satisfied: true,
}));

/** As far as a draft that another notary approved. */
async function approved(stage: Stage, what: string): Promise<CaseView> {
  const { applicant, notary, approver, item } = stage;
  const made = await submitted(stage, what);
  await act(stage.assistant, made, 'request-correction', { points: ['请写明取证时间'] });
  await act(applicant, made, 'resubmit', {
    application: applicationOf(stage),
    answers: [{ point: 1, text: '取证时间见证书' }],
  });
  await reviewing(stage, made);
  await act(notary, made, 'request-supplement', { points: ['商标注册证'] });
  await act(applicant, made, 'supply', { answers: [{ point: 1, text: '已交' }] });
  await act(notary, made, 'receive-supplement');
  await act(notary, made, 'verify', { means: 'documents', subject: '商标注册情况' });
  await act(notary, made, 'record-verification', { result: 'confirmed', text: '与注册信息一致' });
  await act(notary, made, 'record-review', { items: REVIEW });
  const draft = { text: '兹证明所附电子数据自固定之时起未被改动。', annex: [item.id] };
  await act(notary, made, 'draft', draft);
  await refused(notary, made, 'approve', { version: 1 });
  await act(approver, made, 'return', { reason: '请写明附件' });
  await act(notary, made, 'draft', { ...draft, text: `${draft.text}附件载明各项摘要。` });
  return act(approver, made, 'approve', { version: 2 });
}

/** 出证、送达、查阅授权、归档 */
async function fullCase(stage: Stage): Promise<void> {
  const { notary, applicant, court } = stage;
  const of = await approved(stage, '完整的一案 a whole case');
  await deed(stage, of, 'issue');
  await act(notary, of, 'deliver', { way: 'online', recipient: '示范权利人甲有限公司' });
  await act(applicant, of, 'grant', {
    organization: court.organization,
    role: 'court',
    purpose: '庭审质证',
    untilMs: Date.now() + 7 * 86_400_000,
  });
  const package_ = await court.call(`/v1/cases/${of.id}/package.zip`);
  say(`  ${court.login.padEnd(16)} 案件包 package: ${(await package_.arrayBuffer()).byteLength} bytes`);
  await act(applicant, of, 'revoke-grant', { grant: 1, reason: '庭审结束' });
  say(`  ${court.login.padEnd(16)} 撤回后 after that: ${(await court.call(`/v1/cases/${of.id}`)).status}`);
  await act(notary, of, 'archive', { volume: '2026-0001' });
}

const RECHECK = { name: '示范权利人甲有限公司', relation: 'party', reason: '文字有误' };

async function corrected(stage: Stage): Promise<void> {
  const { applicant, admin, notary, approver } = stage;
  const of = await approved(stage, '复查后更正 corrected after re-examination');
  await deed(stage, of, 'issue');
  await act(applicant, of, 'request-recheck', RECHECK);
  await act(approver, of, 'uphold', { reason: '无误' });
  await act(applicant, of, 'request-recheck', RECHECK);
  // Two notaries make up this office: whoever handled the case writes the correction, and the other one approves it.
  await admin.json('/v1/office', { method: 'PUT', body: { rules: { recheckByAnother: false } } });
  await act(notary, of, 'draft-correction', {
    text: '兹更正：附件载明各项摘要，其余不变。',
    conflicts: [],
  });
  await refused(notary, of, 'correct', {
    ...{ number: '（示）', sha256: '0'.repeat(64), deposit: stage.item.id },
    reason: '文字更正',
  });
  await act(approver, of, 'approve-correction', { version: 1 });
  await deed(stage, of, 'correct');
}

async function revoked(stage: Stage): Promise<void> {
  const { applicant, approver } = stage;
  const of = await approved(stage, '复查后撤销 revoked after re-examination');
  await deed(stage, of, 'issue');
  await act(applicant, of, 'request-recheck', { ...RECHECK, reason: '内容与事实不符' });
  await act(approver, of, 'revoke', {
    ground: 'untrue',
    reason: '内容与事实不符',
    announcement: { place: '公证机构网站', text: '撤销公证书，自始无效' },
  });
}

/** Each of the other ways in which a case can end. */
async function otherEnds(stage: Stage): Promise<void> {
  const { applicant, notary } = stage;
  await act(applicant, await opened(stage, '申请人放弃草稿 a draft is discarded'), 'discard');
  await act(notary, await submitted(stage, '不予受理 not accepted'), 'not-accept', {
    code: 'outside-jurisdiction',
    reason: '不属本机构执业区域',
  });
  await act(applicant, await submitted(stage, '申请人撤回 withdrawn'), 'withdraw', { reason: '已和解' });
  const refusing = await submitted(stage, '不予办理 refused');
  await reviewing(stage, refusing);
  await act(notary, refusing, 'refuse', { ground: 'no-interest', reason: '与申请事项无利害关系' });
  const ending = await submitted(stage, '终止 terminated');
  await accepted(stage, ending);
  await act(notary, ending, 'terminate', { code: 'applicant-ended', reason: '申请人注销' });
}
