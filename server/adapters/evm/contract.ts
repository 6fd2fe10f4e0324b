import { readFileSync } from 'node:fs';
import { Wallet } from 'ethers';
import { ChainProblem } from '../../ports/chain.ts';
import { currentFees, sendingCost, toTransactionFees } from './fees.ts';
import { type Node, openNode } from './rpc.ts';
import { data, hash, object, quantity, smallQuantity } from './shape.ts';

/** What scripts/contract.ts writes. */
export interface ContractArtifact {
  readonly create2: { readonly proxy: string; readonly salt: string; readonly address: string };
  readonly creationBytecode: string;
  readonly runtimeBytecode: string;
}

export const EVIDENCE_LOG = JSON.parse(
  readFileSync(new URL('../../../contracts/EvidenceLog.json', import.meta.url), 'utf8'),
) as ContractArtifact;

/*
 * The keyless deployment of https://github.com/Arachnid/deterministic-deployment-proxy: a transaction whose signature
 * is made up, so that nobody holds its key and the proxy has the same address everywhere. It has no chain id (so
 * chains that insist on EIP-155 refuse it) and a fixed price, which must be given to its sender first.
 */
const PROXY_DEPLOYER = '0x3fab184622dc19b6109349b94811493bf2a45362';
const PROXY_DEPLOYMENT_COST = 10n ** 16n;
const PROXY_DEPLOYMENT =
  '0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222';

export interface DeployOptions {
  readonly rpcUrl: string;
  readonly chainId: number;
  /** 0x and 64 digits */
  readonly operatorKey: string;
  /** For each request to the node. */
  readonly timeoutMs?: number;
  /** How long to wait for each transaction. */
  readonly waitMs?: number;
}

/** Some minutes of a busy chain. */
const DEFAULT_WAIT_MS = 300_000;
/** Fast on the local chain, then slower: a public node counts our questions. */
const FIRST_POLL_MS = 50;
const MAX_POLL_MS = 4_000;

/** Throws unless the code at `contract` is exactly ours. */
export async function checkContract(node: Node, contract: string): Promise<void> {
  const code = await codeAt(node, contract);
  if (code === '0x') throw new ChainProblem('contract-missing', { contract });
  if (code !== EVIDENCE_LOG.runtimeBytecode) throw new ChainProblem('contract-different', { contract });
}

/**
 * Finds the contract at the address that its bytecode gives it, or deploys it there. Running it twice, or a crash in
 * between, does no harm: the same bytecode cannot land anywhere else, nor twice.
 */
export async function ensureContract(
  options: DeployOptions,
): Promise<{ contract: string; deployed: boolean }> {
  const node = openNode(options.rpcUrl, options.timeoutMs ?? 10_000);
  try {
    return await findOrDeploy(node, options);
  } finally {
    node.close();
  }
}

async function findOrDeploy(
  node: Node,
  options: DeployOptions,
): Promise<{ contract: string; deployed: boolean }> {
  const { address, proxy, salt } = EVIDENCE_LOG.create2;
  const chainId = smallQuantity(await node.call('eth_chainId'), 'chain id');
  if (chainId !== options.chainId)
    throw new ChainProblem('chain-id-wrong', { expected: options.chainId, actual: chainId });
  const found = (await codeAt(node, address)) !== '0x';
  if (!found) {
    await ensureProxy(node, proxy, options);
    const input = salt + EVIDENCE_LOG.creationBytecode.slice(2);
    await send(node, options, { to: proxy, data: input, value: 0n });
  }
  await checkContract(node, address);
  return { contract: address, deployed: !found };
}

async function ensureProxy(node: Node, proxy: string, options: DeployOptions): Promise<void> {
  if ((await codeAt(node, proxy)) !== '0x') return;
  const balance = quantity(await node.call('eth_getBalance', PROXY_DEPLOYER, 'latest'), 'balance');
  if (balance < PROXY_DEPLOYMENT_COST)
    await send(node, options, { to: PROXY_DEPLOYER, data: '0x', value: PROXY_DEPLOYMENT_COST - balance });
  try {
    const transactionHash = hash(await node.call('eth_sendRawTransaction', PROXY_DEPLOYMENT), 'hash');
    await mined(node, transactionHash, options);
  } catch (cause) {
    throw new ChainProblem(
      'contract-missing',
      {
        contract: proxy,
        message: 'this chain has no CREATE2 proxy and does not take its keyless deployment',
      },
      cause,
    );
  }
}

const codeAt = async (node: Node, address: string): Promise<string> =>
  data(await node.call('eth_getCode', address, 'latest'), 'code');

async function send(
  node: Node,
  options: DeployOptions,
  { to, data: input, value }: { to: string; data: string; value: bigint },
): Promise<void> {
  const wallet = new Wallet(options.operatorKey);
  const call = { from: wallet.address, to, data: input, value: `0x${value.toString(16)}` };
  const [fees, gas, nonce, balance] = await Promise.all([
    currentFees(node),
    node.call('eth_estimateGas', call),
    node.call('eth_getTransactionCount', wallet.address, 'pending'),
    node.call('eth_getBalance', wallet.address, 'latest'),
  ]);
  const gasLimit = (quantity(gas, 'gas') * 5n) / 4n;
  const needed = sendingCost(fees, gasLimit) + value;
  if (quantity(balance, 'balance') < needed)
    throw new ChainProblem('operator-out-of-funds', {
      operator: wallet.address.toLowerCase(),
      balance: String(BigInt(balance as string)),
      needed: String(needed),
    });
  const raw = await wallet.signTransaction({
    ...{ to, data: input, value, gasLimit, chainId: options.chainId },
    nonce: smallQuantity(nonce, 'nonce'),
    ...toTransactionFees(fees),
  });
  await mined(node, hash(await node.call('eth_sendRawTransaction', raw), 'hash'), options);
}

async function mined(node: Node, transactionHash: string, options: DeployOptions): Promise<void> {
  const waitMs = options.waitMs ?? DEFAULT_WAIT_MS;
  let pause = FIRST_POLL_MS;
  for (let waited = 0; waited <= waitMs; waited += pause) {
    const receipt = await node.call('eth_getTransactionReceipt', transactionHash);
    if (receipt !== null) {
      if (quantity(object(receipt, 'receipt')['status'], 'status') === 1n) return;
      throw new ChainProblem('transaction-refused', { transactionHash, message: 'reverted' });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(2 * pause, MAX_POLL_MS);
  }
  throw new ChainProblem('transaction-refused', { transactionHash, message: `not mined after ${waitMs} ms` });
}
