import type { Both } from './paper.ts';

/*
 * The words of a notarial deed. What is testified stands in Chinese alone, as deeds do; the annex, which people of other
 * countries compare digests with, has English beside it. It says what was done and found, and nothing about what the law
 * makes of it.
 */

const WORDS = {
  title: ['公证书', 'Notarial Deed'],
  applicant: ['申请人', 'Applicant'],
  agent: ['委托代理人', 'Agent'],
  matter: ['公证事项', 'Matter'],
  basics: ['基本情况', 'Facts'],
  testimony: ['证词', 'Testimony'],
  notary: ['公证员', 'Notary'],
  'party-identity': ['{name}，{identity}', '{name}, {identity}'],
  'agent-authority': ['{name}（依据：{authority}）', '{name} (by: {authority})'],
  'identity-resident': ['居民身份证', 'resident identity card'],
  'identity-passport': ['护照', 'passport'],
  'identity-other': ['身份证件', 'identity document'],
  'authority-general': ['授权委托书，一般授权', 'power of attorney, general authority'],
  'authority-special': ['授权委托书，特别授权', 'power of attorney, special authority'],
  'office-code': ['统一社会信用代码 {uscc}', 'unified social credit code {uscc}'],
  'look-up': ['查询本公证书的状态', 'Is this deed in force?'],
  'look-up-code': ['查询码 {code}', 'code {code}'],
  'sealed-note': [
    '本公证书由公证机构以其数字证书签名并加盖时间戳，签名覆盖整个文件；附件所列存证证书一并附于文件之内。',
    'Signed by the office with its own key over the whole file, and time-stamped; the certificates listed in the annex are attached inside.',
  ],
  annex: ['附件：保全证据清单', 'Annex: items of evidence'],
  'annex-continued': ['附件：保全证据清单（续）', 'Annex: items of evidence (continued)'],
  'annex-counts': ['共 {items} 项，{files} 个文件', 'items: {items}, files: {files}'],
  'annex-none': ['本公证书没有附件所列的证据。', 'No items of evidence are listed.'],
  'annex-note': [
    '名称与文件名未经核实；摘要以十六进制书写，每八位一组。',
    'Titles and names are not verified; digests are in hexadecimal, in groups of eight.',
  ],
  'annex-number': ['序号', 'No.'],
  'annex-item': ['名称、证书、文件与摘要', 'Title, certificate, files and digests'],
  'annex-certificate': ['存证证书编号', 'certificate'],
  'annex-certificate-none': ['无', 'none'],
  'annex-proven': ['最迟存在时间', 'existed no later than'],
  'annex-proven-none': ['没有独立时钟证明', 'no independent clock proves it'],
  'annex-leaf': ['叶子哈希', 'leaf'],
  'annex-size': ['{size} 字节', 'bytes'],
} as const satisfies Readonly<Record<string, readonly [zh: string, en: string]>>;

export type DeedWord = keyof typeof WORDS;
export const DEED_WORDS = Object.keys(WORDS) as DeedWord[];

/** The words for a code in both languages, with values put in. */
export function deedWords(code: DeedWord, values: Values = {}): Both {
  const [zh, en] = WORDS[code];
  return { zh: put(zh, values), en: put(en, values) };
}

type Values = Readonly<Record<string, string | number>>;

const put = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));

/**
 * The template of 保全证据公证, sentence by sentence; which of them a deed has, documents/deed/assemble.ts decides. Of the law
 * it names only Article 11 of 公证法, with the item by which this is a notarial matter.
 */
const SENTENCES = {
  applied: '申请人{applicants}于{date}向本处申请办理{matter}公证。',
  'applied-by-agent':
    '申请人{applicants}的委托代理人{agent}（依据：{authority}）于{date}向本处申请办理{matter}公证。',
  accepted: '本处依照《中华人民共和国公证法》第十一条第{item}项受理了上述申请，受理日期为{date}。',
  purpose: '申请人称申请的目的为：{purpose}',
  obtained: '申请人称其取得证据的方式为：{obtained}',
  deposited:
    '申请人提交的证据共{items}项，含文件{files}个，此前已在“{service}”存证；各项的名称、文件、哈希值与存证证书编号详见附件。',
  'deposited-none': '申请人没有提交已存证的证据。',
  examined:
    '本公证员审查了申请人的身份、与申请公证事项的利害关系以及所提交的材料，并就取得证据的方式询问了申请人；申请人已阅读并确认本处的告知事项。',
  extracted: '{at}，{by}在{place}进行了下列操作：{steps}',
  checked:
    '{at}，本公证员使用核验程序对附件所列各项逐一核验，核验的内容为：存证证书的签名、清单的哈希值、默克尔路径、区块头与交易的证明、区块哈希的比对以及时间戳的签名。',
  'result-all': '核验结果：附件所列{items}项均通过全部核验步骤，结论为“有效”。',
  'result-some': '核验结果：附件所列{items}项中，{valid}项通过全部核验步骤，结论为“有效”；其余各项如下。',
  'result-other': '附件第{numbers}项的结论为“{verdict}”：{reason}',
  'files-compared':
    '本公证员对附件所列{compared}个文件重新计算了哈希值，与存证证书所载的哈希值逐一比对，结果一致。',
  'files-not-compared': '附件所列另外{rest}个文件的原件未提交本处，其哈希值未经重新计算。',
  'origin-verified-capture': '其中第{numbers}项由取证程序在经核验的环境中取得。',
  'origin-device-capture': '其中第{numbers}项由申请人的设备取得。',
  'origin-unverified-upload': '其中第{numbers}项由申请人自行上传，其在收到之前的情形未经核验。',
  'test-chain': '存证所用的区块链为测试链，不具证据用途。',
  certified: '兹证明：上述核验过程属实；核验时，附件所列存证证书所载的哈希值与核验结果如上所述。',
  'certified-extraction':
    '兹证明：上述操作与核验的过程属实；核验时，附件所列存证证书所载的哈希值与核验结果如上所述。',
  'not-certified':
    '本公证书仅证明上述过程与哈希值的一致性，不证明附件所列文件内容的真实性、合法性，不证明其作者或者权利归属，也不证明其在存证之前未经改动，亦不表示人民法院或者其他机关将予采纳。',
  attached: '附件与本公证书正文不可分割。',
} as const;

export type DeedSentence = keyof typeof SENTENCES;
export const DEED_SENTENCES = Object.keys(SENTENCES) as DeedSentence[];

export const deedSentence = (code: DeedSentence, values: Values = {}): string => put(SENTENCES[code], values);
