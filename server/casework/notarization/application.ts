import { type Static, Type } from 'typebox';
import { closed, hex, instantMs, line, lines, uuid, words } from '../engine/fields.ts';
import { JURISDICTIONS, MATTERS } from './codes.ts';

/*
 * What an applicant hands in. It may be incomplete while it is a draft; what it lacks refuses its submission by name.
 */

/** At most six characters in front, four behind and four stars between: an identity number in full does not fit. */
const MASKED = '^[0-9A-Za-z]{0,6}\\*{4,14}[0-9A-Za-z]{0,4}$';

const Identity = Type.Object(
  {
    reference: uuid('身份信息的编号（另行加密保存） / id of the identity, stored apart and encrypted'),
    masked: Type.String({ pattern: MASKED, description: '脱敏的证件号码 / masked number' }),
  },
  closed,
);

const Applicant = Type.Object(
  {
    kind: words(['person', 'organization'], '自然人或组织 / person or organization'),
    organization: uuid('在本服务中的组织（个人即一人组织） / organization in this service'),
    name: line(200, '姓名或名称 / name'),
    identity: Type.Optional(Identity),
    uscc: Type.Optional(
      Type.String({ pattern: '^[0-9A-Z]{15,18}$', description: '统一社会信用代码或注册号 / USCC' }),
    ),
    representative: Type.Optional(
      Type.Object(
        {
          name: line(100, '法定代表人或负责人姓名 / name'),
          title: line(100, '职务 / title'),
          identity: Type.Optional(Identity),
        },
        closed,
      ),
    ),
  },
  closed,
);

/** 公证法 26. Special authority also covers giving the application up. */
const Agent = Type.Object(
  {
    organization: Type.Optional(uuid('代理人所在的组织 / organization of the agent')),
    name: line(200, '代理人姓名、执业机构 / agent'),
    identity: Type.Optional(Identity),
    authority: Type.Optional(
      Type.Object(
        {
          deposit: uuid('授权委托书的存证 / deposit of the power of attorney'),
          scope: words(['general', 'special'], '一般授权或特别授权 / scope'),
          untilMs: Type.Optional(instantMs('授权截止 / until')),
        },
        closed,
      ),
    ),
  },
  closed,
);

const File = Type.Object(
  {
    name: line(255, '文件名 / file name'),
    sha256: hex(32, 'SHA-256'),
    sm3: Type.Optional(hex(32, 'SM3')),
  },
  closed,
);

/** More would not be read one by one at a desk; a folder counts as one item. */
export const MAX_ITEMS = 200;
const MAX_FILES = 100;

export const EvidenceItem = Type.Object(
  {
    id: uuid('存证编号 / deposit'),
    title: line(200, '证据名称 / title'),
    leaf: hex(32, '叶哈希 / leaf'),
    certificate: Type.Optional(
      Type.String({ pattern: '^[0-9A-Z-]{1,40}$', description: '证书编号 / certificate number' }),
    ),
    files: Type.Array(File, { minItems: 1, maxItems: MAX_FILES }),
  },
  closed,
);

export const Application = Type.Object(
  {
    office: uuid('所申请的公证机构 / notary office'),
    matter: words(MATTERS, '公证事项 / matter'),
    applicants: Type.Array(Applicant, { minItems: 1, maxItems: 20 }),
    agent: Type.Optional(Agent),
    purpose: Type.Optional(lines(1_000, '用途 / purpose')),
    interest: Type.Optional(lines(2_000, '与申请事项的利害关系 / interest in the matter')),
    acquisition: Type.Optional(lines(4_000, '证据取得的方式、方法 / how the evidence was obtained')),
    jurisdiction: Type.Optional(
      Type.Object(
        {
          basis: words(JURISDICTIONS, '受理依据（公证法第二十五条） / basis'),
          place: line(200, '地点 / place'),
        },
        closed,
      ),
    ),
    evidence: Type.Array(EvidenceItem, { maxItems: MAX_ITEMS }),
  },
  closed,
);

export type Application = Static<typeof Application>;
export type Identity = Static<typeof Identity>;

/** Of everybody whom it names. */
export const identitiesIn = ({ applicants, agent }: Application): readonly Identity[] =>
  [
    ...applicants.flatMap(({ identity, representative }) => [identity, representative?.identity]),
    agent?.identity,
  ].filter((identity) => identity !== undefined);
export type EvidenceItem = Static<typeof EvidenceItem>;
