import { type Kysely, sql } from 'kysely';

/*
 * The operator's own tokens: a row for each deposit and each bulk call, written with its entries. Entries before
 * `stamped_from` were deposited when there were no tokens. `signers` keeps the certificates of every key that ever
 * signed one: tokens are stored without them.
 */
const TABLES = [
  `create table stamps (
    first_sequence bigint primary key references entries, count integer not null check (count >= 1), token bytea)`,
  // Empty while the clock is trusted: a deposit with its token writes none of it.
  'create index stamps_waiting on stamps (first_sequence) where token is null',
  'create table signers (id text collate "C" primary key, chain json not null)',
  'create table stamp_state (stamped_from bigint not null, reserved_ms bigint not null)',
  'insert into stamp_state select coalesce(max(sequence), 0) + 1, 0 from entries',
];

/** As in 0001, and with a token for each entry (`tokens`: null where there are to be no stamps at all) or for the call. */
const FUNCTIONS = [
  `drop function append_entries(bigint, uuid[], uuid[], bigint[], bytea[], text[], bytea[], text[], bytea[])`,
  `drop function deposit_group(uuid[], uuid[], bigint[], bytea[], text[], bytea[], text[], bytea[])`,
  `drop function deposit_many(uuid[], uuid[], bigint[], bytea[], text[], bytea[], text[], bytea[], uuid, text, bytea,
    text, bigint)`,
  `create function append_entries(newest bigint, ids uuid[], owners uuid[], times bigint[], leaves bytea[],
    texts text[], files bytea[], keys text[], prints bytea[], tokens bytea[]) returns void language plpgsql as $$
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
    insert into stamps (first_sequence, count, token)
      select newest + n, 1, d.token from unnest(tokens) with ordinality as d (token, n);
  end $$`,

  `create function deposit_group(ids uuid[], owners uuid[], times bigint[], leaves bytea[], texts text[],
    files bytea[], keys text[], prints bytea[], tokens bytea[])
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
        perform append_entries(newest, ids, owners, times, leaves, texts, files, keys, prints, tokens);
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
            keys[n:n], prints[n:n], tokens[n:n]);
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

  `create function deposit_many(ids uuid[], owners uuid[], times bigint[], leaves bytea[], texts text[],
    files bytea[], keys text[], prints bytea[], owner uuid, name text, print bytea, words text, now_ms bigint,
    stamped boolean, token bytea)
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
    perform append_entries(newest, ids, owners, times, leaves, texts, files, keys, prints, null);
    if stamped and cardinality(ids) > 0 then
      insert into stamps as s (first_sequence, count, token) values (newest + 1, cardinality(ids), token);
    end if;
    if name is not null then
      insert into bulk_calls as c (organization, key, fingerprint, note, first_sequence, count, created_ms)
        values (owner, name, print, words, newest + 1, cardinality(ids), now_ms)
        on conflict (organization, key) do update set fingerprint = excluded.fingerprint, note = excluded.note,
          first_sequence = excluded.first_sequence, count = excluded.count, created_ms = excluded.created_ms;
    end if;
    return query select 'stored', newest + 1, cardinality(ids), null::text;
  end $$`,

  // The later of what was written down and what is asked for; whoever asks next sees it.
  `create function reserve_time(through_ms bigint) returns bigint language sql as $$
    update stamp_state set reserved_ms = greatest(reserved_ms, through_ms) returning reserved_ms
  $$`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...TABLES, ...FUNCTIONS]) await sql.raw(statement).execute(db);
}
