import { createHash } from 'node:crypto';
import Sqlite from 'better-sqlite3';
import {
  InspectionFailed,
  type Inspector,
  type LookupFlaw,
  type LookupRepairs,
  type LookupRow,
  type RawAnchor,
  type RawBatchToken,
  type RawCase,
  type RawCaseEvent,
  type RawEntry,
  type RawStampState,
  type RawTokenEvidence,
  type Snapshot,
} from '../../ports/inspect.ts';
import { type Connection, openForReading, openForWriting } from './connection.ts';

/*
 * Plain SQL of its own, on connections that cannot write: nothing that the service reads or writes with is used here,
 * so that one mistake is not made twice. All pages of one Snapshot are read in one transaction.
 */

/** Rows a page; an entry has up to some hundred kilobytes. */
const PAGE = 100;

export function openSqliteInspector({ path }: { readonly path: string }): Inspector {
  const open = new Set<Connection>();
  const connect = (): Connection => {
    const db = guarded(() => openForReading(path));
    open.add(db);
    return db;
  };
  const disconnect = (db: Connection): void => {
    open.delete(db);
    db.close();
  };
  return {
    async begin() {
      const db = connect();
      guarded(() => {
        db.exec('begin');
        // The first read is what fixes the moment.
        db.prepare('select count(*) from sqlite_schema').get();
      });
      return snapshotOf(db, () => disconnect(db));
    },
    async flaws(thorough) {
      const db = connect();
      try {
        const check = thorough ? 'integrity_check(100)' : 'quick_check(100)';
        const rows = guarded(() => db.prepare<[], string>(`pragma ${check}`).pluck().all());
        return rows.filter((row) => row !== 'ok');
      } catch (error) {
        // Damage that stops even the check of it.
        if (error instanceof InspectionFailed && error.damaged) return [error.message];
        throw error;
      } finally {
        disconnect(db);
      }
    },
    async close() {
      for (const db of open) disconnect(db);
    },
  };
}

/** The one repair beside the store's own verbs. Its rows are hints that the writer never counts, so nothing is told to it. */
export const sqliteLookupRepairs = ({ path }: { readonly path: string }): LookupRepairs => ({
  async add(rows) {
    const db = openForWriting(path);
    try {
      const insert = db.prepare<LookupRow[number][]>('insert or ignore into lookup values (?, ?, ?, ?)');
      db.transaction(() => {
        for (const row of rows) insert.run(...row);
      }).immediate();
    } finally {
      db.close();
    }
  },
});

const ENTRY = `select sequence, id, organization, received_ms, leaf, cast(entry as blob) as bytes, digests,
  idempotency_key, fingerprint from entries`;

