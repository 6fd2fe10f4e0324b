import type { Generated } from 'kysely';
import type { TokenEvidence } from '../../ports/store.ts';
import type {
  AnchorColumns,
  AttemptColumns,
  AuthorityRow,
  BatchRow,
  BatchTokenColumns,
  LogRow,
} from '../relational/rows.ts';

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
  logs: { id: Generated<number> } & LogRow;
  /** `proof` is JSON */
  anchors: { id: Generated<number> } & AnchorColumns & { proof: string | null };
  attempts: { id: Generated<number> } & AttemptColumns;
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
  stamps: { first_sequence: number; count: number; token: Uint8Array | null };
  /** `chain` is a JSON array of base64 */
  signers: { id: string; chain: string };
  /** one row */
  stamp_state: { stamped_from: number; reserved_ms: number };
  authorities: AuthorityRow;
  token_evidence: { id: string; kind: TokenEvidence['kind']; value: Uint8Array };
  /** `evidence` is a JSON array */
  batch_tokens: BatchTokenColumns & { token: Uint8Array; evidence: string };
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
