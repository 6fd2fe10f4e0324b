import type { ComparedBlock } from '../core/verify/anchors.ts';
import { blocksToCompare } from '../core/verify/verify.ts';
import { type Chain, ChainProblem } from '../ports/chain.ts';

/**
 * What our own nodes say of the blocks that a certificate stands on, by number and below the finalized head. Where
 * they are away or know another chain, nothing is said, and the check stays open.
 */
export async function lookUpBlocks(
  chain: Chain | undefined,
  certificate: Uint8Array,
): Promise<readonly ComparedBlock[]> {
  if (chain === undefined) return [];
  const wanted = blocksToCompare(certificate);
  if (wanted.length === 0) return [];
  try {
    const { chainId, genesisHash } = await chain.inspect();
    const found: ComparedBlock[] = [];
    for (const block of wanted.filter((one) => one.chainId === chainId)) {
      const hash = await chain.finalBlockHash(block.number);
      found.push({ source: 'kezheng', chainId, genesisHash, number: block.number, ...(hash && { hash }) });
    }
    return found;
  } catch (error) {
    if (error instanceof ChainProblem) return [];
    throw error;
  }
}
