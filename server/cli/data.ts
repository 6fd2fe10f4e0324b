import { randomBytes, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { ColdRefused, checkCold, isBucket, knownCold, parseColdPlace } from '../adapters/cold.ts';
import { addDataKey, DATA_KEY_FILE, DataKeyError, dataKeysIn } from '../adapters/data-keys.ts';
import { openFolderInspector } from '../adapters/folder/inspect.ts';
import {
  contractAddress,
  contractCode,
  openInspection,
  operatorOf,
  proveWith,
} from '../adapters/inspection.ts';
import { openIssuer } from '../adapters/issuer.ts';
import { localNodeFile } from '../adapters/local-node.ts';
import { markMoved, movedTo } from '../adapters/moved.ts';
import { createRevocationSource } from '../adapters/revocation/source.ts';
import { BadS3Address } from '../adapters/s3/address.ts';
import { parseTimeServer } from '../adapters/sntp/place.ts';
import { sntpServer } from '../adapters/sntp/server.ts';
import { openSqliteExport } from '../adapters/sqlite/export.ts';
import { blobsNamedIn } from '../adapters/sqlite/snapshot.ts';
import { openTokenIdentity } from '../adapters/stamping/identity.ts';
import { lifeOf } from '../adapters/stamping/life.ts';
import { beginTimes } from '../adapters/stamping/reserved-clock.ts';
import { accuracyOf, createSerials, readClock } from '../adapters/stamping/tokens.ts';
import {
  openBlobPlaces,
  openBlobs,
  openDatabase,
  openRemoval,
  openRemovalAt,
  type StorageSettings,
  sqlitePath,
} from '../adapters/storage.ts';
import { createTspTransport } from '../adapters/tsp/client.ts';
import { GRACE_MS, startClockRounds } from '../authority/clock-rounds.ts';
import { ClockWatch, DRIFT_BOUNDS } from '../authority/clock-watch.ts';
import { createAuthority } from '../authority/tsa.ts';
import { parseTrust } from '../core/verify/trust.ts';
import { openDoor } from '../outbox/door.ts';
import { parseDestination } from '../outbox/place.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Destination } from '../ports/door.ts';
import type { Store } from '../ports/store.ts';
import { createTimeGate, type TimeGate } from '../ports/time-gate.ts';
import type { OutsideAuthority } from '../ports/tsp.ts';
import { MAX_AUTHORITIES_BYTES, parseAuthorities } from '../tsa-authorities.ts';
import type { BackupSource } from './backup.ts';
import type { HeadersTools } from './headers.ts';
import type { MoveTools } from './migrate-store.ts';
import type { ColdTools } from './move-cold.ts';
import { readSmall } from './read-small.ts';
import type { SecretsTools } from './secrets.ts';
import { KEY_FILES } from './signing-files.ts';
import type { Outside } from './stamp.ts';
import { isPostgres, UsageError } from './usage.ts';

const setting = (name: string): string | undefined => process.env[`KEZHENG_${name}`]?.trim() || undefined;

/** The demonstration that runs on these data, as its demo.json tells of it. */
export async function demonstration(): Promise<
  { readonly url: string; readonly apiKey: string } | undefined
> {
  try {
    const path = join(resolve(setting('DATA_DIR') ?? './data'), 'demo.json');
    const { url, organizations } = JSON.parse(await readFile(path, 'utf8')) as {
      readonly url: string;
      readonly organizations: readonly { readonly role: string; readonly apiKey: string }[];
    };
    const depositor = organizations.find(({ role }) => role === 'depositor');
    return depositor && { url, apiKey: depositor.apiKey };
  } catch {
    return undefined;
  }
}

/** Where people find the service, as the service itself is told. */
export const publicUrl = (): string =>
  (setting('PUBLIC_URL') ?? `http://localhost:${setting('PORT') ?? 3000}`).replace(/\/+$/, '');

/** Where the installation's data are, by the same settings as the service's. */
export function storageSettings(): StorageSettings {
  const dataDir = resolve(setting('DATA_DIR') ?? './data');
  const databaseUrl = setting('DATABASE_URL');
  if (databaseUrl !== undefined && !isPostgres(databaseUrl))
    throw new UsageError(
      'KEZHENG_DATABASE_URL：应为 postgres:// 地址 / KEZHENG_DATABASE_URL: is not a postgres:// address',
    );
  const path = sqlitePath(dataDir);
  if (databaseUrl === undefined && !existsSync(path))
    throw new UsageError(`没有找到 ${path}，请先启动一次服务 / not found; start the service once first`);
  return { dataDir, databaseUrl, ...blobPlaces(dataDir) };
}

function blobPlaces(dataDir: string): Pick<StorageSettings, 'blobs' | 'coldBlobs'> {
  const [blobs, given] = [setting('BLOBS'), setting('COLD_BLOBS')];
  try {
    return { blobs, coldBlobs: given && parseColdPlace(given, { dataDir, blobs }) };
  } catch (error) {
    if (!(error instanceof ColdRefused || error instanceof BadS3Address)) throw error;
    throw new UsageError(`KEZHENG_COLD_BLOBS：${error.message}`);
  }
}

/** For whatever reads stored files: what was moved to a cold place is not missing. */
function wholeSettings(): StorageSettings {
  const settings = storageSettings();
  try {
    checkCold(settings.dataDir, settings.coldBlobs);
  } catch (error) {
    if (!(error instanceof ColdRefused)) throw error;
    throw new UsageError(`KEZHENG_COLD_BLOBS：${error.message}`);
  }
  return settings;
}

/**
 * Two names of one place (links, mounts, addresses of one bucket) would have every file copied onto itself and then
 * removed: so something is written to the one place, and looked for in the other.
 */
async function refuseSamePlace(near: Blobs, far: Blobs, place: string): Promise<void> {
  const name = randomBytes(32).toString('hex');
  await far.keep('trees', name, new Uint8Array(1));
  const isSame = (await near.size('trees', name)) !== undefined;
  const removal = await openRemovalAt(place);
  await removal.remove('trees', name);
  removal.close();
  if (isSame)
    throw new UsageError(
      `KEZHENG_COLD_BLOBS：${place} 与原处是同一处（链接、挂载或同一存储桶） / is the very place where the files are (a link, a mount, one bucket)`,
    );
}

/** What `move-cold` opens. */
export async function openCold(): Promise<ColdTools> {
  const settings = wholeSettings();
  const { dataDir, coldBlobs } = settings;
  if (coldBlobs === undefined)
    throw new UsageError(
      '请设置 KEZHENG_COLD_BLOBS（文件夹或 s3:// 地址） / set KEZHENG_COLD_BLOBS (a folder or s3://…)',
    );
  // A service that does not know of the place would not find what goes there.
  if (knownCold(dataDir) !== coldBlobs)
    throw new UsageError(
      '请先以 KEZHENG_COLD_BLOBS 重新启动服务（每个实例） / start the service (every instance) with KEZHENG_COLD_BLOBS first',
    );
  const { near, far } = await openBlobPlaces(settings);
  await refuseSamePlace(near, far!, coldBlobs);
  const [removal, { inspector, close }] = await Promise.all([
    openRemoval(settings),
    openInspection(settings),
  ]);
  return {
    ...{ place: coldBlobs, near, far: far!, removal, inspector },
    async close() {
      await close();
      removal.close();
      await near.close();
      await far!.close();
    },
  };
}

/** What `backup` takes: the data folder, and what was configured to stand elsewhere. */
export const backupSource = (): BackupSource => ({
  ...wholeSettings(),
  async openCold(place) {
    if (!isBucket(place)) return { folder: place, has: async () => false, close() {} };
    const { openS3Inspector } = await import('../adapters/s3/inspect.ts');
    const { size, close } = openS3Inspector(place);
    return { folder: undefined, has: async (room, name) => (await size(room, name)) !== undefined, close };
  },
  configured: Object.fromEntries(KEY_FILES.map(({ path, setting: name }) => [path, setting(name)])),
});

/** What `secrets` needs: the file of data keys, where the service has it. */
export function secretsTools(): SecretsTools {
  const file = resolve(setting('DATA_KEY_FILE') ?? join(storageSettings().dataDir, DATA_KEY_FILE));
  const telling = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw error instanceof DataKeyError ? new UsageError(error.message) : error;
    }
  };
  return {
    ...{ file, withStore },
    readKeys: () => telling(dataKeysIn(file)()),
    addKey: () => telling(addDataKey(file)),
  };
}

