import type { ComparedBlock } from '../core/verify/anchors.ts';

interface Block {
  readonly number: number;
  readonly hash: string;
}

const TIMEOUT_MS = 15_000;
/** A block without its transactions has a few kilobytes; a node that sends more is no node. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * What a node of the reader's own choice says of these blocks: by number, below its finalized head. A node that does
 * not tell its finalized head confirms nothing, whatever the reason; for a chain that has none the reader says himself
 * how many blocks must stand on one.
 */
export async function blocksFromNode(
  url: string,
  wanted: readonly { readonly number: number }[],
  confirmations: number | undefined,
): Promise<readonly ComparedBlock[]> {
  // The address may hold a key, and reports are handed on.
  const source = new URL(url).host;
  try {
    const chainId = Number(await call(url, 'eth_chainId', []));
    const genesis = await block(url, '0x0');
    const head = await finalHead(url, confirmations);
    if (!Number.isSafeInteger(chainId) || genesis === undefined) return [{ source }];
    const found: ComparedBlock[] = [];
    for (const { number } of wanted) {
      const there = number <= head ? await block(url, `0x${number.toString(16)}`) : undefined;
      const hash = there?.number === number ? there.hash : undefined;
      found.push({ source, chainId, genesisHash: genesis.hash, number, ...(hash && { hash }) });
    }
    return found;
  } catch {
    return [{ source }];
  }
}

/** The highest number that counts as final; below 0 where none does. */
async function finalHead(url: string, confirmations: number | undefined): Promise<number> {
  const head = await block(url, confirmations === undefined ? 'finalized' : 'latest').catch(() => undefined);
  return head === undefined ? -1 : head.number - (confirmations ?? 1) + 1;
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
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: 'error',
  });
  const { result, error } = JSON.parse(await textOf(answer)) as { result?: unknown; error?: unknown };
  if (error !== undefined) throw new Error(method);
  return result ?? null;
}

async function textOf(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error('answer too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
