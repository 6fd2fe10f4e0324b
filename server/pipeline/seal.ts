import { toHex } from '../core/read/bytes.ts';
import { HASH_LENGTH } from '../core/tree/tree.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import type { Batch, BatchStore } from '../ports/store.ts';
import type { TreeBuilder } from '../ports/work.ts';

export interface SealLimits {
  readonly maxAgeMs: number;
  readonly maxEntries: number;
}

export interface SealDeps {
  readonly store: BatchStore;
  readonly blobs: Blobs;
  readonly trees: TreeBuilder;
  readonly clock: Clock;
  readonly limits: SealLimits;
}

/**
 * A batch closes when it is full or its oldest entry has waited long enough, whichever comes first. An entry from far in
 * the future was received before the clock was set back, and waits no longer than others: clocks of several instances
 * differ by less.
 */
export const isDue = (count: number, oldestMs: number, nowMs: number, limits: SealLimits): boolean =>
  count >= limits.maxEntries || Math.abs(nowMs - oldestMs) >= limits.maxAgeMs;

/**
 * Seals the next batch where one is due. In this order: the tree is built by both implementations, its nodes are
 * made durable under the root, then one constant-work transaction makes the batch. A crash before that transaction
 * leaves a tree file that nothing refers to, and the entries wait as before; the next run seals them.
 */
export async function sealDueBatch({
  store,
  blobs,
  trees,
  clock,
  limits,
}: SealDeps): Promise<Batch | undefined> {
  const { count, oldestMs } = await store.pending();
  if (oldestMs === undefined || !isDue(count, oldestMs, clock.nowMs(), limits)) return undefined;
  const { firstSequence, leaves } = await store.pendingLeaves(limits.maxEntries);
  const size = leaves.length / HASH_LENGTH;
  // Between the two reads another instance has sealed them.
  if (size === 0) return undefined;
  const { root, nodes } = await trees.build(leaves);
  await blobs.keep('trees', toHex(root), nodes);
  return store.seal({ firstSequence, size, root: toHex(root), nowMs: clock.nowMs() });
}
