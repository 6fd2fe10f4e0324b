import { type Kysely, sql } from 'kysely';

/*
 * Rows of `entries`, `batches`, `anchors` and `certificates` are never deleted; only idempotency keys, bulk calls and
 * rates are forgotten. Text that is compared or sorted is so byte by byte ("C"), whatever the database's language.
 */
const TABLES = [
  `create table organizations (
    id uuid primary key, name text not null, role text not null, uscc text, created_ms bigint not null)`,
  `create table api_keys (
    id text collate "C" primary key, organization uuid not null references organizations, label text not null,
    secret_hash text not null, scopes json not null, created_ms bigint not null, expires_ms bigint,
    revoked_ms bigint)`,
  'create index api_keys_by_organization on api_keys (organization)',
  // Its one row is the lock under which entries get their numbers. It is never changed: a row that each deposit
  // changed would leave a dead version behind each, for as long as a backup reads.
  'create table journal (one boolean primary key check (one))',
  'insert into journal values (true)',
  `create table entries (
    sequence bigint primary key, organization uuid not null references organizations, id uuid not null,
    received_ms bigint not null, leaf bytea not null check (length(leaf) = 32), entry text collate "C" not null)`,
  'create unique index entries_by_organization on entries (organization, id)',
  `create table file_digests (
    organization uuid not null, digest bytea not null check (length(digest) = 32), sequence bigint not null,
    primary key (organization, digest, sequence))`,
  `create table idempotency_keys (
    organization uuid not null, key text collate "C" not null, sequence bigint not null, fingerprint bytea not null,
    created_ms bigint not null, primary key (organization, key, sequence))`,
  'create index idempotency_keys_by_age on idempotency_keys (created_ms)',
  `create table bulk_calls (
    organization uuid not null references organizations, key text collate "C" not null, fingerprint bytea not null,
    note text not null, first_sequence bigint not null, count integer not null, created_ms bigint not null,
    primary key (organization, key))`,
  'create index bulk_calls_by_age on bulk_calls (created_ms)',
  `create table batches (
    number bigint primary key, first_sequence bigint not null unique, last_sequence bigint not null,
    root text not null, sealed_ms bigint not null, oldest_ms bigint not null, progress integer not null,
    check (last_sequence >= first_sequence))`,
  `create table logs (
    id bigint generated always as identity primary key, chain_id bigint not null, genesis_hash text not null,
    contract text not null, operator text not null, unique (chain_id, genesis_hash, contract, operator))`,
  // One batch once in a log, one index of a log once: the same rule that the contract holds on the chain.
  `create table anchors (
    id bigint generated always as identity primary key, batch bigint not null references batches,
    log bigint not null references logs, log_index bigint not null,
    state text not null check (state in ('planned', 'mined', 'final')), transaction_hash text, block_number bigint,
    block_hash text, block_time bigint, confirmations bigint not null, required bigint not null, final_ms bigint,
    proof json, unique (log, log_index), unique (log, batch))`,
  'create index anchors_by_batch on anchors (batch)',
  "create index anchors_open on anchors (log, log_index) where state <> 'final'",
  `create table attempts (
    id bigint generated always as identity primary key, anchor bigint not null references anchors,
    transaction_hash text not null, raw text not null, nonce bigint not null, max_fee_per_gas text not null,
    max_priority_fee_per_gas text not null, signed_ms bigint not null, unique (anchor, transaction_hash))`,
  `create table anchor_events (
    id bigint generated always as identity primary key, anchor bigint not null references anchors,
    at_ms bigint not null, event text not null, detail json not null)`,
  'create index anchor_events_by_anchor on anchor_events (anchor)',
  `create table certificates (
    sequence bigint not null references entries, revision bigint not null, issued_ms bigint not null,
    anchor_keys json not null, bytes bytea not null, primary key (sequence, revision))`,
  `create table serials (
    sequence bigint primary key references entries, year integer not null, serial bigint not null,
    unique (year, serial))`,
  // Counters of some minutes: written without the log, and empty after a crash of the server.
  `create unlogged table rates (
    key text collate "C", ends_ms bigint, window_ms bigint, count bigint not null,
    primary key (key, ends_ms, window_ms))`,
  'create index rates_by_age on rates (ends_ms)',
];

