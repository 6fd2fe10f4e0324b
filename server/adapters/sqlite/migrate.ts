import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  SqliteAdapter,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
} from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { migrationOf, SQLITE } from '../relational/dialect.ts';
import { people } from '../relational/migrations/0005-people.ts';
import { cases } from '../relational/migrations/0006-cases.ts';
import { webhooks } from '../relational/migrations/0007-webhooks.ts';
import { openForWriting } from './connection.ts';
import * as first from './migrations/0001-first.ts';
import * as fixity from './migrations/0002-fixity.ts';
import * as stamps from './migrations/0003-stamps.ts';
import * as authorities from './migrations/0004-authorities.ts';

/** In order of their names; what has been released is never edited, a change is a new one. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first': first,
  '0002-fixity': fixity,
  '0003-stamps': stamps,
  '0004-authorities': authorities,
  '0005-people': migrationOf(SQLITE, people),
  '0006-cases': migrationOf(SQLITE, cases),
  '0007-webhooks': migrationOf(SQLITE, webhooks),
};

/**
 * Kysely takes no lock in SQLite and runs migrations one by one. Here all of them run in one transaction that begins
 * with the write lock: of two programs that start at once the second waits, and then finds nothing to do.
 */
class LockingDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class LockingDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): SqliteDriver {
    return new LockingDriver(this.#config);
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
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
    await db.transaction().execute(async (transaction) => {
      const provider = { getMigrations: async () => ({ ...migrations }) };
      const { error } = await new Migrator({ db: transaction, provider }).migrateToLatest();
      if (error !== undefined) throw error;
    });
  } finally {
    await db.destroy();
  }
}
