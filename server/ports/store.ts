import type { CaseStore } from './cases.ts';
import type { EthereumHeaderAnchor, LogIdentity, SignedAppend } from './chain.ts';
import type { IdempotencyClaim, JournalEntry } from './entry.ts';
import type { IdentityStore } from './identity.ts';
import type { PeopleStore } from './people.ts';
import type { WebhookStore } from './webhooks.ts';

export type { IdempotencyClaim, JournalEntry } from './entry.ts';
export * from './identity.ts';

/**
 * Everything that must survive. The adapters are SQLite and PostgreSQL: nothing here may need one of them.
 * Every promise resolves only when the change is durable (fsynced); what is refused leaves nothing behind.
 * Ids are 16-byte UUIDv7 as lower-case text with hyphens; digests are lower-case hex; times are Unix milliseconds.
 */
export interface Store
  extends EvidenceStore,
    BatchStore,
    AnchorStore,
    CertificateStore,
    IdentityStore,
    FixityStore,
    StampStore,
    BatchTokenStore,
    CaseStore,
    PeopleStore,
    WebhookStore {
  /** Resolves where a deposit could be taken now; rejects with StoreUnavailable where not. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

/** The store cannot keep a promise now: disk full, database locked or away. Answered with 503 and Retry-After. */
export class StoreUnavailable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreUnavailable';
  }
}

/** More waits to be stored than can be stored soon: refused at once, before anything was done. */
export class StoreOverloaded extends StoreUnavailable {
  constructor(message: string) {
    super(message);
    this.name = 'StoreOverloaded';
  }
}

// ---------------------------------------------------------------- evidence

export interface StoredEntry {
  /** place in the journal, counted from 1 without gaps, in the order of COMMITs */
  readonly sequence: number;
  readonly id: string;
  readonly organization: string;
  readonly receivedMs: number;
  readonly entry: string;
  readonly leaf: Uint8Array;
}

export type DepositOutcome =
  | { readonly outcome: 'stored'; readonly sequence: number }
  /** The same key and the same request within 24 hours: this is what it made then. */
  | { readonly outcome: 'replayed'; readonly stored: StoredEntry }
  /** The same key and another request. */
  | { readonly outcome: 'key-reused' };

/** What a bulk call left: per line either the entry it made or the problem it got (opaque JSON of the caller). */
export type BulkOutcome =
  | { readonly outcome: 'stored' }
  | {
      readonly outcome: 'replayed';
      readonly entries: readonly { id: string; leaf: Uint8Array }[];
      readonly note: string;
    }
  | { readonly outcome: 'key-reused' };

export interface EvidenceFilter {
  readonly state?: EntryState;
  /** by the time in the id, inclusive from, exclusive to */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** SHA-256 of a file, hex */
  readonly sha256?: string;
  /** substring of the entry's text, as given */
  readonly text?: string;
}

export interface EvidencePage {
  /** newest first; may be short or even empty where the scan was cut by its bound */
  readonly items: readonly (StoredEntry & { readonly state: EntryState })[];
  /** id to go on from (exclusive), or undefined at the end */
  readonly next: string | undefined;
}

/** received → batched (sealed in a tree) → anchoring (its transaction is mined, not final) → anchored (final). */
export type EntryState = 'received' | 'batched' | 'anchoring' | 'anchored';

