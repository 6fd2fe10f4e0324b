import { join } from 'node:path';
import { openEvmChain } from './adapters/evm/chain.ts';
import { ensureContract } from './adapters/evm/contract.ts';
import { startLocalChain } from './adapters/evm/local-chain.ts';
import { writeDurably } from './adapters/files.ts';
import { localNodeFile } from './adapters/local-node.ts';
import type { Config } from './config.ts';
import { utf8 } from './core/read/bytes.ts';
import { parseTrust, type Trust } from './core/verify/trust.ts';
import { refuseOtherGenesis } from './pipeline/past.ts';
import { type ChainDescription, type DescribeLog, describeBy, trustListOf } from './pipeline/trust-list.ts';
import type { Chain, LogIdentity } from './ports/chain.ts';
import type { Logger } from './ports/logger.ts';
import type { AnchorStore } from './ports/store.ts';

export interface ChainConnection {
  /** what is known of the chain that a log is on */
  readonly describe: DescribeLog;
  /** The chain, opened where it is not yet; throws ChainProblem while it is away. */
  readonly open: () => Promise<Chain>;
  readonly current: () => Chain | undefined;
  /** The service's own trust list; undefined until the chain has been seen once. */
  readonly trust: () => Trust | undefined;
  /** The same as text, for whoever checks. */
  readonly trustText: () => string | undefined;
  readonly close: () => Promise<void>;
}

interface Deps {
  readonly config: Config;
  readonly store: AnchorStore;
  /** DER: what the operator signs with leads to one of these */
  readonly own: readonly Uint8Array[];
  readonly log: Logger;
}

/**
 * The local chain of the demonstration, with the contract deployed, or the configured one. A configured chain may be
 * away at the start: deposits are taken, and the pipeline opens it when it comes.
 */
export async function connectChain(deps: Deps): Promise<ChainConnection> {
  const { config } = deps;
  const trusting = trustKeeper(deps, descriptionOf(config));
  if (config.chain === undefined) return connectLocal(deps, trusting);
  const { rpcUrls, chainId, contract, operatorKey } = config.chain;
  const chain = openEvmChain({
    rpcUrls,
    chainId,
    ...(contract && { contract }),
    operatorKey,
    confirmations: config.confirmations,
  });
  return connectionTo(chain, trusting, async () => {});
}

async function connectLocal(deps: Deps, trusting: TrustKeeper): Promise<ChainConnection> {
  const { config, log } = deps;
  const local = await startLocalChain({ dataDir: join(config.dataDir, 'chain'), log });
  const { rpcUrl, chainId, operatorKey } = local;
  await writeDurably(localNodeFile(config.dataDir), `${rpcUrl}\n`);
  await ensureContract({ rpcUrl, operatorKey, chainId });
  const chain = openEvmChain({
    rpcUrls: [rpcUrl],
    chainId,
    operatorKey,
    confirmations: config.confirmations,
  });
  await trusting.seen(chain);
  return connectionTo(chain, trusting, () => local.stop());
}

type TrustKeeper = ReturnType<typeof trustKeeper>;

/** `closed` is what remains to be ended after the chain. */
function connectionTo(
  chain: ReturnType<typeof openEvmChain>,
  trusting: TrustKeeper,
  closed: () => Promise<void>,
): ChainConnection {
  return {
    describe: trusting.describe,
    open: async () => {
      await trusting.seen(chain);
      return chain;
    },
    current: () => chain,
    trust: trusting.trust,
    trustText: trusting.trustText,
    close: async () => {
      chain.close();
      await closed();
    },
  };
}

const descriptionOf = ({ chain, serviceName }: Config): ChainDescription =>
  chain === undefined
    ? { name: '本地演示链 local demonstration chain', runBy: serviceName, test: true }
    : { name: chain.name, runBy: chain.runBy, test: chain.test };

/** Writes trust.json once the log is known, and again where the log is another one. */
function trustKeeper({ config, store, own }: Deps, description: ChainDescription) {
  let trust: Trust | undefined;
  let trustText: string | undefined;
  let writtenFor = '';
  // Until the chain has been seen nothing is called by its name: better too little than another's.
  let describe: DescribeLog = describeBy(description, { chainId: -1, genesisHash: '' });
  return {
    trust: () => trust,
    trustText: () => trustText,
    describe: (log: LogIdentity) => describe(log),
    async seen(chain: Chain): Promise<void> {
      const log = await chain.inspect();
      const key = keyOf(log);
      if (key === writtenFor) return;
      // Another chain with our chain id must not become one that we tell others to trust.
      if (config.chain !== undefined) await refuseOtherGenesis(store, log);
      const earlier = (await store.logs()).filter((known) => keyOf(known) !== key);
      describe = describeBy(description, log);
      const { serviceName, tsaAuthorities } = config;
      const text = trustListOf(serviceName, [log, ...earlier], describe, own, tsaAuthorities);
      await writeDurably(join(config.dataDir, 'trust.json'), text);
      trust = parseTrust(utf8(text));
      trustText = text;
      writtenFor = key;
    },
  };
}

const keyOf = (log: LogIdentity): string => [log.chainId, log.genesisHash, log.contract, log.operator].join();
