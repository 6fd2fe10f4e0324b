import type { SignedAppend } from '../../ports/chain.ts';
import type { Node } from './rpc.ts';
import { object, quantity } from './shape.ts';

/** wei; for a chain without base fee both are the gas price. */
export interface Fees {
  readonly legacy: boolean;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** 0.1 gwei: some nodes say 0 while their own miners take nothing below. */
const MIN_TIP = 100_000_000n;

/** Twice the base fee stays enough for six full blocks in a row (EIP-1559: 12.5 % a block). */
export async function currentFees(node: Node): Promise<Fees> {
  const latest = object(await node.call('eth_getBlockByNumber', 'latest', false), 'block');
  if (latest['baseFeePerGas'] === undefined || latest['baseFeePerGas'] === null) {
    const price = quantity(await node.call('eth_gasPrice'), 'gasPrice');
    return { legacy: true, maxFeePerGas: price, maxPriorityFeePerGas: price };
  }
  const said = quantity(await node.call('eth_maxPriorityFeePerGas'), 'maxPriorityFeePerGas');
  const tip = said > MIN_TIP ? said : MIN_TIP;
  const maxFeePerGas = 2n * quantity(latest['baseFeePerGas'], 'baseFeePerGas') + tip;
  return { legacy: false, maxFeePerGas, maxPriorityFeePerGas: tip };
}

/** Nodes take a replacement only where both fees are a tenth higher, some an eighth: rounded up, one wei at least. */
export function replacementFees(fees: Fees, replaced: SignedAppend): Fees {
  const dearer = (now: bigint, before: string): bigint => {
    const least = BigInt(before) + BigInt(before) / 8n + 1n;
    return now > least ? now : least;
  };
  return {
    legacy: fees.legacy,
    maxFeePerGas: dearer(fees.maxFeePerGas, replaced.maxFeePerGas),
    maxPriorityFeePerGas: dearer(fees.maxPriorityFeePerGas, replaced.maxPriorityFeePerGas),
  };
}

/** What the sender must have, at most. */
export const sendingCost = (fees: Fees, gasLimit: bigint): bigint => fees.maxFeePerGas * gasLimit;

/** The fields that ethers wants for it. */
export const toTransactionFees = ({ legacy, maxFeePerGas, maxPriorityFeePerGas }: Fees) =>
  legacy ? { type: 0, gasPrice: maxFeePerGas } : { type: 2, maxFeePerGas, maxPriorityFeePerGas };