export interface EvidenceStore {
  /** Calls that come together share one commit, in order. */
  deposit(entry: JournalEntry, claim?: IdempotencyClaim): Promise<DepositOutcome>;
  /**
   * All entries in one transaction, in order. Each is taken before the next is asked for, all of them before the call
   * returns. `note` is kept beside the claim and comes back when it is replayed.
   */
  depositMany(
    organization: string,
    entries: Iterable<JournalEntry>,
    claim?: IdempotencyClaim & { readonly note: string; readonly nowMs: number },
  ): Promise<BulkOutcome>;
  /** Undefined where there is none, or where it belongs to another organization. */
  evidence(organization: string, id: string): Promise<StoredEntry | undefined>;
  listEvidence(
    organization: string,
    filter: EvidenceFilter,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<EvidencePage>;
}

// ---------------------------------------------------------------- batches

export interface Batch {
  /** the service's own, from 1 without gaps */
  readonly number: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** hex */
  readonly root: string;
  readonly size: number;
  readonly sealedMs: number;
  /** receivedMs of the oldest entry in it */
  readonly oldestMs: number;
}

export interface BatchStore {
  /** How many durable entries wait for a batch, and since when; oldestMs is undefined where none waits. */
  pending(): Promise<{ readonly count: number; readonly oldestMs: number | undefined }>;
  /** Leaves (32 bytes each, one after the other) of the oldest waiting entries, at most `limit`, in journal order. */
  pendingLeaves(limit: number): Promise<{ readonly firstSequence: number; readonly leaves: Uint8Array }>;
  /**
   * Makes the oldest `size` waiting entries the next batch: constant work, and exactly once. The tree with this root
   * must be kept (durably) before. Throws where firstSequence is not the first waiting one any more.
   */
  seal(batch: { firstSequence: number; size: number; root: string; nowMs: number }): Promise<Batch>;
  batch(number: number): Promise<Batch | undefined>;
  lastBatch(): Promise<Batch | undefined>;
  /** The batch of an entry and its index in it, or undefined while it waits. */
  placeOf(sequence: number): Promise<{ readonly batch: Batch; readonly index: number } | undefined>;
}

// ---------------------------------------------------------------- anchors

export type AnchorState = 'planned' | 'mined' | 'final';

/** One batch at one index of one log. */
export interface Anchor {
  readonly id: number;
  readonly batch: number;
  readonly log: LogIdentity;
  readonly index: number;
  readonly root: string;
  readonly size: number;
  readonly state: AnchorState;
  /** where it was mined, as last seen; undefined while planned */
  readonly transactionHash: string | undefined;
  readonly blockNumber: number | undefined;
  readonly blockHash: string | undefined;
  /** Unix seconds, from the header */
  readonly blockTime: number | undefined;
  readonly confirmations: number;
  readonly required: number;
  readonly finalMs: number | undefined;
  /** kept when final */
  readonly proof: EthereumHeaderAnchor | undefined;
}

/** The readable history of an anchor; never deleted. `detail` holds plain values only. */
export interface AnchorEvent {
  readonly atMs: number;
  readonly event: 'planned' | 'sent' | 'replaced' | 'mined' | 'reorganised' | 'final' | 'foreign-root';
  readonly detail: Readonly<Record<string, string | number>>;
}

export interface AnchorStore {
  /** Every log that an anchor was ever planned in, oldest first. */
  logs(): Promise<readonly LogIdentity[]>;
  /** Anchors of this log that are not final, by index. */
  openAnchors(log: LogIdentity): Promise<readonly Anchor[]>;
  /** All anchors of this log with index from `from`, by index: for the rolling hash and for looking back after a reorganisation. */
  anchorsOfLog(log: LogIdentity, from: number, limit: number): Promise<readonly Anchor[]>;
  /** Gives the oldest batch that has no anchor in this log the log's next index; undefined where there is none. Durable. */
  planAnchor(log: LogIdentity, nowMs: number): Promise<Anchor | undefined>;
  /** Every signed transaction for this anchor, oldest first. */
  attempts(anchorId: number): Promise<readonly (SignedAppend & { readonly signedMs: number })[]>;
  /** Must be durable before the transaction is handed to any node: after a crash the same bytes are sent again. */
  recordAttempt(anchorId: number, attempt: SignedAppend, nowMs: number): Promise<void>;
  recordMined(
    anchorId: number,
    at: { transactionHash: string; blockNumber: number; blockHash: string; blockTime: number },
    nowMs: number,
  ): Promise<void>;
  recordConfirmations(anchorId: number, confirmations: number, required: number): Promise<void>;
  /**
   * Back to planned, with the reason in the history: the block `detail.blockHash` is no longer on the chain. Changes
   * nothing where the anchor is not in that block any more: who used to lead may write late.
   */
  recordReorganised(
    anchorId: number,
    detail: AnchorEvent['detail'] & { readonly blockHash: string },
    nowMs: number,
  ): Promise<void>;
  /** Final in this block, which the proof leads to. Changes nothing where it is not mined in that block, as above. */
  recordFinal(anchorId: number, blockHash: string, proof: EthereumHeaderAnchor, nowMs: number): Promise<void>;
  recordEvent(anchorId: number, event: AnchorEvent): Promise<void>;
  /** Of one batch, in the order in which logs were joined. */
  anchorsOfBatch(batch: number): Promise<readonly Anchor[]>;
  historyOfBatch(batch: number): Promise<readonly (AnchorEvent & { readonly anchorId: number })[]>;
}

// ---------------------------------------------------------------- certificates

export interface StoredCertificate {
  readonly sequence: number;
  readonly revision: number;
  readonly issuedMs: number;
  /** which anchors and tokens it carries (chain id and block hash, digest): other ones are a reason for a new revision */
  readonly anchorKeys: readonly string[];
  /** its exact bytes */
  readonly bytes: Uint8Array;
}

export interface CertificateStore {
  /** The newest revision. */
  certificate(sequence: number): Promise<StoredCertificate | undefined>;
  /** The running number of this entry's certificate within `year`: given once, the same ever after. */
  certificateSerial(
    sequence: number,
    year: number,
  ): Promise<{ readonly year: number; readonly serial: number }>;
  /** Keeps it; where this revision of this entry is there already, that one is returned and the new one dropped. */
  keepCertificate(certificate: StoredCertificate): Promise<StoredCertificate>;
}

// ---------------------------------------------------------------- fixity

/** What a stored file is, as the entry says that named it. */
export interface StoredFile {
  /** hex; the name of its blob */
  readonly sha256: string;
  readonly sm3: string;
  readonly size: number;
}

/** Of the last check; a file that could not be read has none. */
export type FixityResult = 'ok' | 'missing' | 'damaged';

export interface FixityCheck {
  readonly sha256: string;
  readonly checkedMs: number;
  readonly result: FixityResult;
  /** of a damaged one: what its bytes are now */
  readonly found: StoredFile | undefined;
}

/**
 * One row a stored file, made when the journal is walked and not when a deposit is taken: `unlistedEntries` and
 * `listFiles` follow the batches, `filesToCheck` and `recordFixity` go round and round over what is listed.
 */
export interface FixityStore {
  /**
   * Looks at the oldest entries in batches (at most `limit`) whose files are not listed yet, in journal order; the
   * answer has those whose text holds `text`. `through` goes to `listFiles`; undefined where there are no such entries.
   */
  unlistedEntries(
    limit: number,
    text: string,
  ): Promise<{ readonly entries: readonly StoredEntry[]; readonly through: number | undefined }>;
  /**
   * Lists files as never checked, and everything up to `through` as looked at: both, in one transaction. A file that is
   * listed already stays as it is, and `through` never goes back.
   */
  listFiles(files: readonly (StoredFile & { readonly receivedMs: number })[], through: number): Promise<void>;
  /**
   * Files whose last check had this result and is older than `beforeMs`, oldest first. `unchecked`: never checked and
   * received before `beforeMs`.
   */
  filesToCheck(
    last: FixityResult | 'unchecked',
    beforeMs: number,
    limit: number,
  ): Promise<readonly StoredFile[]>;
  /** Takes the place of what was recorded of these files before; of a file that is not listed nothing is kept. */
  recordFixity(checks: readonly FixityCheck[]): Promise<void>;
  /** The last check of each file, in the order of the digests; undefined where there was none. */
  fixityOf(sha256s: readonly string[]): Promise<readonly (FixityCheck | undefined)[]>;
  /** How many files were missing or damaged when they were checked last. */
  fixityTotals(): Promise<{ readonly missing: number; readonly damaged: number }>;
}

// ---------------------------------------------------------------- stamps

/**
 * The operator's own time-stamp token over one deposit, or over all entries of one bulk call: written with them, in the
 * same transaction. Entries from before there were such tokens have none.
 */
export interface Stamp {
  readonly firstSequence: number;
  /** 1: the token is over the SHA-256 of the entry; more: over the root (RFC 6962) of the leaves from the first one on */
  readonly count: number;
  /** DER, without certificates; undefined while it waits for a clock that can be trusted */
  readonly token: Uint8Array | undefined;
}

/** A stamp that waits, with what it will be over. */
export interface WaitingStamp {
  readonly firstSequence: number;
  readonly count: number;
  /** of the first entry, as text */
  readonly entry: string;
  /** 32 bytes for each entry, in their order */
  readonly leaves: Uint8Array;
}

export interface StampStore {
  stampOf(sequence: number): Promise<Stamp | undefined>;
  /** Those without a token, oldest first. */
  waitingStamps(limit: number): Promise<readonly WaitingStamp[]>;
  /** Gives a stamp that waits its token; changes nothing where it has one. */
  recordStamp(firstSequence: number, token: Uint8Array): Promise<void>;
  /** Leaves of entries that follow each other, 32 bytes each. */
  leavesFrom(firstSequence: number, count: number): Promise<Uint8Array>;
  /** Certificates (DER) of a key that signs tokens, the signer's first; `id` is the SHA-256 of that one, hex. */
  keepSigner(id: string, chain: readonly Uint8Array[]): Promise<void>;
  signers(): Promise<readonly { readonly id: string; readonly chain: readonly Uint8Array[] }[]>;
  /**
   * Writes down that times through this one may be given; afterwards no process gives an earlier one again. The answer
   * is what was written down before or this, whichever is later.
   */
  reserveTime(throughMs: number): Promise<number>;
}

// ---------------------------------------------------------------- tokens of outside authorities

/** Where the document under a token says that the batch stands: chain, contract and operator as `0x…`, index. */
export interface TokenPlace extends Pick<LogIdentity, 'chainId' | 'contract' | 'operator'> {
  readonly index: number;
}

/** What came with a token; stored once, however many tokens it came with. */
export interface TokenEvidence {
  readonly kind: 'certificate' | 'crl' | 'ocsp';
  /** DER */
  readonly value: Uint8Array;
}

interface BatchTokenParts {
  readonly batch: number;
  /** who gave it: the address that was asked, and the label of whoever runs that */
  readonly url: string;
  readonly label: string;
  readonly log: TokenPlace;
  /** DER of the TimeStampToken */
  readonly token: Uint8Array;
  readonly receivedMs: number;
}

export interface NewBatchToken extends BatchTokenParts {
  /** certificates from the signer's to a root, then what their issuers said of them */
  readonly evidence: readonly TokenEvidence[];
}

export interface BatchToken extends BatchTokenParts {
  /** for `tokenEvidence`, in that order: SHA-256 of each, hex */
  readonly evidence: readonly string[];
  /** of the entry that holds its digest */
  readonly sequence: number;
}

/** How far an address has come: every earlier batch from the first one on has its token, or needs none. */
export interface AskedAuthority {
  readonly url: string;
  readonly nextBatch: number;
}

export interface BatchTokenStore {
  /**
   * These and no others are asked from now on. One that was not asked before begins with the batch that is sealed next:
   * no batch is stamped late.
   */
  joinAuthorities(urls: readonly string[]): Promise<readonly AskedAuthority[]>;
  askedAuthorities(): Promise<readonly AskedAuthority[]>;
  /** Whether entries of others than this organization stand in the batch. */
  holdsOthers(batch: Batch, organization: string): Promise<boolean>;
  /** This batch gets no token from there. Changes nothing where another batch is next. */
  passBatch(url: string, batch: number): Promise<void>;
  /**
   * The token, what came with it, and the entry that holds its digest: all, in one transaction. False where this batch
   * has a token from there; then nothing is kept.
   */
  keepBatchToken(token: NewBatchToken, entry: JournalEntry): Promise<boolean>;
  /** In the order in which they were kept. */
  batchTokens(batch: number): Promise<readonly BatchToken[]>;
  /** In the order of the digests; throws where one is missing. */
  tokenEvidence(digests: readonly string[]): Promise<readonly TokenEvidence[]>;
}
