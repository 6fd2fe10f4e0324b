import pg from 'pg';
import {
  type MovedRow,
  type MovedTable,
  MoveRefused,
  type StoreTarget,
  type TargetState,
} from '../../ports/move.ts';
import {
  SHARED_TABLE_NAMES,
  SHARED_TABLES,
  type SharedTable,
  type SharedTableName,
} from '../../ports/shared-tables.ts';
import { migrate, refuseNewer } from './migrate.ts';
import { cannotOpen } from './opening.ts';
import { checkSession, clientConfig, type SessionOptions, translate } from './session.ts';

/** A column as it is written and read: its name and its type. JSON is moved as the text that it is. */
type Column = readonly [name: string, type: 'uuid' | 'text' | 'bigint' | 'bytea' | 'json'];

interface Import {
  readonly columns: readonly Column[];
  /** how many of the columns, from the first, are the key */
  readonly key: number;
}

const table = (key: number, ...columns: readonly Column[]): Import => ({ key, columns });
const text = (name: string): Column => [name, 'text'];
const bigint = (name: string): Column => [name, 'bigint'];
const uuid = (name: string): Column => [name, 'uuid'];
const bytea = (name: string): Column => [name, 'bytea'];
const json = (name: string): Column => [name, 'json'];

const OWN_IMPORTS: Readonly<Record<Exclude<MovedTable, SharedTableName>, Import>> = {
  organizations: table(1, uuid('id'), text('name'), text('role'), text('uscc'), bigint('created_ms')),
  api_keys: table(
    1,
    ...[text('id'), uuid('organization'), text('label'), text('secret_hash'), json('scopes')],
    ...[bigint('created_ms'), bigint('expires_ms'), bigint('revoked_ms')],
  ),
  entries: table(
    1,
    ...[bigint('sequence'), uuid('organization'), uuid('id'), bigint('received_ms'), bytea('leaf')],
    text('entry'),
  ),
  file_digests: table(2, bigint('sequence'), bytea('digest'), uuid('organization')),
  idempotency_keys: table(
    1,
    ...[bigint('sequence'), uuid('organization'), text('key'), bytea('fingerprint'), bigint('created_ms')],
  ),
  bulk_calls: table(
    2,
    ...[uuid('organization'), text('key'), bytea('fingerprint'), text('note'), bigint('first_sequence')],
    ...[bigint('count'), bigint('created_ms')],
  ),
  batches: table(
    1,
    ...[bigint('number'), bigint('first_sequence'), bigint('last_sequence'), text('root')],
    ...[bigint('sealed_ms'), bigint('oldest_ms'), bigint('progress')],
  ),
  logs: table(
    1,
    ...[bigint('id'), bigint('chain_id'), text('genesis_hash'), text('contract'), text('operator')],
  ),
  anchors: table(
    1,
    ...[bigint('id'), bigint('batch'), bigint('log'), bigint('log_index'), text('state')],
    ...[text('transaction_hash'), bigint('block_number'), text('block_hash'), bigint('block_time')],
    ...[bigint('confirmations'), bigint('required'), bigint('final_ms'), json('proof')],
  ),
  attempts: table(
    1,
    ...[bigint('id'), bigint('anchor'), text('transaction_hash'), text('raw'), bigint('nonce')],
    ...[text('max_fee_per_gas'), text('max_priority_fee_per_gas'), bigint('signed_ms')],
  ),
  anchor_events: table(
    1,
    ...[bigint('id'), bigint('anchor'), bigint('at_ms'), text('event'), json('detail')],
  ),
  certificates: table(
    2,
    ...[bigint('sequence'), bigint('revision'), bigint('issued_ms'), json('anchor_keys'), bytea('bytes')],
  ),
  serials: table(1, bigint('sequence'), bigint('year'), bigint('serial')),
  fixity: table(
    1,
    ...[bytea('sha256'), bytea('sm3'), bigint('size'), text('result'), bigint('since_ms'), json('found')],
  ),
  fixity_state: table(1, bigint('listed_through')),
  stamps: table(1, bigint('first_sequence'), bigint('count'), bytea('token')),
  signers: table(1, text('id'), json('chain')),
  stamp_state: table(1, bigint('stamped_from'), bigint('reserved_ms')),
  authorities: table(1, text('url'), bigint('next_batch')),
  token_evidence: table(1, text('id'), text('kind'), bytea('value')),
  batch_tokens: table(
    1,
    ...[bigint('sequence'), bigint('batch'), text('url'), text('label'), bigint('chain_id')],
    ...[text('contract'), text('operator'), bigint('log_index'), bytea('token'), json('evidence')],
    bigint('received_ms'),
  ),
};

