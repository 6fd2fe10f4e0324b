import type { Both } from './paper.ts';

/*
 * The words of a package's README, Chinese first. They say what each command shows and what to hold against what.
 */

const WORDS = {
  title: ['存证包 {number}', 'Evidence package {number}'],
  intro: [
    '本包内的文件足以在没有我们的情况下核验这份存证。下列命令在解开后的文件夹中运行，$ 与 > 之后是命令本身。',
    'What is in this package is enough to check the deposit without us. The commands run in the folder into which it was unpacked; what stands behind $ and > is the command.',
  ],
  'made-from': [
    '证书 {number} 第 {revision} 版，存证编号 {id}。',
    'Certificate {number}, revision {revision}, deposit {id}.',
  ],
  'test-chain': [
    '注意：上链的链是测试链，不具证据用途。',
    'Note: the chain is a test chain: no evidential value.',
  ],
  contents: ['一、内容', '1. What is in it'],
  'in-files': [
    '原件，逐字节如存证时。文件名中不便于保存的字符已替换，原来的文件名见 manifest.json：',
    'The originals, byte for byte as deposited. Characters that file systems do not take are replaced in the names; the real names stand in manifest.json:',
  ],
  'in-manifest': ['清单：谁、何时、存了什么', 'The manifest: who deposited what, and when'],
  'in-certificate': ['证书：核验只以它为准', 'The certificate: it alone decides'],
  'in-paper': [
    '纸面证书，已签章，内附同一份证书',
    'The certificate on paper, sealed, with the same certificate inside',
  ],
  'in-tokens': [
    'RFC 3161 时间戳的完整应答（.tsr）、从签名者到根的证书链（.pem），及其吊销信息',
    'RFC 3161 time stamps as whole replies (.tsr), with the certificates from signer to root (.pem) and what was said of revocation',
  ],
  'in-ots': ['各文件的 OpenTimestamps 证明', 'OpenTimestamps proofs, one for each file'],
  'in-trust': [
    '本服务自己的信任清单。这是服务的一面之词：请以从法院、公证处或其他途径取得的清单核对或替换',
    'The service’s own trust list. It is the service’s own word: compare it with, or replace it by, one from a court, a notary or another source of yours',
  ],
  'left-out': ['未收入本包的：', 'Not in this package:'],
  'left-declared': [
    '{name}：存证时只提交了摘要，服务没有原件',
    '{name}: only digests were deposited, the service never had the bytes',
  ],
  'left-folder': [
    '文件夹的 {count} 个文件：服务只收到其默克尔根；单个文件的证书由存证人保存的索引离线生成（kezheng cut INDEX FILE）',
    'the {count} files of the folder: the service has the root of their tree only; certificates of single files come, off line, out of the index that the depositor keeps (kezheng cut INDEX FILE)',
  ],
  'left-unasked': ['{name}：按要求不收入原件', '{name}: originals were not asked for'],
  'left-missing': ['{name}：服务现已无法提供完好的原件', '{name}: the service can no longer give it whole'],
  'left-ots': ['{name} 的 OpenTimestamps 证明：{zh}', 'the OpenTimestamps proof of {name}: {en}'],
  'check-digests': ['二、原件的摘要', '2. Digests of the originals'],
  'digests-how': [
    '重新计算，与 manifest.json 及 certificate.pdf 所列逐一比较。本包生成时所列为：',
    'Compute them anew and compare each with manifest.json and certificate.pdf. Listed when this package was made:',
  ],
  'digests-none': [
    '本包没有原件。请对您持有的文件计算摘要，与 manifest.json 所列比较：',
    'There are no originals in this package. Compute the digests of the files that you have and compare them with manifest.json:',
  ],
  'digests-folder': [
    'manifest.json 只有文件夹的默克尔根，不列文件：请对您持有的文件与它自己的证书运行 kezheng verify。',
    'manifest.json has the root of the folder’s tree and lists no files: run kezheng verify on the file that you have and the certificate of its own.',
  ],
  'check-manifest': ['三、清单与证书', '3. Manifest and certificate'],
  'manifest-how': [
    '证书中的 entry 逐字节就是 manifest.json。两者相同则无输出：',
    'The member «entry» of the certificate is manifest.json byte for byte. No output means that they are the same:',
  ],
  'check-tokens': ['四、时间戳（openssl）', '4. Time stamps (openssl)'],
  'tokens-how': [
    '应得 Verification: OK。-attime 是时间戳自己的时间：证书日后过期，时间戳并不因此失效。第二条命令列出各证书的 SHA-256 指纹（末行为根），及其是否在 trust.json 中：请换用您从可信途径取得的信任清单，或与该机构公布的指纹比较；时间与策略见第三条。',
    'It should say «Verification: OK». -attime is the time of the stamp itself: that its certificate expires later does not undo it. The second command lists the SHA-256 of each certificate (the root is last), and whether trust.json has it: put the list that you got by a way of your own in its place, or compare with what the authority publishes; the third shows time and policy.',
  ],
  'tokens-none': ['本包没有时间戳。', 'There are no time stamps in this package.'],
  'token-own': [
    '{file}：本服务自己的时间戳，只是运营者的陈述，不是独立的时间证明。',
    '{file}: the service’s own stamp: the operator’s statement, and no independent proof of time.',
  ],
  'token-independent': ['{file}：{label} 的时间戳。', '{file}: a stamp of {label}.'],
  'token-unknown': [
    '{file}：签发者 {label}，不在本服务的信任清单中。',
    '{file}: signed by {label}, who is not in the service’s trust list.',
  ],
  'token-bulk': [
    '它盖在同一次批量存证的根上；该根由最后一条命令从证书重新算出，应与 -digest 之后相同。',
    'It is over the root of one bulk call; the last command computes that root anew from the certificate, and it should be what stands behind -digest.',
  ],
  'check-paper': ['五、PDF', '5. The PDF'],
  'paper-how': [
    '应得 Signature is Valid 与 Total document signed；签章者是否可信，pdfsig 不知道：其后两条命令列出签章所附各证书的指纹，PDF 所列的签章证书须在其中，并与您从可信途径得知的相同。取出的证书应与 certificate.json 相同（cmp 无输出）。',
    'It should say «Signature is Valid» and «Total document signed»; whom to trust pdfsig does not know: the next two commands list the fingerprints of the certificates in the signature; the one that the PDF names must be among them, and be the one that you know by a way of your own. What is taken out should be the same as certificate.json (cmp says nothing).',
  ],
  'check-chain': ['六、区块', '6. The block'],
  'chain-how': [
    '向您自选的节点按块号查询（NODE 为其地址；不要用证书所列的来源），所得 hash 应为下列哈希，且该块应在节点的 finalized 之下：',
    'Ask a node of your own choice by number (NODE is its address; not a source that the certificate names); its hash should be the one below, and the block below the node’s finalized one:',
  ],
  'chain-block': ['链 {chainId} 第 {number} 块：{hash}', 'chain {chainId}, block {number}: {hash}'],
  'check-ots': ['七、OpenTimestamps（python3-opentimestamps）', '7. OpenTimestamps (python3-opentimestamps)'],
  'ots-how': [
    '对每个证明列出文件摘要、块号与应有的 transactionsRoot，与上一条命令所得区块头的 transactionsRoot 比较。格式不含链号：文件名中有 chain-N 的，是链 N 而非以太坊主网。证明中有整份清单。',
    'For each proof: the file’s digest, the number of the block, and the transactionsRoot that its header must have, to be compared with what the command before says. The format holds no chain id: where a name has chain-N it is chain N and not Ethereum’s main one. The whole manifest stands in a proof.',
  ],
  'ots-none': ['本包没有此类证明。', 'There are no such proofs in this package.'],
  'check-all': ['八、完整核验', '8. The whole check'],
  'all-kezheng': [
    '命令行核验程序 kezheng（不需要服务，只访问您给的 NODE）：',
    'The checker kezheng on the command line (it needs no service and asks nobody but the NODE that you give):',
  ],
  'all-pdf': [
    'PDF 本身亦可核验，连同其页面是否被改动：',
    'The PDF can be checked too, and whether its pages were changed:',
  ],
  'all-python': [
    '另一独立写成的核验程序：kezheng 源代码中的 test/independent/checker.py（只需 python3；请另行取得并放入本文件夹）。BLOCK_HASH 为您在第六步查得的哈希：',
    'Another checker, written independently: test/independent/checker.py in the source of kezheng (python3 alone; get it by yourself and put it into this folder). BLOCK_HASH is the hash that you looked up in step 6:',
  ],
  'all-folder': [
    '这是整个文件夹的证书，不会单独得出「有效」（下列命令以「尚不完整」结束）：请由存证人的索引生成单个文件的证书（kezheng cut INDEX FILE），再以 kezheng verify FILE.certificate.json FILE 核验。',
    'This is the certificate of a whole folder, which is never «valid» by itself (the commands below end with «incomplete»): cut the certificate of a file out of the depositor’s index (kezheng cut INDEX FILE) and check it by kezheng verify FILE.certificate.json FILE.',
  ],
  'all-page': [
    '单文件核验网页：从 {url}/verify.html 下载，断网打开，把本包（.zip）拖入即可。下载后其 SHA-256 应为 {sha256}（请再从另一途径核对）：',
    'The checker in one file: download {url}/verify.html, open it without a network, and drop this package (.zip) on it. Its SHA-256 should be {sha256} (compare it by another way too):',
  ],
  'all-trust': [
    '要得出「有效」，信任清单、原件与区块哈希三者都需要。以 trust.json 得出的「有效」只在您信任该清单时成立。',
    '«Valid» takes a trust list, the originals and the block hash. With trust.json it holds only as far as you trust that list.',
  ],
} as const;

export type PackageWord = keyof typeof WORDS;

/** Both languages with their values. */
export function packageWords(
  code: PackageWord,
  values: Readonly<Record<string, string | number>> = {},
): Both {
  const [zh, en] = WORDS[code].map((text) =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name])),
  ) as [string, string];
  return { zh, en };
}