/** What `migrate-store` opens. Of any number of instances one leads, so whoever cannot lead is not alone. */
export function moveTools(): MoveTools {
  const settings = wholeSettings();
  const { dataDir } = settings;
  return {
    databaseUrl: settings.databaseUrl,
    blobs: settings.blobs,
    keyFiles: KEY_FILES.map(({ path, setting: name }) => ({
      setting: name,
      path: setting(name) ?? join(dataDir, path),
    })),
    async markMoved(database, blobs) {
      const earlier = await movedTo(dataDir);
      // The same move again happened when it happened first.
      const at = earlier?.database === database ? earlier.at : new Date().toISOString();
      await markMoved(dataDir, { database, blobs: blobs ?? settings.blobs ?? null, at });
    },
    async hold() {
      const database = await openDatabase(settings, { nowMs: () => Date.now() });
      if (await database.leadership.lead()) return () => database.close();
      await database.close();
      return undefined;
    },
    openSource: () => openSqliteExport(sqlitePath(dataDir)),
    async openTarget(url) {
      const { openPostgresImport } = await import('../adapters/postgres/import.ts');
      return openPostgresImport({ url, setting: '--to-database' });
    },
    openBlobs: (blobs) => openBlobs({ ...settings, blobs }),
    listFolder: (room) => openFolderInspector({ dir: join(dataDir, 'blobs') }).list(room),
    blobsNamed: () => blobsNamedIn(sqlitePath(dataDir)),
  };
}

