import { Transaction, type Wallet } from 'ethers';
import { encodeAppend } from '../../core/anchor/evidence-log.ts';
import { hex0x } from '../../core/anchor/fields.ts';
import { fromHex } from '../../core/read/bytes.ts';
import { ChainProblem, type SignedAppend } from '../../ports/chain.ts';
import { currentFees, replacementFees, sendingCost, toTransactionFees } from './fees.ts';
import { type Node, NodeError } from './rpc.ts';
import { quantity, smallQuantity } from './shape.ts';

/*
 * Signing and sending `append`. Signing asks the node and changes nothing; the caller makes the result durable, and
 * sends it afterwards: a crash in between leaves bytes that can be sent again as they are.
 */

export interface Sender {
  readonly node: Node;
  readonly wallet: Wallet;
  readonly chainId: number;
  readonly contract: string;
}

export async function signAppend(
  { node, wallet, chainId, contract }: Sender,
  append: { readonly index: number; readonly root: string; readonly size: number },
  replace?: SignedAppend,
): Promise<SignedAppend> {
  const calldata = hex0x(encodeAppend({ ...append, root: fromHex(append.root, 32) }));
  const [nonce, current, gasLimit] = await Promise.all([
    nonceFor(node, wallet, replace),
    currentFees(node),
    estimateGas(node, { from: wallet.address, to: contract, data: calldata }),
  ]);
  const fees = replace === undefined ? current : replacementFees(current, replace);
  await requireFunds(node, wallet, sendingCost(fees, gasLimit));
  const raw = await wallet.signTransaction({
    ...{ to: contract, data: calldata, value: 0n, chainId, nonce, gasLimit },
    ...toTransactionFees(fees),
  });
  return {
    transactionHash: Transaction.from(raw).hash!,
    raw,
    nonce,
    maxFeePerGas: String(fees.maxFeePerGas),
    maxPriorityFeePerGas: String(fees.maxPriorityFeePerGas),
  };
}

/**
 * A replacement keeps its nonce: a lower one may be another program's that waits. If ours is used up, the next free one;
 * and where one before ours is missing, that one, as no node would ever mine ours behind the gap.
 */
async function nonceFor(node: Node, wallet: Wallet, replace: SignedAppend | undefined): Promise<number> {
  const pending = await nonceOf(node, wallet, 'pending');
  if (replace === undefined || pending <= replace.nonce) return pending;
  return (await nonceOf(node, wallet, 'latest')) > replace.nonce ? pending : replace.nonce;
}

export const nonceOf = async (node: Node, wallet: Wallet, tag: 'pending' | 'latest'): Promise<number> =>
  smallQuantity(await node.call('eth_getTransactionCount', wallet.address, tag), 'nonce');

/** A quarter more than now: another operator's append in the same block does not change ours, but prices of gas may. */
async function estimateGas(node: Node, call: { from: string; to: string; data: string }): Promise<bigint> {
  try {
    return (quantity(await node.call('eth_estimateGas', call, 'latest'), 'gas') * 5n) / 4n;
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    // The contract would revert: the index is taken, or the contract is not what we think it is.
    throw new ChainProblem('transaction-refused', { message: error.rpcMessage }, error);
  }
}

async function requireFunds(node: Node, wallet: Wallet, needed: bigint): Promise<void> {
  const balance = quantity(await node.call('eth_getBalance', wallet.address, 'latest'), 'balance');
  if (balance < needed) throw outOfFunds(wallet.address, balance, needed);
}

const outOfFunds = (operator: string, balance: bigint, needed: bigint): ChainProblem =>
  new ChainProblem('operator-out-of-funds', {
    operator: operator.toLowerCase(),
    balance: String(balance),
    needed: String(needed),
  });

export async function broadcast({ node, wallet }: Sender, transaction: SignedAppend): Promise<void> {
  try {
    await node.call('eth_sendRawTransaction', transaction.raw);
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    // Every client words «already known» differently: whether it has the transaction is what counts.
    if ((await node.call('eth_getTransactionByHash', transaction.transactionHash)) !== null) return;
    const { gasLimit } = Transaction.from(transaction.raw);
    await requireFunds(node, wallet, BigInt(transaction.maxFeePerGas) * gasLimit);
    throw new ChainProblem('transaction-refused', { message: error.rpcMessage }, error);
  }
}
