/*
 * A whole store as plain rows, for moving it to another engine: read from one, written to the other, and read again
 * from both to compare. A row is a list of values in the order of its table's columns; rows come by key.
 */

/** In the order in which they refer to each other. What an engine makes from these (indexes) is its own affair. */
export type MovedTable =
  /** id, name, role, uscc, created */
  | 'organizations'
  /** id, organization, label, secret hash, scopes (JSON), created, expires, revoked */
  | 'api_keys'
  /** sequence, organization, id, received, leaf, entry */
  | 'entries'
  /** sequence, digest, organization: each digest of an entry once, in their order */
  | 'file_digests'
  /** sequence, organization, key, fingerprint, created: those that may still count */
  | 'idempotency_keys'
  /** organization, key, fingerprint, note, first sequence, count, created: those that may still count */
  | 'bulk_calls'
  /** number, first and last sequence, root, sealed, oldest, progress */
  | 'batches'
  /** id, chain id, genesis hash, contract, operator */
  | 'logs'
  /** id, batch, log, index, state, transaction hash, block number, hash and time, confirmations, required, final, proof */
  | 'anchors'
  /** id, anchor, transaction hash, raw, nonce, fee, priority fee, signed */
  | 'attempts'
  /** id, anchor, time, event, detail (JSON) */
  | 'anchor_events'
  /** sequence, revision, issued, anchor keys (JSON), bytes */
  | 'certificates'
  /** sequence, year, serial */
  | 'serials'
  /** sha256, sm3, size, result, since, found (JSON) */
  | 'fixity'
  /** one row: through which sequence files are listed */
  | 'fixity_state'
  /** first sequence, count, token */
  | 'stamps'
  /** id, certificates (JSON) */
  | 'signers'
  /** one row: from which sequence on deposits are stamped, through which time tokens may have been given */
  | 'stamp_state'
  /** address, next batch */
  | 'authorities'
  /** SHA-256 (hex), kind, bytes */
  | 'token_evidence'
  /** sequence, batch, address, label, chain id, contract, operator, index, token, evidence (JSON), received */
  | 'batch_tokens'
  | MovedSharedTable;

/** Tables of people and of cases, which every engine has by the same columns. */
export type MovedSharedTable =
  | 'persons'
  | 'memberships'
  | 'invitations'
  | 'passkeys'
  | 'recovery_codes'
  | 'subjects'
  | 'account_events'
  | 'identity_numbers'
  | 'key_uses'
  | 'cases'
  | 'case_parties'
  | 'case_events'
  | 'case_serials'
  | 'deeds';

/** Ids are text with hyphens, digests and other bytes are bytes. */
export type MovedValue = string | number | null | Uint8Array;
export type MovedRow = readonly MovedValue[];

export interface StoreSource {
  readonly tables: readonly MovedTable[];
  /** Another one after anything of weight was written: what was copied before belongs to other data. */
  fingerprint(): string;
  /** From the row after this one on; keys older than `cutoffMs` are left out. */
  rows(table: MovedTable, cutoffMs: number, after?: MovedRow): Iterable<MovedRow>;
  close(): void;
}

/**
 * The target holds data of somebody, a copy that was begun from another source or from this one before it changed, or
 * one that was finished.
 */
export class MoveRefused extends Error {
  readonly reason: 'not-empty' | 'other-source' | 'finished-from-other';
  constructor(reason: MoveRefused['reason']) {
    super(reason);
    this.name = 'MoveRefused';
    this.reason = reason;
  }
}

/** What a target is before rows are copied to it; the cutoff is that of the copy. */
export type TargetState =
  | { readonly state: 'empty' }
  | { readonly state: 'begun' | 'finished'; readonly cutoffMs: number };

export interface StoreTarget {
  /** Whether this source can be copied to it, or was. Nothing is written. Throws MoveRefused. */
  look(fingerprint: string): Promise<TargetState>;
  /**
   * Makes an empty target ready, or goes on with one that was begun from the same source; the cutoff of the first time
   * holds. From here until `finish` no service starts on it. Throws MoveRefused.
   */
  begin(fingerprint: string, cutoffMs: number): Promise<{ readonly cutoffMs: number }>;
  /** The last row that is there, where the copy was interrupted. */
  last(table: MovedTable): Promise<MovedRow | undefined>;
  /** All of them, durable, or none. */
  add(table: MovedTable, rows: readonly MovedRow[]): Promise<void>;
  rows(table: MovedTable): AsyncIterable<MovedRow>;
  /** What comes next gets numbers after those that were copied; services may start. */
  finish(): Promise<void>;
  close(): Promise<void>;
}
