/*
 * The words of the certificate on paper, Chinese first. They say what is known and from whom, and nothing about what
 * the law makes of it. Side by side, because they are printed side by side.
 */

export interface Both {
  readonly zh: string;
  readonly en: string;
}

const WORDS = {
  title: ['存证证书', 'Certificate of Evidence Deposit'],
  continued: ['（续）', '(continued)'],
  'stated-by-depositor': ['存证人所述', 'as stated by the depositor'],
  page: ['第 {page} 页，共 {pages} 页', 'page {page} of {pages}'],
  scan: ['扫码核验', 'scan to check'],
  'test-chain': ['测试链，不具证据用途', 'TEST CHAIN – NO EVIDENTIAL VALUE'],
  'not-provided': ['未提供', 'not provided'],
  'not-obtained': ['未取得', 'not obtained'],
  'not-applicable': ['不适用', 'not applicable'],

  'section-summary': ['摘要', 'Summary'],
  'section-certificate': ['证书', 'Certificate'],
  'section-depositor': ['存证人', 'Depositor'],
  'section-evidence': ['证据', 'Evidence'],
  'section-capture': ['取证经过', 'How it was obtained'],
  'section-files': ['文件与摘要', 'Files and digests'],
  'section-clocks': ['时间', 'Clocks'],
  'section-chain': ['上链', 'Anchoring'],
  'section-provider': ['存证服务提供者', 'Provider'],
  'section-custody': ['保管', 'Custody'],
  'section-scope': ['证明范围与限制', 'Scope and limits'],
  'section-check': ['不依赖我们的核验', 'How to check without us'],
  'section-attached': ['附件与电子签章', 'Attachments and electronic seal'],
  'section-path': ['附录：默克尔路径', 'Annex: Merkle path'],

  'summary-time': ['最迟存在时间', 'Existed no later than'],
  'summary-test-time': [
    '最迟存在时间（测试链，不具证据用途）',
    'Existed no later than (test chain, no evidential value)',
  ],
  'summary-none': [
    '没有独立的时钟证明时间；下列时间均为签发者自己的陈述',
    'no independent clock proves a time; the times below are statements of the issuer alone',
  ],
  'summary-text': [
    '下列文件的摘要在上述时间之前已经固定，此后任何改动都能被任何人发现。核验不需要相信签发者。',
    'The digests of the files below were fixed before this time; any later change can be detected by anybody, without trusting the issuer.',
  ],
  'summary-text-folder': [
    '下述文件夹的默克尔根在上述时间之前已经固定，其中任何文件此后的改动都能被任何人发现。核验不需要相信签发者。',
    'The root of the folder below was fixed before this time; any later change of a file in it can be detected by anybody, without trusting the issuer.',
  ],
  'summary-text-none': [
    '下列文件的摘要已写入清单，此后任何改动都能被任何人发现；但没有独立的时钟证明它们何时已经存在。',
    'The digests of the files below stand in the manifest, and any later change can be detected by anybody; but no independent clock proves when they existed.',
  ],
  'by-block': ['区块时间（链 {chain}，第 {block} 块）', 'time of block {block} of chain {chain}'],
  'by-authority': ['独立时间戳机构 {label}', 'independent time-stamp authority {label}'],
  'by-other': ['{clock}', '{clock}'],

  number: ['证书编号', 'Certificate number'],
  'evidence-id': ['存证编号（统一证据编号）', 'Evidence number'],
  version: ['证书格式与版次', 'Format and revision'],
  revision: ['第 {revision} 版', 'revision {revision}'],
  beijing: ['{time}  北京时间 (UTC+8)', '{time}  Beijing time (UTC+8)'],
  'version-value': ['{format}，第 {revision} 版', '{format}, revision {revision}'],
  'issued-at': ['签发时间', 'Issued'],
  state: ['状态', 'State'],
  'state-value': [
    '签发时有效；以后取得的可能是更新的版次，可向出具者索取',
    'in force when issued; whoever asks later may get a later revision, which the issuer gives',
  ],

  'depositor-name': ['存证人名称', 'Depositor'],
  'depositor-id': ['证件类型与号码', 'Kind and number of identity document'],
  uscc: ['统一社会信用代码 {uscc}', 'unified social credit code {uscc}'],
  agent: ['法定代表人、经办人或代理人及授权', 'Legal representative, handler or agent, authority'],
  'identity-check': ['实名认证方式、时间、机构', 'Identity check: method, time, by whom'],
  'identity-check-none': [
    '未提供；本证书不证明存证人的身份',
    "not provided; this certificate does not prove the depositor's identity",
  ],
  'identity-statement': ['存证人签名声明', "Depositor's signed statement"],
  'identity-statement-there': ['有，见所附清单（{format}）', 'yes, in the manifest attached ({format})'],
  'identity-statement-signed': [
    '已签名，自述签署时间 {at}；该密钥是否属于存证人，请与其公布或出示的比对。公钥 SHA-256：',
    'signed, at {at} by the depositor’s own clock; whether the key is his, compare with what he publishes or shows. SHA-256 of the public key:',
  ],

  'evidence-title': ['证据名称', 'Title'],
  category: ['证据类别', 'Class'],
  'category-webpage': ['网页', 'web page'],
  'category-screen-recording': ['录屏', 'screen recording'],
  'category-photo': ['照片', 'photograph'],
  'category-audio': ['录音', 'sound recording'],
  'category-video': ['录像', 'video'],
  'category-document': ['文件', 'document'],
  'category-data': ['数据', 'data'],
  'category-other': ['其他', 'other'],
  description: ['证据说明', 'Description'],
  'package-hash': ['证据包（清单）哈希', 'Package (manifest) digest'],
  'package-hash-value': ['清单规范字节的 SHA-256', 'SHA-256 of the canonical manifest'],
  'files-count': ['证据包清单', 'Package contents'],
  'files-count-value': [
    '{count} 个文件，共 {bytes} 字节，逐一列于下文',
    'files: {count}, bytes in all: {bytes}; each is listed below',
  ],
  'files-folder': [
    '文件夹，{count} 个文件，以默克尔根固定',
    'a folder of {count} files, fixed by the root of their tree',
  ],
  confidentiality: ['密级与商业秘密标记', 'Confidentiality'],
  'confidentiality-none': ['未标记', 'not marked'],
  'confidentiality-internal': ['内部', 'internal'],
  'confidentiality-trade-secret': ['商业秘密', 'trade secret'],
  right: ['权利信息', 'Right'],
  accused: ['被控主体', 'Accused'],
  corroborations: ['关联印证', 'Corroboration'],

  operator: ['取证人（操作人）', 'Captured by'],
  source: ['取证来源', 'Source'],
  method: ['取证方式', 'Method'],
  tool: ['取证工具', 'Tool'],
  'captured-from': ['取证开始时间', 'Capture began'],
  'captured-to': ['取证结束时间', 'Capture ended'],
  'time-source': ['时间来源及偏差', 'Time source and offset'],
  'clock-unchecked': [
    '服务器时钟；未与其他时钟核对，偏差未知',
    "the server's clock; not compared with others, offset unknown",
  ],
  'clock-agreed': [
    '服务器时钟；收到时与所设时间源一致（在允许偏差之内）',
    "the server's clock; it agreed with its time sources within the drift allowed",
  ],
  'clock-doubtful': [
    '服务器时钟；收到时存疑，以独立时钟为准',
    "the server's clock; in doubt at that time, go by the independent clocks",
  ],
  place: ['取证地点与网络', 'Place and network'],
  environment: ['取证环境', 'Environment'],
  cleanliness: ['清洁性检查结论与报告哈希', 'Cleanliness check and its report'],
  'cleanliness-upload': ['不适用（自行上传）', 'not applicable (uploaded by the depositor)'],
  'process-log': ['操作日志条数与哈希', 'Process logs and their digests'],
  'process-log-upload': ['不适用（自行上传）', 'not applicable (uploaded by the depositor)'],
  'report-files': ['{count} 份，见文件表', '{count}, see the table of files'],
  origin: ['上链前数据来源', 'Origin before anchoring'],
  'grade-verified-capture': ['经核验的取证', 'verified capture'],
  'grade-device-capture': ['设备取证', 'device capture'],
  'grade-unverified-upload': [
    '未经核验的上传：收到之前的情形未经核验',
    'unverified upload: nothing before its receipt was verified',
  ],

  'file-number': ['序号', 'No.'],
  'file-name': ['文件名、格式', 'Name and format'],
  'file-size': ['大小（字节）', 'Size (bytes)'],
  'file-basis': ['用途 / 摘要依据', 'Role / basis'],
  'basis-computed': ['服务计算', 'computed'],
  'basis-declared': ['存证人申报', 'declared'],
  'role-evidence': ['证据', 'evidence'],
  'role-process-log': ['操作日志', 'process log'],
  'role-environment': ['环境', 'environment'],
  'role-cleanliness': ['清洁性', 'cleanliness'],
  'role-derived': ['衍生件', 'derived'],
  'format-unknown': ['格式未提供', 'format not provided'],
  'files-basis-note': [
    '“服务计算”：服务收到原件并自行计算摘要；“存证人申报”：服务未见过原件，摘要为存证人所报。',
    '"computed": the service had the bytes and hashed them; "declared": it was told the digests and saw no bytes.',
  ],
  'files-folder-note': [
    '本证书固定整个文件夹：各文件的名称与摘要在存证人保存的索引中，服务没有。单个文件的证书由索引离线生成（kezheng cut），与本证书同一签名，任何核验程序均可核验。',
    'This certificate fixes the folder as a whole: names and digests of its files are in the index that the depositor keeps; the service has none. The certificate of a single file comes out of it off line (kezheng cut), bears the same signature, and every checker takes it.',
  ],
  'folder-root': ['文件夹默克尔根', 'Root of the folder'],

  'clock-name': ['时钟', 'Clock'],
  'clock-time': ['时间（北京时间 UTC+8；下行 UTC）', 'Time (Beijing, UTC+8; UTC below)'],
  'clock-by': ['由谁陈述', 'By whom'],
  'clock-force': ['效力', 'Standing'],
  'clock-server': ['服务器收到（固定）时间', 'Received by the server (fixing time)'],
  'clock-issuer': ['签发时间', 'Issued'],
  'clock-own-token': ['服务自己的时间戳', "The service's own time-stamp"],
  'clock-authority': ['独立时间戳机构', 'Independent authority'],
  'clock-block': ['区块时间', 'Block time'],
  'clock-other': ['其他时钟：{clock}', 'other clock: {clock}'],
  'force-counts': ['已证明；以此为准', 'proven; this one counts'],
  'force-proven': ['已证明', 'proven'],
  'force-stated': ['签发者自己的陈述', "the issuer's own statement"],
  'force-open': ['未经比对', 'not compared'],
  'clocks-note': [
    '签发者自己的时钟只是陈述，随时可以另写；独立机构的时间戳与区块时间由他人作出，其中最早的一个为准。区块哈希已由签发者的节点比对，核验者应在自选的来源再比对一次。',
    "The issuer's own clocks are statements. Time-stamps of independent authorities and block times are made by others, and the earliest of them counts. The issuer's node has compared the block hash; whoever checks should compare it again at a source of his own.",
  ],
  'clocks-none': ['没有独立时钟，不证明时间', 'no independent clock: no time is proven'],
  token: ['可信时间戳', 'Time-stamp token'],
  'token-none': ['本证书不含时间戳令牌', 'this certificate holds no time-stamp token'],
  'token-others': ['另有 {count} 枚令牌，见所附证书', '{count} more, see the certificate attached'],
  'token-authority': ['机构', 'authority'],
  'token-serial': ['序列号', 'serial number'],
  'token-hash': ['摘要算法', 'digest algorithm'],
  'token-time': ['时间', 'time'],
  'token-accuracy': ['精度', 'accuracy'],
  'token-policy': ['策略 OID', 'policy OID'],
  'token-fingerprint': ['签名证书 SHA-256', 'certificate SHA-256'],

  'chain-name': ['区块链名称', 'Chain'],
  'chain-id': ['网络标识（chainId）', 'Network (chainId)'],
  'chain-run-by': ['运行者与类型', 'Run by, and kind'],
  'chain-test': ['{runBy}；测试链，不具证据用途', '{runBy}; test chain, no evidential value'],
  'chain-production': ['{runBy}', '{runBy}'],
  contract: ['合约地址', 'Contract'],
  'chain-operator': ['操作者地址', 'Operator'],
  transaction: ['交易哈希', 'Transaction'],
  'block-number': ['区块高度', 'Block number'],
  'block-hash': ['区块哈希', 'Block hash'],
  'block-time': ['区块时间', 'Block time'],
  batch: ['批次号与日志序号', 'Batch and index in the log'],
  'batch-value': ['批次 {batch}，日志序号 {index}', 'batch {batch}, index {index}'],
  root: ['默克尔根', 'Merkle root'],
  'root-size': ['树中第 {index} 叶（自 0 起），共 {size} 叶', 'leaf {index} (from 0) of {size}'],
  finality: ['终局性', 'Finality'],
  'finality-value': [
    '签发时已终局（确认数 {confirmations}）',
    'final when issued ({confirmations} confirmations)',
  ],
  'anchor-unknown': ['锚定类型 {type}，见所附证书', 'anchor of type {type}, see the certificate attached'],
  salt: ['盐', 'Salt'],
  leaf: ['叶子', 'Leaf'],
  'path-hash': ['路径 {n}', 'Path {n}'],
  'path-none': ['批次只有一叶，路径为空', 'the batch has one leaf, the path is empty'],

  provider: ['名称', 'Name'],
  'provider-uscc': ['统一社会信用代码', 'Unified social credit code'],
  'filing-blockchain': ['区块链信息服务备案编号', 'Filing as blockchain information service'],
  'filing-mlps': ['网络安全等级保护备案编号', 'Filing of cybersecurity classification (MLPS)'],
  'filing-crypto': ['商用密码应用安全性评估编号', 'Assessment of commercial cryptography'],
  interests: ['利害关系声明', 'Statement on interests'],
  readings: [
    '中立性：运营方人员读取本证据的次数（以日志中的事件为准）',
    "Neutrality: readings of this evidence by the operator's staff (as the events in the log have it)",
  ],
  'readings-none': ['无记录（至本文件签章时）', 'none on record (when this document was sealed)'],
  'readings-count': [
    '{count} 次（至本文件签章时），最近一次：',
    '{count} (when this document was sealed), the last one:',
  ],
  standards: ['所用标准及版本', 'Standards used'],
  'standards-value': [
    'SHA-256（FIPS 180-4）；SM3（GB/T 32905-2016）；默克尔树 RFC 6962；规范 JSON RFC 8785；时间戳 RFC 3161；签名 ES256（RFC 7515、7518）、CMS（RFC 5652）。不声称符合其他标准。',
    'SHA-256 (FIPS 180-4); SM3 (GB/T 32905-2016); Merkle tree RFC 6962; canonical JSON RFC 8785; time-stamps RFC 3161; signatures ES256 (RFC 7515, 7518) and CMS (RFC 5652). No conformity beyond these is claimed.',
  ],

  'custody-medium': ['保管介质与方式', 'Medium and manner'],
  'custody-stored': [
    '原件 {count} 个文件由服务原样保存，与任何衍生件分开',
    'originals kept by the service as they came, apart from anything derived: {count}',
  ],
  'custody-declared': [
    '服务不保存原件，仅存摘要；原件由存证人保管',
    'the service holds digests only; the originals are with the depositor',
  ],
  'custody-folder': [
    '服务不保存原件，也没有其名称与摘要，只有文件夹的默克尔根；原件与索引由存证人保管',
    'the service holds neither files nor names nor digests, only the root of the folder; files and index are with the depositor',
  ],
  'custody-place': ['保管地点与期限', 'Place and period'],
  fixity: ['最近一次完整性复核', 'Last check of the stored bytes'],
  'fixity-none': ['尚未复核', 'not checked yet'],
  'fixity-not-stored': ['不适用（仅存摘要）', 'not applicable (digests only)'],
  'fixity-ok': ['{count} 个文件完好', 'files whole: {count}'],
  'fixity-missing': ['{count} 个文件缺失', 'files missing: {count}'],
  'fixity-damaged': ['{count} 个文件损坏', 'files damaged: {count}'],
  'fixity-unchecked': ['{count} 个文件尚未复核', 'files not checked yet: {count}'],
  transfers: ['流转记录', 'Custody transfers'],

  'scope-proves': [
    '证明：列出的摘要所对应的文件在最迟存在时间之前已经存在，此后内容未变。',
    'Proves: files with the digests listed existed before the time given, and have not changed since.',
  ],
  'scope-proves-folder': [
    '证明：文件夹中的每个文件（以由索引生成的证书逐一核验）在最迟存在时间之前已经存在，此后内容未变。',
    'Proves: each file of the folder, checked with the certificate that is cut out of the index for it, existed before the time given, and has not changed since.',
  ],
  'scope-proves-none': [
    '证明：列出的摘要所对应的文件与清单相符；存在的时间只有签发者的陈述。',
    'Proves: files with the digests listed are those of the manifest; for the time there is only the word of the issuer.',
  ],
  'scope-not': ['以下各项不在证明范围之内：', 'Does not prove:'],

  'check-url': ['核验网址', 'Check page'],
  'check-code': ['核验码', 'Check code'],
  'check-code-none': ['不适用：核验无须在线查询', 'not applicable: checking needs no look-up'],
  'checker-digest': ['离线核验程序摘要', 'Digest of the off-line checker'],
  'step-extract': ['一、取出本文件所附的证书', '1. Take the certificate out of this file'],
  'step-files': [
    '二、计算原件的摘要，与文件表比对',
    '2. Hash the originals and compare with the table of files',
  ],
  'step-cut': [
    '二、由存证人保存的索引生成单个文件的证书（离线）',
    '2. Cut the certificate of a file out of the index that the depositor keeps (off line)',
  ],
  'step-verify': [
    '三、核验全部步骤（离线；信任清单与节点须自选）',
    '3. Check every step (off line; trust list and node of your own choice)',
  ],
  'step-block': [
    '四、在自选的节点或区块浏览器按块号查询，区块哈希应为',
    '4. Look the block up by its number, at a node or explorer of your own choice; its hash must be',
  ],
  'step-seal': ['五、核对本文件的电子签章', '5. Check the electronic seal of this file'],
  'step-format': [
    '全部格式与规则写明于公开的 FORMAT.md，任何人可据以另写核验程序；服务停止、数据丢失，都不影响核验。',
    'All formats and rules are in the public FORMAT.md, from which anybody can write another checker; nothing needs the service to be there.',
  ],
  originals: ['原件', 'ORIGINALS'],
  'index-file': ['索引', 'INDEX'],
  'own-node': ['自选节点', 'YOUR-NODE'],

  attached: ['附件', 'Attached'],
  'attached-certificate': ['证书（核验以此为准）', 'the certificate (this is what is checked)'],
  'attached-manifest': ['存证清单', 'the manifest'],
  'attached-token': ['时间戳令牌', 'time-stamp token'],
  'attached-annex': ['公证书附件所列存证证书', 'certificate listed in the annex of the deed'],
  seal: ['本文件的电子签章', 'Seal of this document'],
  'seal-value': [
    'CMS 签名（ETSI.CAdES.detached），覆盖整个文件；签章者 {name}',
    'CMS signature (ETSI.CAdES.detached) over the whole file, by {name}',
  ],
  'seal-fingerprint': ['签章证书 SHA-256', 'Seal certificate SHA-256'],
  issuer: ['证书签发者', 'Issuer of the certificate'],
  'issuer-fingerprint': ['签发证书 SHA-256', 'Issuer certificate SHA-256'],
  'seal-note': [
    '签章只说明本文件由签章者出具、此后未改；时间与内容以所附证书的核验为准。',
    'The seal says that this document came from the signer and was not changed; for time and content go by the certificate attached.',
  ],
} as const satisfies Readonly<Record<string, readonly [zh: string, en: string]>>;

export type PaperWord = keyof typeof WORDS;
export const PAPER_WORDS = Object.keys(WORDS) as PaperWord[];

/** Whether there is such a word: of words that a format may gain, as classes of evidence. */
export const isPaperWord = (code: string): code is PaperWord => Object.hasOwn(WORDS, code);

/** The words for a code in both languages, with values put in. */
export function paperWords(code: PaperWord, values: Readonly<Record<string, string | number>> = {}): Both {
  const put = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
  const [zh, en] = WORDS[code];
  return { zh: put(zh), en: put(en) };
}
