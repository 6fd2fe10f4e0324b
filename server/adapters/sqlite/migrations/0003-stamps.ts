import { type Kysely, sql } from 'kysely';

/*
 * The operator's own tokens: a row for each deposit and each bulk call, written with its entries. Entries before
 * `stamped_from` were deposited when there were no tokens. `signers` keeps the certificates of every key that ever
 * signed one: tokens are stored without them.
 */
const TABLES = [
  `create table stamps (
    first_sequence integer primary key references entries, count integer not null check (count >= 1), token blob) strict`,
  // Empty while the clock is trusted: a deposit with its token writes none of it.
  'create index stamps_waiting on stamps (first_sequence) where token is null',
  'create table signers (id text primary key, chain text not null) strict, without rowid',
  'create table stamp_state (stamped_from integer not null, reserved_ms integer not null) strict',
  'insert into stamp_state select coalesce(max(sequence), 0) + 1, 0 from entries',
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of TABLES) await sql.raw(statement).execute(db);
}
