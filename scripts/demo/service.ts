import { type ChildProcess, spawn } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { access, constants, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import process from 'node:process';

/*
 * What every demonstration needs of a service, through its HTTP interface alone: finding or starting one, depositing,
 * and following a deposit until it is anchored.
 */

export const root = join(import.meta.dirname, '..', '..');
export const dataDir = resolve(process.env['KEZHENG_DATA_DIR'] || join(root, 'data'));
export const userPath = (path: string): string => resolve(process.env['INIT_CWD'] ?? process.cwd(), path);
export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What a person can set right is one sentence; anything else is a bug and shows where. */
export class Refused extends Error {
  readonly exitCode: number;

  constructor(sentence: string, exitCode = 1) {
    super(sentence);
    this.exitCode = exitCode;
  }
}

export const EXIT_USAGE = 64;

/** Before anything is started for it. */
export async function checkFile(path: string): Promise<void> {
  try {
    if (!(await stat(path)).isFile()) throw new Refused(`${path} 不是文件 / is not a file`, EXIT_USAGE);
    await access(path, constants.R_OK);
  } catch (error) {
    if (error instanceof Refused) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new Refused(`无法读取 ${path}（${code}） / cannot read it (${code})`, EXIT_USAGE);
  }
}

export interface Demo {
  readonly url: string;
  readonly organizations: readonly {
    readonly name: string;
    readonly role: string;
    readonly apiKey: string;
    readonly people: readonly { readonly login: string; readonly password: string }[];
  }[];
}

export interface View {
  readonly id: string;
  readonly state: string;
  readonly stateText: { readonly zh: string; readonly en: string };
  readonly batch: { readonly number: number; readonly index: number; readonly size: number } | null;
  readonly anchoring: { readonly confirmations: number; readonly required: number } | null;
  readonly anchors: readonly { readonly blockNumber: number | null; readonly blockHash: string | null }[];
}

/** The service that demo.json tells of, or undefined where none answers there. */
export async function running(): Promise<Demo | undefined> {
  try {
    const demo = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')) as Demo;
    const answer = await fetch(`${demo.url}/health/live`, { signal: AbortSignal.timeout(3_000) });
    return answer.ok ? demo : undefined;
  } catch {
    return undefined;
  }
}

export async function start(): Promise<{ readonly demo: Demo; readonly service: ChildProcess }> {
  say('服务未在运行，正在启动 / no service is running, starting one');
  const service = spawn(process.execPath, [join(root, 'server', 'main.ts')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((ready, failed) => {
    service.stdout!.on('data', (text: Buffer) => text.toString().includes('kezheng ready') && ready());
    // Why, it has said itself.
    service.on('exit', () => failed(new Refused('服务未能启动 / the service did not start')));
  });
  return { demo: JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')) as Demo, service };
}

export async function deposit(demo: Demo, key: string, paths: readonly string[]): Promise<View> {
  const form = new FormData();
  const evidence = {
    title: paths
      .map((path) => basename(path))
      .join('、')
      .slice(0, 200),
    origin: { method: '演示上传' },
  };
  form.append('evidence', new Blob([JSON.stringify(evidence)], { type: 'application/json' }));
  for (const path of paths) form.append('file', await openAsBlob(path), basename(path));
  const answer = await fetch(`${demo.url}/v1/evidence`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  });
  const body = (await answer.json()) as View & { readonly title?: string; readonly titleEn?: string };
  if (answer.status !== 201)
    throw new Refused(`未能存证 / not deposited: ${answer.status} ${body.title} / ${body.titleEn}`);
  return body;
}

/** Follows the server-sent events to the end. */
export async function follow(demo: Demo, key: string, id: string): Promise<View> {
  const answer = await fetch(`${demo.url}/v1/evidence/${id}/events`, {
    headers: { authorization: `Bearer ${key}` },
  });
  let buffer = '';
  let last: View | undefined;
  let told = '';
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    buffer += chunk;
    for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(buffer.slice(0, end))?.[1];
      buffer = buffer.slice(end + 2);
      if (data === undefined) continue;
      last = JSON.parse(data) as View;
      const line = describe(last);
      if (line !== told) say(`  ${line}`);
      told = line;
    }
  }
  if (last?.state !== 'anchored')
    throw new Refused('服务在上链前停止了推送，请稍后再取证书 / the events ended before it was anchored');
  return last;
}

function describe({ state, stateText, batch, anchoring }: View): string {
  const where = batch ? `，批次 batch ${batch.number}，第 ${batch.index + 1}/${batch.size} 条` : '';
  const confirmed = anchoring ? `，确认 ${anchoring.confirmations}/${anchoring.required}` : '';
  return `${state}  ${stateText.zh} ${stateText.en}${where}${confirmed}`;
}

export async function save(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Refused(`无法写入 ${path}（${code}） / cannot write it (${code})`);
  }
}

/** A service that goes away in between: all that fetch tells of it is a TypeError. */
export const asRefused = (error: unknown): unknown =>
  error instanceof TypeError && /^(?:fetch failed|terminated)$/.test(error.message)
    ? new Refused('与服务的连接中断 / the connection to the service broke')
    : error;
