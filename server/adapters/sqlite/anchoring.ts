import type { EthereumHeaderAnchor, LogIdentity, SignedAppend } from '../../ports/chain.ts';
import type { Anchor, AnchorEvent } from '../../ports/store.ts';
import { type AttemptColumns, attemptRow, type LogRow, logRow, PROGRESS } from '../relational/rows.ts';
import { anchorOfRow, anchorsJoined } from './anchors.ts';
import type { Connection } from './connection.ts';
import type { Schema } from './schema.ts';
import { prepare } from './statements.ts';

/*
 * What is written about anchors. Each verb runs in one transaction of the writer: the anchor, its history and the
 * progress of its batch change together or not at all.
 */

export interface MinedAt {
  readonly transactionHash: string;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly blockTime: number;
}

export interface AnchorWrites {
  planAnchor(log: LogIdentity, nowMs: number): Anchor | undefined;
  recordAttempt(anchorId: number, attempt: SignedAppend, nowMs: number): void;
  recordMined(anchorId: number, at: MinedAt, nowMs: number): void;
  recordConfirmations(anchorId: number, confirmations: number, required: number): void;
  recordReorganised(
    anchorId: number,
    detail: AnchorEvent['detail'] & { readonly blockHash: string },
    nowMs: number,
  ): void;
  recordFinal(anchorId: number, blockHash: string, proof: EthereumHeaderAnchor, nowMs: number): void;
  recordEvent(anchorId: number, event: AnchorEvent): void;
}

type AnchorRow = Omit<Schema['anchors'], 'id'> & { id: number };
type Changes = Pick<
  AnchorRow,
  | 'state'
  | 'transaction_hash'
  | 'block_number'
  | 'block_hash'
  | 'block_time'
  | 'confirmations'
  | 'final_ms'
  | 'proof'
>;

const NOWHERE = { transaction_hash: null, block_number: null, block_hash: null, block_time: null };
const MINED = PROGRESS.indexOf('anchoring');
const FINAL = PROGRESS.indexOf('anchored');
const SEALED = PROGRESS.indexOf('batched');

export function openAnchorWrites(db: Connection): AnchorWrites {
  const statements = prepareAll(db);

  function anchor(id: number): AnchorRow {
    const row = statements.byId.get({ id });
    if (row === undefined) throw new Error(`no anchor ${id}`);
    return row;
  }

  function note(anchorId: number, { atMs, event, detail }: AnchorEvent): void {
    statements.addEvent.run({ anchor: anchorId, at_ms: atMs, event, detail: JSON.stringify(detail) });
  }

  /** State of an entry = newest progress of its batch over all its anchors: kept here, so that reading is one seek. */
  function change(row: AnchorRow, changes: Partial<Changes>): void {
    statements.change.run({ ...row, ...changes });
    statements.progress.run(row.batch, row.batch);
  }

  function logId(log: LogIdentity): number {
    statements.addLog.run(logRow(log));
    return statements.log.get(logRow(log))!.id;
  }

  return {
    planAnchor(log, nowMs) {
      const id = logId(log);
      const planned = statements.plan.get({ log: id });
      // Batches enter a log in their order and are never taken out, so the next one is the oldest one missing.
      const batch = (planned?.batch ?? 0) + 1;
      if (!statements.batchExists.get({ batch })) return undefined;
      const index = planned === undefined ? 0 : planned.log_index + 1;
      statements.addAnchor.run({ log: id, batch, log_index: index });
      const made = statements.ofPlace.get({ log: id, log_index: index })!;
      note(made.id, { atMs: nowMs, event: 'planned', detail: { index } });
      return anchorOfRow(made);
    },
    recordAttempt(anchorId, attempt, nowMs) {
      const earlier = statements.countAttempts.get({ anchor: anchorId })!.count;
      if (statements.addAttempt.run(attemptRow(anchorId, attempt, nowMs)) === 0) return;
      const { raw: _, ...detail } = attempt;
      note(anchorId, { atMs: nowMs, event: earlier === 0 ? 'sent' : 'replaced', detail });
    },
    recordMined(anchorId, at, nowMs) {
      const row = anchor(anchorId);
      if (row.state === 'final') return;
      const isKnown = row.state === 'mined' && row.block_hash === at.blockHash;
      change(row, {
        state: 'mined',
        transaction_hash: at.transactionHash,
        block_number: at.blockNumber,
        block_hash: at.blockHash,
        block_time: at.blockTime,
        ...(isKnown ? {} : { confirmations: 0 }),
      });
      if (!isKnown) note(anchorId, { atMs: nowMs, event: 'mined', detail: { ...at } });
    },
    recordConfirmations(anchorId, confirmations, required) {
      statements.confirm.run({ id: anchorId, confirmations, required });
    },
    recordReorganised(anchorId, detail, nowMs) {
      const row = anchor(anchorId);
      if (row.block_hash !== detail.blockHash) return;
      change(row, { ...NOWHERE, state: 'planned', confirmations: 0, final_ms: null, proof: null });
      note(anchorId, { atMs: nowMs, event: 'reorganised', detail });
    },
    recordFinal(anchorId, blockHash, proof, nowMs) {
      const row = anchor(anchorId);
      if (row.state !== 'mined' || row.block_hash !== blockHash) return;
      change(row, { state: 'final', final_ms: nowMs, proof: JSON.stringify(proof) });
      note(anchorId, { atMs: nowMs, event: 'final', detail: { blockNumber: row.block_number ?? 0 } });
    },
    recordEvent: note,
  };
}

