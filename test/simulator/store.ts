import type { CaseStep } from '../../server/ports/cases.ts';
import type { LogIdentity, SignedAppend } from '../../server/ports/chain.ts';
import {
  type Anchor,
  type AnchorEvent,
  type AnchorStore,
  type Batch,
  type BatchStore,
  type BulkOutcome,
  type CertificateStore,
  type DepositOutcome,
  type EntryState,
  type EvidenceStore,
  type FixityCheck,
  type FixityStore,
  type IdempotencyClaim,
  type JournalEntry,
  type StoredCertificate,
  type StoredEntry,
  type StoredFile,
  StoreUnavailable,
} from '../../server/ports/store.ts';
import { anchorVerbs } from './anchors.ts';
import { CASE_READS, type CasePorts, type CaseTables, caseVerbs, emptyCaseTables } from './cases.ts';
import { callOver, type Medium } from './faults.ts';
import { fixityVerbs } from './fixity.ts';
import type { Life } from './schedule.ts';

/*
 * The store as a database behind a wire. Each verb is one transaction: it is done whole, in one moment, or not at all,
 * and what was done is durable in that moment. Between call and answer there is time; two calls of one process that do
 * not wait for each other may be done in either order. Numbers of entries may have gaps, as PostgreSQL's have.
 */

export type SimulatedStore = EvidenceStore &
  BatchStore &
  AnchorStore &
  CertificateStore &
  FixityStore &
  CasePorts;

type BulkClaim = IdempotencyClaim & { readonly note: string; readonly nowMs: number };

export interface KeptEntry extends StoredEntry {
  readonly claim: IdempotencyClaim | undefined;
  readonly fileDigests: readonly string[];
}

interface KeptBulk {
  readonly organization: string;
  readonly claim: BulkClaim;
  readonly entries: readonly KeptEntry[];
}

export type KeptAttempt = SignedAppend & { readonly signedMs: number; readonly anchorId: number };
export type KeptEvent = AnchorEvent & { readonly anchorId: number };

/** All that the database holds; as plain as can be, so that anybody can look at it. */
export interface Tables {
  readonly entries: KeptEntry[];
  readonly bulks: KeptBulk[];
  readonly batches: Batch[];
  readonly logs: LogIdentity[];
  readonly anchors: Anchor[];
  readonly attempts: KeptAttempt[];
  readonly events: KeptEvent[];
  readonly serials: Map<number, { readonly year: number; readonly serial: number }>;
  readonly certificates: StoredCertificate[];
  readonly files: Map<string, StoredFile & { readonly receivedMs: number; check: FixityCheck | undefined }>;
  listedThrough: number;
  readonly casework: CaseTables;
}

const emptyTables = (): Tables => ({
  entries: [],
  bulks: [],
  batches: [],
  logs: [],
  anchors: [],
  attempts: [],
  events: [],
  serials: new Map(),
  certificates: [],
  files: new Map(),
  listedThrough: 0,
  casework: emptyCaseTables(),
});

/** What was committed, told to whoever watches over it. */
export type Commit =
  | { readonly what: 'deposit'; readonly entries: readonly KeptEntry[] }
  | { readonly what: 'seal'; readonly batch: Batch }
  | { readonly what: 'plan'; readonly anchor: Anchor }
  | { readonly what: 'attempt'; readonly anchor: Anchor }
  | { readonly what: 'mined' | 'final'; readonly anchor: Anchor }
  /** the anchor as it was */
  | { readonly what: 'reorganised'; readonly anchor: Anchor }
  | { readonly what: 'certificate'; readonly certificate: StoredCertificate }
  | { readonly what: 'step'; readonly step: CaseStep; readonly entry: KeptEntry }
  /** it came too late, and leaves nothing */
  | { readonly what: 'not-stepped'; readonly step: CaseStep };

export interface Database {
  tables: Tables;
  /** While it is set nothing can be reached. */
  away: boolean;
  /** What a machine does to it that loses power: nothing, as whatever was answered is durable. */
  powerFails: () => void;
  /** An entry behind all others, within a transaction. Throws where its id is taken, before anything is changed. */
  append: (entry: JournalEntry, claim: IdempotencyClaim | undefined) => KeptEntry;
  /** The verbs, done at once: what a transaction does. */
  readonly verbs: Verbs;
  client(life: Life): SimulatedStore;
  watch(listener: (commit: Commit, life: Life) => void): void;
}

const DAY_MS = 86_400_000;
export type Sync<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => R : never;
};
export type Verbs = Sync<SimulatedStore>;

/** Whose doing a commit was: set around each verb, as all is done on one thread. */
interface Current {
  life: Life | undefined;
}

