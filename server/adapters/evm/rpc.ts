import { ChainProblem } from '../../ports/chain.ts';

/*
 * One node, asked by JSON-RPC over HTTP. One request, one answer or one ChainProblem: no retries in here, as the
 * pipeline comes again anyway, and no library between us and what the node really said.
 */

/** A block of a busy chain with all its transactions has a few megabytes; what is longer is an attack on our memory. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Sentences of a node go into logs and details, shortened: it decides what it writes. */
const MAX_MESSAGE_CHARS = 200;

export interface Node {
  readonly name: string;
  call(method: string, ...params: readonly unknown[]): Promise<unknown>;
  /** Grows with each failed request: whoever keeps a conclusion about this node forgets it then. */
  failures(): number;
  close(): void;
}

/** The node answered, with an error: a kind of `chain-unreachable` where nobody knows better. */
export class NodeError extends ChainProblem {
  readonly rpcMessage: string;
  constructor(node: string, method: string, rpcMessage: string) {
    super('chain-unreachable', { node, method, message: rpcMessage.slice(0, MAX_MESSAGE_CHARS) });
    this.name = 'NodeError';
    this.rpcMessage = rpcMessage;
  }
}

export function openNode(url: string, timeoutMs: number): Node {
  const name = nameOf(url);
  const closing = new AbortController();
  let lastId = 0;
  let failures = 0;
  async function call(method: string, ...params: readonly unknown[]): Promise<unknown> {
    const id = ++lastId;
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]);
    let answer: unknown;
    try {
      answer = JSON.parse(await post(url, body, signal));
    } catch (cause) {
      failures++;
      throw new ChainProblem('chain-unreachable', { node: name, method, message: messageOf(cause) }, cause);
    }
    return resultOf(answer, id, name, method);
  }
  return { name, call, failures: () => failures, close: () => closing.abort() };
}

async function post(url: string, body: string, signal: AbortSignal): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  // A redirect would send what we ask, and what we sign, to an address that nobody configured.
  const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error(`answer longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  // Many nodes send JSON-RPC errors with status 4xx; only what is not JSON at all counts as a failure of the way.
  if (!response.ok && !text.startsWith('{')) throw new Error(`HTTP ${response.status}`);
  return text;
}

function resultOf(answer: unknown, id: number, node: string, method: string): unknown {
  if (typeof answer !== 'object' || answer === null || !('id' in answer) || answer.id !== id)
    throw new ChainProblem('chain-answer-invalid', { node, what: method });
  if ('error' in answer && answer.error !== null && answer.error !== undefined)
    throw new NodeError(node, method, errorText(answer.error));
  if (!('result' in answer)) throw new ChainProblem('chain-answer-invalid', { node, what: method });
  return answer.result;
}

const errorText = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'error';

/** What went wrong, as a code or our own words: texts of others may hold the address with the key in it. */
function messageOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, name, message } = inner as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  return OWN_WORDS.test(message) ? message : name;
}

const OWN_WORDS = /^(?:HTTP \d{3}|answer longer than \d+ bytes)$/;

/** Addresses of nodes often carry a key in path or query: only the host goes into logs. */
const nameOf = (url: string): string => new URL(url).host;
