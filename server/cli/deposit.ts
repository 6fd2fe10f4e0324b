import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import process from 'node:process';
import { endText, leftOutText } from '../core/folder/index-lines.ts';
import { toHex } from '../core/read/bytes.ts';
import { climbTree } from '../core/tree/climb.ts';
import type { HashNodeInto } from '../core/tree/tree.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { type LeftOut, type ScanFolder, SEEN_LENGTH, SEEN_STAT_LENGTH } from '../ports/scan.ts';
import { isOfDisk } from './archive.ts';
import { depositFiles } from './deposit-files.ts';
import {
  count,
  type Done,
  jsonOf,
  MOST_SHOWN,
  megabytes,
  sentenceOf,
  singleText,
  textOf,
} from './deposit-text.ts';
import { type Exchange, exchangeWith, readEvidence, titled } from './folder-exchange.ts';
import { type IndexTail, readFolderName, readTail } from './folder-index.ts';
import { beginWork, removeLeft } from './folder-work.ts';
import { type Lock, LockLost, takeLock } from './lock.ts';
import { openProgress, type Progress } from './progress.ts';
import { createClient, isInClear, ServiceAway, ServiceRefused } from './service-client.ts';
import { type Demonstration, serviceFor } from './service-place.ts';
import { readSigner, type Signer } from './signer.ts';
import { EXIT, parse, printable, UsageError, userPath } from './usage.ts';

