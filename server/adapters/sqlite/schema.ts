import type { Generated } from 'kysely';

/** The tables as the newest migration leaves them. Columns that end in _ms are Unix milliseconds. */
export interface Schema {
  organizations: {
    id: Uint8Array;
    name: string;
    role: string;
    uscc: string | null;
    created_ms: number;
  };
  api_keys: {
    id: string;
    organization: Uint8Array;
    label: string;
    secret_hash: string;
    /** JSON array */
    scopes: string;
    created_ms: number;
    expires_ms: number | null;
    revoked_ms: number | null;
  };
  entries: EntryRow;
  bulk_calls: BulkCallRow;
  lookup: { kind: number; bucket: number; hash: number; sequence: number };
  /** one row: every entry up to this sequence has its rows in `lookup` */
  lookup_state: { merged_through: number };
  batches: BatchRow;
  logs: {
    id: Generated<number>;
    chain_id: number;
    genesis_hash: string;
    contract: string;
    operator: string;
  };
  anchors: {
    id: Generated<number>;
    batch: number;
    log: number;
    log_index: number;
    state: string;
    transaction_hash: string | null;
    block_number: number | null;
    block_hash: string | null;
    block_time: number | null;
    confirmations: number;
    required: number;
    final_ms: number | null;
    /** JSON */
    proof: string | null;
  };
  attempts: {
    id: Generated<number>;
    anchor: number;
    transaction_hash: string;
    raw: string;
    nonce: number;
    max_fee_per_gas: string;
    max_priority_fee_per_gas: string;
    signed_ms: number;
  };
  anchor_events: { id: Generated<number>; anchor: number; at_ms: number; event: string; detail: string };
  certificates: {
    sequence: number;
    revision: number;
    issued_ms: number;
    /** JSON array */
    anchor_keys: string;
    bytes: Uint8Array;
  };
  serials: { sequence: number; year: number; serial: number };
  fixity: {
    sha256: Uint8Array;
    sm3: Uint8Array;
    size: number;
    /** a FixityResult, or `unchecked` */
    result: string;
    /** of the last check, or when the file came */
    since_ms: number;
    /** JSON */
    found: string | null;
  };
  /** one row: every entry up to this sequence has its files in `fixity` */
  fixity_state: { listed_through: number };
}

export interface EntryRow {
  sequence: number;
  organization: Uint8Array;
  id: Uint8Array;
  received_ms: number;
  leaf: Uint8Array;
  entry: string;
  /** SHA-256 of each file, one after the other: what `lookup` is made from */
  digests: Uint8Array;
  idempotency_key: string | null;
  fingerprint: Uint8Array | null;
}

export interface BulkCallRow {
  organization: Uint8Array;
  key: string;
  fingerprint: Uint8Array;
  note: string;
  first_sequence: number;
  count: number;
  created_ms: number;
}

export interface BatchRow {
  number: number;
  first_sequence: number;
  last_sequence: number;
  root: string;
  sealed_ms: number;
  oldest_ms: number;
  /** place in PROGRESS: how far the best of its anchors is; kept with them in one transaction */
  progress: number;
}

/** States of an entry by `progress` of its batch; 0 while it has none. */
export const PROGRESS = ['received', 'batched', 'anchoring', 'anchored'] as const;
