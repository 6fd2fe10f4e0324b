import { NOTICES } from './codes.ts';

/*
 * What the applicant is told and confirms before the evidence is examined. 公证法 27: the office tells the legal meaning
 * and the possible consequences, and keeps a record of it. A text is never edited: a change is a new version, and a
 * confirmation of an older one no longer counts.
 */

export interface Notice {
  readonly code: (typeof NOTICES)[number];
  readonly version: number;
  readonly zh: string;
  readonly en: string;
}

const TEXTS: Readonly<Record<(typeof NOTICES)[number], Omit<Notice, 'code'>>> = {
  'legal-meaning': {
    version: 1,
    zh: '经公证的有法律意义的事实和文书，应当作为认定事实的根据，但有相反证据足以推翻该项公证的除外（公证法第三十六条）。申请人应当如实说明有关情况，提供真实、合法、充分的证明材料；提供虚假证明材料、骗取公证书的，依法承担责任（公证法第二十七条、第四十四条）。公证书的内容违法或者与事实不符的，公证机构应当撤销该公证书并予以公告，该公证书自始无效（公证法第三十九条）。',
    en: 'Facts and documents of legal meaning that were notarized are a basis for finding facts, unless contrary evidence suffices to overturn them (Notarization Law, Article 36). The applicant states the circumstances truthfully and gives true, lawful and sufficient material; whoever obtains a deed by false material is liable by law (Articles 27 and 44). A deed whose content is unlawful or untrue is revoked and this is announced; it is void from the beginning (Article 39).',
  },
  'no-secrets-or-privacy': {
    version: 1,
    zh: '申请保全的内容不得侵犯国家秘密、商业秘密或者他人隐私、个人信息等合法权益。申请人确认其内容的取得与使用不侵害他人，并自行承担由此产生的责任。',
    en: 'What is to be preserved must not infringe state secrets, trade secrets, or the privacy, personal information and other lawful rights of others. The applicant confirms that obtaining and using it infringes nobody, and answers for it.',
  },
  'method-and-consequences': {
    version: 2,
    zh: '取证的对象、时间、方法和步骤由申请人决定，其后果由申请人承担。取证方式违反法律、法规禁止性规定的，本服务中的公证机构依其办证惯例不予办理。',
    en: 'The applicant decides what is captured, when, by which method and in which steps, and bears the consequences. By their practice, the notary offices of this service do not go on with evidence that was obtained in a way that law forbids.',
  },
  'scope-of-certification': {
    version: 1,
    zh: '公证书只证明证据的提取、固定过程真实以及所附电子数据自固定之时起未被改动，不证明其内容真实，也不意味着人民法院必然采信。',
    en: 'The deed certifies that the evidence was extracted and fixed as described and that the data attached to it were not altered since; it does not certify that their content is true, and does not mean that a court will admit them.',
  },
  'identity-of-other-side': {
    version: 1,
    zh: '保全聊天记录、电子邮件等通信内容的，对方账号与真实身份的对应关系须由申请人另行证明；非公共大型服务器上的邮件等数据，只能证明提取时的状态。',
    en: 'Where chats, mail or other messages are preserved, the applicant has to prove apart from that who stands behind the other account; mail and data that do not lie on large public servers are certified only as they were when extracted.',
  },
};

/** The notices in force, in the order in which they are read. */
export const CURRENT_NOTICES: readonly Notice[] = NOTICES.map((code) => ({ code, ...TEXTS[code] }));

export const versionInForce = (code: (typeof NOTICES)[number]): number => TEXTS[code].version;