function sharedImport({ key, columns, numbers = [], bytes = [] }: SharedTable): Import {
  const typeOf = (column: string): Column[1] => {
    if (numbers.includes(column)) return 'bigint';
    return bytes.includes(column) ? 'bytea' : 'text';
  };
  return { key, columns: columns.map((column) => [column, typeOf(column)]) };
}

const IMPORTS: Readonly<Record<MovedTable, Import>> = {
  ...OWN_IMPORTS,
  ...(Object.fromEntries(
    SHARED_TABLE_NAMES.map((name) => [name, sharedImport(SHARED_TABLES[name])]),
  ) as Record<SharedTableName, Import>),
};

/** Each new database has its few rows of them, which are replaced. */
const REPLACED: readonly MovedTable[] = ['fixity_state', 'stamp_state', 'webhook_cursors'];

/** Whose ids the server counts by itself. */
const COUNTED: readonly MovedTable[] = ['logs', 'anchors', 'attempts', 'anchor_events', 'account_events'];

/**
 * Stands among the names of migrations while rows are copied: a service that starts on the database refuses it as one
 * that it does not know, by this name.
 */
const UNFINISHED = '9999-import-unfinished';

/** Rows that one round trip reads. */
const PAGE = 1_000;

const UNLIMITED = { lock_timeout: 0, statement_timeout: 0, idle_in_transaction_session_timeout: 0 };

export async function openPostgresImport(options: SessionOptions): Promise<StoreTarget> {
  const client = new pg.Client({ ...clientConfig(options, UNLIMITED), query_timeout: 0 });
  client.on('error', () => {});

  async function ask<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await client.query<Row>(sql, values as unknown[])).rows;
    } catch (error) {
      throw translate(error);
    }
  }

  async function transaction<T>(work: () => Promise<T>, mode = ''): Promise<T> {
    await ask(`begin ${mode}`);
    try {
      const result = await work();
      await ask('commit');
      return result;
    } catch (error) {
      await ask('rollback').catch(() => {});
      throw error;
    }
  }

  try {
    await client.connect();
    await checkSession(client, options);
  } catch (error) {
    await client.end().catch(() => {});
    throw cannotOpen(translate(error), options);
  }
  return {
    look: (fingerprint) => lookAt(ask, fingerprint),
    async begin(fingerprint, cutoffMs) {
      if (!(await hasTable(ask, 'import_state'))) {
        await migrate(options);
        await transaction(() => prepare(ask, fingerprint, cutoffMs));
      }
      const [state] = await ask<ImportState>('select * from import_state');
      if (state!.source !== fingerprint) throw new MoveRefused('other-source');
      return { cutoffMs: state!.cutoff_ms };
    },
    async last(name) {
      if (REPLACED.includes(name)) return undefined;
      const { key, columns } = IMPORTS[name];
      const order = columns.slice(0, key).map(([column]) => `${column} desc`);
      const [row] = await ask(`${selectOf(name)} order by ${order} limit 1`);
      return row && rowOf(name, row);
    },
    async add(name, rows) {
      await transaction(async () => {
        if (REPLACED.includes(name)) await ask(`delete from ${name}`);
        await ask(insertOf(name), arraysOf(name, rows));
      });
    },
    async *rows(name) {
      const { key, columns } = IMPORTS[name];
      const order = columns.slice(0, key).map(([column]) => column);
      // A cursor: some orders have no index, and are sorted once.
      await ask('begin isolation level repeatable read read only');
      try {
        await ask(`declare copied cursor for ${selectOf(name)} order by ${order}`);
        for (;;) {
          const page = await ask(`fetch ${PAGE} from copied`);
          for (const row of page) yield rowOf(name, row);
          if (page.length < PAGE) return;
        }
      } finally {
        await ask('rollback').catch(() => {});
      }
    },
    async finish() {
      await transaction(() => settle(ask));
      await ask('analyze');
    },
    close: () => client.end(),
  };
}

