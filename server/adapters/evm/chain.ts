import { Wallet } from 'ethers';
import { keccak256 } from '../../core/hash/keccak.ts';
import { toHex, utf8 } from '../../core/read/bytes.ts';
import { type Chain, ChainProblem, type LogHead, type TransactionFate } from '../../ports/chain.ts';
import type { Clock } from '../../ports/clock.ts';
import { broadcast, nonceOf, signAppend } from './append.ts';
import { EVIDENCE_LOG } from './contract.ts';
import { HashingWatch, inspectChain } from './inspect.ts';
import { searchAppend } from './log-search.ts';
import { blockAt, type Confirmations, finalHashOf, finalityOf } from './nodes.ts';
import { proveAppend } from './prove.ts';
import { type Node, openNode } from './rpc.ts';
import { data, hash, object, quantity, smallQuantity, toQuantity } from './shape.ts';

export interface EvmChainOptions {
  /** The first sends; all are asked about blocks. */
  readonly rpcUrls: readonly string[];
  /** Expected; where undefined, the first answer counts from then on. */
  readonly chainId?: number | undefined;
  /** 0x, lower case; default: the address that CREATE2 gives our bytecode */
  readonly contract?: string | undefined;
  /** 0x and 64 digits */
  readonly operatorKey: string;
  readonly confirmations: Confirmations;
  readonly genesisHash?: string | undefined;
  /** For each request to a node. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const SYSTEM_CLOCK: Clock = { nowMs: () => Date.now() };
const SLOTS_SELECTOR = toHex(keccak256(utf8('slots(address)')).subarray(0, 4));

/** A chain that answers `eth_…` as Ethereum does: the port over one or more nodes. */
export function openEvmChain(options: EvmChainOptions): Chain & { close(): void } {
  const nodes = options.rpcUrls.map((url) => openNode(url, options.timeoutMs ?? DEFAULT_TIMEOUT_MS));
  const [first, ...others] = nodes as [Node, ...Node[]];
  const wallet = new Wallet(options.operatorKey);
  const operator = wallet.address.toLowerCase();
  const contract = options.contract?.toLowerCase() ?? EVIDENCE_LOG.create2.address;
  const hashing = new HashingWatch();
  let chainId = options.chainId;

  /** Which chain we sign for: as configured, else as the first node said once. */
  const ourChainId = async (): Promise<number> => {
    chainId ??= smallQuantity(await first.call('eth_chainId'), 'chain id');
    return chainId;
  };
  const sender = async () => ({ node: first, wallet, chainId: await ourChainId(), contract });
  const head = () => readHead(first, contract, operator);

  return {
    async inspect() {
      const expected = { chainId, genesisHash: options.genesisHash, contract };
      const found = await inspectChain([first, ...others], expected);
      await hashing.check(first, found.genesisHash, (options.clock ?? SYSTEM_CLOCK).nowMs());
      chainId = found.chainId;
      return { ...found, contract, operator };
    },
    head,
    async findAppend(index) {
      const { count, blockNumber } = await head();
      if (index >= count) return undefined;
      const found = await searchAppend(first, { contract, operator }, index, blockNumber);
      // The contract's state says that it is there: a node that cannot show it has dropped its logs, or lies.
      if (found === undefined)
        throw new ChainProblem('chain-answer-invalid', { node: first.name, what: 'eth_getLogs' });
      return found;
    },
    sign: async (append, replace) => signAppend(await sender(), append, replace),
    broadcast: async (transaction) => broadcast(await sender(), transaction),
    fate: (transactionHash) => fateOf(first, transactionHash),
    minedNonce: () => nonceOf(first, wallet, 'latest'),
    finality: (number, blockHash) => finalityOf(nodes, options.confirmations, number, blockHash),
    prove: async (appended) =>
      proveAppend(first, { chainId: await ourChainId(), contract, operator }, appended),
    finalBlockHash: (number) => finalHashOf(nodes, options.confirmations, number),
    close: () => {
      for (const node of nodes) node.close();
    },
  };
}

/** Read at a numbered block, so that count and block belong together. */
async function readHead(node: Node, contract: string, operator: string): Promise<LogHead> {
  const latest = await blockAt(node, 'latest');
  if (latest === undefined)
    throw new ChainProblem('chain-answer-invalid', { node: node.name, what: 'latest' });
  const call = { to: contract, data: `0x${SLOTS_SELECTOR}${operator.slice(2).padStart(64, '0')}` };
  const answer = data(await node.call('eth_call', call, toQuantity(latest.number)), 'slot');
  if (answer === '0x') throw new ChainProblem('contract-missing', { contract });
  const slot = data(answer, 'slot', 32);
  const count = smallQuantity(`0x${slot.slice(-16)}`, 'count');
  return { count, rolling: slot.slice(2, -16), blockNumber: latest.number, blockHash: latest.hash };
}

async function fateOf(node: Node, transactionHash: string): Promise<TransactionFate> {
  const receipt = await node.call('eth_getTransactionReceipt', transactionHash);
  if (receipt === null) {
    const known = await node.call('eth_getTransactionByHash', transactionHash);
    return { state: known === null ? 'unknown' : 'pending' };
  }
  const mined = object(receipt, 'receipt');
  if (hash(mined['transactionHash'], 'transaction hash') !== transactionHash)
    throw new ChainProblem('chain-answer-invalid', { node: node.name, what: 'receipt' });
  return {
    state: 'mined',
    blockNumber: smallQuantity(mined['blockNumber'], 'block number'),
    blockHash: hash(mined['blockHash'], 'block hash'),
    succeeded: quantity(mined['status'], 'status') === 1n,
  };
}
