import { Kysely, PostgresAdapter, PostgresDialect, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { StoreUnavailable } from '../../ports/store.ts';
import { migrationOf, POSTGRES } from '../relational/dialect.ts';
import { people } from '../relational/migrations/0005-people.ts';
import { cases } from '../relational/migrations/0006-cases.ts';
import { webhooks } from '../relational/migrations/0007-webhooks.ts';
import * as first from './migrations/0001-first.ts';
import * as fixity from './migrations/0002-fixity.ts';
import * as stamps from './migrations/0003-stamps.ts';
import * as authorities from './migrations/0004-authorities.ts';
import { checkSession, clientConfig, type SessionOptions, translate } from './session.ts';

/** In order of their names; what has been released is never edited, a change is a new one. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first': first,
  '0002-fixity': fixity,
  '0003-stamps': stamps,
  '0004-authorities': authorities,
  '0005-people': migrationOf(POSTGRES, people),
  '0006-cases': migrationOf(POSTGRES, cases),
  '0007-webhooks': migrationOf(POSTGRES, webhooks),
};

/** Any number that no other program takes for a lock in our database: "kezheng" in ASCII. */
const MIGRATION_LOCK = 0x6b657a_68656e67n;

/** While another instance migrates, and for a large table. */
const UNLIMITED = { lock_timeout: 0, statement_timeout: 0, idle_in_transaction_session_timeout: 0 };

/**
 * Kysely's own lock is one of the session, which it gives back with a statement: in a transaction that failed there is
 * none. Ours ends with the transaction.
 */
class LockedAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

class LockedDialect extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new LockedAdapter();
  }
}

/**
 * Brings a database of any older version (or none) to the newest. All in one transaction, which begins with a lock: a
 * crash leaves the old version whole, and of instances that start at once the first one migrates and the others find
 * nothing to do. A database of a newer version is refused.
 */
export async function migrate(options: SessionOptions, migrations = MIGRATIONS): Promise<void> {
  const pool = new pg.Pool({
    ...clientConfig(options, UNLIMITED),
    query_timeout: 0,
    max: 1,
  });
  pool.on('error', () => {});
  pool.on('connect', (client) => void client.on('error', () => {}));
  const db = new Kysely<unknown>({ dialect: new LockedDialect({ pool }) });
  try {
    await requireFit(pool, options);
    await db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(transaction);
      refuseNewer(await namesIn(transaction), migrations);
      const provider = { getMigrations: async () => ({ ...migrations }) };
      const { error } = await new Migrator({ db: transaction, provider }).migrateToLatest();
      if (error !== undefined) throw error;
    });
  } catch (error) {
    throw translate(error);
  } finally {
    await db.destroy();
  }
}

/** Not by the pool's own hook, which loses its caller where the connection breaks in it; the one session is used again. */
async function requireFit(pool: pg.Pool, options: SessionOptions): Promise<void> {
  const client = await pool.connect();
  try {
    await checkSession(client, options);
  } finally {
    client.release();
  }
}

async function namesIn(db: Kysely<unknown>): Promise<string[]> {
  const made = await sql<{
    exists: boolean;
  }>`select to_regclass('kysely_migration') is not null as exists`.execute(db);
  if (!made.rows[0]!.exists) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map(({ name }) => name);
}

/** `names`: of the migrations that a database has had. */
export function refuseNewer(names: readonly string[], migrations = MIGRATIONS): void {
  const unknown = names.filter((name) => !(name in migrations));
  if (unknown.length > 0)
    throw new StoreUnavailable(
      `数据库由本程序更新的版本建立 / the database was made by a newer version of this program, which added ${unknown.join(', ')}`,
    );
}