export interface DepositTools {
  readonly scan: ScanFolder;
  readonly threads: number;
  readonly hashNodeInto: HashNodeInto;
  readonly nowMs: () => number;
  readonly signatures: SignatureVerifier;
  readonly demonstration: Demonstration;
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
    sign: { type: 'string' },
    as: { type: 'string' },
    'sign-password-file': { type: 'string' },
    'hash-only': { type: 'boolean' },
    out: { type: 'string' },
    'no-wait': { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const signer =
    values.sign === undefined ? undefined : await readSigner(values.sign, values['sign-password-file']);
  if (values.folder === undefined) return depositSingle(positionals, values, signer, tools);
  if (positionals.length > 0 || values['hash-only'] || values.out !== undefined)
    throw new UsageError(
      'deposit --folder DIR [--url URL] [--key KEY] [--index FILE] [--title TEXT] [--evidence FILE] [--sign KEY.pem] [--no-wait] [--json]',
    );
  const folder = folderAt(values.folder);
  const index = values.index === undefined ? defaultIndex(folder) : userPath(values.index);
  refuseInside(folder, index);
  const { client, progress, tell } = await reach(values, tools);
  const evidence = await readEvidence(values.evidence, values.title);
  const lock = await takeLock(`${index}.lock`, WORK).catch(refusedPlace);
  const stop = onInterrupt(lock, tell);
  const fallback = titled(basename(folder));
  const { signatures, nowMs } = tools;
  const exchange = exchangeWith({
    ...{ client, index, lock, evidence, fallback, signer, as: values.as },
    ...{ progress, signatures, nowMs },
  });
  try {
    const before = await readTail(index);
    if (signer !== undefined && before?.receipt !== undefined) refuseOtherSignature(signer, before.receipt);
    if (before === undefined) await exchange.greet().catch(goOnWithout(tell));
    else {
      await refuseOther(index, folder);
      removeLeft(index);
    }
    const leftOut = before ? undefined : await makeIndex(folder, index, lock, tools, progress);
    const tail = (await readTail(index))!;
    const done: Done = {
      ...(await finish(exchange, tail, values['no-wait'] ?? false)),
      ...{ folder, index, leftOut },
      wasThere: before?.receipt !== undefined,
    };
    progress.end();
    process.stdout.write(values.json ? jsonOf(done) : textOf(done));
    return done.tail.end.leftOut > 0 ? EXIT.incomplete : EXIT.valid;
  } catch (error) {
    progress.end();
    if (!isForeseen(error)) throw error;
    process.stderr.write(`${printable((error as Error).message)}\n${whatNow(error)}\n`);
    return EXIT.invalid;
  } finally {
    progress.end();
    stop();
    await lock.release();
  }
}

/** The service that was named, and how to speak to people meanwhile. */
async function reach(
  { url: givenUrl, key: givenKey }: Pick<SingleOptions, 'url' | 'key'>,
  tools: DepositTools,
) {
  const { url, key } = await serviceFor(givenUrl, givenKey, tools.demonstration);
  const progress = openProgress(tools.nowMs);
  const tell = (line: string): void => {
    progress.end();
    process.stderr.write(`${line}\n`);
  };
  if (isInClear(url))
    tell('注意：密钥将以明文传送，请改用 https / note: the key travels in clear; https would keep it');
  return { client: createClient(url, key, tell), progress, tell };
}

interface SingleOptions {
  readonly url?: string | undefined;
  readonly key?: string | undefined;
  readonly index?: string | undefined;
  readonly title?: string | undefined;
  readonly evidence?: string | undefined;
  readonly as?: string | undefined;
  readonly 'hash-only'?: boolean | undefined;
  readonly out?: string | undefined;
  readonly 'no-wait'?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** kezheng deposit FILE...: one deposit of these files, and its certificate beside the first of them. */
async function depositSingle(
  paths: readonly string[],
  values: SingleOptions,
  signer: Signer | undefined,
  tools: DepositTools,
): Promise<number> {
  if (paths.length === 0 || values.index !== undefined)
    throw new UsageError(
      'deposit FILE... | --folder DIR [--url URL] [--key KEY] [--title TEXT] [--evidence FILE] [--sign KEY.pem] [--hash-only] [--out FILE] [--no-wait] [--json]',
    );
  const { client, progress } = await reach(values, tools);
  try {
    const done = await depositFiles({
      ...{ paths, signer, client, progress, as: values.as },
      hashOnly: values['hash-only'] ?? false,
      evidence: await readEvidence(values.evidence, values.title),
      out: values.out ?? `${paths[0]}.certificate.json`,
      isWaiting: !values['no-wait'],
      signatures: tools.signatures,
      nowMs: tools.nowMs,
    });
    progress.end();
    process.stdout.write(values.json ? `${JSON.stringify(done, undefined, 2)}\n` : singleText(done, paths));
    return EXIT.valid;
  } catch (error) {
    progress.end();
    if (!isForeseen(error)) throw error;
    process.stderr.write(`${printable((error as Error).message)}\n`);
    return EXIT.invalid;
  }
}

const whatNow = (error: unknown): string =>
  error instanceof ServiceRefused
    ? '未完成；更正后再次运行，已算好的不会重算 / not done; set it right and run again, nothing is hashed twice'
    : '未完成；再次运行同一命令即继续 / not done; run the same command again to go on';

/** What a shell says of a program that SIGINT ended: 128 + 2. */
const EXIT_INTERRUPTED = 130;

function onInterrupt(lock: Lock, tell: (line: string) => void): () => void {
  const stop = (): void => {
    tell('已中断；再次运行同一命令即继续 / stopped; run the same command again to go on');
    void lock.release().finally(() => process.exit(EXIT_INTERRUPTED));
  };
  process.once('SIGINT', stop);
  return () => void process.off('SIGINT', stop);
}

/** What is deposited already stays as it is: nobody shall think that he has signed it now. */
function refuseOtherSignature(signer: Signer, receipt: { readonly manifest: string }): void {
  const { statement } = JSON.parse(receipt.manifest) as {
    readonly statement: { readonly publicKey: string } | null;
  };
  if (statement?.publicKey === signer.publicKey) return;
  throw new UsageError(
    statement === null
      ? '此文件夹此前已存证，没有签名；要签名请以 --index 另取名称重新存证 / it was deposited before, unsigned: to sign it deposit it anew under another --index'
      : '此文件夹此前已存证，由另一密钥签名 / it was deposited before, signed by another key',
  );
}

/** An index under this name that was made of a folder of another one. */
async function refuseOther(index: string, folder: string): Promise<void> {
  const name = await readFolderName(index);
  if (name !== basename(folder))
    throw new UsageError(
      `${index} 是文件夹“${name}”的索引，不是此文件夹的 / is the index of the folder ${name}, not of this one`,
    );
}

const isForeseen = (error: unknown): boolean =>
  error instanceof ServiceAway ||
  error instanceof ServiceRefused ||
  error instanceof LockLost ||
  isOfDisk(error);

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

/** A wrong key shows before an hour of hashing; a service that is away now may be back when it is done. */
const goOnWithout =
  (tell: (line: string) => void) =>
  (error: unknown): void => {
    if (!(error instanceof ServiceAway)) throw error;
    tell('服务暂时无法连接，先计算摘要 / the service is away; the files are hashed meanwhile');
  };

/** How often it is looked at how far it is. */
const TICK_MS = 100;

async function makeIndex(
  folder: string,
  index: string,
  lock: Lock,
  { scan, threads, hashNodeInto, nowMs }: DepositTools,
  progress: Progress,
): Promise<readonly LeftOut[]> {
  const work = beginWork(index, basename(folder));
  const bytes = new BigUint64Array(new SharedArrayBuffer(8));
  const tree = climbTree(hashNodeInto);
  const beganMs = nowMs();
  let reused = 0;
  const ticking = setInterval(
    () => progress.show(() => howFar(tree.size, reused, Number(bytes[0]), nowMs() - beganMs)),
    TICK_MS,
  );
  try {
    const leftOut: LeftOut[] = [];
    for await (const block of scan(folder, { threads, earlier: work.earlier, bytes })) {
      work.add(block);
      for (let at = SEEN_STAT_LENGTH; at < block.seen.length; at += SEEN_LENGTH)
        tree.add(block.seen.subarray(at, at + SEEN_LENGTH - SEEN_STAT_LENGTH));
      for (const one of block.leftOut) leftOut.push(one);
      reused += block.reused;
    }
    if (tree.size === 0) {
      work.discard();
      throw new UsageError(nothingIn(folder, leftOut));
    }
    const root = toHex(tree.end().root);
    await lock.confirm();
    await work.finish([
      ...leftOut.map(leftOutText),
      endText({ leftOut: leftOut.length, root, size: tree.size }),
    ]);
    return leftOut;
  } finally {
    clearInterval(ticking);
    work.close();
  }
}

function howFar(files: number, reused: number, bytes: number, ms: number): string {
  const rate = (bytes * 1_000) / Math.max(ms, 1);
  const read = `${count(files)} 个文件 files，${megabytes(bytes)}，${megabytes(rate)}/s`;
  return reused === 0 ? read : `${read}（沿用 taken over ${count(reused)}）`;
}

function nothingIn(folder: string, leftOut: readonly LeftOut[]): string {
  const shown = leftOut.slice(0, MOST_SHOWN).map(sentenceOf);
  return [`${folder} 中没有可存证的文件 / there are no files to deposit in it`, ...shown].join('；');
}

/** What is still to be done, each part durable in the index before the next. A later run asks for a newer certificate. */
async function finish(
  exchange: Exchange,
  tail: IndexTail,
  isLeaving: boolean,
): Promise<{ readonly tail: IndexTail; readonly isNewer: boolean }> {
  const { end, certificate: earlier } = tail;
  const receipt = tail.receipt ?? (await exchange.deposit(tail));
  if (earlier !== undefined) {
    const newer = await exchange.newer(end, receipt, earlier);
    return { tail: { ...tail, receipt, certificate: newer ?? earlier }, isNewer: newer !== undefined };
  }
  const certificate = isLeaving ? undefined : await exchange.certificate(end, receipt);
  return { tail: { ...tail, receipt, certificate }, isNewer: false };
}
