import type { Chain } from '../../ports/chain.ts';
import type { Tracing } from '../../ports/metrics.ts';
import { openNode } from '../evm/rpc.ts';
import { object, quantity } from '../evm/shape.ts';
import type { Families } from './families.ts';
import { type CallWatch, watchCalls, watched } from './wrap.ts';

/** What the operator pays from, in wei; known where a node was configured for it. */
export interface Account {
  balance(operator: string): Promise<bigint>;
  /** What a mined transaction cost. */
  feeOf(transactionHash: string): Promise<bigint>;
  close(): void;
}

/** Nobody waits long for a number on a page. */
const ACCOUNT_TIMEOUT_MS = 1_000;

export function openAccount(rpcUrl: string): Account {
  const node = openNode(rpcUrl, ACCOUNT_TIMEOUT_MS);
  return {
    balance: async (operator) => quantity(await node.call('eth_getBalance', operator, 'latest'), 'balance'),
    async feeOf(transactionHash) {
      const receipt = object(await node.call('eth_getTransactionReceipt', transactionHash), 'receipt');
      return quantity(receipt['gasUsed'], 'gas used') * quantity(receipt['effectiveGasPrice'], 'gas price');
    },
    close: () => node.close(),
  };
}

const WEI_PER_ETHER = 1e18;
export const inEther = (wei: bigint): number => Number(wei) / WEI_PER_ETHER;

/** Chains with every call timed and fees counted; remembers whose account it is. */
export function watchChain(families: Families, tracing: Tracing | undefined, account: Account | undefined) {
  const calls: CallWatch = watchCalls(families, 'chain', 'calls to the chain', tracing);
  const fees = families.counts(
    'kezheng_fees_paid_ether_total',
    'Fees of anchors that became final, in ether',
  );
  const paid = account === undefined ? undefined : fees.with({});
  let operator: string | undefined;

  function countFee(transactionHash: string): void {
    // The number is for people who watch: the anchor does not wait for it, and is not less final without it.
    account?.feeOf(transactionHash).then(
      (fee) => (paid!.value += inEther(fee)),
      () => {},
    );
  }

  const done = new WeakMap<Chain, Chain>();
  return {
    /** The same chain gives the same watched one. */
    chain(chain: Chain): Chain {
      let whole = done.get(chain);
      if (whole !== undefined) return whole;
      whole = watched<Chain>(chain, calls, {
        inspect: calls.watch('inspect', async () => {
          const log = await chain.inspect();
          operator = log.operator;
          return log;
        }),
        prove: calls.watch('prove', async (appended) => {
          const proof = await chain.prove(appended);
          countFee(appended.transactionHash);
          return proof;
        }),
      });
      done.set(chain, whole);
      return whole;
    },
    /** Ether; undefined where it is not known now. */
    async balance(): Promise<number | undefined> {
      if (account === undefined || operator === undefined) return undefined;
      return account.balance(operator).then(inEther, () => undefined);
    },
  };
}