/**
 * What a deposit does, in one call: while the journal is locked, nothing crosses the network. All are of one
 * statement's transaction, so that whatever fails leaves nothing.
 */
const FUNCTIONS = [
  // The newest sequence; from here to COMMIT nobody else gives one. So the order of the journal is the order of
  // COMMITs, there is no gap in it, and who sees an entry sees all before it.
  `create function lock_journal() returns bigint language plpgsql as $$
  declare
    newest bigint;
  begin
    perform 1 from journal for update;
    if not found then
      raise exception 'the row of the table journal is missing';
    end if;
    -- A statement of its own: it sees what the last holder of the lock committed.
    select coalesce(max(sequence), 0) into newest from entries;
    return newest;
  end $$`,

  // Entries with the sequences after the newest, in the order of the arrays. files: digests, one after the other.
  `create function append_entries(newest bigint, ids uuid[], owners uuid[], times bigint[], leaves bytea[],
    texts text[], files bytea[], keys text[], prints bytea[]) returns void language plpgsql as $$
  begin
    insert into entries (sequence, organization, id, received_ms, leaf, entry)
      select newest + n, d.owner, d.id, d.at, d.leaf, d.words
      from unnest(ids, owners, times, leaves, texts) with ordinality as d (id, owner, at, leaf, words, n);
    insert into file_digests (organization, digest, sequence)
      select d.owner, substring(d.digests from 32 * i + 1 for 32), newest + n
      from unnest(owners, files) with ordinality as d (owner, digests, n),
        generate_series(0, length(d.digests) / 32 - 1) as i;
    insert into idempotency_keys (organization, key, sequence, fingerprint, created_ms)
      select d.owner, d.name, newest + n, d.print, d.at
      from unnest(owners, times, keys, prints) with ordinality as d (owner, at, name, print, n)
      where d.name is not null;
  end $$`,

  // One deposit that has a key: what it is instead of a new entry; nothing where it is one. The key counts for 24
  // hours to either side, so that a clock that was set back does not make it count twice.
  `create function claimed(owner uuid, name text, print bytea, at bigint, out outcome text, out earlier bigint)
    language plpgsql as $$
  declare
    earlier_print bytea;
  begin
    if exists (select from bulk_calls c
        where c.organization = owner and c.key = name and abs(c.created_ms - at) < 86400000) then
      outcome := 'key-reused';
      return;
    end if;
    select k.sequence, k.fingerprint into earlier, earlier_print from idempotency_keys k
      where k.organization = owner and k.key = name and abs(k.created_ms - at) < 86400000
      order by k.sequence desc limit 1;
    if found then
      outcome := case when earlier_print = print then 'replayed' else 'key-reused' end;
    end if;
  end $$`,

  // A group: one row (place 0) with the first sequence where all were stored, as almost always; else a row for each.
  // The parts of the group that cannot be stored give their numbers back.
  `create function deposit_group(ids uuid[], owners uuid[], times bigint[], leaves bytea[], texts text[],
    files bytea[], keys text[], prints bytea[])
    returns table (place integer, outcome text, at bigint, problem text) language plpgsql as $$
  declare
    newest bigint := lock_journal();
  begin
    -- Joins and no nested EXISTS: those it may answer by reading the whole table.
    if not exists (select from unnest(owners, keys) as d (owner, name)
        join idempotency_keys k on k.organization = d.owner and k.key = d.name)
      and not exists (select from unnest(owners, keys) as d (owner, name)
        join bulk_calls c on c.organization = d.owner and c.key = d.name)
      and (select count(*) = count(distinct (d.owner, d.name))
        from unnest(owners, keys) as d (owner, name) where d.name is not null)
    then
      begin
        perform append_entries(newest, ids, owners, times, leaves, texts, files, keys, prints);
        return query select 0, 'stored', newest + 1, null::text;
        return;
      exception when unique_violation or foreign_key_violation then
        -- An id is taken or an organization is unknown: one by one, so that the others are stored.
        null;
      end;
    end if;
    for n in 1 .. cardinality(ids) loop
      place := n;
      outcome := null;
      at := null;
      problem := null;
      if keys[n] is not null then
        select c.outcome, c.earlier into outcome, at from claimed(owners[n], keys[n], prints[n], times[n]) as c;
      end if;
      if outcome is null then
        begin
          perform append_entries(newest, ids[n:n], owners[n:n], times[n:n], leaves[n:n], texts[n:n], files[n:n],
            keys[n:n], prints[n:n]);
          newest := newest + 1;
          outcome := 'stored';
          at := newest;
        exception when unique_violation or foreign_key_violation then
          outcome := 'failed';
          problem := sqlerrm;
        end;
      end if;
      return next;
    end loop;
  end $$`,

  // A bulk call, whole or not at all. Where it was made before: which entries it made.
  `create function deposit_many(ids uuid[], owners uuid[], times bigint[], leaves bytea[], texts text[],
    files bytea[], keys text[], prints bytea[], owner uuid, name text, print bytea, words text, now_ms bigint)
    returns table (outcome text, first_at bigint, size integer, note text) language plpgsql as $$
  declare
    newest bigint := lock_journal();
    earlier bulk_calls;
  begin
    if name is not null then
      select c.* into earlier from bulk_calls c
        where c.organization = owner and c.key = name and abs(c.created_ms - now_ms) < 86400000;
      if found then
        if earlier.fingerprint = print then
          return query select 'replayed', earlier.first_sequence, earlier.count, earlier.note;
        else
          return query select 'key-reused', null::bigint, null::integer, null::text;
        end if;
        return;
      end if;
      if exists (select from idempotency_keys k
          where k.organization = owner and k.key = name and abs(k.created_ms - now_ms) < 86400000) then
        return query select 'key-reused', null::bigint, null::integer, null::text;
        return;
      end if;
    end if;
    perform append_entries(newest, ids, owners, times, leaves, texts, files, keys, prints);
    if name is not null then
      insert into bulk_calls as c (organization, key, fingerprint, note, first_sequence, count, created_ms)
        values (owner, name, print, words, newest + 1, cardinality(ids), now_ms)
        on conflict (organization, key) do update set fingerprint = excluded.fingerprint, note = excluded.note,
          first_sequence = excluded.first_sequence, count = excluded.count, created_ms = excluded.created_ms;
    end if;
    return query select 'stored', newest + 1, cardinality(ids), null::text;
  end $$`,

  // Constant work, and once: of two that try, the second waits for the lock and then is wrong about the first.
  `create function seal_batch(first bigint, size bigint, new_root text, now_ms bigint)
    returns setof batches language plpgsql as $$
  declare
    newest bigint := lock_journal();
    sealed bigint;
  begin
    select coalesce((select b.last_sequence from batches b order by b.number desc limit 1), 0) into sealed;
    if first <> sealed + 1 then
      raise exception 'entry % is not the first waiting one, % is', first, sealed + 1;
    end if;
    if size < 1 or size > newest - sealed then
      raise exception 'a batch of % entries where % wait', size, newest - sealed;
    end if;
    return query insert into batches (number, first_sequence, last_sequence, root, sealed_ms, oldest_ms, progress)
      values ((select coalesce(max(b.number), 0) + 1 from batches b), first, first + size - 1, new_root, now_ms,
        (select e.received_ms from entries e where e.sequence = first), 1)
      returning *;
  end $$`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...TABLES, ...FUNCTIONS]) await sql.raw(statement).execute(db);
}
