import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Types and endings of a table that is the same in both databases. */
export interface Dialect {
  /** compared by its bytes */
  readonly text: string;
  readonly integer: string;
  readonly bytes: string;
  /** behind the closing bracket of a table with a key of its own */
  readonly end: string;
}

export const SQLITE: Dialect = {
  text: 'text',
  integer: 'integer',
  bytes: 'blob',
  end: 'strict, without rowid',
};
export const POSTGRES: Dialect = { text: 'text collate "C"', integer: 'bigint', bytes: 'bytea', end: '' };

export const migrationOf = (
  dialect: Dialect,
  statements: (dialect: Dialect) => readonly string[],
): Migration => ({
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements(dialect)) await sql.raw(statement).execute(db);
  },
});