function snapshotOf(db: Connection, end: () => void): Snapshot {
  /** Keyset pages; `keys` are read back from the last row and bound before `limit`. */
  async function* rows<R>(sql: string, start: readonly unknown[], keyOf: (row: R) => readonly unknown[]) {
    const statement = guarded(() => db.prepare<unknown[], R>(`${sql} limit ${PAGE}`));
    for (let after = start; ; ) {
      const page = guarded(() => statement.all(...after));
      yield* page;
      if (page.length < PAGE) return;
      after = keyOf(page.at(-1)!);
    }
  }
  const anchorRows = 'select * from anchors';
  return {
    gapless: true,
    async *organizations() {
      const sql = 'select id from organizations where id > ? order by id';
      for await (const { id } of rows<{ id: Buffer }>(sql, [NO_BYTES], (row) => [row.id]))
        yield { id: uuid(id) };
    },
    async *keys() {
      const sql = 'select id, organization from api_keys where id > ? order by id';
      for await (const row of rows<{ id: string; organization: Buffer }>(sql, [''], ({ id }) => [id]))
        yield { id: row.id, organization: uuid(row.organization) };
    },
    async *entries(first, last) {
      const sql = `${ENTRY} where sequence > ? and sequence <= ? order by sequence`;
      for await (const row of rows<EntryRow>(sql, [first - 1, last], (row) => [row.sequence, last]))
        yield entryOf(row);
    },
    async *batches() {
      const sql = `select number, first_sequence, last_sequence, root, sealed_ms, oldest_ms, progress from batches
        where number > ? order by number`;
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
    async *bulkCalls() {
      const sql = `select organization, key, first_sequence, count, created_ms from bulk_calls
        where (organization, key) > (?, ?) order by organization, key`;
      for await (const row of rows<BulkRow>(sql, [NO_BYTES, ''], ({ organization, key }) => [
        organization,
        key,
      ]))
        yield {
          organization: uuid(row.organization),
          key: row.key,
          firstSequence: row.first_sequence,
          count: row.count,
          createdMs: row.created_ms,
        };
    },
    logs: async () =>
      guarded(() => db.prepare<[], LogRow>('select * from logs order by id').all()).map((row) => ({
        id: row.id,
        chainId: row.chain_id,
        genesisHash: row.genesis_hash,
        contract: row.contract,
        operator: row.operator,
      })),
    async *anchors() {
      const sql = `${anchorRows} where (log, log_index, id) > (?, ?, ?) order by log, log_index, id`;
      const start = [LOWEST, LOWEST, LOWEST];
      for await (const row of rows<AnchorRow>(sql, start, ({ log, log_index, id }) => [log, log_index, id]))
        yield anchorOf(row);
    },
    async *anchorsById() {
      const sql = `${anchorRows} where id > ? order by id`;
      for await (const row of rows<AnchorRow>(sql, [LOWEST], ({ id }) => [id])) yield anchorOf(row);
    },
    anchorsOfBatch: async (batch) =>
      guarded(() => db.prepare<[number], AnchorRow>(`${anchorRows} where batch = ?`).all(batch)).map(
        anchorOf,
      ),
    async *attempts() {
      const sql = `select attempts.id, attempts.anchor, attempts.transaction_hash, attempts.raw, anchors.log,
        anchors.log_index, anchors.batch from attempts left join anchors on anchors.id = attempts.anchor
        where (attempts.anchor, attempts.id) > (?, ?) order by attempts.anchor, attempts.id`;
      for await (const row of rows<AttemptRow>(sql, [LOWEST, LOWEST], ({ anchor, id }) => [anchor, id]))
        yield {
          id: row.id,
          anchor: row.anchor,
          transactionHash: row.transaction_hash,
          raw: row.raw,
          log: row.log ?? undefined,
          index: row.log_index ?? undefined,
          batch: row.batch ?? undefined,
        };
    },
    async *events() {
      const sql = `select anchor_events.id, anchor_events.anchor, anchor_events.at_ms, anchor_events.event,
        anchor_events.detail, anchors.batch from anchor_events left join anchors on anchors.id = anchor_events.anchor
        where (anchor_events.anchor, anchor_events.id) > (?, ?) order by anchor_events.anchor, anchor_events.id`;
      const keyOf = ({ anchor, id }: EventRow) => [anchor, id];
      for await (const { batch, at_ms, ...row } of rows<EventRow>(sql, [LOWEST, LOWEST], keyOf))
        yield { ...row, atMs: at_ms, batch: batch ?? undefined };
    },
    async *certificates() {
      const sql = `select sequence, revision, issued_ms, anchor_keys, bytes from certificates
        where (sequence, revision) > (?, ?) order by sequence, revision`;
      const start = [LOWEST, LOWEST];
      for await (const row of rows<CertificateRow>(sql, start, (row) => [row.sequence, row.revision]))
        yield {
          sequence: row.sequence,
          revision: row.revision,
          issuedMs: row.issued_ms,
          anchorKeys: row.anchor_keys,
          bytes: row.bytes,
        };
    },
    isCertified: async (sequence) =>
      guarded(() => db.prepare('select 1 from certificates where sequence = ? limit 1').get(sequence)) !==
      undefined,
    async *serials() {
      const sql =
        'select sequence, year, serial from serials where (year, serial, sequence) > (?, ?, ?) order by year, serial, sequence';
      const start = [LOWEST, LOWEST, LOWEST];
      yield* rows<SerialRow>(sql, start, (row) => [row.year, row.serial, row.sequence]);
    },
    serialOf: async (sequence) =>
      guarded(() =>
        db
          .prepare<[number], SerialRow>('select sequence, year, serial from serials where sequence = ?')
          .get(sequence),
      ),
    async *fixity() {
      const sql =
        "select sha256, result, since_ms from fixity where sha256 > ? and result <> 'unchecked' order by sha256";
      for await (const row of rows<FixityRow>(sql, [NO_BYTES], ({ sha256 }) => [sha256]))
        yield { name: row.sha256.toString('hex'), outcome: row.result, checkedMs: row.since_ms };
    },
    async *stamps() {
      const sql =
        'select first_sequence, count, token from stamps where first_sequence > ? order by first_sequence';
      type Row = { first_sequence: number; count: number; token: Buffer | null };
      for await (const row of rows<Row>(sql, [LOWEST], (one) => [one.first_sequence]))
        yield { firstSequence: row.first_sequence, count: row.count, token: row.token ?? undefined };
    },
    signers: async () =>
      guarded(() => db.prepare<[], { id: string; chain: string }>('select id, chain from signers').all()).map(
        ({ id, chain }) => ({ id, chain: chainOf(chain) }),
      ),
    stampState: async () =>
      guarded(() =>
        db
          .prepare<[], RawStampState>(
            'select stamped_from as "stampedFrom", reserved_ms as "reservedMs" from stamp_state',
          )
          .get(),
      ),
    batchTokens: () =>
      rows<RawBatchToken>(
        `select sequence, batch, url, label, chain_id as chainId, contract, operator, log_index as "index", token,
          evidence from batch_tokens where (batch, url, sequence) > (?, ?, ?) order by batch, url, sequence`,
        [LOWEST, '', LOWEST],
        ({ batch, url, sequence }) => [batch, url, sequence],
      ),
    isOfToken: async (sequence) =>
      guarded(() => db.prepare<[number]>('select 1 from batch_tokens where sequence = ?').get(sequence)) !==
      undefined,
    tokenEvidence: async (id) =>
      guarded(() =>
        db.prepare<[string], RawTokenEvidence>('select kind, value from token_evidence where id = ?').get(id),
      ),
    askedAuthorities: async () =>
      guarded(() =>
        db
          .prepare<[], { url: string; nextBatch: number }>(
            'select url, next_batch as "nextBatch" from authorities order by url',
          )
          .all(),
      ),
    cases: () =>
      rows<RawCase>(
        'select id, procedure, state, events, last from cases where id > ? order by id',
        [''],
        ({ id }) => [id],
      ),
    async *caseEvents() {
      const sql = `select e.case_id, e.place, e.sequence, e.leaf, e.content, cast(j.entry as blob) as bytes
        from case_events e left join entries j on j.sequence = e.sequence
        where (e.case_id, e.place) > (?, ?) order by e.case_id, e.place`;
      const keyOf = ({ case_id, place }: CaseEventRow) => [case_id, place];
      for await (const row of rows<CaseEventRow>(sql, ['', LOWEST], keyOf)) yield caseEventOf(row);
    },
    isOfCase: async (sequence) =>
      guarded(() => db.prepare<[number]>('select 1 from case_events where sequence = ?').get(sequence)) !==
      undefined,
    async *entriesOf(organization) {
      const owner = Buffer.from(organization.replaceAll('-', ''), 'hex');
      const sql = `${ENTRY} where organization = ? and id > ? order by id`;
      for await (const row of rows<EntryRow>(sql, [owner, NO_BYTES], ({ id }) => [owner, id]))
        yield entryOf(row);
    },
    async *repeats() {
      for (const [table, key, sql] of ONCE)
        for (const row of guarded(() => db.prepare<[], RepeatRow>(sql).all()))
          yield { table, key: `${key} ${row.key}`, count: row.count };
    },
    lookupFlaws: (nowMs) => lookupFlaws(db, rows, nowMs),
    async end() {
      end();
    },
  };
}

/** SQLite sorts on disk where a table is large, so this needs no memory of ours. */
const ONCE: readonly (readonly [table: string, key: string, sql: string])[] = [
  ['entries', 'id', repeated('entries', 'lower(hex(id))')],
  ['batches', 'first_sequence', repeated('batches', 'first_sequence')],
  ['anchors', 'log:index', repeated('anchors', "log || ':' || log_index")],
  ['anchors', 'log:batch', repeated('anchors', "log || ':' || batch")],
  ['batch_tokens', 'batch:url', repeated('batch_tokens', "batch || ':' || url")],
  ['serials', 'year-serial', repeated('serials', "year || '-' || serial")],
  ['serials', 'sequence', repeated('serials', 'sequence')],
  [
    'logs',
    'identity',
    repeated('logs', "chain_id || ':' || genesis_hash || ':' || contract || ':' || operator"),
  ],
];

function repeated(table: string, key: string): string {
  // `not indexed`: what an index believes is not what stands in the table.
  return `select ${key} as key, count(*) as count from ${table} not indexed group by 1 having count(*) > 1`;
}

type Rows = <R>(
  sql: string,
  start: readonly unknown[],
  keyOf: (row: R) => readonly unknown[],
) => AsyncGenerator<R>;

/*
 * The look-up, compared both ways. A row is (kind, part, 48 bits of SHA-256(organization ‖ key), sequence): kind 0 holds
 * idempotency keys in parts of a day, kind 1 digests in parts of 2^20 entries. Rows above the mark may or may not be
 * there yet; keys older than a day may have been forgotten.
 */
const KEY = 0;
const DIGEST = 1;
const DAY_MS = 86_400_000;
const SEGMENT = 2 ** 20;
const DIGEST_BYTES = 32;

async function* lookupFlaws(db: Connection, rows: Rows, nowMs: number): AsyncGenerator<LookupFlaw> {
  const columns = 'sequence, organization, received_ms, digests, idempotency_key';
  const { mark, last } = guarded(() =>
    db
      .prepare<[], { mark: number | null; last: number | null }>(
        'select (select max(merged_through) from lookup_state) as mark, (select max(sequence) from entries) as last',
      )
      .get(),
  )!;
  if (mark === null || mark > (last ?? 0))
    yield { flaw: 'mark', kind: 'digest', sequence: mark ?? -1, row: [] };

  const entry = guarded(() =>
    db.prepare<[number], IndexedRow>(`select ${columns} from entries where sequence = ?`),
  );
  const sql = `select kind, bucket, hash, sequence from lookup where (kind, bucket, hash, sequence) > (?, ?, ?, ?)
    order by kind, bucket, hash, sequence`;
  const keyOf = (row: IndexRow) => [row.kind, row.bucket, row.hash, row.sequence];
  for await (const row of rows<IndexRow>(sql, [LOWEST, LOWEST, LOWEST, LOWEST], keyOf)) {
    const found = guarded(() => entry.get(row.sequence));
    const key = keyOf(row);
    if (found !== undefined && expectedRows(found).some((expected) => same(expected, key))) continue;
    yield { flaw: 'surplus', kind: row.kind === KEY ? 'key' : 'digest', sequence: row.sequence, row: key };
  }

  const present = guarded(() =>
    db.prepare<number[]>('select 1 from lookup where kind = ? and bucket = ? and hash = ? and sequence = ?'),
  );
  const indexed = `select ${columns} from entries where sequence > ? and sequence <= ? order by sequence`;
  for await (const row of rows<IndexedRow>(indexed, [LOWEST, mark ?? 0], (row) => [row.sequence, mark ?? 0]))
    for (const expected of expectedRows(row)) {
      const kind = expected[0] === KEY ? 'key' : 'digest';
      if (kind === 'key' && Math.abs(nowMs - row.received_ms) >= DAY_MS) continue;
      if (guarded(() => present.get(...expected)) === undefined)
        yield { flaw: 'missing', kind, sequence: row.sequence, row: expected };
    }
}

function expectedRows(row: IndexedRow): readonly (readonly [number, number, number, number])[] {
  const { sequence, digests } = row;
  const found: [number, number, number, number][] = [];
  if (row.idempotency_key !== null) {
    const hash = hash48(row.organization, Buffer.from(row.idempotency_key, 'utf8'));
    found.push([KEY, Math.floor(row.received_ms / DAY_MS), hash, sequence]);
  }
  for (let at = 0; at < digests.length; at += DIGEST_BYTES) {
    const hash = hash48(row.organization, digests.subarray(at, at + DIGEST_BYTES));
    found.push([DIGEST, Math.floor(sequence / SEGMENT), hash, sequence]);
  }
  return found;
}

const hash48 = (organization: Uint8Array, key: Uint8Array): number =>
  createHash('sha256').update(organization).update(key).digest().readUIntBE(0, 6);

const same = (a: readonly number[], b: readonly number[]): boolean => a.every((value, i) => value === b[i]);

// ---------------------------------------------------------------- rows as SQLite gives them

/** Below every key that is a number, also where somebody wrote a negative one. */
const LOWEST = Number.MIN_SAFE_INTEGER;
const NO_BYTES = Buffer.alloc(0);

interface EntryRow {
  sequence: number;
  id: Buffer;
  organization: Buffer;
  received_ms: number;
  leaf: Buffer;
  bytes: Buffer;
  digests: Buffer;
  idempotency_key: string | null;
  fingerprint: Buffer | null;
}
type IndexedRow = Pick<EntryRow, 'sequence' | 'organization' | 'received_ms' | 'digests' | 'idempotency_key'>;
interface BulkRow {
  organization: Buffer;
  key: string;
  first_sequence: number;
  count: number;
  created_ms: number;
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
interface LogRow {
  id: number;
  chain_id: number;
  genesis_hash: string;
  contract: string;
  operator: string;
}
interface AnchorRow {
  id: number;
  batch: number;
  log: number;
  log_index: number;
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
  transaction_hash: string;
  raw: string;
  log: number | null;
  log_index: number | null;
  batch: number | null;
}
interface EventRow {
  id: number;
  anchor: number;
  at_ms: number;
  event: string;
  detail: string;
  batch: number | null;
}
interface CertificateRow {
  sequence: number;
  revision: number;
  issued_ms: number;
  anchor_keys: string;
  bytes: Buffer;
}
interface SerialRow {
  sequence: number;
  year: number;
  serial: number;
}
interface FixityRow {
  sha256: Buffer;
  result: string;
  since_ms: number;
}
interface RepeatRow {
  key: string;
  count: number;
}
interface IndexRow {
  kind: number;
  bucket: number;
  hash: number;
  sequence: number;
}

const entryOf = (row: EntryRow): RawEntry => ({
  sequence: row.sequence,
  id: uuid(row.id),
  organization: uuid(row.organization),
  receivedMs: row.received_ms,
  leaf: row.leaf,
  bytes: row.bytes,
  digests: row.digests,
  idempotencyKey: row.idempotency_key ?? undefined,
  fingerprint: row.fingerprint ?? undefined,
});

const caseEventOf = (row: CaseEventRow): RawCaseEvent => ({
  case: row.case_id,
  index: row.place,
  sequence: row.sequence,
  leaf: row.leaf,
  content: row.content ?? undefined,
  bytes: row.bytes ?? undefined,
});

const anchorOf = (row: AnchorRow): RawAnchor => ({
  id: row.id,
  batch: row.batch,
  log: row.log,
  index: row.log_index,
  state: row.state,
  transactionHash: row.transaction_hash ?? undefined,
  blockNumber: row.block_number ?? undefined,
  blockHash: row.block_hash ?? undefined,
  blockTime: row.block_time ?? undefined,
  finalMs: row.final_ms ?? undefined,
  proof: row.proof ?? undefined,
});

function uuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  if (bytes.length !== 16) return hex;
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join('-');
}

/** These speak of what stands in the file; others of the disk, of other processes, or of another version's tables. */
const DAMAGE = /^SQLITE_(?:CORRUPT|NOTADB)/;

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Sqlite.SqliteError)) throw error;
    throw new InspectionFailed(`${error.code}: ${error.message}`, DAMAGE.test(error.code), error);
  }
}

/** A JSON array of base64; what is none gives no certificate. */
function chainOf(text: string): Uint8Array[] {
  try {
    return (JSON.parse(text) as unknown[]).map((one) => Buffer.from(String(one), 'base64'));
  } catch {
    return [];
  }
}
