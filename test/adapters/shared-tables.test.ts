import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import t from 'tap';
import { openPostgresImport } from '../../server/adapters/postgres/import.ts';
import { openSqliteExport } from '../../server/adapters/sqlite/export.ts';
import { migrate } from '../../server/adapters/sqlite/migrate.ts';
import type { MovedRow } from '../../server/ports/move.ts';
import { SHARED_TABLE_NAMES, SHARED_TABLES, type SharedTable } from '../../server/ports/shared-tables.ts';
import { startPostgres, whyNoPostgres } from '../support/postgres.ts';

const tableOf = (name: (typeof SHARED_TABLE_NAMES)[number]): SharedTable => SHARED_TABLES[name];

/** Made from others or of the migrations themselves, or over soon. */
const NOT_MOVED = [
  ...['kysely_migration', 'kysely_migration_lock', 'lookup', 'lookup_state'],
  // People sign in anew.
  ...['sessions', 'tickets', 'sign_in_failures', 'membership_changes'],
];

t.test('every table of SQLite is moved, or is known not to be', async (t) => {
  const path = join(t.testdir(), 'store.sqlite');
  await migrate(path);
  const db = new Sqlite(path);
  const there = db
    .prepare<[], string>("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .pluck()
    .all();
  for (const name of SHARED_TABLE_NAMES) {
    const columns = db.pragma(`table_info(${name})`) as { name: string; type: string; pk: number }[];
    const { key, numbers = [], bytes = [], columns: described } = tableOf(name);
    t.strictSame(
      columns.map((column) => column.name),
      described,
      `columns of ${name}`,
    );
    t.strictSame(
      columns.filter(({ type }) => type === 'INTEGER').map((column) => column.name),
      numbers,
    );
    t.strictSame(
      columns.filter(({ type }) => type === 'BLOB').map((column) => column.name),
      bytes,
    );
    t.equal(columns.filter(({ pk }) => pk > 0).length, key, `key of ${name}`);
  }
  db.close();
  const source = openSqliteExport(path);
  const known = [...source.tables, ...NOT_MOVED];
  source.close();
  t.strictSame(
    there.filter((name) => !known.includes(name)),
    [],
  );
});

/** Columns that hold one of a few words, a digest, or that go together: as row 1 and row 2 have them. */
const RULED: Readonly<Record<string, readonly [unknown, unknown]>> = {
  'deeds.state': ['valid', 'revoked'],
  'webhooks.disabled_why': [null, 'gone'],
  'webhook_deliveries.state': ['waiting', 'delivered'],
  'webhook_deliveries.due_ms': [2, null],
  'webhook_deliveries.settled_ms': [null, 3],
  'webhook_attempts.error': ['{}', null],
};

/** Something for every column, different in each row; nothing where nothing may stand. */
function fill(db: Sqlite.Database, name: (typeof SHARED_TABLE_NAMES)[number], row: 1 | 2): void {
  const { columns, numbers = [], bytes = [] } = tableOf(name);
  const info = db.pragma(`table_info(${name})`) as { name: string; notnull: number; pk: number }[];
  const values = columns.map((column) => {
    const ruled = RULED[`${name}.${column}`];
    if (ruled !== undefined) return ruled[row - 1];
    const { notnull, pk } = info.find((one) => one.name === column)!;
    if (row === 1 && notnull === 0 && pk === 0) return null;
    if (numbers.includes(column)) return row + 1;
    if (bytes.includes(column)) return Buffer.from([row, 0, 255]);
    return /^(last|leaf|sha256|code_hash|token_hash)$/.test(column) ? `${row}`.repeat(64) : `汉${row}`;
  });
  db.prepare(`insert into ${name} values (${values.map(() => '?')})`).run(...values);
}

t.test('rows of each shared table come over as they were', { skip: whyNoPostgres() }, async (t) => {
  const path = join(t.testdir(), 'store.sqlite');
  await migrate(path);
  const db = new Sqlite(path);
  // What they refer to is not the matter here.
  db.pragma('foreign_keys = off');
  for (const name of SHARED_TABLE_NAMES) {
    db.exec(`delete from ${name}`);
    for (const row of [1, 2] as const) fill(db, name, row);
  }
  db.close();
  const source = openSqliteExport(path);
  const postgres = await startPostgres(t, { synced: true });
  const url = await postgres.freshDatabase();
  const target = await openPostgresImport({ url });
  await target.begin('f', 0);
  await postgres.sql('alter table case_events drop constraint case_events_sequence_fkey', url);
  for (const name of SHARED_TABLE_NAMES) {
    const rows = [...source.rows(name, 0)].map((row): MovedRow => row);
    t.equal(rows.length, 2, name);
    // A few rows that every new database has are replaced, all at once.
    const first = name === 'webhook_cursors' ? rows : rows.slice(0, 1);
    await target.add(name, first);
    const after = name === 'webhook_cursors' ? rows.at(-1) : await target.last(name);
    const rest = [...source.rows(name, 0, after)];
    t.strictSame(rest, rows.slice(first.length), `${name} goes on after the last row`);
    if (rest.length > 0) await target.add(name, rest);
    const there: MovedRow[] = [];
    for await (const row of target.rows(name)) there.push(row);
    t.strictSame(there, rows, name);
  }
  await target.close();
  source.close();
});
