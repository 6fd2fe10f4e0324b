import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { freePort } from '../../server/adapters/evm/anvil.ts';
import { type EvmChainOptions, openEvmChain } from '../../server/adapters/evm/chain.ts';
import { EVIDENCE_LOG, ensureContract } from '../../server/adapters/evm/contract.ts';
import { ChainProblem, type SignedAppend, type TransactionFate } from '../../server/ports/chain.ts';
import { rpc } from './rpc-proxy.ts';

/* Real anvil processes, each on a port of its own, ended with the test. */

const BINARY = fileURLToPath(
  new URL('../../node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil', import.meta.url),
);

/** The first key of anvil's public mnemonic: only ever for chains that live as long as a test. */
export const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
export const OPERATOR = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
export const OTHER = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8';
export const CHAIN_ID = 31337;
export const CONTRACT = EVIDENCE_LOG.create2.address;
export const ROOT = (i: number): string => (i + 1).toString(16).padStart(2, '0').repeat(32);

export interface TestAnvil {
  readonly url: string;
  readonly child: ChildProcess;
  call<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T>;
  mine(blocks?: number): Promise<unknown>;
}

export async function startAnvil(t: Test, ...args: readonly string[]): Promise<TestAnvil> {
  const port = await freePort();
  const all = [
    '--port',
    String(port),
    '--slots-in-an-epoch',
    '1',
    '--prune-history',
    '64',
    '--quiet',
    ...args,
  ];
  const child = spawn(BINARY, all, { stdio: 'ignore' });
  t.teardown(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  const call = <T>(method: string, ...params: readonly unknown[]) => rpc<T>(url, method, ...params);
  for (let tries = 0; ; tries++) {
    try {
      await call('eth_chainId');
      break;
    } catch (error) {
      if (tries === 200 || child.exitCode !== null) throw error;
      await sleep(50);
    }
  }
  return { url, child, call, mine: (blocks = 1) => call('anvil_mine', `0x${blocks.toString(16)}`) };
}

/** A node with the contract on it. */
export async function startWithContract(t: Test, ...args: readonly string[]): Promise<TestAnvil> {
  const anvil = await startAnvil(t, ...args);
  await deploy(anvil.url);
  return anvil;
}

export const deploy = (rpcUrl: string, chainId = CHAIN_ID) =>
  ensureContract({ rpcUrl, chainId, operatorKey: KEY });

export function openChain(t: Test, options: Partial<EvmChainOptions> & Pick<EvmChainOptions, 'rpcUrls'>) {
  const chain = openEvmChain({ operatorKey: KEY, confirmations: 'finalized', timeoutMs: 5_000, ...options });
  t.teardown(() => chain.close());
  return chain;
}

type OpenChain = ReturnType<typeof openEvmChain>;

/** Signs, sends and waits until it is mined. */
export async function append(chain: OpenChain, index: number, size = 10, root = ROOT(index)) {
  const signed = await chain.sign({ index, root, size });
  await chain.broadcast(signed);
  return { signed, fate: await mined(chain, signed) };
}

export async function mined(chain: OpenChain, signed: SignedAppend) {
  for (let tries = 0; tries < 200; tries++) {
    const fate: TransactionFate = await chain.fate(signed.transactionHash);
    if (fate.state === 'mined') return fate;
    await sleep(20);
  }
  throw new Error('not mined');
}

/** The problem that `work` ends with; any other error is a bug and passes through. */
export async function problem(work: Promise<unknown>): Promise<ChainProblem> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ChainProblem) return error;
    throw error;
  }
  throw new Error('no problem');
}

export const codeOf = async (work: Promise<unknown>): Promise<string> => (await problem(work)).code;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
