import { StoreOverloaded } from '../ports/store.ts';
import { REMEMBERED_MS, type UsedOnce } from '../ports/used-once.ts';

/** A hundred bytes each. */
const MOST = 1_000_000;
/** One owner cannot take the room of all. */
const MOST_OF_ONE = 250_000;

interface Generation {
  readonly sinceMs: number;
  readonly names: Set<string>;
  readonly ofOwner: Map<string, number>;
}

/**
 * In the memory of one process, which begins anew with it. Two generations, each as long as a name has to be remembered:
 * to forget is to drop the older one.
 */
export function createUsedOnce(
  sinceMs: number,
  { most = MOST, mostOfOne = MOST_OF_ONE }: { readonly most?: number; readonly mostOfOne?: number } = {},
): UsedOnce {
  const begin = (nowMs: number): Generation => ({ sinceMs: nowMs, names: new Set(), ofOwner: new Map() });
  let [older, newer] = [begin(sinceMs), begin(sinceMs)];

  function turn(nowMs: number): void {
    if (nowMs - newer.sinceMs < REMEMBERED_MS) return;
    // After a long silence both are over.
    older = nowMs - newer.sinceMs < 2 * REMEMBERED_MS ? newer : begin(nowMs);
    newer = begin(nowMs);
  }

  return {
    sinceMs,
    async use(owner, name, nowMs) {
      turn(nowMs);
      if (older.names.has(name) || newer.names.has(name)) return false;
      const own = (older.ofOwner.get(owner) ?? 0) + (newer.ofOwner.get(owner) ?? 0);
      if (own >= mostOfOne || older.names.size + newer.names.size >= most)
        throw new StoreOverloaded(`${own} signatures of ${owner} are remembered`);
      newer.names.add(name);
      newer.ofOwner.set(owner, (newer.ofOwner.get(owner) ?? 0) + 1);
      return true;
    },
  };
}
