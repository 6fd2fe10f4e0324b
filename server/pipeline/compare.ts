import type { ComparedBlock } from '../core/verify/anchors.ts';
import type { Trust, TrustedLog } from '../core/verify/trust.ts';
import { blocksToCompare, type WantedBlock } from '../core/verify/verify.ts';
import { type Chain, ChainProblem } from '../ports/chain.ts';

/**
 * What our own nodes say of the blocks that a certificate stands on, by number and below the finalized head. Only for
 * logs that we trust, and each number once: whoever hands in certificates must not make us ask for his sake. Where the
 * nodes are away or know another chain, nothing is said, and the check stays open.
 */
export async function lookUpBlocks(
  chain: Chain | undefined,
  trust: Trust | undefined,
  certificate: Uint8Array,
): Promise<readonly ComparedBlock[]> {
  const wanted = blocksToCompare(certificate).filter((block) => trust?.logs.some((log) => isIn(block, log)));
  if (chain === undefined || wanted.length === 0) return [];
  try {
    const { chainId, genesisHash } = await chain.inspect();
    const numbers = new Set(wanted.flatMap((block) => (block.chainId === chainId ? block.number : [])));
    const found: ComparedBlock[] = [];
    for (const number of numbers) {
      const hash = await chain.finalBlockHash(number);
      found.push({ source: 'kezheng', chainId, genesisHash, number, ...(hash && { hash }) });
    }
    return found;
  } catch (error) {
    if (error instanceof ChainProblem) return [];
    throw error;
  }
}

/** What our own nodes say of one block, for whoever asks by number; undefined for another chain. Throws ChainProblem. */
export async function blockOf(
  chain: Chain | undefined,
  wantedChainId: number,
  number: number,
): Promise<ComparedBlock | undefined> {
  if (chain === undefined) throw new ChainProblem('chain-unreachable');
  const { chainId, genesisHash } = await chain.inspect();
  if (chainId !== wantedChainId) return undefined;
  const hash = await chain.finalBlockHash(number);
  return { source: 'kezheng', chainId, genesisHash, number, ...(hash && { hash }) };
}

const isIn = (block: WantedBlock, log: TrustedLog): boolean =>
  block.chainId === log.chainId && block.contract === log.contract && block.operator === log.operator;
