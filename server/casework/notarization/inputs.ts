import { type Static, type TSchema, Type } from 'typebox';
import {
  closed,
  fen,
  hex,
  instantMs,
  line,
  lines,
  nothing,
  positiveFen,
  uuid,
  words,
} from '../engine/fields.ts';
import type { Context } from '../engine/table.ts';
import { Application, EvidenceItem, MAX_ITEMS } from './application.ts';
import {
  DELIVERIES,
  GRANTEES,
  GROUNDS,
  JURISDICTIONS,
  NOT_ACCEPTED,
  NOTICES,
  OBTAINING_QUESTIONS,
  PAYMENT_METHODS,
  RELATIONS,
  REVIEW_ITEMS,
  REVOCATIONS,
  TERMINATIONS,
  VERIFICATION_MEANS,
  VERIFICATION_RESULTS,
} from './codes.ts';

/*
 * What each action is given. An action that is missing here is given nothing.
 */

/** More could not be answered point by point. */
const MAX_POINTS = 20;
/** Grants, payments, refunds of one case: each is small, and the case is read whole. */
const MAX_NUMBER = 9_999;

const reason = lines(2_000, '理由 / reason');

export const Nothing = nothing;
export const Apply = Type.Object({ application: Application }, closed);
export const Reasoned = Type.Object({ reason }, closed);

export const Points = Type.Object(
  {
    points: Type.Array(lines(1_000, '须补正、补充的事项 / what is needed'), {
      minItems: 1,
      maxItems: MAX_POINTS,
    }),
  },
  closed,
);
const Answers = Type.Array(
  Type.Object(
    {
      point: Type.Integer({ minimum: 1, maximum: MAX_POINTS, description: '第几项，从 1 起 / which point' }),
      text: lines(4_000, '答复 / answer'),
    },
    closed,
  ),
  { minItems: 1, maxItems: MAX_POINTS },
);
export const Resubmit = Type.Object({ application: Application, answers: Answers }, closed);
export const Supply = Type.Object(
  { answers: Answers, evidence: Type.Optional(Type.Array(EvidenceItem, { maxItems: MAX_ITEMS })) },
  closed,
);

export const NotAccept = Type.Object({ code: words(NOT_ACCEPTED, '不予受理的原因 / why'), reason }, closed);
export const Assign = Type.Object(
  {
    organization: uuid('公证机构 / notary office'),
    person: uuid('承办公证员 / handling notary'),
    name: Type.Optional(line(100, '姓名（以其账号所载为准） / name; that of the account counts')),
  },
  closed,
);
export const Recuse = Type.Object(
  {
    conflicts: Type.Array(
      Type.Object({ relation: words(RELATIONS, '关系 / relation'), note: line(500, '说明 / note') }, closed),
      { maxItems: 20 },
    ),
  },
  closed,
);
export const Obtaining = Type.Object(
  {
    answers: Type.Array(
      Type.Object(
        {
          question: words(OBTAINING_QUESTIONS, '取证方式的审查事项 / question'),
          yes: Type.Boolean({ description: '是否存在 / whether it is so' }),
          note: Type.Optional(line(500, '说明 / note')),
        },
        closed,
      ),
      { minItems: 1, maxItems: OBTAINING_QUESTIONS.length },
    ),
  },
  closed,
);
export const Accept = Type.Object(
  {
    number: line(60, '受理通知单编号 / number of the notice of acceptance'),
    basis: words(JURISDICTIONS, '受理依据（公证法第二十五条） / basis'),
    note: Type.Optional(line(500, '说明 / note')),
  },
  closed,
);
export const Confirm = Type.Object(
  {
    code: words(NOTICES, '告知事项 / notice'),
    version: Type.Integer({ minimum: 1, maximum: MAX_NUMBER, description: '版本 / version' }),
    readSeconds: Type.Integer({
      minimum: 1,
      maximum: 86_400,
      description: '阅读用时（秒） / seconds of reading',
    }),
  },
  closed,
);

export const FeeItems = Type.Object(
  {
    items: Type.Array(
      Type.Object({ name: line(100, '收费项目 / item'), fen: fen('金额（分） / fen') }, closed),
      {
        maxItems: 30,
      },
    ),
  },
  closed,
);
export const Payment = Type.Object(
  {
    fen: positiveFen('金额（分） / fen'),
    method: words(PAYMENT_METHODS, '方式 / method'),
    reference: line(100, '流水号 / reference'),
  },
  closed,
);
export const Waiver = Type.Object({ fen: positiveFen('减免金额（分） / fen'), reason }, closed);
export const Refund = Type.Object(
  { fen: positiveFen('退费金额（分） / fen'), reference: line(100, '流水号 / reference'), reason },
  closed,
);

