import type { Kysely } from 'kysely';
import type { EthereumHeaderAnchor, LogIdentity, SignedAppend } from '../../ports/chain.ts';
import type { Anchor, AnchorEvent, AnchorState } from '../../ports/store.ts';
import type { Connection } from './connection.ts';
import type { Schema } from './schema.ts';
import { prepare } from './statements.ts';

type Attempt = SignedAppend & { readonly signedMs: number };
type EventOfBatch = AnchorEvent & { readonly anchorId: number };

interface EventRow {
  anchor: number;
  at_ms: number;
  event: string;
  detail: string;
}

/** An anchor with its batch and its log: all that the port says of it. */
export const anchorsJoined = (query: Kysely<Schema>) =>
  query
    .selectFrom('anchors')
    .innerJoin('batches', 'batches.number', 'anchors.batch')
    .innerJoin('logs', 'logs.id', 'anchors.log')
    .selectAll('anchors')
    .select(['batches.root', 'batches.first_sequence', 'batches.last_sequence'])
    .select(['logs.chain_id', 'logs.genesis_hash', 'logs.contract', 'logs.operator']);

type JoinedRow = Awaited<ReturnType<ReturnType<typeof anchorsJoined>['execute']>>[number];

/** Conditions that pick one log, for `where`. */
export const LOG_COLUMNS = ['chain_id', 'genesis_hash', 'contract', 'operator'] as const;

export interface LogValues {
  chain_id: number;
  genesis_hash: string;
  contract: string;
  operator: string;
}

export const logValues = (log: LogIdentity): LogValues => ({
  chain_id: log.chainId,
  genesis_hash: log.genesisHash,
  contract: log.contract,
  operator: log.operator,
});

const ofLog = (query: Kysely<Schema>, of: LogValues) =>
  anchorsJoined(query)
    .where('logs.chain_id', '=', of.chain_id)
    .where('logs.genesis_hash', '=', of.genesis_hash)
    .where('logs.contract', '=', of.contract)
    .where('logs.operator', '=', of.operator)
    .orderBy('anchors.log_index');

export function openAnchorReads(db: Connection) {
  const allLogs = prepare<object, LogValues>(db, (query) =>
    query.selectFrom('logs').select(LOG_COLUMNS).orderBy('id'),
  );
  const open = prepare<LogValues, JoinedRow>(db, (query, of) =>
    ofLog(query, of).where('anchors.state', '<>', 'final'),
  );
  const page = prepare<LogValues & { from: number; limit: number }, JoinedRow>(db, (query, of) =>
    ofLog(query, of).where('anchors.log_index', '>=', of.from).limit(of.limit),
  );
  const ofBatch = prepare<{ batch: number }, JoinedRow>(db, (query, of) =>
    anchorsJoined(query).where('anchors.batch', '=', of.batch).orderBy('anchors.log').orderBy('anchors.id'),
  );
  const tried = prepare<{ anchor: number }, Schema['attempts']>(
    db,
    (query, of) =>
      query.selectFrom('attempts').selectAll().where('anchor', '=', of.anchor).orderBy('id') as never,
  );
  const history = prepare<{ batch: number }, EventRow>(db, (query, of) =>
    query
      .selectFrom('anchor_events')
      .innerJoin('anchors', 'anchors.id', 'anchor_events.anchor')
      .select(['anchor_events.anchor', 'anchor_events.at_ms', 'anchor_events.event', 'anchor_events.detail'])
      .where('anchors.batch', '=', of.batch)
      .orderBy('anchor_events.id'),
  );
  return {
    logs: (): readonly LogIdentity[] => allLogs.all({}).map(logOf),
    openAnchors: (log: LogIdentity): readonly Anchor[] => open.all(logValues(log)).map(anchorOf),
    anchorsOfLog: (log: LogIdentity, from: number, limit: number): readonly Anchor[] =>
      page.all({ ...logValues(log), from, limit }).map(anchorOf),
    attempts: (anchor: number): readonly Attempt[] =>
      tried.all({ anchor }).map((row) => ({
        transactionHash: row.transaction_hash,
        raw: row.raw,
        nonce: row.nonce,
        maxFeePerGas: row.max_fee_per_gas,
        maxPriorityFeePerGas: row.max_priority_fee_per_gas,
        signedMs: row.signed_ms,
      })),
    anchorsOfBatch: (batch: number): readonly Anchor[] => ofBatch.all({ batch }).map(anchorOf),
    historyOfBatch: (batch: number): readonly EventOfBatch[] =>
      history.all({ batch }).map((row) => ({
        anchorId: row.anchor,
        atMs: row.at_ms,
        event: row.event as AnchorEvent['event'],
        detail: JSON.parse(row.detail) as AnchorEvent['detail'],
      })),
  };
}

const logOf = (row: LogValues): LogIdentity => ({
  chainId: row.chain_id,
  genesisHash: row.genesis_hash,
  contract: row.contract,
  operator: row.operator,
});

export const anchorOf = (row: JoinedRow): Anchor => ({
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
  proof: row.proof === null ? undefined : (JSON.parse(row.proof) as EthereumHeaderAnchor),
});
