import type { Manifest } from '../core/entry/manifest.ts';
import { bothLanguages } from '../messages/sentence.ts';
import type { LeftOut } from '../ports/scan.ts';
import type { FilesDone } from './deposit-files.ts';
import type { IndexTail } from './folder-index.ts';
import { printable } from './usage.ts';

/* What `kezheng deposit` says at its end, to people and to programs. */

export const count = (n: number): string => n.toLocaleString('en-US');
export const megabytes = (bytes: number): string => `${count(Math.round(bytes / 1e6))} MB`;

/** What there is to say at the end. */
export interface Done {
  readonly folder: string;
  readonly index: string;
  readonly tail: IndexTail;
  /** the certificate that was there has become another revision */
  readonly isNewer: boolean;
  /** it was deposited by an earlier run, and the folder was not looked at now */
  readonly wasThere: boolean;
  /** undefined where the index was there already, and has them */
  readonly leftOut: readonly LeftOut[] | undefined;
}

export const MOST_SHOWN = 50;

export function sentenceOf({ name, why, code, folder }: LeftOut): string {
  const { zh, en } = bothLanguages('left-out', why);
  const of = folder ? '（文件夹，其中内容未知 a folder, what is in it is unknown）' : '';
  return printable(`${name}${of}：${zh} / ${en}${code === null ? '' : ` (${code})`}`);
}

/** As a shell takes it for one word, whatever is in it. */
const quoted = (path: string): string => `'${printable(path).replaceAll("'", "'\\''")}'`;

export function textOf({ folder, index, tail, leftOut, wasThere, isNewer }: Done): string {
  const { end, receipt, certificate } = tail;
  const manifest = JSON.parse(receipt!.manifest) as Manifest;
  const { receivedAt } = manifest;
  const lines = [
    `文件夹 folder: ${printable(folder)}`,
    ...(wasThere || leftOut !== undefined
      ? []
      : ['  此前已计算，本次没有重新读取 / hashed by an earlier run, and not read again now']),
    ...(wasThere
      ? [
          `  此前已存证，本次没有重新读取；其后新增或改动的文件不在其中，另行存证请用 --index 另取名称`,
          `  / deposited before, and not read again now: what was added or changed since is not in it; for a new deposit name another --index`,
        ]
      : []),
    `  ${count(end.size)} 个文件 files，树根 root ${end.root}`,
    ...leftOutLines(index, end.leftOut, leftOut),
    `存证 deposited: ${receipt!.id}，${receivedAt}`,
    ...signedLines(manifest.statement && { depositor: manifest.depositor.name, service: manifest.service }),
    certificate === undefined
      ? '证书尚未取得；稍后再次运行同一命令 / no certificate yet; run the same command again later'
      : `文件夹的证书${isNewer ? '有新的版次，' : ''}已存入索引 / the certificate of the folder is in the index${isNewer ? ', in a newer revision' : ''}`,
    `索引 index: ${printable(index)}`,
    '  请妥善保存：单个文件的证书由它生成，服务没有这些内容，丢失即无法再生成',
    '  / keep it: files’ certificates come out of it; the service has none of it, and without it there are none',
    `  npm run -s kezheng -- cut ${quoted(index)} FILE...`,
  ];
  return `${lines.join('\n')}\n`;
}

/** What a service says who one is goes under one's signature: it has to be seen. */
const signedLines = (as: FilesDone['signedAs'] | null): readonly string[] =>
  as
    ? [`已签名 signed: 存证人 depositor ${printable(as.depositor)}，服务 service ${printable(as.service)}`]
    : [];

export function singleText(
  { id, receivedAt, signedAs, certificate }: FilesDone,
  paths: readonly string[],
): string {
  const lines = [
    `存证 deposited: ${id}，${receivedAt}`,
    ...signedLines(signedAs),
    ...(certificate === undefined
      ? [
          `证书尚未取得；稍后由 /v1/evidence/${id}/certificate 取得 / no certificate yet; fetch it there later`,
        ]
      : [
          `证书 certificate: ${printable(certificate)}`,
          '  核验 check: npm run -s kezheng -- verify',
          `    ${[certificate, ...paths].map(quoted).join(' ')} --trust …/trust.json --rpc https://…`,
        ]),
  ];
  return `${lines.join('\n')}\n`;
}

function leftOutLines(index: string, total: number, leftOut: readonly LeftOut[] | undefined): string[] {
  const shown = (leftOut ?? []).slice(0, MOST_SHOWN);
  const list = `grep kezheng-left-out/1 ${quoted(index)}`;
  return [
    `  未纳入 left out: ${count(total)}`,
    ...shown.map((one) => `    ${sentenceOf(one)}`),
    ...(total > shown.length ? [`    全部列于索引 / all of them in the index: ${list}`] : []),
  ];
}

export function jsonOf({
  folder,
  index,
  tail: { end, receipt, certificate },
  leftOut,
  wasThere,
}: Done): string {
  const value = {
    folder,
    index,
    files: end.size,
    root: end.root,
    leftOut: end.leftOut,
    ...(leftOut && { leftOutFiles: leftOut }),
    id: receipt!.id,
    certificate: certificate !== undefined,
    readNow: !wasThere && leftOut !== undefined,
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
