import type { ComparedBlock } from '../core/verify/anchors.ts';

interface Block {
  readonly number: number;
  readonly hash: string;
}

/** Why a node said nothing of use; the codes have sentences in messages/ (subject `hint`). */
export interface NodeTrouble {
  readonly code: 'node-unreachable' | 'node-not-ethereum' | 'node-refused' | 'node-without-finality';
  readonly source: string;
  readonly why: string;
}

export interface NodeAnswer {
  readonly blocks: readonly ComparedBlock[];
  readonly trouble: NodeTrouble | undefined;
}

/** How a call failed. `byNode`: the node understood the question and answered with an error. */
class CallFailed extends Error {
  readonly code: Exclude<NodeTrouble['code'], 'node-without-finality'>;
  readonly byNode: boolean;

  constructor(code: CallFailed['code'], why = '', byNode = false) {
    super(why);
    this.code = code;
    this.byNode = byNode;
  }
}

const TIMEOUT_MS = 15_000;
/** A block without its transactions has a few kilobytes; a node that sends more is no node. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Words of a node are shown, shortened: it decides what it writes. */
const MAX_MESSAGE_CHARS = 200;

/**
 * What a node of the reader's own choice says of these blocks: by number, below its finalized head. A node that does
 * not tell its finalized head confirms nothing, whatever the reason; for a chain that has none the reader says himself
 * how many blocks must stand on one. Where the node fails it has said nothing: the blocks stay to be compared.
 */
export async function blocksFromNode(
  url: string,
  wanted: readonly { readonly number: number }[],
  confirmations: number | undefined,
): Promise<NodeAnswer> {
  // The address may hold a key, and reports are handed on.
  const source = new URL(url).host;
  try {
    const chainId = chainIdIn(await call(url, 'eth_chainId', []));
    const genesis = await block(url, '0x0');
    if (genesis === undefined) throw new CallFailed('node-not-ethereum');
    const head = await finalHead(url, confirmations);
    const blocks: ComparedBlock[] = [];
    for (const { number } of wanted) {
      const there =
        head !== undefined && number <= head ? await block(url, `0x${number.toString(16)}`) : undefined;
      const hash = there?.number === number ? there.hash : undefined;
      blocks.push({ source, chainId, genesisHash: genesis.hash, number, ...(hash && { hash }) });
    }
    const trouble = head === undefined ? { code: 'node-without-finality', source, why: '' } : undefined;
    return { blocks, trouble } as NodeAnswer;
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error;
    return { blocks: [], trouble: { code: error.code, source, why: error.message } };
  }
}

function chainIdIn(answer: unknown): number {
  const id = typeof answer === 'string' && /^0x[0-9a-f]+$/i.test(answer) ? Number(answer) : Number.NaN;
  if (!Number.isSafeInteger(id)) throw new CallFailed('node-not-ethereum');
  return id;
}

/** The highest number that counts as final; undefined where the node tells none. */
async function finalHead(url: string, confirmations: number | undefined): Promise<number | undefined> {
  try {
    const head = await block(url, confirmations === undefined ? 'finalized' : 'latest');
    return head && head.number - (confirmations ?? 1) + 1;
  } catch (error) {
    // A chain without the tag answers with an error; a node that went away in between is another matter.
    if (error instanceof CallFailed && error.byNode) return undefined;
    throw error;
  }
}

async function block(url: string, at: string): Promise<Block | undefined> {
  const answer = (await call(url, 'eth_getBlockByNumber', [at, false])) as {
    number?: unknown;
    hash?: unknown;
  } | null;
  if (answer === null || typeof answer.hash !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(answer.hash))
    return undefined;
  return { number: Number(answer.number), hash: answer.hash.toLowerCase() };
}

async function call(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const { status, text } = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  const answer = readAnswer(text);
  if (answer === undefined) throw answerlessFailure(status);
  const { result, error } = answer;
  if (error !== undefined && error !== null) throw new CallFailed('node-refused', wordsOf(error), true);
  return result ?? null;
}

/** An answer of JSON-RPC has one of two members; what has neither was not meant for us. */
function readAnswer(text: string): { readonly result?: unknown; readonly error?: unknown } | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    const isAnswer =
      typeof answer === 'object' && answer !== null && ('result' in answer || 'error' in answer);
    return isAnswer ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** No JSON-RPC came: a node behind a gate answers with these statuses, a web site with others. */
function answerlessFailure(status: number): CallFailed {
  const gate = status === 401 || status === 403 || status === 429 || status >= 500;
  return gate ? new CallFailed('node-refused', `HTTP ${status}`) : new CallFailed('node-not-ethereum');
}

function wordsOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return String(message).slice(0, MAX_MESSAGE_CHARS);
}

async function post(url: string, body: string): Promise<{ status: number; text: string }> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'manual',
    });
    return { status: answer.status, text: await textOf(answer) };
  } catch (error) {
    if (error instanceof CallFailed) throw error;
    throw new CallFailed('node-unreachable', causeOf(error));
  }
}

/** What went wrong, as a code: sentences may hold the address with the key in it. */
function causeOf(error: unknown): string {
  if ((error as Error).name === 'TimeoutError') return `${TIMEOUT_MS / 1000} s`;
  const { code, name, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  // fetch asks nothing of ports that belong to other services.
  if (message === 'bad port') return message;
  return typeof code === 'string' ? code : name;
}

async function textOf(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new CallFailed('node-not-ethereum');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
