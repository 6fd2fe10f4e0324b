import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ColdRefused, checkCold, prepareCold } from './adapters/cold.ts';
import { makeFolder, writeDurably } from './adapters/files.ts';
import { movedTo } from './adapters/moved.ts';
import type { Database } from './adapters/storage.ts';
import { type Config, ConfigError } from './config.ts';
import { parseTrust } from './core/verify/trust.ts';
import type { LogIdentity } from './ports/chain.ts';

/*
 * Demonstration or configured chain: data that were ever under a configured chain never become a demonstration because
 * a setting was forgotten, which would open them with keys that lie in a file. The other way is allowed, and ends it.
 */

type Mode = 'demonstration' | 'configured';

const modeOf = ({ chain }: Config): Mode => (chain === undefined ? 'demonstration' : 'configured');
const fileIn = ({ dataDir }: Config): string => join(dataDir, 'mode');
const modeBefore = (config: Config): Promise<string | undefined> =>
  readFile(fileIn(config), 'utf8').catch(() => undefined);

/** Before anything is opened: the folder is there, can be written to, and is no configured service's. */
export async function prepareDataDir(config: Config): Promise<void> {
  const { dataDir } = config;
  try {
    await makeFolder(dataDir, 0o700);
    if ((await modeBefore(config)) === undefined) await writeDurably(fileIn(config), modeOf(config));
  } catch (error) {
    throw asFolder('DATA_DIR', dataDir, error);
  }
  if (modeOf(config) === 'demonstration' && (await modeBefore(config)) === 'configured')
    throw belongsToChain(dataDir);
  await refuseMoved(config);
  await openCold(config);
}

/** Old batches that were moved away are never lost sight of: neither by a forgotten setting nor by a disk that is away. */
async function openCold({ dataDir, coldBlobs }: Config): Promise<void> {
  try {
    checkCold(dataDir, coldBlobs);
    await prepareCold(dataDir, coldBlobs);
  } catch (error) {
    if (error instanceof ColdRefused) throw new ConfigError('COLD_BLOBS', error.zh, error.en);
    throw asFolder('COLD_BLOBS', coldBlobs!, error);
  }
}

/** What the system says of a folder, as a sentence of its setting; everything else stays what it is. */
function asFolder(setting: string, path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return new ConfigError(
    setting,
    `${path} 不是可写的文件夹，也无法建立（${code}）`,
    `${path} is no folder that can be written to, and cannot be made (${code})`,
  );
}

/** The old database of a folder whose data went elsewhere would go on beside the new one, under the same numbers. */
async function refuseMoved({ dataDir, databaseUrl }: Config): Promise<void> {
  if (databaseUrl !== undefined) return;
  const moved = await movedTo(dataDir);
  if (moved === undefined) return;
  throw new ConfigError(
    'DATABASE_URL',
    `${dataDir} 的数据已于 ${moved.at} 迁往 ${moved.database}，须配置为该数据库`,
    `the data of ${dataDir} went to ${moved.database} at ${moved.at}, which must be set here`,
  );
}

/** With the database open and before anything is changed in it; closed where the service may not go on. */
export async function claimData(config: Config, database: Database): Promise<void> {
  try {
    await requireAlone(config, database);
    if (modeOf(config) === 'demonstration') await refuseForeignLogs(config, database);
    if ((await modeBefore(config)) !== modeOf(config)) await writeDurably(fileIn(config), modeOf(config));
  } catch (error) {
    await database.close();
    throw error;
  }
}

/**
 * A local chain belongs to one process: two of them on one folder would take each other's blocks back, and a configured
 * service must not end a demonstration that is running.
 */
async function requireAlone(config: Config, { leadership }: Database): Promise<void> {
  if (config.databaseUrl !== undefined) return;
  if (modeOf(config) === 'configured' && (await modeBefore(config)) === 'configured') return;
  if (await leadership.lead()) return;
  throw new ConfigError(
    'DATA_DIR',
    `${config.dataDir} 正由另一个服务使用`,
    `${config.dataDir} is in use by another service`,
  );
}

/**
 * Of a database that several instances share this folder says nothing: the logs in it do. All of them must be this
 * folder's own, which the trust list of its earlier starts names.
 */
async function refuseForeignLogs({ databaseUrl, dataDir }: Config, { store }: Database): Promise<void> {
  if (databaseUrl === undefined) return;
  const logs = await store.logs();
  if (logs.length === 0) return;
  const own = await readFile(join(dataDir, 'trust.json')).then(parseTrust, () => undefined);
  const isOwn = ({ operator }: LogIdentity) => own?.logs.some((log) => log.operator === operator);
  if (!logs.every(isOwn)) throw belongsToChain('数据库 / the database');
}

const belongsToChain = (what: string): ConfigError =>
  new ConfigError(
    'RPC_URL',
    `${what} 属于已配置链的服务，未配置链时不能启动`,
    `${what} belongs to a configured chain; without it nothing is started`,
  );
