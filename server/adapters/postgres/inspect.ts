import pg from 'pg';
import {
  InspectionFailed,
  type Inspector,
  type LookupFlaw,
  type LookupRepairs,
  type LookupRow,
  type RawAnchor,
  type RawBatchToken,
  type RawBulkCall,
  type RawCase,
  type RawEntry,
  type RawStampState,
  type RawTokenEvidence,
  type Snapshot,
} from '../../ports/inspect.ts';
import { clientConfig, type SessionOptions } from './session.ts';

/*
 * Plain SQL of its own, in read-only transactions of the level repeatable read: one moment of the database, whatever
 * other instances write meanwhile.
 */

/** Rows a page; an entry has up to some hundred kilobytes. */
const PAGE = 200;

/** A page is read in milliseconds; sorting a large table for what repeats takes minutes. */
const ANSWER_MS = 3_600_000;

export function openPostgresInspector(options: SessionOptions): Inspector {
  const open = new Set<pg.Client>();
  return {
    async begin() {
      const client = await connect(options);
      open.add(client);
      const run = runner(client);
      await run('begin transaction isolation level repeatable read read only');
      // The first statement that reads is what fixes the moment.
      await run('select count(*) from batches');
      return snapshotOf(run, async () => {
        open.delete(client);
        await client.end();
      });
    },
    // PostgreSQL checks its pages when it reads them, where it was set up to (data_checksums).
    flaws: async () => [],
    async close() {
      for (const client of open) await client.end();
    },
  };
}

/** Digests that a search would not find; made from the entry that names them. */
export const postgresLookupRepairs = (options: SessionOptions): LookupRepairs => ({
  async add(rows) {
    const client = await connect(options);
    try {
      await runner(client)(
        `insert into file_digests (organization, digest, sequence)
          select d.o, decode(d.g, 'hex'), d.s from unnest($1::uuid[], $2::text[], $3::bigint[]) as d (o, g, s)
          on conflict do nothing`,
        [0, 1, 2].map((column) => rows.map((row) => row[column]!)),
      );
    } finally {
      await client.end();
    }
  },
});

type Run = <R extends object>(sql: string, values?: readonly unknown[]) => Promise<R[]>;

async function connect(options: SessionOptions): Promise<pg.Client> {
  const client = new pg.Client(
    clientConfig(
      { ...options, answerMs: ANSWER_MS },
      // Between two pages trees are made and nodes are asked.
      { statement_timeout: 0, idle_in_transaction_session_timeout: 0 },
    ),
  );
  // A session that breaks while it is not used: the next statement says so.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    throw failed(error);
  }
  return client;
}

const runner =
  (client: pg.Client): Run =>
  async (sql, values = []) => {
    try {
      return (await client.query(sql, values as unknown[])).rows;
    } catch (error) {
      throw failed(error);
    }
  };

/** XX: data_corrupted, index_corrupted and the like (appendix A of the manual). */
function failed(error: unknown): InspectionFailed {
  const code = error instanceof pg.DatabaseError ? error.code : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return new InspectionFailed(`${code ?? ''} ${message}`.trim(), code?.startsWith('XX') ?? false, error);
}

const ENTRY = `select sequence, id, organization, received_ms, leaf, convert_to(entry, 'UTF8') as bytes from entries`;
const ANCHOR = `id, batch, log, log_index as index, state, transaction_hash, block_number, block_hash, block_time,
  final_ms, proof::text as proof from anchors`;
const LOWEST = Number.MIN_SAFE_INTEGER;

