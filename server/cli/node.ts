import { NotReadable, type Rpc } from '../audit/chain.ts';
import { UsageError } from './usage.ts';

const TIMEOUT_MS = 30_000;
/** Events of many blocks; what is longer is an attack on our memory. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** A node decides what it writes. */
const MAX_MESSAGE_CHARS = 200;

/** Nodes of the reader's own choice, separated by commas. */
export function nodesOf(urls: string | undefined): readonly Rpc[] {
  const list = (urls ?? '').split(',').flatMap((url) => url.trim() || []);
  for (const url of list)
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new UsageError(`--rpc: ${url} 不是网址 / is not an address`);
  return list.map(rpcNode);
}

export function confirmationsOf(given: string | undefined): number | undefined {
  if (given === undefined || given === 'finalized') return undefined;
  const count = Number(given);
  if (!(Number.isInteger(count) && count > 0))
    throw new UsageError('--confirmations 应为正整数 / is a whole number above 0');
  return count;
}

function rpcNode(url: string): Rpc {
  // The address may hold a key, and reports are handed on.
  const name = new URL(url).host;
  return {
    name,
    async call(method, params) {
      let answer: { result?: unknown; error?: { message?: unknown } | null };
      try {
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
        const headers = { 'content-type': 'application/json' };
        const bytes = await bounded(url, { method: 'POST', headers, body }, MAX_ANSWER_BYTES, TIMEOUT_MS);
        answer = JSON.parse(bytes.body.toString('utf8'));
      } catch (error) {
        throw new NotReadable(`${name}: ${method}: ${reasonOf(error)}`, error);
      }
      if (typeof answer !== 'object' || answer === null) throw new NotReadable(`${name}: ${method}`);
      if (answer.error !== undefined && answer.error !== null) {
        const message = String(answer.error.message ?? '').slice(0, MAX_MESSAGE_CHARS);
        throw new NotReadable(`${name}: ${method}: ${message}`);
      }
      return answer.result ?? null;
    },
  };
}

/** An answer of at most so many bytes in at most so much time; what is more is refused, and redirects are not followed. */
export async function bounded(
  url: string,
  request: RequestInit,
  limit: number,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  const answer = await fetch(url, {
    ...request,
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
  });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > limit) throw new Error(`answer longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return { status: answer.status, body: Buffer.concat(chunks) };
}

/** A code or our own words: texts of others may hold the address with the key in it. */
export function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
  const { code, name, message } = inner as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  return /^answer longer than \d+ bytes$/.test(message) ? message : name;
}