export const Verification = Type.Object(
  {
    means: words(VERIFICATION_MEANS, '核实方式 / means'),
    subject: lines(2_000, '核实事项 / what is verified'),
    entrusted: Type.Optional(line(200, '受托公证机构、函号 / entrusted office and letter')),
  },
  closed,
);
export const Verified = Type.Object(
  { result: words(VERIFICATION_RESULTS, '核实结果 / result'), text: lines(4_000, '情况 / what was found') },
  closed,
);
export const Review = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          item: words(REVIEW_ITEMS, '审查事项（公证法第二十八条） / item'),
          satisfied: Type.Boolean({ description: '是否符合 / satisfied' }),
          note: Type.Optional(lines(1_000, '说明 / note')),
        },
        closed,
      ),
      { minItems: 1, maxItems: REVIEW_ITEMS.length },
    ),
  },
  closed,
);
/** What a notary saw when checking certificates at the desk; the report itself is kept beside the event. */
export const Check = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          id: uuid('存证编号 / deposit'),
          verdict: words(['valid', 'incomplete', 'invalid'], '结论 / verdict'),
          report: hex(32, '核验报告的 SHA-256 / SHA-256 of the report'),
        },
        closed,
      ),
      { minItems: 1, maxItems: MAX_ITEMS },
    ),
  },
  closed,
);

export const Refuse = Type.Object(
  { ground: words(GROUNDS, '不予办理的情形（公证法第三十一条） / ground'), reason },
  closed,
);
export const Terminate = Type.Object({ code: words(TERMINATIONS, '终止原因 / why'), reason }, closed);

export const Drafting = Type.Object(
  {
    text: lines(50_000, '公证词 / text of the deed'),
    annex: Type.Array(uuid('存证编号 / deposit'), { minItems: 1, maxItems: MAX_ITEMS }),
  },
  closed,
);
export const Approve = Type.Object(
  { version: Type.Integer({ minimum: 1, maximum: MAX_NUMBER, description: '所审批的稿 / draft approved' }) },
  closed,
);
/** On one line of the first page. */
export const MAX_DEED_NUMBER = 60;
const deed = {
  number: line(MAX_DEED_NUMBER, '公证书编号 / number of the deed'),
  sha256: hex(32, '公证书 PDF 的 SHA-256 / SHA-256 of the PDF'),
  deposit: uuid('公证书的存证 / deposit of the deed'),
};
export const Issue = Type.Object(deed, closed);
export const Deliver = Type.Object(
  { way: words(DELIVERIES, '送达方式 / way'), recipient: line(200, '签收人 / recipient') },
  closed,
);
export const Archive = Type.Object({ volume: line(60, '卷宗号 / file number') }, closed);

export const AskRecheck = Type.Object(
  {
    name: line(200, '申请复查人 / who asks'),
    relation: words(['party', 'interested'], '当事人或利害关系人 / party or interested person'),
    reason,
  },
  closed,
);
/** Whoever writes a correction declares for himself (公证法 23): he is not the notary who declared before. */
export const DraftCorrection = Type.Object(
  {
    text: lines(50_000, '更正后的公证词 / text of the corrected deed'),
    conflicts: Recuse.properties.conflicts,
  },
  closed,
);
export const Correct = Type.Object({ ...deed, reason }, closed);
export const Announcement = Type.Object(
  {
    place: line(200, '公告载体 / where'),
    text: lines(4_000, '公告内容 / text'),
    url: Type.Optional(line(500, '链接 / link')),
  },
  closed,
);
export const Revoke = Type.Object(
  { ground: words(REVOCATIONS, '撤销原因（公证法第三十九条） / ground'), reason, announcement: Announcement },
  closed,
);

export const Granting = Type.Object(
  {
    organization: uuid('被授权的组织 / organization'),
    role: words(GRANTEES, '其性质 / its kind'),
    purpose: lines(1_000, '用途 / purpose'),
    untilMs: instantMs('截止 / until'),
    attachment: Type.Optional(uuid('律师调查令等的存证 / deposit of the order')),
  },
  closed,
);
const grant = Type.Integer({
  minimum: 1,
  maximum: MAX_NUMBER,
  description: '第几项授权，从 1 起 / which grant',
});
export const RevokeGrant = Type.Object({ grant, reason }, closed);
export const Access = Type.Object(
  { grant, what: words(['package', 'deed', 'evidence'], '查阅内容 / what is read') },
  closed,
);

/** The input as a guard reads it, which has been checked by its schema before; undefined while somebody only asks. */
export const given = <Schema extends TSchema>(
  _schema: Schema,
  { input }: Pick<Context<never, never>, 'input'>,
): Static<Schema> | undefined => input as Static<Schema> | undefined;
