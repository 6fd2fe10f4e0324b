import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import type { Logger } from '../../ports/logger.ts';
import { writeDurably } from '../files.ts';
import { type AnvilProcess, freePort, type Genesis, newGenesis, startAnvil } from './anvil.ts';
import { createMiner, FUNDS } from './local-miner.ts';
import { openNode } from './rpc.ts';
import { smallQuantity, toQuantity } from './shape.ts';

/*
 * The embedded chain of the demonstration: anvil on 127.0.0.1, whose blocks are on disk before they are final, with a
 * genesis of its own for each installation. In its folder:
 *
 *   operator.key   0x and 64 digits, random, mode 0600
 *   genesis.json what its first block is made of
 *   state.json     the whole chain, as of the last dump; replaced as a whole
 *
 * Killed at any moment: the next start goes on from the last dump. What came after it is gone, and was never final.
 */

/** What wallets and tools take for a chain of somebody's own machine; nobody's trust list may name it without genesis. */
export const LOCAL_CHAIN_ID = 31337;

const REQUEST_TIMEOUT_MS = 10_000;
const RESTART_DELAY_MS = 200;
const MAX_RESTART_DELAY_MS = 5_000;
const POLL_MS = 100;
const PAUSE_AFTER_ERROR_MS = 1_000;

export interface LocalChain {
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly operatorKey: string;
  /** Called each time that the process ended without being asked to; it is started again by itself. */
  onExit(listener: (reason: string) => void): void;
  /** Makes what happened durable, as far as that is possible, and ends the process. */
  stop(): Promise<void>;
}

export interface LocalChainOptions {
  /** Of the chain alone; made where it is missing. */
  readonly dataDir: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export async function startLocalChain({ dataDir, log }: LocalChainOptions): Promise<LocalChain> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await removeTemporary(dataDir);
  const stateFile = join(dataDir, 'state.json');
  const operatorKey = await ensureKey(join(dataDir, 'operator.key'));
  const genesis = await ensureGenesis(join(dataDir, 'genesis.json'));
  const operator = new Wallet(operatorKey).address;
  const port = await freePort();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const node = openNode(rpcUrl, REQUEST_TIMEOUT_MS);
  const listeners: ((reason: string) => void)[] = [];
  const miner = createMiner(node, stateFile);
  const stopping = new AbortController();

  async function launch(): Promise<AnvilProcess> {
    const loadState = existsSync(stateFile) ? stateFile : undefined;
    const started = await startAnvil({ port, chainId: LOCAL_CHAIN_ID, genesis, loadState });
    try {
      // Its clock began at the time of the first block: blocks made from here on must carry today's.
      await node.call('evm_setTime', toQuantity(Math.floor(Date.now() / 1000)));
      await node.call('anvil_setBalance', operator, FUNDS);
      await miner.begin();
    } catch (error) {
      started.kill();
      throw error;
    }
    log.info({ rpcUrl }, loadState === undefined ? 'local chain begun' : 'local chain continued');
    return started;
  }

  let anvil = await launch();
  const running = supervise();

  /** Mines while the process lives, starts it again when it died; ends with `stop`. */
  async function supervise(): Promise<void> {
    let delay = RESTART_DELAY_MS;
    while (!stopping.signal.aborted) {
      await mineUntilExit();
      if (stopping.signal.aborted) return;
      const reason = await anvil.exited;
      log.warn({ reason }, 'local chain ended, it is started again');
      for (const listener of listeners) listener(reason);
      await sleep(delay, stopping.signal);
      try {
        anvil = await launch();
        delay = RESTART_DELAY_MS;
      } catch (error) {
        log.warn({ err: error }, 'local chain does not start');
        delay = Math.min(2 * delay, MAX_RESTART_DELAY_MS);
      }
    }
  }

  async function mineUntilExit(): Promise<void> {
    while (anvil.alive() && !stopping.signal.aborted) {
      const from = performance.now();
      let pause = POLL_MS;
      try {
        await miner.round();
        // A long chain makes long rounds: at most a third of the time goes into dumps.
        pause = Math.max(POLL_MS, 2 * (performance.now() - from));
      } catch (error) {
        // A dead process is started again; a full disk is tried again: until then nothing becomes final.
        if (anvil.alive()) log.warn({ err: error }, 'local chain makes nothing final');
        pause = PAUSE_AFTER_ERROR_MS;
      }
      if (anvil.alive()) await sleep(pause, stopping.signal);
    }
  }

  return {
    rpcUrl,
    chainId: smallQuantity(await node.call('eth_chainId'), 'chain id'),
    operatorKey,
    onExit: (listener) => void listeners.push(listener),
    async stop() {
      stopping.abort();
      await running;
      // Best effort: without it the next start is a few blocks earlier, which is what a crash leaves as well.
      await miner.round().catch(() => undefined);
      node.close();
      anvil.kill();
      await anvil.exited;
    },
  };
}

/** A key of this installation alone; durable before the chain knows its address. */
async function ensureKey(file: string): Promise<string> {
  if (!existsSync(file)) await writeDurably(file, `0x${randomBytes(32).toString('hex')}\n`, 0o600);
  return (await readFile(file, 'utf8')).trim();
}

/** Durable before the first block exists. */
async function ensureGenesis(file: string): Promise<Genesis> {
  if (!existsSync(file)) await writeDurably(file, `${JSON.stringify(newGenesis())}\n`);
  return JSON.parse(await readFile(file, 'utf8')) as Genesis;
}

/** What a crash in the middle of a dump leaves beside the state: as large as the chain. */
async function removeTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith('.tmp')) await rm(join(folder, name));
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done);
  });
}
