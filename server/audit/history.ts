import { decodeAppend } from '../core/anchor/evidence-log.ts';
import { decodeTransaction } from '../core/anchor/transaction.ts';
import { fromHex, utf8 } from '../core/read/bytes.ts';
import { isObject, type JsonObject, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import type { RawAnchor, RawAttempt, RawEvent, RawLog, Snapshot } from '../ports/inspect.ts';
import { anchorPlace, batchCursor } from './anchors.ts';
import { CLOCKS_DIFFER_MS, isoOf } from './clocks.ts';
import { at, compare, type Report } from './finding.ts';

/*
 * The history of each anchor and the transactions that were signed for it. The service writes an event with each change
 * of an anchor, in one transaction, so a history goes only certain ways and ends where its anchor stands. An anchor may
 * have no transaction of ours: whoever put our root into our log, the service takes it as its own (pipeline/anchor.ts).
 */

export interface HistoryDeps {
  readonly snapshot: Snapshot;
  readonly report: Report;
}

export async function checkHistory({ snapshot, report }: HistoryDeps): Promise<void> {
  const logs = new Map((await snapshot.logs()).map((log) => [log.id, log]));
  const batches = batchCursor(snapshot);
  const events = byAnchor(snapshot.events(), (event) => readEvent(report, event));
  const attempts = byAnchor(snapshot.attempts(), (attempt) => {
    const log = attempt.log === undefined ? undefined : logs.get(attempt.log);
    checkAttempt(report, attempt, log);
    return attempt;
  });
  for await (const anchor of snapshot.anchorsById()) {
    const own = { events: await events.of(anchor.id), attempts: await attempts.of(anchor.id) };
    const followed = checkOrder(report, anchor, own.events);
    if (followed !== undefined) compareWithEvents(report, anchor, followed);
    compareAttempts(report, anchor, own.events, own.attempts);
    const batch = await batches(anchor.batch);
    if (batch !== undefined) checkTimes(report, anchor, own.events, batch.sealedMs);
  }
  await events.rest();
  await attempts.rest();
}

/** Rows of one anchor after the other, each read once; those of no anchor are read on the way. */
function byAnchor<R extends { readonly anchor: number }, T>(
  rows: AsyncIterable<R>,
  read: (row: R) => T | undefined,
) {
  const iterator = rows[Symbol.asyncIterator]();
  let next: R | undefined;
  let isOver = false;
  async function take(): Promise<R | undefined> {
    if (next === undefined && !isOver) {
      const { done, value } = await iterator.next();
      if (done) isOver = true;
      else next = value;
    }
    return next;
  }
  async function through(anchor: number): Promise<readonly T[]> {
    const own: T[] = [];
    for (let row = await take(); row !== undefined && row.anchor <= anchor; row = await take()) {
      next = undefined;
      const made = read(row);
      if (row.anchor === anchor && made !== undefined) own.push(made);
    }
    return own;
  }
  return { of: through, rest: () => through(Number.MAX_SAFE_INTEGER) };
}

// ---------------------------------------------------------------- events

const EVENTS = ['planned', 'sent', 'replaced', 'mined', 'reorganised', 'final', 'foreign-root'] as const;
type EventName = (typeof EVENTS)[number];

interface ReadEvent extends Pick<RawEvent, 'id' | 'atMs'> {
  readonly event: EventName;
  readonly detail: JsonObject;
}

/** Of an anchor that exists, with a name and a readable detail; what is none is told and plays no part. */
function readEvent(report: Report, row: RawEvent): ReadEvent | undefined {
  const event = EVENTS.find((name) => name === row.event);
  const detail = detailOf(row.detail);
  if (row.batch !== undefined && event !== undefined && detail !== undefined)
    return { id: row.id, atMs: row.atMs, event, detail };
  report.found('event-invalid', at('anchor_events', row.id), {
    found: `anchor ${row.anchor}, ${row.event}`,
  });
  // An unreadable one was written all the same: what follows is in order.
  return row.batch !== undefined && event !== undefined ? { ...row, event, detail: {} } : undefined;
}

export function detailOf(text: string): JsonObject | undefined {
  try {
    const value = parseJson(utf8(text));
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** How far a history has come. */
interface Followed {
  readonly state: 'none' | 'planned' | 'mined' | 'final';
  readonly wasSent: boolean;
  /** of the last `mined`, until a reorganisation */
  readonly mined: JsonObject | undefined;
  readonly finalMs: number | undefined;
}

const NOTHING: Followed = { state: 'none', wasSent: false, mined: undefined, finalMs: undefined };

/** What each event can come after; undefined where it cannot. Signing is not bound to a state: a late leader may. */
const STEPS: Readonly<Record<EventName, (from: Followed, event: ReadEvent) => Followed | undefined>> = {
  planned: (from) => (from.state === 'none' ? { ...from, state: 'planned' } : undefined),
  sent: (from) => (from.state !== 'none' && !from.wasSent ? { ...from, wasSent: true } : undefined),
  replaced: (from) => (from.wasSent ? from : undefined),
  mined(from, { detail }) {
    if (from.state === 'none') return undefined;
    // The same place told twice takes nothing back: a repair does that.
    if (from.state === 'final' && from.mined?.['blockHash'] !== detail['blockHash']) return undefined;
    return { ...from, state: 'mined', mined: detail };
  },
  reorganised: (from, { detail }) =>
    from.mined !== undefined && from.mined['blockHash'] === detail['blockHash']
      ? { ...from, state: 'planned', mined: undefined, finalMs: undefined }
      : undefined,
  final: (from, { detail, atMs }) =>
    from.mined !== undefined && from.mined['blockNumber'] === detail['blockNumber']
      ? { ...from, state: 'final', finalMs: atMs }
      : undefined,
  'foreign-root': (from) => (from.state === 'none' ? undefined : from),
};

/** Where the history leads to; undefined where it cannot have gone so, or leads elsewhere than to its anchor. */
function checkOrder(report: Report, anchor: RawAnchor, events: readonly ReadEvent[]): Followed | undefined {
  const place = anchorPlace(anchor);
  let followed = NOTHING;
  for (const event of events) {
    const next = STEPS[event.event](followed, event);
    if (next === undefined) {
      // What comes behind it would only be found wrong for the same reason.
      report.found('event-order-differs', place, {
        what: `anchor_events/${event.id}`,
        expected: followed.state === 'none' ? 'planned' : `… ${followed.state}`,
        found: event.event,
      });
      return undefined;
    }
    followed = next;
  }
  if (followed.state === anchor.state) return followed;
  report.found('event-order-differs', place, {
    what: 'state',
    expected: anchor.state,
    found: followed.state === 'none' ? '—' : followed.state,
  });
  return undefined;
}

/** The last place in the history is where the anchor stands. */
function compareWithEvents(report: Report, anchor: RawAnchor, { state, mined, finalMs }: Followed): void {
  if (mined === undefined) return;
  const told = (name: string): string | number | undefined => {
    const value = mined[name];
    return typeof value === 'string' || typeof value === 'number' ? value : undefined;
  };
  compare(report, 'event-detail-differs', anchorPlace(anchor), {
    transaction_hash: [anchor.transactionHash ?? '—', told('transactionHash')],
    block_number: [anchor.blockNumber ?? '—', told('blockNumber')],
    block_hash: [anchor.blockHash ?? '—', told('blockHash')],
    block_time: [anchor.blockTime ?? '—', told('blockTime')],
    ...(state === 'final' && { final_ms: [anchor.finalMs ?? '—', finalMs] }),
  });
}

/** Nothing happens to an anchor before its batch is sealed, and time does not go back. */
function checkTimes(report: Report, anchor: RawAnchor, events: readonly ReadEvent[], sealedMs: number): void {
  const { blockTime } = anchor;
  if (blockTime !== undefined && blockTime * 1_000 < sealedMs - CLOCKS_DIFFER_MS)
    report.found('anchor-time-differs', anchorPlace(anchor), {
      what: 'block_time',
      expected: `≥ ${isoOf(sealedMs)}`,
      found: isoOf(blockTime * 1_000),
    });
  let latestMs = sealedMs;
  const early = events.find(({ atMs }) => {
    const wasBefore = atMs < latestMs - CLOCKS_DIFFER_MS;
    if (!wasBefore) latestMs = Math.max(latestMs, atMs);
    return wasBefore;
  });
  if (early !== undefined)
    report.found('event-time-differs', anchorPlace(anchor), {
      what: `anchor_events/${early.id}`,
      expected: `≥ ${isoOf(latestMs)}`,
      found: isoOf(early.atMs),
    });
}

// ---------------------------------------------------------------- signed transactions

/** A transaction that we signed: ours, for this index, under the hash that it is kept under. */
function checkAttempt(report: Report, attempt: RawAttempt, log: RawLog | undefined): void {
  const place = at('attempts', attempt.id);
  if (log === undefined) {
    report.found('attempt-invalid', place, { found: `anchor ${attempt.anchor}` });
    return;
  }
  try {
    const transaction = decodeTransaction(fromHex(attempt.raw.replace(/^0x/, '')));
    const append = decodeAppend(transaction.calldata);
    compare(report, 'attempt-invalid', place, {
      transaction_hash: [transaction.hash, attempt.transactionHash],
      index: [append.index, attempt.index],
      chain_id: [log.chainId, transaction.chainId],
      contract: [log.contract, transaction.to],
      operator: [log.operator, transaction.sender],
    });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report.found('attempt-invalid', place, { reason: error, expected: attempt.transactionHash });
  }
}

/** Each signed transaction has its event and each such event its transaction: they are written together. */
function compareAttempts(
  report: Report,
  anchor: RawAnchor,
  events: readonly ReadEvent[],
  attempts: readonly RawAttempt[],
): void {
  const place = anchorPlace(anchor);
  const signed = new Set(attempts.map(({ transactionHash }) => transactionHash));
  const told = new Set(
    events.flatMap(({ event, detail }) =>
      event === 'sent' || event === 'replaced' ? String(detail['transactionHash']) : [],
    ),
  );
  for (const hash of told)
    if (!signed.has(hash)) report.found('attempt-event-differs', place, { what: 'attempts', expected: hash });
  for (const hash of signed)
    if (!told.has(hash))
      report.found('attempt-event-differs', place, { what: 'anchor_events', expected: hash });
  const { transactionHash } = anchor;
  if (signed.size > 0 && transactionHash !== undefined && !signed.has(transactionHash))
    report.found('anchor-adopted', place, { found: transactionHash });
}
