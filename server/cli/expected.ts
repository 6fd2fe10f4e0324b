import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { Expectation, ExpectedLog } from '../audit/expected.ts';
import type { Report } from '../audit/finding.ts';
import { FormatError } from '../core/reason.ts';
import { parseTrust, type Trust } from '../core/verify/trust.ts';
import { auditTools, storageSettings } from './data.ts';
import { UsageError } from './usage.ts';

/**
 * The logs that fsck looks for. Settings and --trust come from outside the data and count alone where there are any;
 * else the trust list that the service keeps in its data folder, in a demonstration the only one that knows its chain.
 */
export async function expectationOf(trust: Trust | undefined, report: Report): Promise<Expectation> {
  const configured = await configuredLog(report);
  const logs = [...(configured === undefined ? [] : [configured]), ...(trust?.logs ?? [])];
  if (logs.length > 0) return { logs, fromData: false };
  return { logs: await ownList(report), fromData: true };
}

const setting = (name: string): string | undefined => process.env[`KEZHENG_${name}`]?.trim() || undefined;

/** The operator's log on the configured chain; which genesis block it has, the settings do not say. */
async function configuredLog(report: Report): Promise<ExpectedLog | undefined> {
  const [id, keyFile] = [setting('CHAIN_ID'), setting('OPERATOR_KEY_FILE')];
  if (id === undefined || keyFile === undefined) return undefined;
  const chainId = Number(id);
  if (!(Number.isSafeInteger(chainId) && chainId > 0))
    throw new UsageError('KEZHENG_CHAIN_ID 应为正整数 / is a whole number above 0');
  const contract = setting('CONTRACT')?.toLowerCase() ?? auditTools.contractAddress();
  if (!/^0x[0-9a-f]{40}$/.test(contract))
    throw new UsageError('KEZHENG_CONTRACT 应为 0x 加 40 位十六进制 / is 0x and 40 hex digits');
  let key: string;
  try {
    key = (await readFile(resolve(keyFile), 'utf8')).trim();
  } catch (error) {
    // Whoever checks need not be allowed to read the key: everything else is looked at.
    report.unread('KEZHENG_OPERATOR_KEY_FILE', (error as NodeJS.ErrnoException).code ?? 'unreadable');
    return undefined;
  }
  const operator = auditTools.operatorOf(key);
  if (operator === undefined)
    throw new UsageError('KEZHENG_OPERATOR_KEY_FILE 不是操作者私钥 / does not hold the key of an operator');
  return { chainId, genesisHash: undefined, contract, operator };
}

/** None before the chain was seen for the first time. */
async function ownList(report: Report): Promise<readonly ExpectedLog[]> {
  const path = join(storageSettings().dataDir, 'trust.json');
  try {
    return parseTrust(await readFile(path)).logs;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') report.unread('trust.json', code ?? 'unreadable');
    if (code !== undefined || error instanceof FormatError) return [];
    throw error;
  }
}

/** The list that the service itself keeps, with its earlier keys; that it cannot be read is told with its logs. */
export const ownTrust = (): Promise<Trust | undefined> =>
  readFile(join(storageSettings().dataDir, 'trust.json'))
    .then(parseTrust)
    .catch(() => undefined);