function snapshotOf(run: Run, end: () => Promise<void>): Snapshot {
  /** Keyset pages: the values of the last row's key stand for $1, $2, … of the next. */
  async function* rows<R extends object>(
    sql: string,
    start: readonly unknown[],
    keyOf: (row: R) => readonly unknown[],
  ): AsyncGenerator<R> {
    for (let after = start; ; ) {
      const page = await run<R>(`${sql} limit ${PAGE}`, after);
      yield* page;
      if (page.length < PAGE) return;
      after = keyOf(page.at(-1)!);
    }
  }
  return {
    gapless: true,
    organizations: () =>
      rows<{ id: string }>(
        'select id from organizations where $1::uuid is null or id > $1 order by id',
        [null],
        ({ id }) => [id],
      ),
    keys: () =>
      rows<{ id: string; organization: string }>(
        'select id, organization from api_keys where id > $1 order by id',
        [''],
        ({ id }) => [id],
      ),
    async *entries(first, last) {
      const sql = `${ENTRY} where sequence > $1 and sequence <= $2 order by sequence`;
      for await (const row of rows<EntryRow>(sql, [first - 1, last], ({ sequence }) => [sequence, last]))
        yield entryOf(row);
    },
    async *entriesOf(organization) {
      const sql = `${ENTRY} where organization = $1 and ($2::uuid is null or id > $2) order by id`;
      for await (const row of rows<EntryRow>(sql, [organization, null], ({ id }) => [organization, id]))
        yield entryOf(row);
    },
    batchTokens: () =>
      rows<RawBatchToken>(
        `select sequence, batch, url, label, chain_id as "chainId", contract, operator, log_index as index, token,
          evidence::text as evidence from batch_tokens
          where (batch, url, sequence) > ($1, $2 collate "C", $3) order by batch, url, sequence`,
        [LOWEST, '', LOWEST],
        ({ batch, url, sequence }) => [batch, url, sequence],
      ),
    isOfToken: async (sequence) =>
      (await run('select 1 from batch_tokens where sequence = $1', [sequence])).length > 0,
    tokenEvidence: async (id) =>
      (await run<RawTokenEvidence>('select kind, value from token_evidence where id = $1', [id]))[0],
    cases: () =>
      rows<RawCase>(
        'select id, procedure, state, events, last from cases where id > $1 order by id',
        [''],
        ({ id }) => [id],
      ),
    async *caseEvents() {
      const sql = `select e.case_id, e.place, e.sequence, e.leaf, e.content, convert_to(j.entry, 'UTF8') as bytes
        from case_events e left join entries j on j.sequence = e.sequence
        where (e.case_id, e.place) > ($1 collate "C", $2::bigint) order by e.case_id, e.place`;
      const keyOf = ({ case_id, place }: CaseEventRow) => [case_id, place];
      for await (const row of rows<CaseEventRow>(sql, ['', LOWEST], keyOf))
        yield {
          case: row.case_id,
          index: row.place,
          sequence: row.sequence,
          leaf: row.leaf,
          content: row.content ?? undefined,
          bytes: row.bytes ?? undefined,
        };
    },
    isOfCase: async (sequence) =>
      (await run('select 1 from case_events where sequence = $1', [sequence])).length > 0,
    async *batches() {
      const sql = `select number, first_sequence, last_sequence, root, sealed_ms, oldest_ms, progress from batches
        where number > $1 order by number`;
      for await (const row of rows<BatchRow>(sql, [LOWEST], ({ number }) => [number]))
        yield {
          number: row.number,
          firstSequence: row.first_sequence,
          lastSequence: row.last_sequence,
          size: row.last_sequence - row.first_sequence + 1,
          root: row.root,
          sealedMs: row.sealed_ms,
          oldestMs: row.oldest_ms,
          progress: row.progress,
        };
    },
    bulkCalls: () =>
      rows<RawBulkCall>(
        `select organization, key, first_sequence as "firstSequence", count, created_ms as "createdMs" from bulk_calls
          where $1::uuid is null or (organization, key) > ($1, $2 collate "C") order by organization, key`,
        [null, ''],
        ({ organization, key }) => [organization, key],
      ),
    logs: () =>
      run(
        `select id, chain_id as "chainId", genesis_hash as "genesisHash", contract, operator from logs order by id`,
      ),
    async *anchors() {
      const sql = `select ${ANCHOR} where (log, log_index, id) > ($1, $2, $3) order by log, log_index, id`;
      const start = [LOWEST, LOWEST, LOWEST];
      for await (const row of rows<AnchorRow>(sql, start, ({ log, index, id }) => [log, index, id]))
        yield anchorOf(row);
    },
    async *anchorsById() {
      const sql = `select ${ANCHOR} where id > $1 order by id`;
      for await (const row of rows<AnchorRow>(sql, [LOWEST], ({ id }) => [id])) yield anchorOf(row);
    },
    anchorsOfBatch: async (batch) =>
      (await run<AnchorRow>(`select ${ANCHOR} where batch = $1`, [batch])).map(anchorOf),
    async *attempts() {
      const sql = `select t.id, t.anchor, t.transaction_hash as "transactionHash", t.raw, a.log, a.log_index as index,
        a.batch from attempts t left join anchors a on a.id = t.anchor
        where (t.anchor, t.id) > ($1, $2) order by t.anchor, t.id`;
      for await (const row of rows<AttemptRow>(sql, [LOWEST, LOWEST], ({ anchor, id }) => [anchor, id]))
        yield {
          ...row,
          log: row.log ?? undefined,
          index: row.index ?? undefined,
          batch: row.batch ?? undefined,
        };
    },
    async *events() {
      const sql = `select e.id, e.anchor, e.at_ms as "atMs", e.event, e.detail::text as detail, a.batch
        from anchor_events e left join anchors a on a.id = e.anchor
        where (e.anchor, e.id) > ($1, $2) order by e.anchor, e.id`;
      for await (const row of rows<EventRow>(sql, [LOWEST, LOWEST], ({ anchor, id }) => [anchor, id]))
        yield { ...row, batch: row.batch ?? undefined };
    },
    certificates: () =>
      rows(
        `select sequence, revision, issued_ms as "issuedMs", anchor_keys::text as "anchorKeys", bytes from certificates
          where (sequence, revision) > ($1, $2) order by sequence, revision`,
        [LOWEST, LOWEST],
        ({ sequence, revision }) => [sequence, revision],
      ),
    isCertified: async (sequence) =>
      (await run('select 1 from certificates where sequence = $1 limit 1', [sequence])).length > 0,
    serials: () =>
      rows(
        `select sequence, year, serial from serials where (year, serial, sequence) > ($1, $2, $3)
          order by year, serial, sequence`,
        // A year is an int4 there.
        [-(2 ** 31), LOWEST, LOWEST],
        ({ year, serial, sequence }) => [year, serial, sequence],
      ),
    serialOf: async (sequence) =>
      (await run<SerialRow>('select sequence, year, serial from serials where sequence = $1', [sequence]))[0],
    async *stamps() {
      const sql =
        'select first_sequence, count, token from stamps where first_sequence > $1 order by first_sequence';
      type Row = { first_sequence: number; count: number; token: Buffer | null };
      for await (const row of rows<Row>(sql, [LOWEST], (one) => [one.first_sequence]))
        yield { firstSequence: row.first_sequence, count: row.count, token: row.token ?? undefined };
    },
    async signers() {
      const kept = await run<{ id: string; chain: unknown }>('select id, chain from signers');
      return kept.map(({ id, chain }) => ({
        id,
        chain: Array.isArray(chain) ? chain.map((one) => Buffer.from(String(one), 'base64')) : [],
      }));
    },
    askedAuthorities: () =>
      run<{ url: string; nextBatch: number }>(
        'select url, next_batch as "nextBatch" from authorities order by url',
      ),
    async stampState() {
      const sql = 'select stamped_from as "stampedFrom", reserved_ms as "reservedMs" from stamp_state';
      return (await run<RawStampState>(sql))[0];
    },
    fixity: () =>
      rows<{ name: string; outcome: string; checkedMs: number }>(
        `select encode(sha256, 'hex') as name, result as outcome, since_ms as "checkedMs" from fixity
          where sha256 > decode($1, 'hex') and result <> 'unchecked' order by sha256`,
        [''],
        ({ name }) => [name],
      ),
    async *repeats() {
      for (const [table, key, expression] of ONCE) {
        const sql = `select ${expression} as key, count(*) as count from ${table} group by 1 having count(*) > 1`;
        for (const row of await run<{ key: string; count: number }>(sql))
          yield { table, key: `${key} ${row.key}`, count: row.count };
      }
    },
    lookupFlaws: () => lookupFlaws(run, rows),
    end,
  };
}