export function createDatabase(medium: Medium, gaps: boolean): Database {
  const listeners: ((commit: Commit, life: Life) => void)[] = [];
  const current: Current = { life: undefined };
  const tell = (commit: Commit): void => {
    for (const listener of listeners) listener(commit, current.life!);
  };
  const database: Database = {
    tables: emptyTables(),
    away: false,
    powerFails() {},
    append: (entry, claim) => append(database, nextSequence, entry, claim),
    verbs: undefined as never,
    client: (life) => clientOf(medium, database, current, life),
    watch: (listener) => void listeners.push(listener),
  };
  const nextSequence = (): number =>
    (database.tables.entries.at(-1)?.sequence ?? 0) + (gaps ? medium.random.between(1, 3) : 1);
  const verbs: Verbs = {
    ...evidenceVerbs(database, tell),
    ...batchVerbs(database, tell),
    ...anchorVerbs(database, tell),
    ...certificateVerbs(database, tell),
    ...fixityVerbs(database),
    ...caseVerbs(database, tell),
  };
  return Object.assign(database, { verbs });
}

function append(
  { tables }: Database,
  nextSequence: () => number,
  { id, organization, receivedMs, entry, leaf, fileDigests }: JournalEntry,
  claim: IdempotencyClaim | undefined,
): KeptEntry {
  if (tables.entries.some((one) => one.id === id)) throw new Error(`the id ${id} is taken`);
  const kept = {
    ...{ sequence: nextSequence(), id, organization, receivedMs },
    ...{ entry, leaf: Uint8Array.from(leaf), fileDigests, claim },
  };
  tables.entries.push(kept);
  return kept;
}

const READS: readonly (keyof SimulatedStore)[] = [
  ...(['evidence', 'listEvidence', 'pending', 'pendingLeaves', 'batch', 'lastBatch', 'placeOf'] as const),
  ...(['logs', 'openAnchors', 'anchorsOfLog', 'attempts', 'anchorsOfBatch', 'historyOfBatch'] as const),
  ...(['certificate', 'unlistedEntries', 'filesToCheck', 'fixityOf', 'fixityTotals'] as const),
  ...CASE_READS,
];

function clientOf(medium: Medium, database: Database, current: Current, life: Life): SimulatedStore {
  const away = () => (database.away ? new StoreUnavailable('the database is away') : undefined);
  const verb =
    (name: keyof SimulatedStore) =>
    (...args: never[]): Promise<unknown> =>
      callOver(medium, {
        life,
        what: `store.${name}`,
        reads: READS.includes(name),
        away,
        failure: (why) => new StoreUnavailable(why),
        told: summaryOf,
        run: () => {
          current.life = life;
          return (database.verbs[name] as (...args: never[]) => unknown)(...args);
        },
      });
  const names = Object.keys(database.verbs) as (keyof SimulatedStore)[];
  const client = Object.fromEntries(names.map((name) => [name, verb(name)])) as unknown as SimulatedStore;
  return {
    ...client,
    // The port: all of them are taken before the call returns.
    depositMany: (organization, entries, claim) => client.depositMany(organization, [...entries], claim),
  };
}