function prepareAll(db: Connection) {
  return {
    byId: prepare<{ id: number }, AnchorRow>(db, (query, of) =>
      query.selectFrom('anchors').selectAll().where('id', '=', of.id),
    ),
    ofPlace: prepare<{ log: number; log_index: number }, Parameters<typeof anchorOfRow>[0]>(db, (query, of) =>
      anchorsJoined(query).where('anchors.log', '=', of.log).where('anchors.log_index', '=', of.log_index),
    ),
    addLog: prepare<LogRow>(db, (query, of) =>
      query
        .insertInto('logs')
        .values({
          chain_id: of.chain_id,
          genesis_hash: of.genesis_hash,
          contract: of.contract,
          operator: of.operator,
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    log: prepare<LogRow, { id: number }>(db, (query, of) =>
      query
        .selectFrom('logs')
        .select('id')
        .where('chain_id', '=', of.chain_id)
        .where('genesis_hash', '=', of.genesis_hash)
        .where('contract', '=', of.contract)
        .where('operator', '=', of.operator),
    ),
    plan: prepare<{ log: number }, { batch: number; log_index: number }>(db, (query, of) =>
      query
        .selectFrom('anchors')
        .select(['batch', 'log_index'])
        .where('log', '=', of.log)
        .orderBy('log_index', 'desc')
        .limit(1),
    ),
    batchExists: prepare<{ batch: number }, { number: number }>(db, (query, of) =>
      query.selectFrom('batches').select('number').where('number', '=', of.batch),
    ),
    addAnchor: prepare<{ log: number; batch: number; log_index: number }>(db, (query, of) =>
      query.insertInto('anchors').values({
        batch: of.batch,
        log: of.log,
        log_index: of.log_index,
        state: 'planned',
        confirmations: 0,
        required: 0,
      }),
    ),
    change: prepare<Changes & { id: number }>(db, (query, of) =>
      query
        .updateTable('anchors')
        .set({
          state: of.state,
          transaction_hash: of.transaction_hash,
          block_number: of.block_number,
          block_hash: of.block_hash,
          block_time: of.block_time,
          confirmations: of.confirmations,
          final_ms: of.final_ms,
          proof: of.proof,
        })
        .where('id', '=', of.id),
    ),
    progress: db.prepare(
      `update batches set progress = (select max(case state when 'final' then ${FINAL} when 'mined' then ${MINED}
        else ${SEALED} end) from anchors where batch = ?) where number = ?`,
    ),
    confirm: prepare<{ id: number; confirmations: number; required: number }>(db, (query, of) =>
      query
        .updateTable('anchors')
        .set({ confirmations: of.confirmations, required: of.required })
        .where('id', '=', of.id),
    ),
    countAttempts: prepare<{ anchor: number }, { count: number }>(db, (query, of) =>
      query
        .selectFrom('attempts')
        .select((of_) => of_.fn.countAll<number>().as('count'))
        .where('anchor', '=', of.anchor),
    ),
    addAttempt: prepare<AttemptColumns>(db, (query, of) =>
      query
        .insertInto('attempts')
        .values({
          anchor: of.anchor,
          transaction_hash: of.transaction_hash,
          raw: of.raw,
          nonce: of.nonce,
          max_fee_per_gas: of.max_fee_per_gas,
          max_priority_fee_per_gas: of.max_priority_fee_per_gas,
          signed_ms: of.signed_ms,
        })
        .onConflict((conflict) => conflict.doNothing()),
    ),
    addEvent: prepare<Omit<Schema['anchor_events'], 'id'>>(db, (query, of) =>
      query
        .insertInto('anchor_events')
        .values({ anchor: of.anchor, at_ms: of.at_ms, event: of.event, detail: of.detail }),
    ),
  };
}