/** The node of a demonstration in the data folder; undefined where there is none. Whether it still runs is seen by asking. */
export async function localNode(): Promise<string | undefined> {
  const { dataDir } = storageSettings();
  return (await readFile(localNodeFile(dataDir), 'utf8').catch(() => undefined))?.trim();
}

/** The installation's own store, beside a running service or without one. */
export async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const settings = storageSettings();
  const moved = settings.databaseUrl === undefined ? await movedTo(settings.dataDir) : undefined;
  // What were written here would be in the database that no service runs on any more.
  if (moved !== undefined)
    throw new UsageError(
      `数据库已迁往 ${moved.database}，请设置 KEZHENG_DATABASE_URL / the database was moved there: set KEZHENG_DATABASE_URL`,
    );
  const database = await openDatabase(settings, { nowMs: () => Date.now() });
  try {
    return await use(database.store);
  } finally {
    await database.close();
  }
}

/** What `fsck` and `audit` need of the adapters; `repairing` opens the store for writing, as the service does. */
export const auditTools = {
  contractAddress,
  contractCode,
  operatorOf,
  proveWith,
  openInspection: () => openInspection(wholeSettings()),
  async repairing() {
    const settings = wholeSettings();
    const database = await openDatabase(settings, { nowMs: () => Date.now() });
    const blobs = await openBlobs(settings);
    return {
      store: database.store,
      blobs,
      async close(): Promise<void> {
        await blobs.close();
        await database.close();
      },
    };
  },
};

/** KEZHENG_EGRESS_ALLOW, as the service reads it. */
function egressAllow(): readonly Destination[] {
  const items = (setting('EGRESS_ALLOW') ?? '').split(',').flatMap((item) => item.trim() || []);
  return items.map((item) => {
    const destination = parseDestination(item);
    if (destination === undefined)
      throw new UsageError(
        `KEZHENG_EGRESS_ALLOW：${item} 应为 名称:端口 或 地址:端口 / is not name:port or address:port`,
      );
    return destination;
  });
}

/** The door, for commands that ask authorities: public addresses, and what KEZHENG_EGRESS_ALLOW lists. */
export function openOutside(): Outside {
  const door = openDoor({ allow: egressAllow() });
  return {
    transport: createTspTransport(door),
    revocation: createRevocationSource(door),
    close: () => door.close(),
  };
}