/** Enough to follow what happened, and the same in each run of a seed. */
function summaryOf(result: unknown): string {
  if (result === undefined || result === null) return 'nothing';
  if (Array.isArray(result)) return `${result.length} rows`;
  if (typeof result !== 'object') return String(result);
  const { outcome, number, state, count, index, root, revision, serial } = result as Record<string, unknown>;
  const told = {
    outcome,
    number,
    state,
    count,
    index,
    root: String(root ?? '').slice(0, 8),
    revision,
    serial,
  };
  return Object.entries(told)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name} ${value}`)
    .join(' ');
}

function evidenceVerbs(database: Database, tell: (commit: Commit) => void): Sync<EvidenceStore> {
  const counts = (thenMs: number, nowMs: number) => Math.abs(nowMs - thenMs) < DAY_MS;

  const single = (organization: string, key: string, nowMs: number): KeptEntry | undefined =>
    database.tables.entries.findLast(
      (one) => one.claim?.key === key && one.organization === organization && counts(one.receivedMs, nowMs),
    );
  const bulk = (organization: string, key: string, nowMs: number): KeptBulk | undefined =>
    database.tables.bulks.findLast(
      (one) => one.claim.key === key && one.organization === organization && counts(one.claim.nowMs, nowMs),
    );

  return {
    deposit(entry, claim): DepositOutcome {
      if (claim !== undefined) {
        const { organization, receivedMs } = entry;
        if (bulk(organization, claim.key, receivedMs)) return { outcome: 'key-reused' };
        const stored = single(organization, claim.key, receivedMs);
        if (stored !== undefined)
          return stored.claim!.fingerprint === claim.fingerprint
            ? { outcome: 'replayed', stored }
            : { outcome: 'key-reused' };
      }
      const kept = database.append(entry, claim);
      tell({ what: 'deposit', entries: [kept] });
      return { outcome: 'stored', sequence: kept.sequence };
    },
    depositMany(organization, given, claim): BulkOutcome {
      const { tables } = database;
      const entries = [...given];
      if (claim !== undefined) {
        const earlier = bulk(organization, claim.key, claim.nowMs);
        if (earlier !== undefined)
          return earlier.claim.fingerprint === claim.fingerprint
            ? { outcome: 'replayed', entries: earlier.entries, note: earlier.claim.note }
            : { outcome: 'key-reused' };
        if (single(organization, claim.key, claim.nowMs)) return { outcome: 'key-reused' };
      }
      if (entries.some(({ id }) => tables.entries.some((one) => one.id === id)))
        throw new Error('an id is taken');
      const kept = entries.map((entry) => database.append(entry, undefined));
      if (claim !== undefined) tables.bulks.push({ organization, claim, entries: kept });
      tell({ what: 'deposit', entries: kept });
      return { outcome: 'stored' };
    },
    evidence: (organization, id) =>
      database.tables.entries.find((one) => one.id === id && one.organization === organization),
    listEvidence(organization, _filter, { limit }) {
      const own = database.tables.entries.filter((one) => one.organization === organization);
      const items = own.slice(-limit).reverse();
      return {
        items: items.map((one) => ({ ...one, state: stateOf(database.tables, one.sequence) })),
        next: undefined,
      };
    },
  };
}

export const batchOf = ({ batches }: Tables, sequence: number): Batch | undefined =>
  batches.find((batch) => batch.firstSequence <= sequence && sequence <= batch.lastSequence);

function stateOf(tables: Tables, sequence: number): EntryState {
  const batch = batchOf(tables, sequence);
  if (batch === undefined) return 'received';
  const states = tables.anchors.filter((anchor) => anchor.batch === batch.number).map(({ state }) => state);
  return states.includes('final') ? 'anchored' : states.includes('mined') ? 'anchoring' : 'batched';
}

export const waiting = ({ entries, batches }: Tables): readonly KeptEntry[] => {
  const sealed = batches.at(-1)?.lastSequence ?? 0;
  return entries.filter(({ sequence }) => sequence > sealed);
};

function batchVerbs(database: Database, tell: (commit: Commit) => void): Sync<BatchStore> {
  return {
    pending() {
      const entries = waiting(database.tables);
      return { count: entries.length, oldestMs: entries[0]?.receivedMs };
    },
    pendingLeaves(limit) {
      const entries = waiting(database.tables).slice(0, limit);
      const last = database.tables.entries.at(-1)?.sequence ?? 0;
      return {
        firstSequence: entries[0]?.sequence ?? last + 1,
        leaves: Uint8Array.from(Buffer.concat(entries.map(({ leaf }) => leaf))),
      };
    },
    seal({ firstSequence, size, root, nowMs }) {
      const entries = waiting(database.tables);
      const first = entries[0];
      if (first?.sequence !== firstSequence)
        throw new Error(`entry ${firstSequence} is not the first waiting one, ${first?.sequence} is`);
      if (size < 1 || size > entries.length)
        throw new Error(`a batch of ${size} where ${entries.length} wait`);
      const batch: Batch = {
        ...{ number: database.tables.batches.length + 1, firstSequence, root, size, sealedMs: nowMs },
        ...{ lastSequence: entries[size - 1]!.sequence, oldestMs: first.receivedMs },
      };
      database.tables.batches.push(batch);
      tell({ what: 'seal', batch });
      return batch;
    },
    batch: (number) => database.tables.batches[number - 1],
    lastBatch: () => database.tables.batches.at(-1),
    placeOf(sequence) {
      const batch = batchOf(database.tables, sequence);
      if (batch === undefined) return undefined;
      const from = database.tables.entries.findIndex((one) => one.sequence === batch.firstSequence);
      const at = database.tables.entries.findIndex((one) => one.sequence === sequence);
      return { batch, index: at - from };
    },
  };
}

function certificateVerbs(database: Database, tell: (commit: Commit) => void): Sync<CertificateStore> {
  const of = (sequence: number): StoredCertificate[] =>
    database.tables.certificates.filter((one) => one.sequence === sequence);
  return {
    certificate: (sequence) =>
      of(sequence)
        .toSorted((a, b) => a.revision - b.revision)
        .at(-1),
    certificateSerial(sequence, year) {
      const { serials } = database.tables;
      const given = serials.get(sequence);
      if (given !== undefined) return given;
      const used = [...serials.values()].filter((one) => one.year === year).map(({ serial }) => serial);
      const made = { year, serial: Math.max(0, ...used) + 1 };
      serials.set(sequence, made);
      return made;
    },
    keepCertificate(certificate) {
      const kept = of(certificate.sequence).find(({ revision }) => revision === certificate.revision);
      if (kept !== undefined) return kept;
      database.tables.certificates.push(certificate);
      tell({ what: 'certificate', certificate });
      return certificate;
    },
  };
}
