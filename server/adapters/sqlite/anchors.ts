import type { Kysely } from 'kysely';
import type { EthereumHeaderAnchor, LogIdentity, SignedAppend } from '../../ports/chain.ts';
import type { Anchor, AnchorEvent } from '../../ports/store.ts';
import { anchorOf, attemptOf, type LogRow, logOf, logRow } from '../relational/rows.ts';
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

export const anchorOfRow = (row: JoinedRow): Anchor =>
  anchorOf(row, row.proof === null ? null : (JSON.parse(row.proof) as EthereumHeaderAnchor));

const ofLog = (query: Kysely<Schema>, of: LogRow) =>
  anchorsJoined(query)
    .where('logs.chain_id', '=', of.chain_id)
    .where('logs.genesis_hash', '=', of.genesis_hash)
    .where('logs.contract', '=', of.contract)
    .where('logs.operator', '=', of.operator)
    .orderBy('anchors.log_index');

export function openAnchorReads(db: Connection) {
  const allLogs = prepare<object, LogRow>(db, (query) => query.selectFrom('logs').selectAll().orderBy('id'));
  const open = prepare<LogRow, JoinedRow>(db, (query, of) =>
    ofLog(query, of).where('anchors.state', '<>', 'final'),
  );
  const page = prepare<LogRow & { from: number; limit: number }, JoinedRow>(db, (query, of) =>
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
    openAnchors: (log: LogIdentity): readonly Anchor[] => open.all(logRow(log)).map(anchorOfRow),
    anchorsOfLog: (log: LogIdentity, from: number, limit: number): readonly Anchor[] =>
      page.all({ ...logRow(log), from, limit }).map(anchorOfRow),
    attempts: (anchor: number): readonly Attempt[] => tried.all({ anchor }).map(attemptOf),
    anchorsOfBatch: (batch: number): readonly Anchor[] => ofBatch.all({ batch }).map(anchorOfRow),
    historyOfBatch: (batch: number): readonly EventOfBatch[] =>
      history.all({ batch }).map((row) => ({
        anchorId: row.anchor,
        atMs: row.at_ms,
        event: row.event as AnchorEvent['event'],
        detail: JSON.parse(row.detail) as AnchorEvent['detail'],
      })),
  };
}
