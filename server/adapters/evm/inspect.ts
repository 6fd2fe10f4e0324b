import { ChainProblem, type LogIdentity } from '../../ports/chain.ts';
import { readBlock } from './block.ts';
import { checkContract } from './contract.ts';
import { blockAt } from './nodes.ts';
import type { Node } from './rpc.ts';
import { smallQuantity, toQuantity } from './shape.ts';

/** How many of the latest blocks are hashed again, and how long that conclusion about a node holds. */
const RECENT_BLOCKS = 3;
const RECHECK_MS = 10 * 60_000;

export interface Expected {
  readonly chainId: number | undefined;
  readonly genesisHash: string | undefined;
  readonly contract: string;
}

/** Remembers which node hashed as Ethereum does, until it fails, shows another chain, or the time is over. */
export class HashingWatch {
  #known: { readonly until: number; readonly failures: number; readonly genesisHash: string } | undefined;

  async check(node: Node, genesisHash: string, nowMs: number): Promise<void> {
    const known = this.#known;
    if (
      known &&
      known.until > nowMs &&
      known.failures === node.failures() &&
      known.genesisHash === genesisHash
    )
      return;
    this.#known = undefined;
    const failures = node.failures();
    const latest = await blockAt(node, 'latest');
    for (let number = latest?.number ?? 0, left = RECENT_BLOCKS; number >= 0 && left > 0; number--, left--) {
      const block = await blockAt(node, toQuantity(number));
      if (block !== undefined) await readBlock(node, block.hash);
    }
    this.#known = { until: nowMs + RECHECK_MS, failures, genesisHash };
  }
}

/** Chain id and genesis of all nodes that answer, code of the contract at the first: before anything is anchored. */
export async function inspectChain(
  nodes: readonly [Node, ...Node[]],
  expected: Expected,
): Promise<Pick<LogIdentity, 'chainId' | 'genesisHash'>> {
  const [first, ...others] = nodes;
  const chain = await chainOf(first);
  if (expected.chainId !== undefined && chain.chainId !== expected.chainId)
    throw new ChainProblem('chain-id-wrong', { expected: expected.chainId, actual: chain.chainId });
  if (expected.genesisHash !== undefined && chain.genesisHash !== expected.genesisHash)
    throw new ChainProblem('chain-genesis-wrong', {
      expected: expected.genesisHash,
      actual: chain.genesisHash,
    });
  // A node that is away now confirms nothing later either; one that shows another chain is a mistake to set right.
  for (const answer of await Promise.allSettled(others.map(chainOf)))
    if (answer.status === 'fulfilled') requireSame(chain, answer.value);
  await checkContract(first, expected.contract);
  return { chainId: chain.chainId, genesisHash: chain.genesisHash };
}

interface ChainName {
  readonly node: string;
  readonly chainId: number;
  readonly genesisHash: string;
}

async function chainOf(node: Node): Promise<ChainName> {
  const [id, genesis] = await Promise.all([node.call('eth_chainId'), blockAt(node, '0x0')]);
  if (genesis === undefined)
    throw new ChainProblem('chain-answer-invalid', { node: node.name, what: 'genesis' });
  return { node: node.name, chainId: smallQuantity(id, 'chain id'), genesisHash: genesis.hash };
}

function requireSame(first: ChainName, other: ChainName): void {
  if (first.chainId === other.chainId && first.genesisHash === other.genesisHash) return;
  throw new ChainProblem('chain-nodes-disagree', {
    block: 0,
    expected: first.genesisHash,
    actual: other.genesisHash,
    node: other.node,
  });
}
