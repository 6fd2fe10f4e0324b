import pg from 'pg';
import { StoreUnavailable } from '../../ports/store.ts';

/*
 * What holds for each session with the server, whoever uses it. Sessions are our own: a pooler that hands one server
 * session to several clients in turn keeps neither their settings nor their locks.
 */

/** How long a server may take to answer to a new connection. */
const CONNECT_MS = 5_000;

/** How long a statement waits for the lock of another instance. */
const LOCK_MS = 3_000;

/** How long the server works on one statement: a bulk call of 10,000 entries takes a second or two. */
const STATEMENT_MS = 15_000;

/** Then the server is taken for gone, and the connection with it; a little more than the server's own limit. */
const ANSWER_MS = 20_000;

/** A transaction whose instance is gone lets go of its locks. */
const IDLE_IN_TRANSACTION_MS = 5_000;

/** After so much silence the operating system asks whether the other side is there. */
const KEEP_ALIVE_MS = 5_000;

/** The oldest that still has a maintained successor without a change that concerns us. */
const OLDEST_VERSION = 130_000;

export interface SessionOptions {
  readonly url: string;
  /** what the operator gave the url as, where that was no KEZHENG_DATABASE_URL */
  readonly setting?: string;
  /** Only for tests that cut no power: lets a server be used that says of itself that it keeps no promise. */
  readonly allowUnsyncedForTests?: boolean;
  /** how long an answer may take before the server is taken for gone */
  readonly answerMs?: number;
}

export type Settings = Readonly<Record<string, string | number>>;

const SETTINGS: Settings = {
  // COMMIT returns when it is on disk, and on the synchronous standbys where the server has any.
  synchronous_commit: 'on',
  default_transaction_isolation: 'read committed',
  lock_timeout: LOCK_MS,
  statement_timeout: STATEMENT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  // Every statement is short: compiling it takes longer than running it.
  jit: 'off',
  // Every statement has its index. Statistics that lag behind a growing table would have it read from end to end.
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
};

/** Settings stand in the first message of a session, so there is none without them. */
export function clientConfig(
  { url, answerMs = ANSWER_MS }: SessionOptions,
  more: Settings = {},
): pg.ClientConfig {
  return {
    connectionString: withSettings(url, { ...SETTINGS, ...more }),
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: answerMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: TYPES,
  };
}

/** A session that is fit for use. Where it breaks later, the next question to it says so. */
export async function openSession(options: SessionOptions, config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on('error', () => {});
  try {
    await client.connect();
    await checkSession(client, options);
    return client;
  } catch (error) {
    void client.end().catch(() => {});
    throw translate(error);
  }
}

function withSettings(given: string, settings: Settings): string {
  const url = new URL(given);
  const ours = Object.entries(settings).map(
    ([name, value]) => `-c ${name}=${String(value).replaceAll(' ', '\\ ')}`,
  );
  url.searchParams.set('options', [url.searchParams.get('options') ?? '', ...ours].join(' ').trim());
  if (!url.searchParams.has('application_name')) url.searchParams.set('application_name', 'kezheng');
  return url.href;
}

const INT8 = 20;

/** Sequences and times are below 2^53; everything else as pg has it. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : (pg.types.getTypeParser(oid, format as 'text') as (text: string) => unknown),
};

interface ServerState {
  fsync: string;
  synchronous_commit: string;
  server_encoding: string;
  version: string;
  standby: boolean;
}

/** Refuses a server that could not keep what it confirms: before the first deposit, and again after each reconnect. */
export async function checkSession(client: pg.ClientBase, options: SessionOptions): Promise<void> {
  const { rows } = await client.query<ServerState>(
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit,
       current_setting('server_encoding') as server_encoding, current_setting('server_version_num') as version,
       pg_is_in_recovery() as standby`,
  );
  const why = whyUnfit(rows[0]!, options);
  if (why !== undefined) throw new StoreUnavailable(`database: ${why}`);
}

function whyUnfit(server: ServerState, { allowUnsyncedForTests }: SessionOptions): string | undefined {
  if (Number(server.version) < OLDEST_VERSION)
    return '须为 PostgreSQL 13 或更新版本 / PostgreSQL 13 or newer is needed';
  if (server.standby) return '该服务器是备库，不能写入 / the server is a standby, which takes no deposits';
  // Text comes back byte for byte only where the database keeps all of it.
  if (server.server_encoding !== 'UTF8')
    return `数据库编码为 ${server.server_encoding}，须为 UTF8 / the database is encoded in ${server.server_encoding} and must be in UTF8`;
  if (allowUnsyncedForTests) return undefined;
  if (server.fsync !== 'on')
    return '服务器的 fsync 已关闭，断电即丢失已确认的数据 / the server runs with fsync = off: what it confirms is lost when its machine stops';
  if (server.synchronous_commit === 'off')
    return '服务器不允许打开 synchronous_commit，会确认尚未落盘的数据 / the server does not let synchronous_commit be switched on: it confirms what is not on disk';
  return undefined;
}

/**
 * SQLSTATEs (appendix A of the manual) that speak of the server, its disk, its operator or of other sessions, and not
 * of what we asked: connection, authorisation, no such database, rights taken away, closed to sessions, read-only, serialisation and
 * deadlock, resources (disk full, too many connections), lock time-out, operator intervention, system, configuration,
 * internal.
 */
const UNAVAILABLE = /^(?:08|28|3D|53|57|58|F0|XX|25006|25P03|40001|40P01|42501|55000|55P03)/;

/** After these the session is as before; after others it is given up, as is one that broke. */
const HARMLESS = /^(?:40001|40P01|53100|55P03|57014)/;

const codeOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined;

/**
 * What the driver threw, as the port has it. An error without SQLSTATE came from the connection, whatever it says: also
 * one that broke while COMMIT was under way. Then nobody knows what became of it, so it is no success; and it is not
 * tried again here, for it may be there: the client asks again under its idempotency key.
 */
export function translate(error: unknown): Error {
  if (error instanceof StoreUnavailable || error instanceof TypeError || error instanceof RangeError)
    return error;
  const code = codeOf(error);
  if (code !== undefined && !UNAVAILABLE.test(code)) return error as Error;
  return new StoreUnavailable(`database: ${messageOf(error)}`, error);
}

/** Whether the session that threw it can go on being used. */
export const survives = (error: unknown): boolean => {
  const code = codeOf(error);
  return code !== undefined && (HARMLESS.test(code) || !UNAVAILABLE.test(code));
};

/** A row that breaks a rule of the schema. */
export const isConstraint = (error: unknown): boolean => codeOf(error)?.startsWith('23') ?? false;

function messageOf(error: unknown): string {
  // A name with several addresses: one error for each.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
