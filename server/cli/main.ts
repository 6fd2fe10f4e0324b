import { availableParallelism } from 'node:os';
import process from 'node:process';
import { makeFolder, writeDurably } from '../adapters/files.ts';
import { createPlaces } from '../adapters/folder/places.ts';
import { openArchive, openPackage } from '../adapters/packages.ts';
import { markRestored } from '../adapters/restored.ts';
import { scanFolder } from '../adapters/scan/scan.ts';
import { nodeSignatures } from '../adapters/signatures-node.ts';
import { blobsNamedIn, snapshotSqlite } from '../adapters/sqlite/snapshot.ts';
import { hashNodesInto } from '../adapters/workers/node-hash.ts';
import { BlobUnavailable } from '../ports/blobs.ts';
import { StoreUnavailable } from '../ports/store.ts';
import type { Embedded } from './archive.ts';
import { auditCommand } from './audit.ts';
import { backupCommand } from './backup.ts';
import { cutCommand } from './cut.ts';
import {
  backupSource,
  demonstration,
  moveTools,
  openCold,
  openOutside,
  readAuthorities,
  secretsTools,
  withInstallation,
} from './data.ts';
import { depositCommand } from './deposit.ts';
import { evidenceRecordCommand } from './evidence-record.ts';
import { fsckCommand } from './fsck.ts';
import { headersCommand } from './headers.ts';
import { keysCommand } from './keys.ts';
import { migrateStoreCommand } from './migrate-store.ts';
import { moveColdCommand } from './move-cold.ts';
import { orgsCommand } from './orgs.ts';
import { otsCommand } from './ots.ts';
import { peopleCommand } from './people.ts';
import { renewCommand } from './renew.ts';
import { restoreCommand } from './restore.ts';
import { secretsCommand } from './secrets.ts';
import { EXIT, endOnClosedPipe, printable, UsageError } from './usage.ts';
import { verifyCommand } from './verify.ts';
import { verifyBatchCommand } from './verify-batch.ts';
import { webhooksCommand } from './webhooks.ts';

