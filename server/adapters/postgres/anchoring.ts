import { type Selectable, sql, type Transaction, type Updateable } from 'kysely';
import type { LogIdentity } from '../../ports/chain.ts';
import type { Anchor, AnchorEvent, AnchorStore } from '../../ports/store.ts';
import { attemptRow, logRow, PROGRESS } from '../relational/rows.ts';
import { anchorOfRow, anchorsJoined } from './anchors.ts';
import type { Database } from './database.ts';
import type { Schema } from './schema.ts';

/*
 * What is written about anchors. Each verb is one transaction: the anchor, its history and the progress of its batch
 * change together or not at all. It begins by locking the row that it is about, the log or the anchor, so that two
 * instances that try the same do it one after the other, and the second sees what the first did.
 */

type AnchorWrites = Pick<
  AnchorStore,
  | 'planAnchor'
  | 'recordAttempt'
  | 'recordMined'
  | 'recordConfirmations'
  | 'recordReorganised'
  | 'recordFinal'
  | 'recordEvent'
>;
type AnchorRow = Selectable<Schema['anchors']>;
type Within = Transaction<Schema>;

const NOWHERE = { transaction_hash: null, block_number: null, block_hash: null, block_time: null };
const MINED = PROGRESS.indexOf('anchoring');
const FINAL = PROGRESS.indexOf('anchored');
const SEALED = PROGRESS.indexOf('batched');

export function openAnchorWrites({ query }: Database): AnchorWrites {
  const transaction = <T>(work: (within: Within) => Promise<T>): Promise<T> =>
    query.transaction().execute(work);

  return {
    planAnchor: (log, nowMs) => transaction((within) => plan(within, log, nowMs)),
    recordAttempt: (anchorId, attempt, nowMs) =>
      transaction(async (within) => {
        await lockedAnchor(within, anchorId);
        const earlier = await within
          .selectFrom('attempts')
          .select('id')
          .where('anchor', '=', anchorId)
          .limit(1)
          .executeTakeFirst();
        const added = await within
          .insertInto('attempts')
          .values(attemptRow(anchorId, attempt, nowMs))
          .onConflict((conflict) => conflict.doNothing())
          .returning('id')
          .executeTakeFirst();
        if (added === undefined) return;
        const { raw: _, ...detail } = attempt;
        await note(within, anchorId, {
          atMs: nowMs,
          event: earlier === undefined ? 'sent' : 'replaced',
          detail: { ...detail },
        });
      }),
    recordMined: (anchorId, at, nowMs) =>
      transaction(async (within) => {
        const row = await lockedAnchor(within, anchorId);
        if (row.state === 'final') return;
        const isKnown = row.state === 'mined' && row.block_hash === at.blockHash;
        await change(within, row, {
          state: 'mined',
          transaction_hash: at.transactionHash,
          block_number: at.blockNumber,
          block_hash: at.blockHash,
          block_time: at.blockTime,
          ...(isKnown ? {} : { confirmations: 0 }),
        });
        if (!isKnown) await note(within, anchorId, { atMs: nowMs, event: 'mined', detail: { ...at } });
      }),
    async recordConfirmations(anchorId, confirmations, required) {
      await query
        .updateTable('anchors')
        .set({ confirmations, required })
        .where('id', '=', anchorId)
        .execute();
    },
    recordReorganised: (anchorId, detail, nowMs) =>
      transaction(async (within) => {
        const row = await lockedAnchor(within, anchorId);
        if (row.block_hash !== detail.blockHash) return;
        await change(within, row, {
          ...NOWHERE,
          state: 'planned',
          confirmations: 0,
          final_ms: null,
          proof: null,
        });
        await note(within, anchorId, { atMs: nowMs, event: 'reorganised', detail });
      }),
    recordFinal: (anchorId, blockHash, proof, nowMs) =>
      transaction(async (within) => {
        const row = await lockedAnchor(within, anchorId);
        if (row.state !== 'mined' || row.block_hash !== blockHash) return;
        await change(within, row, { state: 'final', final_ms: nowMs, proof: JSON.stringify(proof) });
        const detail = { blockNumber: row.block_number ?? 0 };
        await note(within, anchorId, { atMs: nowMs, event: 'final', detail });
      }),
    recordEvent: (anchorId, event) => transaction((within) => note(within, anchorId, event)),
  };
}

async function plan(within: Within, log: LogIdentity, nowMs: number): Promise<Anchor | undefined> {
  const id = await lockedLog(within, log);
  const planned = await within
    .selectFrom('anchors')
    .select(['batch', 'log_index'])
    .where('log', '=', id)
    .orderBy('log_index', 'desc')
    .limit(1)
    .executeTakeFirst();
  // Batches enter a log in their order and are never taken out, so the next one is the oldest one missing.
  const batch = (planned?.batch ?? 0) + 1;
  const sealed = await within
    .selectFrom('batches')
    .select('number')
    .where('number', '=', batch)
    .executeTakeFirst();
  if (sealed === undefined) return undefined;
  const index = planned === undefined ? 0 : planned.log_index + 1;
  const made = await within
    .insertInto('anchors')
    .values({ log: id, batch, log_index: index, state: 'planned', confirmations: 0, required: 0 })
    .returning('id')
    .executeTakeFirstOrThrow();
  await note(within, made.id, { atMs: nowMs, event: 'planned', detail: { index } });
  return anchorOfRow(await anchorsJoined(within).where('anchors.id', '=', made.id).executeTakeFirstOrThrow());
}

/** Made where it is not there: of two that make it at once, the second waits and finds it. */
async function lockedLog(within: Within, log: LogIdentity): Promise<number> {
  const values = { ...logRow(log) };
  const find = () =>
    within
      .selectFrom('logs')
      .select('id')
      .where((where) => where.and(values))
      .forUpdate()
      .executeTakeFirst();
  const known = await find();
  if (known !== undefined) return known.id;
  await within
    .insertInto('logs')
    .values(values)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await find())!.id;
}

async function lockedAnchor(within: Within, id: number): Promise<AnchorRow> {
  const row = await within
    .selectFrom('anchors')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new Error(`no anchor ${id}`);
  return row;
}

/** State of an entry = newest progress of its batch over all its anchors: kept here, so that reading is one seek. */
async function change(
  within: Within,
  { id, batch }: AnchorRow,
  changes: Updateable<Schema['anchors']>,
): Promise<void> {
  await within.updateTable('anchors').set(changes).where('id', '=', id).execute();
  // Anchors of the batch in other logs may be changed at the same time: whoever is second sees what the first did.
  await within.selectFrom('batches').select('number').where('number', '=', batch).forUpdate().execute();
  await sql`update batches set progress = (
      select max(case state when 'final' then ${sql.lit(FINAL)} when 'mined' then ${sql.lit(MINED)}
        else ${sql.lit(SEALED)} end) from anchors where batch = ${batch})
    where number = ${batch}`.execute(within);
}

async function note(within: Within, anchor: number, { atMs, event, detail }: AnchorEvent): Promise<void> {
  await within
    .insertInto('anchor_events')
    .values({ anchor, at_ms: atMs, event, detail: JSON.stringify(detail) })
    .execute();
}
