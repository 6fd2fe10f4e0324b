import { createHash } from 'node:crypto';
import type { MovedRow, MovedTable, MovedValue, StoreSource } from '../../ports/move.ts';
import {
  SHARED_TABLE_NAMES,
  SHARED_TABLES,
  type SharedTable,
  type SharedTableName,
} from '../../ports/shared-tables.ts';
import { uuidText } from '../relational/uuid.ts';
import { type Connection, openForWriting } from './connection.ts';

/** How rows are read, by key; `?` are the values of the key of the row before, or what is below every one. */
interface Export {
  readonly sql: string;
  /** Below the first row. */
  readonly start: readonly MovedValue[];
  /** Values of the key, out of a row. */
  keyOf(row: MovedRow): readonly MovedValue[];
  /** Columns that hold ids as 16 bytes. */
  readonly ids?: readonly number[];
}

const NO_BYTES = Buffer.alloc(0);
const FIRST = -1;
const byFirst = (row: MovedRow): readonly MovedValue[] => [row[0]!];

const OWN_EXPORTS: Readonly<Record<Exclude<MovedTable, 'file_digests' | SharedTableName>, Export>> = {
  organizations: {
    sql: 'select id, name, role, uscc, created_ms from organizations where id > ? order by id',
    start: [NO_BYTES],
    keyOf: ([id]) => [Buffer.from((id as string).replaceAll('-', ''), 'hex')],
    ids: [0],
  },
  api_keys: {
    sql: `select id, organization, label, secret_hash, scopes, created_ms, expires_ms, revoked_ms
      from api_keys where id > ? order by id`,
    start: [''],
    keyOf: byFirst,
    ids: [1],
  },
  entries: {
    sql: `select sequence, organization, id, received_ms, leaf, entry from entries
      where sequence > ? order by sequence`,
    start: [FIRST],
    keyOf: byFirst,
    ids: [1, 2],
  },
  idempotency_keys: {
    sql: `select sequence, organization, idempotency_key, fingerprint, received_ms from entries
      where sequence > ? and idempotency_key is not null and received_ms > ? order by sequence`,
    start: [FIRST],
    keyOf: byFirst,
    ids: [1],
  },
  bulk_calls: {
    sql: `select organization, key, fingerprint, note, first_sequence, count, created_ms from bulk_calls
      where (organization, key) > (?, ?) and created_ms > ? order by organization, key`,
    start: [NO_BYTES, ''],
    keyOf: ([organization, key]) => [
      Buffer.from((organization as string).replaceAll('-', ''), 'hex'),
      key as string,
    ],
    ids: [0],
  },
  batches: {
    sql: `select number, first_sequence, last_sequence, root, sealed_ms, oldest_ms, progress from batches
      where number > ? order by number`,
    start: [FIRST],
    keyOf: byFirst,
  },
  logs: {
    sql: 'select id, chain_id, genesis_hash, contract, operator from logs where id > ? order by id',
    start: [FIRST],
    keyOf: byFirst,
  },
  anchors: {
    sql: `select id, batch, log, log_index, state, transaction_hash, block_number, block_hash, block_time,
      confirmations, required, final_ms, proof from anchors where id > ? order by id`,
    start: [FIRST],
    keyOf: byFirst,
  },
  attempts: {
    sql: `select id, anchor, transaction_hash, raw, nonce, max_fee_per_gas, max_priority_fee_per_gas, signed_ms
      from attempts where id > ? order by id`,
    start: [FIRST],
    keyOf: byFirst,
  },
  anchor_events: {
    sql: 'select id, anchor, at_ms, event, detail from anchor_events where id > ? order by id',
    start: [FIRST],
    keyOf: byFirst,
  },
  certificates: {
    sql: `select sequence, revision, issued_ms, anchor_keys, bytes from certificates
      where (sequence, revision) > (?, ?) order by sequence, revision`,
    start: [FIRST, FIRST],
    keyOf: ([sequence, revision]) => [sequence!, revision!],
  },
  serials: {
    sql: 'select sequence, year, serial from serials where sequence > ? order by sequence',
    start: [FIRST],
    keyOf: byFirst,
  },
  fixity: {
    sql: 'select sha256, sm3, size, result, since_ms, found from fixity where sha256 > ? order by sha256',
    start: [NO_BYTES],
    keyOf: byFirst,
  },
  fixity_state: {
    sql: 'select listed_through from fixity_state where listed_through > ?',
    start: [FIRST],
    keyOf: byFirst,
  },
  stamps: {
    sql: 'select first_sequence, count, token from stamps where first_sequence > ? order by first_sequence',
    start: [FIRST],
    keyOf: byFirst,
  },
  signers: {
    sql: 'select id, chain from signers where id > ? order by id',
    start: [''],
    keyOf: byFirst,
  },
  stamp_state: {
    sql: 'select stamped_from, reserved_ms from stamp_state where stamped_from > ?',
    start: [FIRST],
    keyOf: byFirst,
  },
  authorities: {
    sql: 'select url, next_batch from authorities where url > ? order by url',
    start: [''],
    keyOf: byFirst,
  },
  token_evidence: {
    sql: 'select id, kind, value from token_evidence where id > ? order by id',
    start: [''],
    keyOf: byFirst,
  },
  batch_tokens: {
    sql: `select sequence, batch, url, label, chain_id, contract, operator, log_index, token, evidence, received_ms
      from batch_tokens where sequence > ? order by sequence`,
    start: [FIRST],
    keyOf: byFirst,
  },
};