const HELP = `可证 kezheng

  kezheng verify CERTIFICATE FILE... [--trust FILE]... [--renewal FILE]... [--depositor-key PEM|SHA256]... [--content FILE] [--rpc URL [--confirmations N] | [--block-hash HASH]...] [--json | --brief]
  kezheng verify CASE.zip [--trust FILE]... [--head HEAD.json]... [--rpc URL [--confirmations N] | [--block-hash HASH]...] [--json | --brief]
      核验证书与原件，不需要服务在运行；CERTIFICATE 可为证书（.json）、内附证书的 PDF，或内含原件的压缩包（.zip）
      --depositor-key 存证人的公钥（PEM）或其指纹：没有他的签名即无效 / a public key of the depositor (PEM) or its fingerprint: invalid without his signature
      / check a certificate and its files; no service needed; CERTIFICATE is the .json, a PDF that holds it, or a package (.zip) with the files
      --content 事件证书所指的内容文件（JSON） / the content document of an event
      CASE.zip 为一个案件的案卷包：逐条印出全部经过并核验；--head 为您自己收到的案卷凭证，可发现末尾被截去或另有分支
      / CASE.zip is the package of a case: its whole history, checked; --head is a case head that you were given, which shows a cut tail or another branch
      退出码 exit: 0 有效 valid, 1 无效 invalid, 2 尚不完整 incomplete, 64 用法 usage

  kezheng verify-batch FILE.zip|FOLDER|FILE.ndjson [--trust FILE]... [--rpc URL [--confirmations N]] [--csv OUT.csv] [--json]
      批量核验：压缩包、文件夹（证书 .json、PDF，及原件，只按摘要对应）或每行一份证书的文件；不需要服务在运行
      / many certificates: an archive or a folder (certificates as .json, PDFs, and the files, matched by digest) or a file with a certificate a line; no service needed
      --csv 另写成表格（UTF-8，可用 Excel 打开） / writes a table too (UTF-8, for Excel)；--json 每项一行 JSON / a line of JSON an item
      退出码 exit: 0 全部有效 all valid, 1 有无效的 some invalid, 2 有不完整或未能核验的 some incomplete or not checked, 64 用法 usage

  kezheng deposit FILE... [--url URL] [--key KEY] [--title TEXT] [--evidence FILE] [--sign KEY.pem] [--hash-only] [--out FILE] [--no-wait] [--json]
      存证：上传文件（或只交摘要），等候证书并写在第一个文件旁 / deposit files, or their digests only; the certificate is written beside the first of them
      --sign 用存证人自己的 P-256 私钥签名：服务不能伪造或改动，存证人不能否认；口令用 --sign-password-file；--as 只以此名称（或编号）签名
      / sign with the depositor's own key: neither can the service make up or change it, nor the depositor deny it; --as: under this name (or id) only
      退出码 exit: 0 完成 done, 1 未完成 not done, 64 用法 usage

  kezheng deposit --folder DIR [--sign KEY.pem] [--url URL] [--key KEY] [--index FILE] [--title TEXT] [--evidence FILE] [--no-wait] [--json]
      整个文件夹一次存证：在本机计算全部文件的摘要，只上传树根；中断后再次运行即继续；索引写在文件夹旁（DIR.kezheng-index）
      / a whole folder as one deposit: every file is hashed here, only the root of their tree is sent; run again to go on; the index is written beside the folder
      --evidence 存证说明的 JSON 文件 / a JSON file that describes it；--no-wait 不等待证书 / does not wait for the certificate
      地址与密钥也可取自 KEZHENG_URL、KEZHENG_KEY，演示时可省略 / also from KEZHENG_URL and KEZHENG_KEY, left out in the demonstration
      退出码 exit: 0 完成 done, 1 未完成 not done, 2 完成，有未纳入的（链接、读取中被修改等） done, some were left out (links, changed while read…), 64 用法 usage
  kezheng cut INDEX FILE... [--out DIR]
      由索引离线生成其中单个文件的证书；FILE 为文件夹内的名称，或内容在其中的文件
      / certificates of single files out of the index, off line; FILE is a name in the folder, or a file whose content is in it
      退出码 exit: 0 已写入 written, 1 有文件不在其中 some are not in it, 64 用法 usage

  kezheng ots CERTIFICATE N PROOF
      由证书生成第 N 个文件（从 0 起）的 OpenTimestamps 证明，不需要服务在运行；证明中有整份清单
      / an OpenTimestamps proof of file N (from 0) out of a certificate; no service needed; the whole manifest stands in it
      退出码 exit: 0 已写入 written, 1 此格式容不下或证书有误 does not fit the form, or a wrong certificate, 64 用法 usage

  kezheng renew FILE... --tsa URL|FILE [--trust FILE]... [--out DIR] [--within DAYS]
      为证书或续期取一枚新时间戳，写入 NAME.renewal.json，不改动原文件；不需要出证的服务，FILE 为时间戳服务清单
      / a new token around certificates or renewals; none of them is changed, no service needed; FILE is a list of authorities
      --within 只续期所依赖的证书在 DAYS 天内到期的 / only what rests on certificates that end within so many days
      退出码 exit: 0 完成 done, 1 未续期 nothing renewed, 2 部分文件有误而未续期 some files were wrong and were not renewed, 64 用法 usage
  kezheng evidence-record RENEWAL... CERTIFICATE --out FILE.ers
      把续期写成 RFC 4998 证据记录，供他人的软件核验 / renewals as an evidence record that other people's software checks
      退出码 exit: 0 已写入 written, 1 续期与证书不成一链 the renewals are no chain from the certificate, 64 用法 usage
  kezheng headers [--out FILE [--text]] [--since DAY] [--until DAY]
      本机构全部锚定区块的清单，签名并加盖时间戳，供公证；verify --trust 可用作区块哈希来源；--text 另印成表
      / all anchor blocks of this installation, signed and stamped, for a notary; a source of hashes for verify --trust; --text prints a table
      退出码 exit: 0 完成 done, 1 没有清单 no list, 2 完成，缺少某时间戳 done, a token is missing, 64 用法 usage

  kezheng orgs add NAME [--role depositor|law-firm|notary|court|department|operator] [--uscc CODE] [--again]
  kezheng orgs list
  kezheng keys create ORGANIZATION [--label TEXT] [--scopes SCOPE,…] [--expires DAYS]
  kezheng keys register ORGANIZATION PUBLIC.pem [--label TEXT] [--scopes …] [--expires DAYS]
  kezheng keys rotate KEY [--overlap HOURS]
  kezheng keys list [ORGANIZATION]
  kezheng keys revoke KEY
  kezheng people invite ORGANIZATION [--roles ROLE,…] [--note TEXT] [--hours HOURS]
  kezheng people list [ORGANIZATION]
  kezheng people reset LOGIN [--factors]
      机构、密钥与人员；密钥只显示一次；register 登记公钥（Ed25519、P-256），以请求签名（RFC 9421）代替密钥；ORGANIZATION 为 orgs list 第一列的编号，KEY 为编号或密钥本身
      rotate 换发密钥，旧的再用 HOURS 小时（默认 24，至多 168）；invite 打印一次性链接（默认 admin），机构的第一名管理员由此加入；reset 打印设置新口令的一次性链接，用于无人能为其重置的账户，--factors 一并去除其第二凭证
      organizations, keys and people; rotate makes a new key, the old one goes on for HOURS (24, at most 168); invite prints a link that is good once, for an organization's first admin; reset one to a new password, for an account that nobody else can reset, and with --factors takes off its second factors; a key is shown once; register takes a public key, for signed requests (RFC 9421) instead of a key; ORGANIZATION is an id of orgs list, KEY an id or the key itself
      数据目录 data: KEZHENG_DATA_DIR (./data)

  kezheng secrets rotate [--reseal]
      在密钥文件（KEZHENG_DATA_KEY_FILE）首行加入新密钥，并把第二凭证与证件号码改以它加密；服务可照常运行，旧密钥仍留在文件中
      / a new key goes first in the file of data keys, and second factors and identity numbers are sealed anew under it; the service may run, old keys stay in the file
      --reseal 不加新密钥，只改以文件中首个密钥加密 / no new key: under the first one that is there
      退出码 exit: 0 完成 done, 2 有无法解开的 some could not be opened

  kezheng webhooks list [--url URL] [--key KEY]
  kezheng webhooks add URL [--types TYPE,…] [--description TEXT] [--url URL] [--key KEY]
  kezheng webhooks test ID [--url URL] [--key KEY]
  kezheng webhooks deliveries ID [--state waiting|delivered|failed] [--url URL] [--key KEY]
      本机构的 Webhook，由服务主动告知存证与案件的进展；add 的密钥只显示一次；deliveries 每行：序号、编号、类型、状态、尝试次数、下次时间
      / own webhooks, by which the service tells of evidence and cases; the secret of add is shown once; a line of deliveries: number, id, type, state, attempts, when next
      退出码 exit: 0 完成 done, 1 被拒绝或无法连接 refused or away, 64 用法 usage

  kezheng backup FOLDER [--link] [--verify]
      服务运行时备份整个数据目录；再次备份只复制新文件 / back up the data folder of a running service; again: only what is new
      --link 同一文件系统上以硬链接代替复制 / hard links instead of copies on one file system
      --verify 重算备份中全部文件的摘要，损坏、缺失的重新复制 / hash all that is in it again, copy anew what is damaged or missing
      退出码 exit: 0 完成 done, 1 未完成 not done, 2 完成，但有文件不在其中 done, but files are not in it
  kezheng restore FOLDER --data-dir DIR [--incomplete]
      逐字节核对后恢复到空文件夹 / every byte checked, into an empty folder
      --incomplete 备份有损时恢复完好的部分，其余逐一列出 / of a damaged backup what is whole, the rest is named
      退出码 exit: 0 完成 done, 1 未完成或备份已损坏 not done or damaged, 2 完成，有文件在备份前已缺失 done, files were missing before,
      3 已恢复完好的部分 what is whole was restored

  kezheng migrate-store [--to-database postgres://…] [--to-blobs s3://…]
      停止服务后，从 SQLite 与文件夹迁往 PostgreSQL、S3，两边逐行逐文件比对；中断后再次运行即继续
      / the service stopped, from SQLite and a folder, everything compared at the end; run again to go on after a break
      搬完后旧数据目录中的 moved.json 使服务不再以旧数据库启动；再次运行只比对 / afterwards moved.json keeps services from the old database; run again, it compares and changes nothing
      退出码 exit: 0 完成 done, 1 未完成或不一致 not done or different, 2 有文件原本已缺失 files were missing before

  kezheng move-cold --older-than DAYS [--only trees|files] [--dry-run]
      服务运行时，把已最终上链 DAYS 天以上的批次的树与原件移往 KEZHENG_COLD_BLOBS，逐一核对后才从原处移除；证明、证书与下载照常
      / while the service runs: trees and files of batches that were sealed DAYS or more ago and are final go to KEZHENG_COLD_BLOBS, each compared there before it is removed here; proofs, certificates and downloads go on
      退出码 exit: 0 完成 done, 1 未完成 not done, 2 完成，有缺失或损坏而未移动的 done, some were missing or damaged and were not moved

  kezheng fsck [--repair] [--quick] [--rpc URL[,URL] [--confirmations N]] [--trust FILE] [--json]
      重新计算并核对全部存储与链上记录，可在服务运行时进行 / compute everything anew and compare it, with the chain too
      --repair 只修复可以证明的 / only what is provably right；--quick 不重算文件摘要 / files are not hashed
  kezheng audit --url URL --trust FILE --rpc URL[,URL] [--confirmations N] [--from N] [--max-age SECONDS] [--json]
      从外部审计一个服务：公开的叶子与链 / audit a service from outside, by its public leaves and the chain
      退出码 exit: 0 无差异 clean, 1 有差异 findings, 2 未能全部检查 not everything could be looked at
`;

