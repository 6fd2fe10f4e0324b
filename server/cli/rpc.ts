import type { ComparedBlock } from '../core/verify/anchors.ts';

interface Block {
  readonly number: number;
  readonly hash: string;
}

const TIMEOUT_MS = 15_000;

/**
 * What a node of the reader's own choice says of these blocks: by number, below its finalized head. A node that knows
 * no finalized tag is asked for its latest block instead. An answer that is no answer leaves the block uncompared.
 */
export async function blocksFromNode(
  url: string,
  wanted: readonly { readonly number: number }[],
): Promise<readonly ComparedBlock[]> {
  const source = url;
  try {
    const chainId = Number(await call(url, 'eth_chainId', []));
    const genesis = await block(url, '0x0');
    const head = (await block(url, 'finalized').catch(() => undefined)) ?? (await block(url, 'latest'));
    if (!Number.isSafeInteger(chainId) || genesis === undefined || head === undefined) return [{ source }];
    const found: ComparedBlock[] = [];
    for (const { number } of wanted) {
      const there = number <= head.number ? await block(url, `0x${number.toString(16)}`) : undefined;
      const hash = there?.number === number ? there.hash : undefined;
      found.push({ source, chainId, genesisHash: genesis.hash, number, ...(hash && { hash }) });
    }
    return found;
  } catch (error) {
    return [{ source: `${source} (${(error as Error).message})` }];
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
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: 'error',
  });
  const { result, error } = (await answer.json()) as { result?: unknown; error?: { message?: string } };
  if (error !== undefined) throw new Error(error.message ?? method);
  return result ?? null;
}
