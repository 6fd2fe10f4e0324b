import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { type Database, openDatabase } from '../../server/adapters/storage.ts';
import type { Clock } from '../../server/ports/clock.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';
import { type S3Server, startS3 } from './s3-server.ts';

/*
 * What the services of tests keep their data in: SQLite and a folder, or, with KEZHENG_TEST_STORAGE=postgres, a real
 * PostgreSQL and an object store, both as long-lived as the test file. The same tests hold for both.
 */

export const ON_POSTGRES = process.env['KEZHENG_TEST_STORAGE'] === 'postgres';

export interface Servers {
  readonly postgres: TestPostgres;
  readonly s3: S3Server;
}

let started: Promise<Servers> | undefined;

/** Those behind `storageFor`, to be killed and started again; undefined where all is in one process. */
export const servers = (): Promise<Servers | undefined> =>
  ON_POSTGRES ? (started ??= startServers()) : Promise.resolve(undefined);

async function startServers(): Promise<Servers> {
  const folder = await mkdtemp(join(tmpdir(), 'kezheng-s3-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const [postgres, s3] = await Promise.all([startPostgres(t, { synced: true }), startS3(t, { folder })]);
  return { postgres, s3 };
}

const settings = new Map<string, Readonly<Record<string, string>>>();

/** Settings for the service on this data dir: an empty storage at first, the same again when it starts anew. */
export async function storageFor(dataDir: string): Promise<Readonly<Record<string, string>>> {
  const behind = await servers();
  if (behind === undefined) return {};
  const known = settings.get(dataDir);
  if (known !== undefined) return known;
  const { postgres, s3 } = behind;
  const made = {
    KEZHENG_DATABASE_URL: await postgres.freshDatabase(),
    KEZHENG_BLOBS: s3.address.replace('?', `/${settings.size + 1}?`),
  };
  settings.set(dataDir, made);
  return made;
}

/** The database of this data dir on the PostgreSQL server; of no use elsewhere. */
export async function databaseNameOf(dataDir: string): Promise<string> {
  const { KEZHENG_DATABASE_URL: url } = await storageFor(dataDir);
  return url === undefined ? '' : new URL(url).pathname.slice(1);
}

const wallClock: Clock = { nowMs: () => Date.now() };

/** The same storage, beside the service or without one. */
export async function databaseOf(dataDir: string, clock = wallClock): Promise<Database> {
  const { KEZHENG_DATABASE_URL: databaseUrl } = await storageFor(dataDir);
  return openDatabase({ dataDir, databaseUrl, blobs: undefined }, clock);
}
