import type { AnchorState, Store } from '../../ports/store.ts';
import type { Gauges } from './gauges.ts';

/** Batches whose anchors are looked at, one by one, when somebody reads the page; of more only the number is told. */
const MOST_OPEN = 1_000;

type Furthest = AnchorState | 'sealed';

/** Where entries and batches stand, as the store has it: the same for all instances. */
export async function readState(store: Store, gauges: Gauges, nowMs: number): Promise<void> {
  const { count, oldestMs } = await store.pending();
  gauges.set('kezheng_entries_unsealed', count);
  gauges.set('kezheng_entries_unsealed_oldest_seconds', ageSeconds(oldestMs, nowMs));
  const last = (await store.lastBatch())?.number ?? 0;
  const firstOpen = await firstNotFinal(store, last);
  const counts: Record<Furthest, number> = { sealed: 0, planned: 0, mined: 0, final: firstOpen - 1 };
  const oldest = firstOpen <= last ? await store.batch(firstOpen) : undefined;
  gauges.set('kezheng_batch_unanchored_oldest_seconds', ageSeconds(oldest?.sealedMs, nowMs));
  let told = false;
  for (let number = firstOpen; number <= last; number++) {
    const anchors = number - firstOpen < MOST_OPEN ? await store.anchorsOfBatch(number) : [];
    if (anchors.length === 0) {
      // Anchors are planned in the order of the batches: none of the later ones has one.
      counts.sealed += last - number + 1;
      break;
    }
    const furthest = anchors.some(({ state }) => state === 'final')
      ? 'final'
      : anchors.some(({ state }) => state === 'mined')
        ? 'mined'
        : 'planned';
    counts[furthest]++;
    const mined = anchors.find(({ state }) => state === 'mined');
    if (mined === undefined || told) continue;
    told = true;
    gauges.set('kezheng_anchor_confirmations', mined.confirmations);
    gauges.set('kezheng_anchor_confirmations_required', mined.required);
  }
  for (const [state, value] of Object.entries(counts)) gauges.set('kezheng_batches', value, { state });
}

/** Batches become final in their order: the first that is not is found by halving. */
async function firstNotFinal(store: Store, last: number): Promise<number> {
  let [low, high] = [1, last + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const anchors = await store.anchorsOfBatch(middle);
    if (anchors.some(({ state }) => state === 'final')) low = middle + 1;
    else high = middle;
  }
  return low;
}

const ageSeconds = (sinceMs: number | undefined, nowMs: number): number =>
  sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs) / 1_000;
