import { spawn } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';

export const CLI = join(import.meta.dirname, '..', '..', 'server', 'cli', 'main.ts');

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function cli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [CLI, ...args], { env: { ...process.env, ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

interface Ending {
  teardown(end: () => void): void;
}

async function listening(t: Ending, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** A node that answers as told, in the few calls that the command line makes. */
export const node = (
  t: Ending,
  answers: (method: string, params: readonly unknown[]) => unknown,
): Promise<string> =>
  listening(t, (request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      const { method, params } = JSON.parse(text) as { method: string; params: unknown[] };
      const result = answers(method, params);
      response.end(
        JSON.stringify(result instanceof Error ? { error: { message: result.message } } : { result }),
      );
    });
  });

/** Answers every request with the same text, as a web site does. */
export const site = (t: Ending, status: number, text: string): Promise<string> =>
  listening(t, (_request, response) => void response.writeHead(status).end(text));

/** Nobody listens there: somebody did a moment ago. */
export async function closedPort(): Promise<string> {
  const ends: (() => void)[] = [];
  const url = await site({ teardown: (end) => ends.push(end) }, 200, '');
  for (const end of ends) end();
  return url;
}

export const GENESIS = `0x${'ab'.repeat(32)}`;

/** A node of the vectors' chain that has block 1000 with this hash, as others spell it, and 1024 as its final head. */
export const honestNode =
  (blockHash: string) =>
  (method: string, [at]: readonly unknown[]): unknown => {
    if (method === 'eth_chainId') return '0x1092';
    if (at === '0x0') return { number: '0x0', hash: GENESIS };
    if (at === 'finalized' || at === 'latest') return { number: '0x400', hash: GENESIS };
    return at === '0x3e8' ? { number: at, hash: blockHash.toUpperCase().replace('0X', '0x') } : null;
  };
