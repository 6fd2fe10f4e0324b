import { type ChainView, NotReadable } from './chain.ts';
import { CLOCKS_DIFFER_MS, isoOf } from './clocks.ts';
import { at, type Report } from './finding.ts';
import type { ToldBatch } from './service.ts';

/*
 * Batches enter a log in the order of their numbers, one after the other, and none is left out. So a batch that is not
 * anchored has none behind it that is, however young the service says that it is; and times go with the numbers.
 */

/** What has been seen of one log, batch by batch. */
export interface InOrder {
  readonly operator: string;
  /** the highest index that a batch had */
  last: number;
  /** batches since then that are not in the log: allowed at the end only */
  readonly waiting: number[];
}

export const inOrder = (operator: string): InOrder => ({ operator, last: -1, waiting: [] });

/** `index` where this batch is in the log; undefined where it is not there yet. */
export function checkOrder(report: Report, order: InOrder, batch: number, index: number | undefined): void {
  const what = `log/${order.operator}`;
  if (index === undefined) {
    order.waiting.push(batch);
    return;
  }
  for (const number of order.waiting.splice(0))
    report.found('service-order-differs', at('batches', number), {
      what,
      expected: `index < ${index}`,
      found: '—',
    });
  // The same index again was told as that.
  if (index < order.last)
    report.found('service-order-differs', at('batches', batch), {
      what,
      expected: `index > ${order.last}`,
      found: index,
    });
  order.last = Math.max(order.last, index);
}

export interface Timed {
  readonly report: Report;
  readonly nowMs: () => number;
  readonly maxAgeMs: number;
}

/** What a service says of time, against our clock and against the batch that it told of before. */
export function checkSealTime(
  { report, nowMs }: Timed,
  batch: ToldBatch,
  earlier: ToldBatch | undefined,
): void {
  const place = at('batches', batch.number);
  const latestMs = nowMs() + CLOCKS_DIFFER_MS;
  if (batch.sealedMs > latestMs)
    report.found('service-time-future', place, {
      expected: `≤ ${isoOf(latestMs)}`,
      found: isoOf(batch.sealedMs),
    });
  if (earlier !== undefined && batch.sealedMs < earlier.sealedMs - CLOCKS_DIFFER_MS)
    report.found('service-time-differs', place, {
      what: `batches/${earlier.number}`,
      expected: `≥ ${isoOf(earlier.sealedMs)}`,
      found: isoOf(batch.sealedMs),
    });
}

/** Against the first block that holds its root in any trusted log: one anchor in time is enough. */
export async function checkBlockTime(
  { report, maxAgeMs }: Timed,
  view: ChainView,
  batch: ToldBatch,
  blocks: readonly number[],
): Promise<void> {
  if (blocks.length === 0) return;
  const place = at('batches', batch.number);
  const what = `block ${Math.min(...blocks)}`;
  const blockMs = await timeOf(report, view, batch, Math.min(...blocks));
  if (blockMs === undefined) return;
  if (batch.sealedMs > blockMs + CLOCKS_DIFFER_MS)
    report.found('service-time-differs', place, {
      what,
      expected: `≤ ${isoOf(blockMs)}`,
      found: isoOf(batch.sealedMs),
    });
  if (blockMs - batch.sealedMs > maxAgeMs)
    report.found('service-anchored-late', place, {
      what,
      expected: `≤ ${isoOf(batch.sealedMs + maxAgeMs)}`,
      found: isoOf(blockMs),
    });
}

/** One block that a node does not tell is no reason to look at no other batch. */
async function timeOf(
  report: Report,
  view: ChainView,
  batch: ToldBatch,
  number: number,
): Promise<number | undefined> {
  try {
    const block = await view.block(number);
    return block && block.time * 1_000;
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error;
    report.unread(`batches/${batch.number}/block`, error.message);
    return undefined;
  }
}
