import { type Kysely, sql } from 'kysely';

/*
 * STRICT everywhere: a value of another type is refused and not converted. Rows of `entries`, `batches`, `anchors`
 * and `certificates` are never deleted; only `lookup` and `bulk_calls` forget.
 */
const TABLES = [
  `create table organizations (
    id blob primary key check (length(id) = 16), name text not null, role text not null, uscc text,
    created_ms integer not null) strict, without rowid`,
  `create table api_keys (
    id text primary key, organization blob not null references organizations, label text not null,
    secret_hash text not null, scopes text not null, created_ms integer not null, expires_ms integer,
    revoked_ms integer) strict, without rowid`,
  'create index api_keys_by_organization on api_keys (organization)',
  // A sequence that the writer counts itself, without gaps: the place in the journal. New rows go to the end of the
  // table and, as ids grow with time, to the end of each organization's part of the index.
  `create table entries (
    sequence integer primary key, organization blob not null references organizations,
    id blob not null check (length(id) = 16), received_ms integer not null,
    leaf blob not null check (length(leaf) = 32), entry text not null, digests blob not null,
    idempotency_key text, fingerprint blob) strict`,
  'create unique index entries_by_organization on entries (organization, id)',
  `create table bulk_calls (
    organization blob not null references organizations, key text not null, fingerprint blob not null,
    note text not null, first_sequence integer not null, count integer not null, created_ms integer not null,
    primary key (organization, key)) strict`,
  'create index bulk_calls_by_age on bulk_calls (created_ms)',
  // See lookup.ts: made from entries and disposable, whatever is missing above merged_through is made again.
  `create table lookup (
    kind integer not null, bucket integer not null, hash integer not null, sequence integer not null,
    primary key (kind, bucket, hash, sequence)) strict, without rowid`,
  'create table lookup_state (merged_through integer not null) strict',
  'insert into lookup_state values (0)',
  `create table batches (
    number integer primary key, first_sequence integer not null unique, last_sequence integer not null,
    root text not null, sealed_ms integer not null, oldest_ms integer not null,
    progress integer not null, check (last_sequence >= first_sequence)) strict`,
  `create table logs (
    id integer primary key, chain_id integer not null, genesis_hash text not null, contract text not null,
    operator text not null, unique (chain_id, genesis_hash, contract, operator)) strict`,
  // One batch once in a log, one index of a log once: the same rule that the contract holds on the chain.
  `create table anchors (
    id integer primary key, batch integer not null references batches, log integer not null references logs,
    log_index integer not null, state text not null check (state in ('planned', 'mined', 'final')),
    transaction_hash text, block_number integer, block_hash text, block_time integer,
    confirmations integer not null, required integer not null, final_ms integer, proof text,
    unique (log, log_index), unique (log, batch)) strict`,
  'create index anchors_by_batch on anchors (batch)',
  "create index anchors_open on anchors (log, log_index) where state <> 'final'",
  `create table attempts (
    id integer primary key, anchor integer not null references anchors, transaction_hash text not null,
    raw text not null, nonce integer not null, max_fee_per_gas text not null,
    max_priority_fee_per_gas text not null, signed_ms integer not null, unique (anchor, transaction_hash)) strict`,
  `create table anchor_events (
    id integer primary key, anchor integer not null references anchors, at_ms integer not null,
    event text not null, detail text not null) strict`,
  'create index anchor_events_by_anchor on anchor_events (anchor)',
  `create table certificates (
    sequence integer not null references entries, revision integer not null,
    issued_ms integer not null, anchor_keys text not null, bytes blob not null,
    primary key (sequence, revision)) strict`,
  `create table serials (
    sequence integer primary key references entries, year integer not null, serial integer not null,
    unique (year, serial)) strict`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of TABLES) await sql.raw(statement).execute(db);
}
