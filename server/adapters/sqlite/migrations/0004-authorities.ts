import { type Kysely, sql } from 'kysely';

/*
 * Tokens of outside authorities over batches: one for each batch and address, with the entry that holds its digest.
 * `authorities` says how far each address that is asked has come. What comes with tokens is mostly the same for many:
 * `token_evidence` keeps each certificate, list and answer once, under its SHA-256.
 */
const TABLES = [
  'create table authorities (url text primary key, next_batch integer not null) strict, without rowid',
  // With a rowid: lists of revoked certificates have up to some megabytes.
  `create table token_evidence (
    id text primary key check (length(id) = 64), kind text not null check (kind in ('certificate', 'crl', 'ocsp')),
    value blob not null) strict`,
  `create table batch_tokens (
    sequence integer primary key references entries, batch integer not null references batches, url text not null,
    label text not null, chain_id integer not null, contract text not null, operator text not null,
    log_index integer not null, token blob not null, evidence text not null, received_ms integer not null,
    unique (batch, url)) strict`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of TABLES) await sql.raw(statement).execute(db);
}
