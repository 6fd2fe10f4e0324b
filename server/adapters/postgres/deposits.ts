import type { DepositQueue } from '../../ports/overload.ts';
import type {
  BulkOutcome,
  EvidenceStore,
  IdempotencyClaim,
  JournalEntry,
  StoredEntry,
} from '../../ports/store.ts';
import { requireWhole } from '../relational/rows.ts';
import { requireUuid } from '../relational/uuid.ts';
import { byteas } from './arrays.ts';
import type { Database } from './database.ts';
import { createGroups, type GroupOutcome } from './groups.ts';
import { arraysOf, fingerprintBytes, keyBytes, type Row, rowOf } from './row.ts';
import type { EntryRow } from './schema.ts';
import type { Stamping } from './stamping.ts';
import type { Writer } from './writer.ts';

interface GroupRow {
  place: number;
  outcome: 'stored' | 'replayed' | 'key-reused' | 'failed';
  at: number | null;
  problem: string | null;
}

type BulkRow = {
  outcome: 'stored' | 'replayed' | 'key-reused';
  first_at: number;
  size: number;
  note: string;
};

type BulkClaim = IdempotencyClaim & { readonly note: string; readonly nowMs: number };

const ARRAYS =
  '$1::uuid[], $2::uuid[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[], $7::text[], $8::bytea[]';
const GROUP = `select * from deposit_group(${ARRAYS}, $9::bytea[])`;
const MANY = `select * from deposit_many(${ARRAYS}, $9::uuid, $10::text, $11::bytea, $12::text, $13::bigint, $14::boolean, $15::bytea)`;

export function openDeposits(
  writer: Writer,
  reading: Database,
  queue: DepositQueue,
  stamping: Stamping | undefined,
): Pick<EvidenceStore, 'deposit' | 'depositMany'> {
  /** Entries never change: those of a replay are read when the journal is free again. */
  async function entriesAt(sequences: readonly number[]): Promise<Map<number, StoredEntry>> {
    if (sequences.length === 0) return new Map();
    const rows = await reading.query
      .selectFrom('entries')
      .selectAll()
      .where('sequence', 'in', [...new Set(sequences)])
      .execute();
    return new Map(rows.map((row) => [row.sequence, storedEntry(row)]));
  }

  async function storeGroup(rows: readonly Row[]): Promise<readonly GroupOutcome[]> {
    const tokens = stamping && byteas(await stamping.singles(rows));
    const answers = await writer.run<GroupRow>('deposit_group', GROUP, [...arraysOf(rows), tokens ?? null]);
    const [plain] = answers;
    if (plain?.place === 0) return rows.map((_, i) => ({ outcome: 'stored', sequence: plain.at! + i }));
    const replayed = await entriesAt(
      answers.flatMap(({ outcome, at }) => (outcome === 'replayed' ? [at!] : [])),
    );
    return answers.map((answer) => outcomeOf(answer, replayed));
  }

  async function replay(organization: string, { first_at, size, note }: BulkRow): Promise<BulkOutcome> {
    const entries = await reading.query
      .selectFrom('entries')
      .select(['id', 'leaf'])
      .where('sequence', '>=', first_at)
      .where('sequence', '<', first_at + size)
      .where('organization', '=', organization)
      .orderBy('sequence')
      .execute();
    requireWhole(entries, size);
    return { outcome: 'replayed', entries, note };
  }

  /** Of one entry it is a deposit like any other. */
  async function tokenFor(rows: readonly Row[]): Promise<Buffer | null> {
    if (stamping === undefined || rows.length === 0) return null;
    const token = rows.length === 1 ? (await stamping.singles(rows))[0] : await stamping.bulk(rows);
    return token === undefined ? null : Buffer.from(token);
  }

  async function depositMany(
    organization: string,
    entries: Iterable<JournalEntry>,
    claim?: BulkClaim,
  ): Promise<BulkOutcome> {
    const rows = Array.from(entries, (entry) => {
      if (entry.organization !== organization) throw new TypeError('an entry of another organization');
      return rowOf(entry, undefined);
    });
    const [answer] = await writer.run<BulkRow>('deposit_many', MANY, [
      ...arraysOf(rows),
      requireUuid(organization),
      ...claimValues(claim),
      stamping !== undefined,
      await tokenFor(rows),
    ]);
    return answer!.outcome === 'replayed' ? replay(organization, answer!) : { outcome: answer!.outcome };
  }

  return { deposit: createGroups(storeGroup, queue).deposit, depositMany };
}

const claimValues = (claim: BulkClaim | undefined): readonly unknown[] =>
  claim === undefined
    ? [null, null, null, null]
    : [keyBytes(claim.key), fingerprintBytes(claim.fingerprint), claim.note, claim.nowMs];

function outcomeOf({ outcome, at, problem }: GroupRow, replayed: Map<number, StoredEntry>): GroupOutcome {
  if (outcome === 'stored') return { outcome, sequence: at! };
  if (outcome === 'replayed') return { outcome, stored: replayed.get(at!)! };
  return outcome === 'failed' ? { outcome, error: new Error(problem!) } : { outcome };
}

export const storedEntry = (row: EntryRow): StoredEntry => ({
  sequence: row.sequence,
  id: row.id,
  organization: row.organization,
  receivedMs: row.received_ms,
  entry: row.entry,
  leaf: new Uint8Array(row.leaf),
});
