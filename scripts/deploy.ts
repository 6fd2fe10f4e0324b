// Finds EvidenceLog on the configured chain, or deploys it by CREATE2, and says where.
import process from 'node:process';
import { ensureContract } from '../server/adapters/evm/contract.ts';
import { type ChainConfig, ConfigError, readConfig } from '../server/config.ts';
import { bothLanguages } from '../server/messages/sentence.ts';
import { ChainProblem } from '../server/ports/chain.ts';

const EXIT_USAGE = 64;

/** The same settings as the service's, checked by the same rules. */
function configuredChain(): ChainConfig {
  const { chain } = readConfig(process.env);
  if (chain !== undefined) return chain;
  const needed = 'KEZHENG_RPC_URL, KEZHENG_CHAIN_ID, KEZHENG_OPERATOR_KEY_FILE';
  throw new ConfigError('RPC_URL', `未设置；部署需要 ${needed}`, `is not set; to deploy set ${needed}`);
}

/** The sentence of its code; then the code, and what the node and we know of this one. */
function told({ code, detail }: ChainProblem): string {
  const { zh, en } = bothLanguages('health', code, detail);
  const known = Object.entries(detail).map(([name, value]) => `${name} ${value}`);
  return `${zh} / ${en}\n  ${[code, ...known].join(', ')}`;
}

try {
  const { rpcUrls, chainId, operatorKey } = configuredChain();
  const { contract, deployed } = await ensureContract({ rpcUrl: rpcUrls[0]!, chainId, operatorKey });
  console.log(`${deployed ? '已部署 / deployed' : '已存在 / found'}: ${contract} (chain ${chainId})`);
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof ChainProblem)) throw error;
  console.error(error instanceof ChainProblem ? told(error) : error.message);
  process.exitCode = error instanceof ChainProblem ? 1 : EXIT_USAGE;
}
