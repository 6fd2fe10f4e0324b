import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import process from 'node:process';
import { endText, leftOutText } from '../core/folder/index-lines.ts';
import { toHex } from '../core/read/bytes.ts';
import { climbTree } from '../core/tree/climb.ts';
import type { HashNodeInto } from '../core/tree/tree.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { type LeftOut, type ScanFolder, SEEN_LENGTH, SEEN_STAT_LENGTH } from '../ports/scan.ts';
import { isOfDisk } from './archive.ts';
import { type Exchange, exchangeWith, readEvidence } from './folder-exchange.ts';
import { type IndexTail, readTail } from './folder-index.ts';
import { beginWork } from './folder-work.ts';
import { takeLock } from './lock.ts';
import { openProgress, type Progress } from './progress.ts';
import { createClient, ServiceAway, ServiceRefused } from './service-client.ts';
import { EXIT, parse, printable, UsageError, userPath } from './usage.ts';

export interface DepositTools {
  readonly scan: ScanFolder;
  readonly threads: number;
  readonly hashNodeInto: HashNodeInto;
  readonly nowMs: () => number;
  /** The demonstration on this machine, where there is one: its address and a depositor's key. */
  readonly demonstration: () => Promise<{ readonly url: string; readonly apiKey: string } | undefined>;
}

const WORK = { zh: '文件夹存证', en: 'deposit of this folder' };

/**
 * kezheng deposit --folder DIR: every file hashed here, one tree over all, one deposit of its root. The index beside the
 * folder is what certificates of single files are cut out of later; run again after a break, it goes on where it was.
 */
export async function depositCommand(args: readonly string[], tools: DepositTools): Promise<number> {
  const { values, positionals } = parse(args, {
    folder: { type: 'string' },
    url: { type: 'string' },
    key: { type: 'string' },
    index: { type: 'string' },
    title: { type: 'string' },
    evidence: { type: 'string' },
    'no-wait': { type: 'boolean' },
    json: { type: 'boolean' },
  });
  if (values.folder === undefined || positionals.length > 0)
    throw new UsageError(
      'deposit --folder DIR [--url URL] [--key KEY] [--index FILE] [--title TEXT] [--evidence FILE] [--no-wait] [--json]',
    );
  const folder = folderAt(values.folder);
  const index = values.index === undefined ? defaultIndex(folder) : userPath(values.index);
  refuseInside(folder, index);
  const { url, key } = await serviceFor(values.url, values.key, tools);
  const progress = openProgress(tools.nowMs);
  const tell = (line: string): void => {
    progress.end();
    process.stderr.write(`${line}\n`);
  };
  const evidence = await readEvidence(values.evidence, values.title ?? basename(folder));
  const exchange = exchangeWith({ client: createClient(url, key, tell), index, evidence, progress });
  const lock = await takeLock(`${index}.lock`, WORK).catch(refusedPlace);
  try {
    const before = await readTail(index);
    if (before === undefined) await exchange.greet().catch(goOnWithout(tell));
    const leftOut = before === undefined ? await makeIndex(folder, index, tools, progress) : undefined;
    const tail = await finish(exchange, (await readTail(index))!, values['no-wait'] ?? false);
    progress.end();
    const done: Done = { folder, index, tail, leftOut };
    process.stdout.write(values.json ? jsonOf(done) : textOf(done));
    return tail.end.leftOut > 0 ? EXIT.incomplete : EXIT.valid;
  } catch (error) {
    progress.end();
    if (!isForeseen(error)) throw error;
    process.stderr.write(
      `${printable((error as Error).message)}\n未完成；再次运行同一命令即继续 / not done; run the same command again to go on\n`,
    );
    return EXIT.invalid;
  } finally {
    progress.end();
    await lock.release();
  }
}

const isForeseen = (error: unknown): boolean =>
  error instanceof ServiceAway || error instanceof ServiceRefused || isOfDisk(error);

function folderAt(given: string): string {
  const path = userPath(given);
  try {
    if (!statSync(path).isDirectory()) throw new UsageError(`${given} 不是文件夹 / is no folder`);
    return realpathSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`无法读取 ${given} / cannot read it (${(error as Error).message})`);
  }
}

/** Beside the folder: what is written into it would be part of it the next time. */
function defaultIndex(folder: string): string {
  if (dirname(folder) === folder)
    throw new UsageError('请用 --index 指定索引文件 / name the index by --index');
  return `${folder}.kezheng-index`;
}

function refuseInside(folder: string, index: string): void {
  const place = existingFolder(dirname(index));
  const way = relative(folder, join(place, basename(index)));
  if (way !== '..' && !way.startsWith('../'))
    throw new UsageError(
      `索引不能放在所存证的文件夹内 / the index does not go into the folder that is deposited: ${index}`,
    );
}

function existingFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw new UsageError(`无法使用 ${path} / cannot be used (${(error as Error).message})`);
  }
}

const refusedPlace = (error: unknown): never => {
  if (!isOfDisk(error)) throw error;
  throw new UsageError(
    `索引处无法写入，请用 --index 另行指定 / cannot write there, name another place by --index (${(error as Error).message})`,
  );
};

