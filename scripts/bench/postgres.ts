import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { owned, removeFolder, temporaryFolder } from './cleanup.ts';
import { progress } from './row.ts';

/* A PostgreSQL of one's own for a benchmark: Debian's, with its settings as they come, fsync on. */

const LIB = '/usr/lib/postgresql';
const START_MS = 30_000;

/** Folder of its programs; undefined where it is not installed. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(LIB) ? readdirSync(LIB) : [];
  return versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(LIB, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
}

export interface BenchedPostgres {
  readonly url: string;
  readonly version: string;
  /** Nothing of `work` is measured: what many rows wait for is left out of it and made up for at its end. */
  filling(work: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function startBenchedPostgres(): Promise<BenchedPostgres> {
  const folder = temporaryFolder();
  const data = join(folder, 'data');
  const programs = postgresPrograms()!;
  const isRoot = process.getuid?.() === 0;
  // It refuses to run as root.
  const as = (name: string, args: readonly string[]): [string, string[]] =>
    isRoot
      ? [
          'setpriv',
          ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups', join(programs, name), ...args],
        ]
      : [join(programs, name), [...args]];
  if (isRoot) spawnSync('chown', ['postgres:', folder]);
  const made = spawnSync(
    ...as('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C']),
    {
      encoding: 'utf8',
      cwd: folder,
    },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const child = owned(
    spawn(...as('postgres', ['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1']), {
      stdio: 'ignore',
      cwd: folder,
    }),
  );
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    version: await versionOf(url, Date.now() + START_MS),
    async filling(work) {
      await runAll(url, FILL);
      await work();
      progress('  PostgreSQL: index');
      await runAll(url, FILLED);
    },
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await gone;
      removeFolder(folder);
    },
  };
}

/** fsync stays on, as the service demands. The index of digests is the one with keys in random order. */
const FILL = [
  "alter system set max_wal_size = '16GB'",
  'alter system set full_page_writes = off',
  'select pg_reload_conf()',
  'alter table file_digests drop constraint file_digests_pkey',
];
const FILLED = [
  "set maintenance_work_mem = '1GB'",
  'alter table file_digests add primary key (organization, digest, sequence)',
  'alter system reset all',
  'select pg_reload_conf()',
  'vacuum analyze',
  'checkpoint',
];

async function runAll(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function versionOf(url: string, untilMs: number): Promise<string> {
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query<{ server_version: string }>('show server_version');
      return rows[0]!.server_version.split(' ')[0]!;
    } catch (error) {
      if (Date.now() > untilMs) throw error;
      await sleep(100);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