type Ask = <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

interface ImportState {
  readonly source: string;
  readonly cutoff_ms: number;
}

async function hasTable(ask: Ask, name: string): Promise<boolean> {
  const [row] = await ask<{ there: boolean }>('select to_regclass($1) is not null as there', [name]);
  return row!.there;
}

async function lookAt(ask: Ask, fingerprint: string): Promise<TargetState> {
  for (const [table, state, reason] of [
    ['import_state', 'begun', 'other-source'],
    ['import_finished', 'finished', 'finished-from-other'],
  ] as const) {
    if (!(await hasTable(ask, table))) continue;
    const [row] = await ask<ImportState>(`select * from ${table}`);
    if (row!.source !== fingerprint) throw new MoveRefused(reason);
    return { state, cutoffMs: row!.cutoff_ms };
  }
  if (await hasTable(ask, 'kysely_migration')) {
    refuseNewer((await ask<{ name: string }>('select name from kysely_migration')).map(({ name }) => name));
    if (await isUsed(ask)) throw new MoveRefused('not-empty');
  }
  return { state: 'empty' };
}

async function isUsed(ask: Ask): Promise<boolean> {
  const [found] = await ask<{ used: boolean }>(
    `select exists (select from organizations) or exists (select from entries) or exists (select from batches)
       or exists (select from logs) as used`,
  );
  return found!.used;
}

/**
 * Under the lock that deposits take. Without the row of `journal` a service that runs on the database already can take
 * none; with the unknown migration none starts. A crash leaves all of it or nothing.
 */
async function prepare(ask: Ask, fingerprint: string, cutoffMs: number): Promise<void> {
  await ask('select lock_journal()');
  if (await isUsed(ask)) throw new MoveRefused('not-empty');
  await ask('create table import_state (source text not null, cutoff_ms bigint not null)');
  await ask('insert into import_state values ($1, $2)', [fingerprint, cutoffMs]);
  await ask('delete from journal');
  await ask("insert into kysely_migration (name, timestamp) values ($1, '')", [UNFINISHED]);
}

async function settle(ask: Ask): Promise<void> {
  for (const name of COUNTED)
    await ask(
      `select setval(pg_get_serial_sequence('${name}', 'id'), coalesce(max(id), 1), max(id) is not null) from ${name}`,
    );
  await ask('insert into journal values (true)');
  // It stays, so that the same copy can be told from somebody else's data for ever.
  await ask('alter table import_state rename to import_finished');
  await ask('delete from kysely_migration where name = $1', [UNFINISHED]);
}

const selectOf = (name: MovedTable): string =>
  `select ${IMPORTS[name].columns.map(([column, type]) => (type === 'json' ? `${column}::text` : column))} from ${name}`;

function insertOf(name: MovedTable): string {
  const { columns } = IMPORTS[name];
  const names = columns.map(([column]) => column);
  const arrays = columns.map(([, type], i) => `$${i + 1}::${type}[]`);
  return `insert into ${name} (${names}) overriding system value select * from unnest(${arrays}) as copied (${names})`;
}

/** Each column's values, down all rows. */
const arraysOf = (name: MovedTable, rows: readonly MovedRow[]): unknown[][] =>
  IMPORTS[name].columns.map((_, i) => rows.map((row) => row[i]));

const rowOf = (name: MovedTable, row: object): MovedRow =>
  IMPORTS[name].columns.map(([column]) => (row as Record<string, MovedRow[number]>)[column]!);