const ONCE: readonly (readonly [table: string, key: string, expression: string])[] = [
  ['entries', 'id', 'id::text'],
  ['entries', 'sequence', 'sequence::text'],
  ['batches', 'first_sequence', 'first_sequence::text'],
  ['anchors', 'log:index', "log || ':' || log_index"],
  ['anchors', 'log:batch', "log || ':' || batch"],
  ['batch_tokens', 'batch:url', "batch || ':' || url"],
  ['serials', 'year-serial', "year || '-' || serial"],
  ['serials', 'sequence', 'sequence::text'],
  ['logs', 'identity', "chain_id || ':' || genesis_hash || ':' || contract || ':' || operator"],
];

type Rows = <R extends object>(
  sql: string,
  start: readonly unknown[],
  keyOf: (row: R) => readonly unknown[],
) => AsyncGenerator<R>;

interface DigestRow {
  organization: string;
  digest: string;
  sequence: number;
  owner: string | null;
  entry: string | null;
}

/** Digests against the entries that name them, both ways; idempotency keys against the entries that they lead to. */
async function* lookupFlaws(run: Run, rows: Rows): AsyncGenerator<LookupFlaw> {
  const surplus = `select f.organization, encode(f.digest, 'hex') as digest, f.sequence, e.organization as owner, e.entry
    from file_digests f left join entries e on e.sequence = f.sequence
    where $1::uuid is null or (f.organization, f.digest, f.sequence) > ($1, decode($2, 'hex'), $3::bigint)
    order by f.organization, f.digest, f.sequence`;
  const digestKey = (row: DigestRow): LookupRow => [row.organization, row.digest, row.sequence];
  for await (const row of rows<DigestRow>(surplus, [null, '', 0], digestKey))
    if (row.owner !== row.organization || !digestsIn(row.entry ?? '').includes(row.digest))
      yield { flaw: 'surplus', kind: 'digest', sequence: row.sequence, row: digestKey(row) };

  const keys = `select k.organization, k.key, k.sequence, e.organization as owner
    from idempotency_keys k left join entries e on e.sequence = k.sequence
    where $1::uuid is null or (k.organization, k.key, k.sequence) > ($1, $2 collate "C", $3::bigint)
    order by k.organization, k.key, k.sequence`;
  type KeyRow = { organization: string; key: string; sequence: number; owner: string | null };
  const keyKey = (row: KeyRow): LookupRow => [row.organization, row.key, row.sequence];
  for await (const row of rows<KeyRow>(keys, [null, '', 0], keyKey))
    if (row.owner !== row.organization)
      yield { flaw: 'surplus', kind: 'key', sequence: row.sequence, row: keyKey(row) };

  const missing = `select d.o, d.g, d.s from unnest($1::uuid[], $2::text[], $3::bigint[]) as d (o, g, s)
    where not exists (select from file_digests f
      where f.organization = d.o and f.digest = decode(d.g, 'hex') and f.sequence = d.s)`;
  let named: LookupRow[] = [];
  async function* compare(): AsyncGenerator<LookupFlaw> {
    const columns = [0, 1, 2].map((column) => named.map((row) => row[column]!));
    named = [];
    for (const { o, g, s } of await run<{ o: string; g: string; s: number }>(missing, columns))
      yield { flaw: 'missing', kind: 'digest', sequence: s, row: [o, g, s] };
  }
  const entries = 'select sequence, organization, entry from entries where sequence > $1 order by sequence';
  type Named = { sequence: number; organization: string; entry: string };
  for await (const { sequence, organization, entry } of rows<Named>(entries, [LOWEST], (row) => [
    row.sequence,
  ])) {
    for (const digest of digestsIn(entry)) named.push([organization, digest, sequence]);
    if (named.length >= PAGE) yield* compare();
  }
  yield* compare();
}