/** What stands of one command in HELP, with those that it stands together with; all of it where there is no such. */
function helpOf(command: string | undefined): string {
  const [title, ...paragraphs] = HELP.split('\n\n');
  const isOf = (text: string) => text.split('\n').some((line) => line.startsWith(`  kezheng ${command} `));
  const own = paragraphs.filter(isOf);
  return own.length === 0 ? HELP : `${[title, ...own].join('\n\n').trimEnd()}\n`;
}

const embedded: Embedded = {
  snapshot: snapshotSqlite,
  blobsNamedIn,
  blobPath: (folder, room, name) => createPlaces(folder).path(room, name),
  writeDurably,
  makeFolder,
  markRestored,
};

const TOOLS = { signatures: nodeSignatures, nowMs: () => Date.now(), outside: openOutside };

const DEPOSIT_TOOLS = {
  scan: scanFolder,
  threads: availableParallelism(),
  hashNodeInto: hashNodesInto(),
  nowMs: () => Date.now(),
  signatures: nodeSignatures,
  demonstration,
};

/** Thin on purpose: one command a file, and only this one ends the process. */
async function main(argv: readonly string[]): Promise<number> {
  const [command, ...args] = argv;
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpOf(command));
    return EXIT.valid;
  }
  if (command === 'verify') return verifyCommand(args, nodeSignatures, openPackage);
  if (command === 'verify-batch') return verifyBatchCommand(args, nodeSignatures, openArchive);
  if (command === 'deposit') return depositCommand(args, DEPOSIT_TOOLS);
  if (command === 'cut') return cutCommand(args, hashNodesInto());
  if (command === 'ots') return otsCommand(args);
  if (command === 'evidence-record') return evidenceRecordCommand(args);
  if (command === 'renew') return renewCommand(args, { ...TOOLS, authorities: readAuthorities });
  if (command === 'headers') return headersCommand(args, { ...TOOLS, withInstallation });
  if (command === 'orgs') return orgsCommand(args);
  if (command === 'keys') return keysCommand(args);
  if (command === 'secrets') return secretsCommand(args, secretsTools());
  if (command === 'people') return peopleCommand(args);
  if (command === 'webhooks') return webhooksCommand(args, demonstration);
  if (command === 'backup') return backupCommand(args, backupSource(), embedded);
  if (command === 'restore') return restoreCommand(args, embedded);
  if (command === 'migrate-store') return migrateStoreCommand(args, moveTools());
  if (command === 'move-cold') return moveColdCommand(args, openCold);
  if (command === 'fsck') return fsckCommand(args, nodeSignatures);
  if (command === 'audit') return auditCommand(args);
  if (command === undefined || ['help', '--help', '-h'].includes(command)) {
    process.stdout.write(helpOf(args[0]));
    return command === undefined ? EXIT.usage : EXIT.valid;
  }
  throw new UsageError(`没有命令 ${command} / there is no command ${command}`);
}

/** The sentence is what counts: how commands are given stands behind a word, where it buries nothing. */
function told(error: unknown): string {
  if (error instanceof UsageError)
    return `${printable(error.message)}\n用法 usage: npm run -s kezheng -- help`;
  const foreseen = error instanceof StoreUnavailable || error instanceof BlobUnavailable;
  return foreseen ? printable(error.message) : String((error as Error).stack);
}

endOnClosedPipe();
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`kezheng: ${told(error)}\n`);
    process.exitCode = error instanceof UsageError ? EXIT.usage : 70;
  },
);
