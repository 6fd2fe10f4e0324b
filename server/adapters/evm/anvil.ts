import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { openNode } from './rpc.ts';
import { smallQuantity } from './shape.ts';

export interface AnvilProcess {
  readonly pid: number;
  alive(): boolean;
  kill(): void;
  /** Why it ended. */
  readonly exited: Promise<string>;
}

/** What makes the first block of an installation one that no other has. */
export interface Genesis {
  /** Unix seconds */
  readonly timestamp: number;
  readonly gasLimit: number;
}

/** Time of installation, and a gas limit with some random bits. */
export const newGenesis = (): Genesis => ({
  timestamp: Math.floor(Date.now() / 1000),
  gasLimit: GAS_LIMIT + randomInt(2 ** 24),
});

export interface AnvilOptions {
  readonly port: number;
  readonly chainId: number;
  /** The same at every start of one chain: anvil makes a first block before it loads, and may show that one. */
  readonly genesis: Genesis;
  /** JSON as anvil dumps it; a new chain where undefined */
  readonly loadState: string | undefined;
}

const BINARY = fileURLToPath(
  new URL('../../../node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil', import.meta.url),
);
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

const START_TIMEOUT_MS = 30_000;
const START_POLL_MS = 50;

/** States kept in memory for calls at older blocks; more would be written to a cache of anvil's own. */
const HISTORY = '64';
const GAS_LIMIT = 30_000_000;

/** Starts anvil and returns when it answers. */
export async function startAnvil({ port, chainId, genesis, loadState }: AnvilOptions): Promise<AnvilProcess> {
  if (!existsSync(BINARY))
    throw new Error(
      'No local chain on this platform: set KEZHENG_RPC_URL / 此平台没有内置链，请设置 KEZHENG_RPC_URL',
    );
  const args = [
    ...['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId)],
    ...['--no-mining', '--slots-in-an-epoch', '1', '--accounts', '0', '--prune-history', HISTORY],
    ...['--gas-limit', String(genesis.gasLimit), '--timestamp', String(genesis.timestamp)],
    ...['--no-cors', '--quiet'],
    ...(loadState === undefined ? [] : ['--load-state', loadState]),
  ];
  const anvil = spawnBound(BINARY, args);
  await answering(port, chainId, anvil);
  return anvil;
}

/** Dies with this process however that ends, where the machine has setpriv. */
function spawnBound(binary: string, args: readonly string[]): AnvilProcess {
  const [command, ...all] =
    SETPRIV === undefined ? [binary, ...args] : [SETPRIV, '--pdeathsig', 'KILL', binary, ...args];
  const child = spawn(command!, all, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-400);
  });
  let ended = false;
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      ended = true;
      resolve(error.message);
    });
    child.once('close', (code, signal) => {
      ended = true;
      resolve(`anvil ended (${signal ?? code}) ${said.trim()}`.trim());
    });
  });
  return { pid: child.pid ?? 0, alive: () => !ended, kill: () => void child.kill('SIGKILL'), exited };
}

async function answering(port: number, chainId: number, anvil: AnvilProcess): Promise<void> {
  const node = openNode(`http://127.0.0.1:${port}`, START_TIMEOUT_MS);
  for (let waited = 0; waited < START_TIMEOUT_MS; waited += START_POLL_MS) {
    if (!anvil.alive()) throw new Error(await anvil.exited);
    try {
      if (smallQuantity(await node.call('eth_chainId'), 'chain id') === chainId) return;
    } catch {
      // Not listening yet: what is wrong for good ends the process, and is said above.
    }
    await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
  }
  anvil.kill();
  throw new Error(`anvil does not answer after ${START_TIMEOUT_MS} ms`);
}

/** A port that was free a moment ago: anvil cannot say which one it took. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