/** By key, which is text and numbers: below the first row is the empty text, and a number below every one. */
function sharedExport(name: SharedTableName): Export {
  const { key, columns, numbers = [] }: SharedTable = SHARED_TABLES[name];
  const keys = columns.slice(0, key);
  return {
    sql: `select ${columns} from ${name} where (${keys}) > (${keys.map(() => '?')}) order by ${keys}`,
    start: keys.map((column) => (numbers.includes(column) ? FIRST : '')),
    keyOf: (row) => row.slice(0, key),
  };
}

const EXPORTS = {
  ...OWN_EXPORTS,
  ...(Object.fromEntries(SHARED_TABLE_NAMES.map((name) => [name, sharedExport(name)])) as Record<
    SharedTableName,
    Export
  >),
};

const TABLES: readonly MovedTable[] = [
  'organizations',
  'api_keys',
  'entries',
  'file_digests',
  'idempotency_keys',
  'bulk_calls',
  'batches',
  'logs',
  'anchors',
  'attempts',
  'anchor_events',
  'certificates',
  'serials',
  'fixity',
  'fixity_state',
  'stamps',
  'signers',
  'stamp_state',
  'authorities',
  'token_evidence',
  'batch_tokens',
  ...SHARED_TABLE_NAMES,
];

/** Tables whose rows are left out when they are old: the time comes after the key in their statements. */
const WITH_CUTOFF: readonly MovedTable[] = ['idempotency_keys', 'bulk_calls'];

const DIGEST = 32;

/**
 * The whole store, in one transaction that holds the write lock to its end: what is read is one moment, and a service
 * that is started meanwhile can promise nothing. Nothing is written.
 */
export function openSqliteExport(path: string): StoreSource {
  const db = openForWriting(path);
  db.exec('begin immediate');
  return {
    tables: TABLES,
    fingerprint: () => fingerprintOf(db),
    rows: (table, cutoffMs, after) =>
      table === 'file_digests' ? fileDigests(db, after) : rowsOf(db, table, cutoffMs, after),
    close() {
      db.exec('rollback');
      db.close();
    },
  };
}

function* rowsOf(
  db: Connection,
  table: Exclude<MovedTable, 'file_digests'>,
  cutoffMs: number,
  after: MovedRow | undefined,
): Generator<MovedRow, void, void> {
  const { sql, start, keyOf, ids = [] } = EXPORTS[table];
  const key = after === undefined ? start : keyOf(after);
  const values = WITH_CUTOFF.includes(table) ? [...key, cutoffMs] : key;
  for (const row of db
    .prepare<unknown[], MovedValue[]>(sql)
    .raw()
    .iterate(...values)) {
    for (const id of ids) row[id] = uuidText(row[id] as Uint8Array);
    yield row;
  }
}

/** One after the other in the row of their entry, where the same file may stand twice. */
function* fileDigests(db: Connection, after: MovedRow | undefined): Generator<MovedRow, void, void> {
  const statement = db.prepare<[number], { sequence: number; organization: Buffer; digests: Buffer }>(
    'select sequence, organization, digests from entries where sequence >= ? order by sequence',
  );
  for (const { sequence, organization, digests } of statement.iterate((after?.[0] as number) ?? FIRST))
    for (const digest of digestsIn(digests)) {
      const isCopied =
        after !== undefined && sequence === after[0] && Buffer.compare(digest, after[1] as Uint8Array) <= 0;
      if (!isCopied) yield [sequence, digest, uuidText(organization)];
    }
}

function digestsIn(digests: Buffer): Buffer[] {
  const each = Array.from({ length: digests.length / DIGEST }, (_, i) =>
    digests.subarray(DIGEST * i, DIGEST * (i + 1)),
  ).sort(Buffer.compare);
  return each.filter((digest, i) => i === 0 || !digest.equals(each[i - 1]!));
}

/** What each write of weight moves: deposits, batches, what happens to anchors, certificates, keys, accounts. */
function fingerprintOf(db: Connection): string {
  const row = db
    .prepare(
      `select (select max(sequence) from entries) as entries, (select leaf from entries order by sequence desc limit 1),
        (select max(number) from batches), (select max(id) from anchor_events), (select count(*) from certificates),
        (select count(*) from organizations), (select count(*) from api_keys), (select max(revoked_ms) from api_keys),
        (select count(*) from persons), (select max(id) from account_events), (select sum(last_number) from webhooks),
        (select count(*) from webhooks), (select count(*) from webhook_attempts)`,
    )
    .raw()
    .get() as MovedValue[];
  return createHash('sha256').update(JSON.stringify(row)).digest('hex');
}
