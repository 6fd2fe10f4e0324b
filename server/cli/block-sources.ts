import type { ComparedBlock } from '../core/verify/anchors.ts';
import { blocksFromHeaders, type CheckedHeaders } from '../core/verify/headers.ts';
import { blocksToCompare } from '../core/verify/verify.ts';
import { blocksFromNode, type NodeTrouble } from './rpc.ts';
import type { GivenTrust } from './trust.ts';
import { UsageError } from './usage.ts';

/* Where hashes of blocks come from that certificates are compared with: a node, and lists of headers. */

/** The address itself is not repeated: it may hold a key. */
export function checkAddress(rpc: string): void {
  if (!URL.canParse(rpc) || !/^https?:$/.test(new URL(rpc).protocol))
    throw new UsageError('--rpc 应为 http 或 https 地址 / is an http or https address');
  const { username, password } = new URL(rpc);
  if (username !== '' || password !== '')
    throw new UsageError('--rpc 地址中不能带用户名或口令 / has a user name or password in it');
}

export function confirmationsGiven(given: string | undefined): number | undefined {
  const count = given === undefined ? undefined : Number(given);
  if (count !== undefined && !(Number.isInteger(count) && count > 0))
    throw new UsageError('--confirmations 应为正整数 / is a whole number above 0');
  return count;
}

/** A stranger's list says nothing: whose it is must follow from the trust list that was given beside it. */
export const blocksListed = (
  headers: GivenTrust['headers'],
  wanted: ReturnType<typeof blocksToCompare>,
): readonly ComparedBlock[] =>
  headers.flatMap(({ path, found }) =>
    isKnown(found) ? blocksFromHeaders(found.headers, wanted, path) : [],
  );

const isKnown = ({ checks }: CheckedHeaders): boolean =>
  checks.some(({ id, status }) => id === 'issuer' && status === 'passed');

/**
 * Of many certificates: each number is asked once, however many stand on it, and a node that said nothing of use is not
 * asked again. What was wrong with it is told in the end.
 */
export function createBlockLookUp(
  headers: GivenTrust['headers'],
  rpc: string | undefined,
  confirmations: number | undefined,
) {
  const known = new Map<number, ComparedBlock>();
  let trouble: NodeTrouble | undefined;
  return {
    trouble: () => trouble,
    async of(certificate: Uint8Array): Promise<readonly ComparedBlock[]> {
      const wanted = blocksToCompare(certificate);
      const open = wanted.filter(({ number }) => !known.has(number));
      if (rpc !== undefined && trouble === undefined && open.length > 0) {
        const answer = await blocksFromNode(rpc, open, confirmations);
        for (const block of answer.blocks) known.set(block.number!, block);
        trouble = answer.trouble;
      }
      const told = wanted.flatMap(({ number }) => known.get(number) ?? []);
      return [...new Set(told), ...blocksListed(headers, wanted)];
    },
  };
}