/** The address and the key that were given, or those of the environment; else the demonstration's. */
async function serviceFor(
  givenUrl: string | undefined,
  givenKey: string | undefined,
  tools: DepositTools,
): Promise<{ readonly url: string; readonly key: string }> {
  const url = givenUrl ?? (process.env['KEZHENG_URL']?.trim() || undefined);
  const key = givenKey ?? (process.env['KEZHENG_KEY']?.trim() || undefined);
  if (url !== undefined && key !== undefined) return { url, key };
  const demo = await tools.demonstration();
  if (demo === undefined || (url !== undefined && !isSameService(url, demo.url)))
    throw new UsageError(
      url === undefined
        ? '缺少服务地址：--url 或 KEZHENG_URL / where is the service? --url or KEZHENG_URL'
        : '缺少 API 密钥：--key 或 KEZHENG_KEY / the API key is missing: --key or KEZHENG_KEY',
    );
  return { url: url ?? demo.url, key: key ?? demo.apiKey };
}

const isSameService = (a: string, b: string): boolean =>
  URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin;

/** A wrong key shows before an hour of hashing; a service that is away now may be back when it is done. */
const goOnWithout =
  (tell: (line: string) => void) =>
  (error: unknown): void => {
    if (!(error instanceof ServiceAway)) throw error;
    tell('服务暂时无法连接，先计算摘要 / the service is away; the files are hashed meanwhile');
  };

async function makeIndex(
  folder: string,
  index: string,
  { scan, threads, hashNodeInto, nowMs }: DepositTools,
  progress: Progress,
): Promise<readonly LeftOut[]> {
  const work = beginWork(index, basename(folder));
  try {
    const bytes = new BigUint64Array(new SharedArrayBuffer(8));
    const tree = climbTree(hashNodeInto);
    const leftOut: LeftOut[] = [];
    const beganMs = nowMs();
    let reused = 0;
    for await (const block of scan(folder, { threads, earlier: work.earlier, bytes })) {
      work.add(block);
      for (let at = SEEN_STAT_LENGTH; at < block.seen.length; at += SEEN_LENGTH)
        tree.add(block.seen.subarray(at, at + SEEN_LENGTH - SEEN_STAT_LENGTH));
      for (const one of block.leftOut) leftOut.push(one);
      reused += block.reused;
      progress.show(() => howFar(tree.size, reused, Number(bytes[0]), nowMs() - beganMs));
    }
    if (tree.size === 0) throw new UsageError(nothingIn(folder, leftOut));
    const root = toHex(tree.end().root);
    await work.finish([
      ...leftOut.map(leftOutText),
      endText({ leftOut: leftOut.length, root, size: tree.size }),
    ]);
    return leftOut;
  } finally {
    work.close();
  }
}

function howFar(files: number, reused: number, bytes: number, ms: number): string {
  const read = `${count(files)} 个文件 files，${megabytes(bytes)}，${count(Math.round((files * 1_000) / Math.max(ms, 1)))}/s`;
  return reused === 0 ? read : `${read}（沿用 taken over ${count(reused)}）`;
}

const count = (n: number): string => n.toLocaleString('en-US');
const megabytes = (bytes: number): string => `${count(Math.round(bytes / 1e6))} MB`;

function nothingIn(folder: string, leftOut: readonly LeftOut[]): string {
  const shown = leftOut.slice(0, MOST_SHOWN).map((one) => `\n  ${sentenceOf(one)}`);
  return `${folder} 中没有可存证的文件 / there are no files to deposit in it${shown.join('')}`;
}

/** What is still to be done, each part durable in the index before the next. */
async function finish(exchange: Exchange, tail: IndexTail, isLeaving: boolean): Promise<IndexTail> {
  const receipt = tail.receipt ?? (await exchange.deposit(tail.end));
  const certificate =
    tail.certificate ?? (isLeaving ? undefined : await exchange.certificate(tail.end, receipt));
  return { ...tail, receipt, certificate };
}

interface Done {
  readonly folder: string;
  readonly index: string;
  readonly tail: IndexTail;
  /** undefined where the index was there already, and has them */
  readonly leftOut: readonly LeftOut[] | undefined;
}

const MOST_SHOWN = 50;

function sentenceOf({ name, why, code }: LeftOut): string {
  const { zh, en } = bothLanguages('left-out', why);
  return printable(`${name}：${zh} / ${en}${code === null ? '' : ` (${code})`}`);
}

function textOf({ folder, index, tail: { end, receipt, certificate }, leftOut }: Done): string {
  const lines = [
    `文件夹 folder: ${printable(folder)}`,
    `  ${count(end.size)} 个文件 files，树根 root ${end.root}`,
    `  未纳入 left out: ${count(end.leftOut)}${end.leftOut > 0 && leftOut === undefined ? '（列于索引中 / listed in the index）' : ''}`,
    ...(leftOut ?? []).slice(0, MOST_SHOWN).map((one) => `    ${sentenceOf(one)}`),
    ...((leftOut?.length ?? 0) > MOST_SHOWN ? ['    …（全部列于索引中 / all of them in the index）'] : []),
    `已存证 deposited: ${receipt!.id}`,
    certificate === undefined
      ? '证书尚未取得；稍后再次运行同一命令 / no certificate yet; run the same command again later'
      : '文件夹的证书已存入索引 / the certificate of the folder is in the index',
    `索引 index: ${printable(index)}`,
    '  请妥善保存：单个文件的证书由它生成，服务没有这些内容 / keep it: files’ certificates come out of it, and the service has none of it',
    `  npm run -s kezheng -- cut ${printable(index)} FILE...`,
  ];
  return `${lines.join('\n')}\n`;
}

function jsonOf({ folder, index, tail: { end, receipt, certificate }, leftOut }: Done): string {
  const value = {
    folder,
    index,
    files: end.size,
    root: end.root,
    leftOut: end.leftOut,
    ...(leftOut && { leftOutFiles: leftOut }),
    id: receipt!.id,
    certificate: certificate !== undefined,
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
