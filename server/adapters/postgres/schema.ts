import type { Generated, JSONColumnType } from 'kysely';
import type { EthereumHeaderAnchor } from '../../ports/chain.ts';
import type {
  AnchorEvent,
  AnchorState,
  FixityResult,
  OrganizationRole,
  StoredFile,
  TokenEvidence,
} from '../../ports/store.ts';
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
    id: string;
    name: string;
    role: OrganizationRole;
    uscc: string | null;
    created_ms: number;
  };
  api_keys: {
    id: string;
    organization: string;
    label: string;
    secret_hash: string;
    scopes: JSONColumnType<readonly string[], string, string>;
    created_ms: number;
    expires_ms: number | null;
    revoked_ms: number | null;
  };
  entries: EntryRow;
  file_digests: { organization: string; digest: Buffer; sequence: number };
  idempotency_keys: {
    organization: string;
    key: string;
    sequence: number;
    fingerprint: Buffer;
    created_ms: number;
  };
  bulk_calls: {
    organization: string;
    key: string;
    fingerprint: Buffer;
    note: string;
    first_sequence: number;
    count: number;
    created_ms: number;
  };
  batches: BatchRow;
  logs: { id: Generated<number> } & LogRow;
  anchors: { id: Generated<number> } & AnchorColumns<AnchorState> & {
      proof: JSONColumnType<EthereumHeaderAnchor, string, string> | null;
    };
  attempts: { id: Generated<number> } & AttemptColumns;
  anchor_events: {
    id: Generated<number>;
    anchor: number;
    at_ms: number;
    event: AnchorEvent['event'];
    detail: JSONColumnType<AnchorEvent['detail'], string, string>;
  };
  certificates: {
    sequence: number;
    revision: number;
    issued_ms: number;
    anchor_keys: JSONColumnType<readonly string[], string, string>;
    bytes: Buffer;
  };
  serials: { sequence: number; year: number; serial: number };
  fixity: {
    sha256: Buffer;
    sm3: Buffer;
    size: number;
    result: FixityResult | 'unchecked';
    /** of the last check, or when the file came */
    since_ms: number;
    found: JSONColumnType<StoredFile, string, string> | null;
  };
  /** one row: every entry up to this sequence has its files in `fixity` */
  fixity_state: { listed_through: number };
  stamps: { first_sequence: number; count: number; token: Buffer | null };
  /** base64 */
  signers: { id: string; chain: JSONColumnType<readonly string[], string, string> };
  /** one row */
  stamp_state: { stamped_from: number; reserved_ms: number };
  authorities: AuthorityRow;
  token_evidence: { id: string; kind: TokenEvidence['kind']; value: Buffer };
  batch_tokens: BatchTokenColumns & {
    token: Buffer;
    evidence: JSONColumnType<readonly string[], string, string>;
  };
}

export interface EntryRow {
  sequence: number;
  organization: string;
  id: string;
  received_ms: number;
  leaf: Buffer;
  entry: string;
}

export const DAY_MS = 86_400_000;
