import { hash } from 'node:crypto';
import type { EthereumHeaderAnchor, LogIdentity, SignedAppend } from '../../ports/chain.ts';
import type {
  Anchor,
  AnchorState,
  ApiKey,
  AskedAuthority,
  Batch,
  BatchToken,
  NewBatchToken,
} from '../../ports/store.ts';

/*
 * What SQLite and PostgreSQL store alike, and what it means. Columns that end in _ms are Unix milliseconds.
 */

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

const PUBLIC_KEY = 'spki:';

/** The column `secret_hash`: of a key that signs requests its public half, behind a word that no hash begins with. */
export const credentialColumn = ({
  secretHash,
  publicKey,
}: Pick<ApiKey, 'secretHash' | 'publicKey'>): string =>
  publicKey === undefined ? secretHash : `${PUBLIC_KEY}${publicKey}`;

export const credentialOf = (column: string): Pick<ApiKey, 'secretHash' | 'publicKey'> =>
  column.startsWith(PUBLIC_KEY)
    ? { secretHash: '', publicKey: column.slice(PUBLIC_KEY.length) }
    : { secretHash: column };

export const batchOf = (row: BatchRow): Batch => ({
  number: row.number,
  firstSequence: row.first_sequence,
  lastSequence: row.last_sequence,
  root: row.root,
  size: row.last_sequence - row.first_sequence + 1,
  sealedMs: row.sealed_ms,
  oldestMs: row.oldest_ms,
});

export interface LogRow {
  chain_id: number;
  genesis_hash: string;
  contract: string;
  operator: string;
}

/** An anchor's columns but `id`, which the database gives, and `proof`, which each keeps in its own way. */
export interface AnchorColumns<State extends string = string> {
  batch: number;
  log: number;
  log_index: number;
  state: State;
  transaction_hash: string | null;
  block_number: number | null;
  block_hash: string | null;
  block_time: number | null;
  confirmations: number;
  required: number;
  final_ms: number | null;
}

export interface AttemptColumns {
  anchor: number;
  transaction_hash: string;
  raw: string;
  nonce: number;
  max_fee_per_gas: string;
  max_priority_fee_per_gas: string;
  signed_ms: number;
}

/** Entries of a bulk call are one run of its organization's. Others are damage, and nobody is to be told of them. */
export function requireWhole(entries: readonly unknown[], count: number): void {
  if (entries.length !== count) throw new Error(`a bulk call of ${count} entries has ${entries.length} left`);
}

/** An anchor joined with its batch and its log. */
type JoinedAnchor = { id: number } & AnchorColumns &
  LogRow &
  Pick<BatchRow, 'root' | 'first_sequence' | 'last_sequence'>;

export const logRow = (log: LogIdentity): LogRow => ({
  chain_id: log.chainId,
  genesis_hash: log.genesisHash,
  contract: log.contract,
  operator: log.operator,
});

export const logOf = (row: LogRow): LogIdentity => ({
  chainId: row.chain_id,
  genesisHash: row.genesis_hash,
  contract: row.contract,
  operator: row.operator,
});

export const anchorOf = (row: JoinedAnchor, proof: EthereumHeaderAnchor | null): Anchor => ({
  id: row.id,
  batch: row.batch,
  log: logOf(row),
  index: row.log_index,
  root: row.root,
  size: row.last_sequence - row.first_sequence + 1,
  state: row.state as AnchorState,
  transactionHash: row.transaction_hash ?? undefined,
  blockNumber: row.block_number ?? undefined,
  blockHash: row.block_hash ?? undefined,
  blockTime: row.block_time ?? undefined,
  confirmations: row.confirmations,
  required: row.required,
  finalMs: row.final_ms ?? undefined,
  proof: proof ?? undefined,
});

export const attemptRow = (anchor: number, attempt: SignedAppend, nowMs: number): AttemptColumns => ({
  anchor,
  transaction_hash: attempt.transactionHash,
  raw: attempt.raw,
  nonce: attempt.nonce,
  max_fee_per_gas: attempt.maxFeePerGas,
  max_priority_fee_per_gas: attempt.maxPriorityFeePerGas,
  signed_ms: nowMs,
});

export const attemptOf = (row: AttemptColumns): SignedAppend & { readonly signedMs: number } => ({
  transactionHash: row.transaction_hash,
  raw: row.raw,
  nonce: row.nonce,
  maxFeePerGas: row.max_fee_per_gas,
  maxPriorityFeePerGas: row.max_priority_fee_per_gas,
  signedMs: row.signed_ms,
});

export interface AuthorityRow {
  url: string;
  next_batch: number;
}

export const askedOf = ({ url, next_batch: nextBatch }: AuthorityRow): AskedAuthority => ({ url, nextBatch });

/** A token's columns but those that each keeps in its own way. */
export interface BatchTokenColumns {
  sequence: number;
  batch: number;
  url: string;
  label: string;
  chain_id: number;
  contract: string;
  operator: string;
  log_index: number;
  received_ms: number;
}

export const batchTokenOf = (
  row: BatchTokenColumns & { readonly token: Uint8Array },
  evidence: readonly string[],
): BatchToken => ({
  batch: row.batch,
  url: row.url,
  label: row.label,
  log: { chainId: row.chain_id, contract: row.contract, operator: row.operator, index: row.log_index },
  token: new Uint8Array(row.token),
  receivedMs: row.received_ms,
  evidence,
  sequence: row.sequence,
});

export interface NamedEvidence {
  readonly id: string;
  readonly kind: string;
  readonly value: Uint8Array;
}

/** Under the SHA-256 of its bytes. */
export const namedEvidence = ({ evidence }: Pick<NewBatchToken, 'evidence'>): readonly NamedEvidence[] =>
  evidence.map(({ kind, value }) => ({ id: hash('sha256', value, 'hex'), kind, value }));

/** What a row of a token names and is not there is damage. */
export function requireEvidence<T>(found: T | undefined, id: string): T {
  if (found === undefined) throw new Error(`what came with a token is missing: ${id}`);
  return found;
}