/** The file behind KEZHENG_TSA_AUTHORITIES_FILE, or another of its kind. */
export async function readAuthorities(path: string): Promise<readonly OutsideAuthority[]> {
  const bytes = await readSmall(path, MAX_AUTHORITIES_BYTES + 1);
  const { authorities, wrong } = parseAuthorities(bytes, egressAllow());
  if (wrong.length > 0)
    throw new UsageError(wrong.map(({ zh, en }) => `${path} 中 ${zh} / in ${path}, ${en}`).join('\n'));
  return authorities;
}

const filesOf = (dataDir: string, kind: 'issuer' | 'tsa') => {
  const settings = kind.toUpperCase();
  return {
    keyFile: setting(`${settings}_KEY_FILE`) ?? join(dataDir, `${kind}.key.pem`),
    certFile: setting(`${settings}_CERT_FILE`) ?? join(dataDir, `${kind}.cert.pem`),
    passwordFile: setting(`${settings}_KEY_PASSWORD_FILE`),
  };
};

/** What `headers` needs of the installation, beside a running service or without one. */
export const withInstallation: HeadersTools['withInstallation'] = async (use) => {
  const settings = storageSettings();
  const { dataDir } = settings;
  const issuer = await openIssuer(filesOf(dataDir, 'issuer'));
  const { key, chain } = await openTokenIdentity(filesOf(dataDir, 'tsa'));
  const file = setting('TSA_AUTHORITIES_FILE');
  const authorities = file === undefined ? [] : await readAuthorities(file);
  const names = await readFile(join(dataDir, 'trust.json')).then(parseTrust, () => undefined);
  const database = await openDatabase(settings, { nowMs: () => Date.now() });
  try {
    const gate = createTimeGate();
    await openGateOnce(gate);
    const { fromMs, toMs } = lifeOf(chain);
    gate.limit(fromMs, toMs);
    await beginTimes(gate, database.store, Date.now);
    const authority = createAuthority({
      chain,
      accuracyMs: accuracyOf(maxDrift()),
      clock: database.clockOf(gate),
      nextSerial: createSerials(),
      sign: async (bytes) => sign('sha256', bytes, key),
    });
    return await use({
      store: database.store,
      issuer,
      tokenChain: chain,
      own: { ask: async (_, query) => (await authority.answer(query)).bytes },
      authorities,
      chainName: (log) =>
        names?.logs.find((one) => one.chainId === log.chainId && one.genesisHash === log.genesisHash)?.chain,
    });
  } finally {
    await database.close();
  }
};

function maxDrift(): number {
  const { usual, least, most } = DRIFT_BOUNDS;
  const maxDriftMs = Number(setting('MAX_DRIFT_MS') ?? usual);
  if (!(Number.isSafeInteger(maxDriftMs) && maxDriftMs >= least && maxDriftMs <= most))
    throw new UsageError(
      `KEZHENG_MAX_DRIFT_MS：应为 ${least} 至 ${most} 的整数 / is no whole number from ${least} to ${most}`,
    );
  return maxDriftMs;
}

/** Asks the configured time servers once, as the service does again and again: without a majority nothing is signed. */
async function openGateOnce(gate: TimeGate): Promise<void> {
  const places = (setting('NTP_SERVERS') ?? '').split(',').flatMap((item) => item.trim() || []);
  const servers = places.map((item) => {
    const place = parseTimeServer(item);
    if (place === undefined)
      throw new UsageError(`KEZHENG_NTP_SERVERS：${item} 应为主机或 主机:端口 / is not host or host:port`);
    return sntpServer({ ...place, timeoutMs: 1_000, wallMs: Date.now, monotonicMs });
  });
  const maxDriftMs = maxDrift();
  const limits = { servers: servers.length, maxDriftMs, graceMs: GRACE_MS };
  const watch = new ClockWatch(limits, Date.now(), monotonicMs());
  watch.onAllowance = (allowance) => (allowance === undefined ? gate.shut() : gate.open(allowance));
  const rounds = startClockRounds({
    ...{ watch, servers, monotonicMs, wallMs: Date.now, random: Math.random },
    after: () => () => {},
    onOutcome: () => {},
  });
  await rounds.first;
  await rounds.stop();
}

const monotonicMs = (): number => readClock().monotonicMs;