const HEX = /^[0-9a-f]{64}$/;

/** Digests of the files that an entry names; none where it cannot be read, which is told with the journal. */
function digestsIn(entry: string): readonly string[] {
  try {
    const files: unknown = JSON.parse(entry).files;
    return Array.isArray(files)
      ? files.flatMap((file) => (HEX.test(String(file?.sha256)) ? String(file.sha256) : []))
      : [];
  } catch {
    return [];
  }
}

// ---------------------------------------------------------------- rows as PostgreSQL gives them

interface EntryRow {
  sequence: number;
  id: string;
  organization: string;
  received_ms: number;
  leaf: Buffer;
  bytes: Buffer;
}
interface CaseEventRow {
  case_id: string;
  place: number;
  sequence: number;
  leaf: string;
  content: string | null;
  bytes: Buffer | null;
}
interface BatchRow {
  number: number;
  first_sequence: number;
  last_sequence: number;
  root: string;
  sealed_ms: number;
  oldest_ms: number;
  progress: number;
}
interface AnchorRow {
  id: number;
  batch: number;
  log: number;
  index: number;
  state: string;
  transaction_hash: string | null;
  block_number: number | null;
  block_hash: string | null;
  block_time: number | null;
  final_ms: number | null;
  proof: string | null;
}
interface AttemptRow {
  id: number;
  anchor: number;
  transactionHash: string;
  raw: string;
  log: number | null;
  index: number | null;
  batch: number | null;
}
interface EventRow {
  id: number;
  anchor: number;
  atMs: number;
  event: string;
  detail: string;
  batch: number | null;
}
interface SerialRow {
  sequence: number;
  year: number;
  serial: number;
}

const entryOf = (row: EntryRow): RawEntry => ({
  sequence: row.sequence,
  id: row.id,
  organization: row.organization,
  receivedMs: row.received_ms,
  leaf: row.leaf,
  bytes: row.bytes,
  digests: undefined,
  idempotencyKey: undefined,
  fingerprint: undefined,
});

const anchorOf = ({ id, batch, log, index, state, ...row }: AnchorRow): RawAnchor => ({
  ...{ id, batch, log, index, state },
  transactionHash: row.transaction_hash ?? undefined,
  blockNumber: row.block_number ?? undefined,
  blockHash: row.block_hash ?? undefined,
  blockTime: row.block_time ?? undefined,
  finalMs: row.final_ms ?? undefined,
  proof: row.proof ?? undefined,
});
