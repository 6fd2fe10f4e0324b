import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { openFolderInspector } from '../adapters/folder/inspect.ts';
import {
  contractAddress,
  contractCode,
  openInspection,
  operatorOf,
  proveWith,
} from '../adapters/inspection.ts';
import { localNodeFile } from '../adapters/local-node.ts';
import { markMoved, movedTo } from '../adapters/moved.ts';
import { openSqliteExport } from '../adapters/sqlite/export.ts';
import { blobsNamedIn } from '../adapters/sqlite/snapshot.ts';
import { openBlobs, openDatabase, type StorageSettings, sqlitePath } from '../adapters/storage.ts';
import type { Store } from '../ports/store.ts';
import type { MoveTools } from './migrate-store.ts';
import { SIGNING_FILES } from './signing-files.ts';
import { isPostgres, UsageError } from './usage.ts';

const setting = (name: string): string | undefined => process.env[`KEZHENG_${name}`]?.trim() || undefined;

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
  return { dataDir, databaseUrl, blobs: setting('BLOBS') };
}

/** What `backup` takes: the data folder, and what was configured to stand elsewhere. */
export const backupSource = () => ({
  ...storageSettings(),
  configured: Object.fromEntries(SIGNING_FILES.map(({ path, setting: name }) => [path, setting(name)])),
});

/** What `migrate-store` opens. Of any number of instances one leads, so whoever cannot lead is not alone. */
export function moveTools(): MoveTools {
  const settings = storageSettings();
  const { dataDir } = settings;
  return {
    databaseUrl: settings.databaseUrl,
    blobs: settings.blobs,
    signingFiles: SIGNING_FILES.map(({ path, setting: name }) => ({
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
  openInspection: () => openInspection(storageSettings()),
  async repairing() {
    const settings = storageSettings();
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
