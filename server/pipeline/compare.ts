import type { ComparedBlock } from '../core/verify/anchors.ts';
import type { Trust, TrustedLog } from '../core/verify/trust.ts';
import { blocksToCompare, type WantedBlock } from '../core/verify/verify.ts';
import { type Chain, ChainProblem, type LogIdentity } from '../ports/chain.ts';

/** What is said of the blocks that a certificate stands on. */
export type BlockLookUp = (certificate: Uint8Array) => Promise<readonly ComparedBlock[]>;

/**
 * What our own nodes say of the blocks that certificates stand on, by number and below the finalized head. Only for logs
 * that we trust, and each number once, in however many certificates it stands: whoever hands them in must not make us ask
 * for his sake. Where the nodes know another chain or do not agree, nothing is said, and the check stays open; where they
 * are away nothing is asked any more, so that a thousand certificates do not wait for them a thousand times.
 */
export function blockLookUp(chain: Chain | undefined, trust: Trust | undefined): BlockLookUp {
  const known = new Map<number, ComparedBlock | undefined>();
  let identity: LogIdentity | undefined;
  let away = chain === undefined;
  /** Undefined where it could not be told. */
  const attempt = async <T>(ask: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ChainProblem)) throw error;
      away ||= error.code === 'chain-unreachable' || identity === undefined;
      return undefined;
    }
  };
  const blockAt = async ({ chainId, genesisHash }: LogIdentity, number: number) => {
    const hash = await chain!.finalBlockHash(number);
    return { source: 'kezheng', chainId, genesisHash, number, ...(hash && { hash }) };
  };
  return async (certificate) => {
    const wanted = blocksToCompare(certificate).filter((block) =>
      trust?.logs.some((log) => isIn(block, log)),
    );
    if (wanted.length === 0 || away) return [];
    const own = (identity ??= await attempt(() => chain!.inspect()));
    if (own === undefined) return [];
    const numbers = new Set(wanted.flatMap(({ chainId, number }) => (chainId === own.chainId ? number : [])));
    for (const number of numbers)
      if (!known.has(number) && !away) known.set(number, await attempt(() => blockAt(own, number)));
    const found = [...numbers].map((number) => known.get(number));
    return found.every((block) => block !== undefined) ? found : [];
  };
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
