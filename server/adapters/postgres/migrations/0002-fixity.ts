import { type Kysely, sql } from 'kysely';

/*
 * One row a stored file, filled by the task that checks them while it walks the batches: a deposit writes none of it.
 * `since_ms` is when the last check was, or when the file came where there was none.
 */
const TABLES = [
  `create table fixity (
    sha256 bytea primary key check (length(sha256) = 32), sm3 bytea not null check (length(sm3) = 32),
    size bigint not null, result text not null check (result in ('unchecked', 'ok', 'missing', 'damaged')),
    since_ms bigint not null, found json)`,
  'create index fixity_by_age on fixity (result, since_ms)',
  // One row: every entry up to this sequence has its files in `fixity`.
  'create table fixity_state (listed_through bigint not null)',
  'insert into fixity_state values (0)',
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of TABLES) await sql.raw(statement).execute(db);
}
