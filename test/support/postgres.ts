import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import pg from 'pg';
import t, { type Test } from 'tap';
import { freePort } from '../../server/adapters/evm/anvil.ts';
import { whyMissing } from './debian.ts';

/*
 * Real PostgreSQL servers, each in a folder of its own and ended with the test that started it. Most tests take
 * `freshDatabase`: an empty database on a server that the tests of a file share. Fault tests start their own.
 */

export interface TestPostgres {
  readonly port: number;
  readonly dataDir: string;
  /** A new empty database; its url. */
  freshDatabase(options?: { readonly tablespace?: string }): Promise<string>;
  /** Runs statements as the superuser, in the database `postgres` or in that of a url. */
  sql<Row extends object>(text: string, url?: string): Promise<Row[]>;
  /** Ends all sessions with the database of this url, or those that the condition on pg_stat_activity picks. */
  cutSessions(url: string, condition?: string): Promise<void>;
  /** SIGKILL to the server and all its processes at once, as when the machine stops. */
  kill(): Promise<void>;
  /** An orderly shutdown that does not wait for clients. */
  stop(): Promise<void>;
  /** Again, over the same data, on the same port. */
  start(): Promise<void>;
}

export interface PostgresOptions {
  /** A server that keeps its promises; without it the server is faster and the store must be told. */
  readonly synced?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}

const LIB = '/usr/lib/postgresql';
const START_MS = 30_000;

function binaries(): string | undefined {
  const versions = existsSync(LIB) ? readdirSync(LIB) : [];
  const folders = versions.toSorted((a, b) => Number(b) - Number(a)).map((name) => join(LIB, name, 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

const isRoot = process.getuid?.() === 0;

/** For `skip`: a reason, or false where tests can run. Debian's package would also start a server of its own. */
export const whyNoPostgres = (): string | false =>
  whyMissing({
    packages: ['postgresql'],
    isThere: () => binaries() !== undefined,
    prepare: `mkdir -p /etc/postgresql-common
    test -e /etc/postgresql-common/createcluster.conf ||
      echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf`,
  });

/** The server refuses to run as root, and ends with us also where we are killed. */
function command(program: string, args: readonly string[]): [string, string[]] {
  const as = isRoot ? ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups'] : [];
  return ['setpriv', [...as, '--pdeathsig', 'KILL', '--', join(binaries()!, program), ...args]];
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-postgres-'));
  const [program, args] = command('initdb', [
    ...['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'],
    ...['--locale=C', '--no-sync'],
  ]);
  if (isRoot) spawnSync('chown', ['postgres:', folder]);
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: folder });
  if (status !== 0) throw new Error(`initdb: ${stderr}`);
  return folder;
}

/** The server's own processes; read before it is killed, for then they are nobody's children. */
function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function startPostgres(t: Test, options: PostgresOptions = {}): Promise<TestPostgres> {
  const folder = makeFolder();
  const dataDir = join(folder, 'data');
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    max_connections: '100',
    fsync: options.synced ? 'on' : 'off',
    ...options.settings,
  };
  writeFileSync(
    join(dataDir, 'postgresql.auto.conf'),
    Object.entries(settings)
      .map(([name, value]) => `${name} = '${value}'\n`)
      .join(''),
  );
  const log: string[] = [];
  const urlOf = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`;
  let child: ChildProcess;
  let databases = 0;

  async function sql<Row extends object>(text: string, url = urlOf('postgres')): Promise<Row[]> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    await client.connect();
    try {
      const result = await client.query(text);
      return (Array.isArray(result) ? [] : result.rows) as Row[];
    } finally {
      await client.end();
    }
  }

  async function isReady(): Promise<boolean> {
    try {
      await sql('select');
      return true;
    } catch {
      return false;
    }
  }

  /** A server that was killed leaves memory that the next one must find unused: it may refuse to start at first. */
  async function start(): Promise<void> {
    const [program, args] = command('postgres', ['-D', dataDir]);
    for (const began = Date.now(); ; ) {
      child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
      child.stderr!.setEncoding('utf8').on('data', (text: string) => void log.push(text));
      while (child.exitCode === null && child.signalCode === null) {
        if (await isReady()) return;
        if (Date.now() - began > START_MS) throw new Error(`PostgreSQL does not start: ${log.join('')}`);
        await sleep(50);
      }
      if (Date.now() - began > START_MS) throw new Error(`PostgreSQL ended: ${log.join('')}`);
      await sleep(100);
    }
  }

  async function kill(): Promise<void> {
    for (const pid of [child.pid!, ...childrenOf(child.pid!)]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself meanwhile.
      }
    }
    await ended(child);
  }

  t.teardown(async () => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  });
  await start();
  return {
    port,
    dataDir,
    sql,
    kill,
    start,
    async stop() {
      child.kill('SIGINT');
      await ended(child);
    },
    async freshDatabase({ tablespace } = {}) {
      const name = `test_${++databases}`;
      await sql(`create database ${name} template template0 ${tablespace ? `tablespace ${tablespace}` : ''}`);
      return urlOf(name);
    },
    async cutSessions(url, condition = 'true') {
      const database = new URL(url).pathname.slice(1);
      await sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}' and (${condition})`,
      );
    },
  };
}

let shared: Promise<TestPostgres> | undefined;

/** A server without fsync that lives as long as this test file: for tests that cut no power. */
export const sharedPostgres = (): Promise<TestPostgres> => (shared ??= startPostgres(t));

/** A new empty database on it. The store must be opened with `allowUnsyncedForTests`. */
export const freshDatabase = async (): Promise<string> => (await sharedPostgres()).freshDatabase();

/** A folder in which the server may make a tablespace. */
export async function tablespaceFolder(parent: string): Promise<string> {
  const folder = join(parent, 'tablespace');
  await mkdir(folder);
  if (isRoot) spawnSync('chown', ['postgres:', folder]);
  return folder;
}
