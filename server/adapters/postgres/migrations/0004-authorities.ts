import { type Kysely, sql } from 'kysely';

/*
 * Tokens of outside authorities over batches: one for each batch and address, with the entry that holds its digest.
 * `authorities` says how far each address that is asked has come. What comes with tokens is mostly the same for many:
 * `token_evidence` keeps each certificate, list and answer once, under its SHA-256.
 */
const STATEMENTS = [
  'create table authorities (url text collate "C" primary key, next_batch bigint not null)',
  `create table token_evidence (
    id text collate "C" primary key check (length(id) = 64),
    kind text not null check (kind in ('certificate', 'crl', 'ocsp')), value bytea not null)`,
  `create table batch_tokens (
    sequence bigint primary key references entries, batch bigint not null references batches,
    url text collate "C" not null, label text not null, chain_id bigint not null, contract text not null,
    operator text not null, log_index bigint not null, token bytea not null, evidence json not null,
    received_ms bigint not null, unique (batch, url))`,

  // Under the lock of the journal: of two that keep a token for the same batch and address, the second finds the first's.
  `create function keep_batch_token(ids uuid[], owners uuid[], times bigint[], leaves bytea[], texts text[],
    files bytea[], keys text[], prints bytea[], of_batch bigint, of_url text, of_label text, of_chain bigint,
    of_contract text, of_operator text, of_index bigint, of_token bytea, of_evidence text, received bigint)
    returns boolean language plpgsql as $$
  declare
    newest bigint := lock_journal();
    is_first boolean := not exists (select from batch_tokens t where t.batch = of_batch and t.url = of_url);
  begin
    if is_first then
      perform append_entries(newest, ids, owners, times, leaves, texts, files, keys, prints, null);
      insert into batch_tokens (sequence, batch, url, label, chain_id, contract, operator, log_index, token, evidence,
        received_ms) values (newest + 1, of_batch, of_url, of_label, of_chain, of_contract, of_operator, of_index,
        of_token, of_evidence::json, received);
    end if;
    update authorities a set next_batch = of_batch + 1 where a.url = of_url and a.next_batch = of_batch;
    return is_first;
  end $$`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}
