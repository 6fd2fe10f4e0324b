import { StoreOverloaded } from '../ports/store.ts';
import { REMEMBERED_MS, type UsedOnce } from '../ports/used-once.ts';

/** Some hundred bytes each. */
const MOST = 500_000;

const SWEEP_MS = 10_000;

/** In the memory of one process, which begins anew with it. */
export function createUsedOnce(sinceMs: number, most = MOST): UsedOnce {
  const used = new Map<string, number>();
  let sweptMs = sinceMs;

  function sweep(nowMs: number): void {
    if (nowMs - sweptMs < SWEEP_MS && used.size < most) return;
    sweptMs = nowMs;
    for (const [name, untilMs] of used) if (untilMs <= nowMs) used.delete(name);
  }

  return {
    sinceMs,
    async use(name, nowMs) {
      if (used.has(name)) return false;
      sweep(nowMs);
      if (used.size >= most) throw new StoreOverloaded(`${used.size} signatures are remembered`);
      used.set(name, nowMs + REMEMBERED_MS);
      return true;
    },
  };
}
