import type { Readable } from 'node:stream';
import type { BlobRoom } from './blobs.ts';

/*
 * What `fsck` reads: rows and files as they stand, by queries that no writer uses. Nothing here joins, defaults or
 * trusts: a row comes as its columns say, also where they contradict each other. Ids are hex with hyphens where they
 * have 16 bytes; digests and leaves are bytes.
 */

export interface Inspector {
  /** One moment of the whole store, until it is ended; what is written meanwhile is not in it. */
  begin(): Promise<Snapshot>;
  /** What the engine itself finds wrong with its files; empty where nothing is, or where it has no such check. */
  flaws(thorough: boolean): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** The store, or a table of it, cannot be read at all. `damaged`: its file is broken; else it is away or another version. */
export class InspectionFailed extends Error {
  readonly damaged: boolean;
  constructor(message: string, damaged: boolean, cause?: unknown) {
    super(message, { cause });
    this.name = 'InspectionFailed';
    this.damaged = damaged;
  }
}

/** Rows come in the order of their key, a bounded number at a time. */
export interface Snapshot {
  /** Whether sequences count the journal without gaps; where not, they only increase. */
  readonly gapless: boolean;
  organizations(): AsyncIterable<{ readonly id: string }>;
  keys(): AsyncIterable<{ readonly id: string; readonly organization: string }>;
  /** By sequence, from `first` to `last`, both included. */
  entries(first: number, last: number): AsyncIterable<RawEntry>;
  batches(): AsyncIterable<RawBatch>;
  bulkCalls(): AsyncIterable<RawBulkCall>;
  logs(): Promise<readonly RawLog[]>;
  /** By log and index. */
  anchors(): AsyncIterable<RawAnchor>;
  anchorsById(): AsyncIterable<RawAnchor>;
  anchorsOfBatch(batch: number): Promise<readonly RawAnchor[]>;
  /** By anchor, and then as they were written: as `anchorsById` goes. */
  attempts(): AsyncIterable<RawAttempt>;
  events(): AsyncIterable<RawEvent>;
  /** By sequence and revision. */
  certificates(): AsyncIterable<RawCertificate>;
  /** Whether there is a certificate of this entry, in any revision. */
  isCertified(sequence: number): Promise<boolean>;
  /** By year and serial. */
  serials(): AsyncIterable<RawSerial>;
  serialOf(sequence: number): Promise<RawSerial | undefined>;
  fixity(): AsyncIterable<RawFixity>;
  /** By first sequence. */
  stamps(): AsyncIterable<RawStamp>;
  signers(): Promise<readonly { readonly id: string; readonly chain: readonly Uint8Array[] }[]>;
  stampState(): Promise<RawStampState | undefined>;
  /** By batch and address. */
  batchTokens(): AsyncIterable<RawBatchToken>;
  /** Whether a token names this entry as the one that holds its digest. */
  isOfToken(sequence: number): Promise<boolean>;
  tokenEvidence(id: string): Promise<RawTokenEvidence | undefined>;
  /** How far each address that is asked has come. */
  askedAuthorities(): Promise<readonly { readonly url: string; readonly nextBatch: number }[]>;
  /** By id. */
  cases(): AsyncIterable<RawCase>;
  /** By case and place. */
  caseEvents(): AsyncIterable<RawCaseEvent>;
  /** Whether an event of a case names this entry. */
  isOfCase(sequence: number): Promise<boolean>;
  /** Of one organization, by id. */
  entriesOf(organization: string): AsyncIterable<RawEntry>;
  /** Keys that stand more than once where once is the rule. */
  repeats(): AsyncIterable<Repeat>;
  /**
   * Where the look-up index and the journal differ. What such an index looks like is the adapter's own affair, so it is
   * the adapter that compares; `nowMs` says which idempotency keys still count.
   */
  lookupFlaws(nowMs: number): AsyncIterable<LookupFlaw>;
  end(): Promise<void>;
}

export interface RawEntry {
  readonly sequence: number;
  readonly id: string;
  readonly organization: string;
  readonly receivedMs: number;
  readonly leaf: Uint8Array;
  /** the entry's exact bytes */
  readonly bytes: Uint8Array;
  /** one after the other; undefined where the store has no such column */
  readonly digests: Uint8Array | undefined;
  readonly idempotencyKey: string | undefined;
  readonly fingerprint: Uint8Array | undefined;
}

/** A bulk call that is remembered, so that the same call again gets the same answer. */
export interface RawBulkCall {
  readonly organization: string;
  readonly key: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly createdMs: number;
}

export interface RawBatch {
  readonly number: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly size: number;
  readonly root: string;
  readonly sealedMs: number;
  readonly oldestMs: number;
  /** 1 sealed, 2 an anchor is mined, 3 an anchor is final */
  readonly progress: number;
}

export interface RawLog {
  readonly id: number;
  readonly chainId: number;
  readonly genesisHash: string;
  readonly contract: string;
  readonly operator: string;
}

export interface RawAnchor {
  readonly id: number;
  readonly batch: number;
  readonly log: number;
  readonly index: number;
  readonly state: string;
  readonly transactionHash: string | undefined;
  readonly blockNumber: number | undefined;
  readonly blockHash: string | undefined;
  readonly blockTime: number | undefined;
  readonly finalMs: number | undefined;
  /** JSON */
  readonly proof: string | undefined;
}

export interface RawAttempt {
  readonly id: number;
  readonly anchor: number;
  readonly transactionHash: string;
  readonly raw: string;
  /** of its anchor, where there is one */
  readonly log: number | undefined;
  readonly index: number | undefined;
  readonly batch: number | undefined;
}

export interface RawEvent {
  readonly id: number;
  /** of its anchor; undefined where there is no such anchor */
  readonly batch: number | undefined;
  readonly anchor: number;
  readonly atMs: number;
  readonly event: string;
  /** JSON */
  readonly detail: string;
}

export interface RawCertificate {
  readonly sequence: number;
  readonly revision: number;
  readonly issuedMs: number;
  /** JSON */
  readonly anchorKeys: string;
  readonly bytes: Uint8Array;
}

export interface RawSerial {
  readonly sequence: number;
  readonly year: number;
  readonly serial: number;
}

/** The last result of hashing a stored file again, as the service recorded it. */
export interface RawFixity {
  readonly name: string;
  readonly outcome: string;
  readonly checkedMs: number;
}

/** The operator's own token over one entry, or over the root of several. */
export interface RawStamp {
  readonly firstSequence: number;
  readonly count: number;
  readonly token: Uint8Array | undefined;
}

export interface RawStampState {
  /** from this sequence on entries were deposited with stamps */
  readonly stampedFrom: number;
  /** no token was given a later time than this */
  readonly reservedMs: number;
}

/** Of an outside authority, over the place of a batch in a log. */
export interface RawBatchToken {
  readonly sequence: number;
  readonly batch: number;
  readonly url: string;
  readonly label: string;
  readonly chainId: number;
  readonly contract: string;
  readonly operator: string;
  readonly index: number;
  readonly token: Uint8Array;
  /** JSON */
  readonly evidence: string;
}

export interface RawTokenEvidence {
  readonly kind: string;
  readonly value: Uint8Array;
}

export interface RawCase {
  readonly id: string;
  readonly procedure: string;
  readonly state: string;
  readonly events: number;
  /** hex */
  readonly last: string;
}

export interface RawCaseEvent {
  readonly case: string;
  readonly index: number;
  readonly sequence: number;
  /** hex */
  readonly leaf: string;
  readonly content: string | undefined;
  /** of the entry; undefined where there is none */
  readonly bytes: Uint8Array | undefined;
}

export interface Repeat {
  readonly table: string;
  readonly key: string;
  readonly count: number;
}

export interface LookupFlaw {
  /** `surplus`: leads to an entry that has no such key or digest. `mark`: says that more is indexed than there is. */
  readonly flaw: 'missing' | 'surplus' | 'mark';
  readonly kind: 'key' | 'digest';
  readonly sequence: number;
  /** the adapter's own row, as LookupRepairs takes it */
  readonly row: LookupRow;
}

export type LookupRow = readonly (number | string)[];

/** The one repair that no verb of the store does: rows of the index that can be made again from the journal. */
export interface LookupRepairs {
  add(rows: readonly LookupRow[]): Promise<void>;
}

// ---------------------------------------------------------------- files

/** Reads what a store of files holds, and changes nothing by being opened. */
export interface BlobInspector {
  /** Everything that stands in a room; a name that no blob can have comes as it is, with its folder. */
  list(room: BlobRoom): AsyncIterable<{ readonly name: string; readonly size: number }>;
  size(room: BlobRoom, name: string): Promise<number | undefined>;
  /** Undefined where there is none. */
  stream(room: BlobRoom, name: string): Promise<Readable | undefined>;
  /** What was begun and not finished, by nobody who still works on it. */
  leftovers(): AsyncIterable<{ readonly name: string; readonly size: number }>;
  removeLeftover(name: string): Promise<void>;
}
