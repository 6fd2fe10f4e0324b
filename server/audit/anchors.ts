import type { AnchorFact } from '../core/verify/report.ts';
import type { BlobInspector, RawAnchor, RawBatch, RawLog, Snapshot } from '../ports/inspect.ts';
import { at, compare, type Place, type Report } from './finding.ts';
import { nameExchanged } from './journal.ts';
import { checkProof } from './proof.ts';

/*
 * Anchors as they are recorded, by themselves: one for each batch and log, in the order of both, with proofs that hold
 * and columns that say what the proofs say. Whether the chain has them is looked at in comparison.ts, how they came to
 * stand as they do in history.ts.
 */

export interface AnchorDeps {
  readonly snapshot: Snapshot;
  readonly blobs: BlobInspector;
  readonly report: Report;
}

/** `anchors/LOG:INDEX`: what people and the contract call an anchor. */
export const anchorPlace = ({ log, index }: Pick<RawAnchor, 'log' | 'index'>): Place =>
  at('anchors', `${log}:${index}`);

const PROGRESS: Readonly<Record<string, number>> = { planned: 1, mined: 2, final: 3 };

/** Every batch, with how far the best of its anchors is. */
export async function checkProgress({ snapshot, report }: AnchorDeps): Promise<void> {
  for await (const batch of snapshot.batches()) {
    const anchors = await snapshot.anchorsOfBatch(batch.number);
    const expected = Math.max(1, ...anchors.map(({ state }) => PROGRESS[state] ?? 1));
    if (batch.progress !== expected)
      report.found('batch-progress-differs', at('batches', batch.number), {
        expected,
        found: batch.progress,
      });
  }
}

/** Of anchors whose proof has another root than their batch, or whose batch is gone: what the chain holds there. */
export type Proven = ReadonlyMap<number, { readonly root: string; readonly size: number }>;

export async function checkAnchors(deps: AnchorDeps): Promise<Proven> {
  const { snapshot, report } = deps;
  const logs = new Map((await snapshot.logs()).map((log) => [log.id, log]));
  const otherRoots = new Map<number, { root: string; size: number }>();
  let batches = batchCursor(snapshot);
  let log = Number.NaN;
  let index = 0;
  let batch = 0;
  let count = 0;
  for await (const anchor of snapshot.anchors()) {
    if (anchor.log !== log) {
      [log, index, batch] = [anchor.log, 0, 0];
      batches = batchCursor(snapshot);
      if (!logs.has(log)) report.found('anchor-log-missing', at('anchors', anchor.id), { found: log });
    }
    if (anchor.index > index) indexGap(report, log, index, anchor.index - 1);
    // Behind a gap the batch is judged by its distance from the index: batches enter a log in their order.
    const expectedBatch = batch + 1 + Math.max(0, anchor.index - index);
    if (anchor.batch !== expectedBatch)
      report.found('anchor-order-differs', anchorPlace(anchor), {
        what: 'batch',
        expected: expectedBatch,
        found: anchor.batch,
      });
    index = Math.max(index, anchor.index + 1);
    batch = Math.max(batch, anchor.batch);
    const row = await batches(anchor.batch);
    if (row === undefined) report.found('anchor-batch-missing', anchorPlace(anchor), { found: anchor.batch });
    const proven = checkOne(report, anchor, logs.get(log), row);
    if (proven !== undefined) otherRoots.set(anchor.id, proven);
    if (proven !== undefined && row !== undefined) await nameExchanged(deps, row, proven);
    if (++count % 1_000 === 0) report.progress('anchors', count);
  }
  report.progress('anchors', count);
  return otherRoots;
}

const indexGap = (report: Report, log: number, first: number, last: number): void =>
  report.found('anchor-index-gap', at('anchors', `${log}:${first === last ? first : `${first}–${last}`}`));

/** Anchors ask for batches in their order, so that one pass over both is enough; one that lies behind is looked for anew. */
export function batchCursor(snapshot: Snapshot): (number: number) => Promise<RawBatch | undefined> {
  let rows = snapshot.batches()[Symbol.asyncIterator]();
  let current: RawBatch | undefined;
  return async (number) => {
    if (current !== undefined && current.number > number) {
      rows = snapshot.batches()[Symbol.asyncIterator]();
      current = undefined;
    }
    while (current === undefined || current.number < number) {
      const next = await rows.next();
      if (next.done) return undefined;
      current = next.value;
    }
    return current.number === number ? current : undefined;
  };
}

/** Root and size in the proof, where they are others than the batch's. */
function checkOne(
  report: Report,
  anchor: RawAnchor,
  log: RawLog | undefined,
  batch: RawBatch | undefined,
): { readonly root: string; readonly size: number } | undefined {
  const place = anchorPlace(anchor);
  if (!stateFits(anchor)) report.found('anchor-state-invalid', place, { found: anchor.state });
  if (anchor.proof === undefined || log === undefined) return undefined;
  const proof = checkProof(anchor.proof, log);
  if ('failed' in proof) {
    report.found('anchor-proof-invalid', place, { what: proof.failed.check, reason: proof.failed.reason });
    return undefined;
  }
  compareColumns(report, anchor, proof.fact);
  const { root, size } = proof.fact;
  if (batch === undefined) return { root, size };
  if (root === batch.root && size === batch.size) return undefined;
  if (root !== batch.root)
    report.found('anchor-root-differs', place, { what: 'root', expected: root, found: batch.root });
  if (size !== batch.size)
    report.found('anchor-root-differs', place, { what: 'size', expected: size, found: batch.size });
  return { root, size };
}

/** What is proven says what the row should say. */
function compareColumns(report: Report, anchor: RawAnchor, fact: AnchorFact): void {
  compare(report, 'anchor-column-differs', anchorPlace(anchor), {
    log_index: [fact.index, anchor.index],
    transaction_hash: [fact.transactionHash, anchor.transactionHash],
    block_number: [fact.blockNumber, anchor.blockNumber],
    block_hash: [fact.blockHash, anchor.blockHash],
    block_time: [Date.parse(fact.blockTime) / 1_000, anchor.blockTime],
  });
}

function stateFits(anchor: RawAnchor): boolean {
  const where = [anchor.transactionHash, anchor.blockNumber, anchor.blockHash, anchor.blockTime];
  const proven = [anchor.finalMs, anchor.proof];
  const has = (values: readonly unknown[]) => values.every((value) => value !== undefined);
  const lacks = (values: readonly unknown[]) => values.every((value) => value === undefined);
  if (anchor.state === 'planned') return lacks(where) && lacks(proven);
  if (anchor.state === 'mined') return has(where) && lacks(proven);
  return anchor.state === 'final' && has(where) && has(proven);
}
