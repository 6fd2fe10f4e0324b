import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Types and endings of a table that is the same in both databases. */
export interface Dialect {
  /** compared by its bytes */
  readonly text: string;
  readonly integer: string;
  readonly bytes: string;
  /** type of a key that the database counts up by itself */
  readonly counted: string;
  /** behind the closing bracket of a table with a key of its own */
  readonly end: string;
  /** the same, of one whose key is counted */
  readonly countedEnd: string;
}

export const SQLITE: Dialect = {
  text: 'text',
  integer: 'integer',
  bytes: 'blob',
  counted: 'integer primary key',
  end: 'strict, without rowid',
  countedEnd: 'strict',
};
export const POSTGRES: Dialect = {
  text: 'text collate "C"',
  integer: 'bigint',
  bytes: 'bytea',
  counted: 'bigint generated always as identity primary key',
  end: '',
  countedEnd: '',
};

export const migrationOf = (
  dialect: Dialect,
  statements: (dialect: Dialect) => readonly string[],
): Migration => ({
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements(dialect)) await sql.raw(statement).execute(db);
  },
});
