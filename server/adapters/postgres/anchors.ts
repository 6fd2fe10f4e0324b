import type { Kysely } from 'kysely';
import type { LogIdentity } from '../../ports/chain.ts';
import type { Anchor, AnchorStore } from '../../ports/store.ts';
import { anchorOf, attemptOf, logOf } from '../relational/rows.ts';
import type { Database } from './database.ts';
import type { Schema } from './schema.ts';

type AnchorReads = Pick<
  AnchorStore,
  'logs' | 'openAnchors' | 'anchorsOfLog' | 'attempts' | 'anchorsOfBatch' | 'historyOfBatch'
>;

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

const ofLog = (query: Kysely<Schema>, log: LogIdentity) =>
  anchorsJoined(query)
    .where('logs.chain_id', '=', log.chainId)
    .where('logs.genesis_hash', '=', log.genesisHash)
    .where('logs.contract', '=', log.contract)
    .where('logs.operator', '=', log.operator)
    .orderBy('anchors.log_index');

export const anchorOfRow = (row: JoinedRow): Anchor => anchorOf(row, row.proof);

export function openAnchorReads({ query }: Database): AnchorReads {
  return {
    logs: async () => (await query.selectFrom('logs').selectAll().orderBy('id').execute()).map(logOf),
    openAnchors: async (log) =>
      (await ofLog(query, log).where('anchors.state', '<>', 'final').execute()).map(anchorOfRow),
    anchorsOfLog: async (log, from, limit) =>
      (await ofLog(query, log).where('anchors.log_index', '>=', from).limit(limit).execute()).map(
        anchorOfRow,
      ),
    anchorsOfBatch: async (batch) => {
      const rows = await anchorsJoined(query)
        .where('anchors.batch', '=', batch)
        .orderBy('anchors.log')
        .orderBy('anchors.id')
        .execute();
      return rows.map(anchorOfRow);
    },
    attempts: async (anchor) => {
      const rows = await query
        .selectFrom('attempts')
        .selectAll()
        .where('anchor', '=', anchor)
        .orderBy('id')
        .execute();
      return rows.map(attemptOf);
    },
    historyOfBatch: async (batch) => {
      const rows = await query
        .selectFrom('anchor_events')
        .innerJoin('anchors', 'anchors.id', 'anchor_events.anchor')
        .selectAll('anchor_events')
        .where('anchors.batch', '=', batch)
        .orderBy('anchor_events.id')
        .execute();
      return rows.map(({ anchor, at_ms, event, detail }) => ({
        anchorId: anchor,
        atMs: at_ms,
        event,
        detail,
      }));
    },
  };
}
