import { Kysely, SqliteAdapter, SqliteDialect, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { openForWriting } from './connection.ts';
import * as first from './migrations/0001-first.ts';

/** In order of their names; what has been released is never edited, a change is a new one. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first': first,
};

/**
 * Kysely takes no lock in SQLite. Two programs that start at once would both migrate: so the first statement of the
 * migrating transaction is a write, which waits for the other one and makes this one read what that one left.
 */
class LockingAdapter extends SqliteAdapter {
  override async acquireMigrationLock(db: Kysely<unknown>): Promise<void> {
    await sql`update kysely_migration_lock set is_locked = is_locked`.execute(db);
  }
}

class LockingDialect extends SqliteDialect {
  override createAdapter(): LockingAdapter {
    return new LockingAdapter();
  }
}

/**
 * Brings a database of any older version (or none) to the newest. All in one transaction: a crash leaves the old
 * version whole. A database of a newer version is refused, which Kysely notices by the names it does not know.
 */
export async function migrate(path: string, migrations = MIGRATIONS): Promise<void> {
  const connection = openForWriting(path);
  const db = new Kysely<unknown>({ dialect: new LockingDialect({ database: connection }) });
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
  } finally {
    await db.destroy();
  }
}
