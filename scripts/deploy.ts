// Finds EvidenceLog on the configured chain, or deploys it by CREATE2, and says where.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { ensureContract } from '../server/adapters/evm/contract.ts';
import { ChainProblem } from '../server/ports/chain.ts';

function setting(name: string): string {
  const value = process.env[name];
  if (value) return value;
  console.error(`请设置 ${name} / set ${name}: KEZHENG_RPC_URL, KEZHENG_CHAIN_ID, KEZHENG_OPERATOR_KEY_FILE`);
  process.exit(64);
}

/** A file, never a setting by itself: environments end up in logs and process lists. */
function readKey(file: string): string {
  const key = readFileSync(file, 'utf8').trim();
  if (/^0x[0-9a-fA-F]{64}$/.test(key)) return key;
  console.error(
    `KEZHENG_OPERATOR_KEY_FILE: ${file} 应为 0x 加 64 位十六进制 / must hold 0x and 64 hex digits`,
  );
  process.exit(64);
}

const rpcUrl = setting('KEZHENG_RPC_URL').split(',')[0]!.trim();
const chainId = Number(setting('KEZHENG_CHAIN_ID'));
const operatorKey = readKey(setting('KEZHENG_OPERATOR_KEY_FILE'));
try {
  const { contract, deployed } = await ensureContract({ rpcUrl, chainId, operatorKey });
  console.log(`${deployed ? '已部署 / deployed' : '已存在 / found'}: ${contract} (chain ${chainId})`);
} catch (error) {
  if (!(error instanceof ChainProblem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
