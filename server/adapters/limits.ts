import type { RateLimits } from '../ports/limits.ts';

/** Keys counted at once; above it the window starts anew, so that nobody can fill the memory. */
const MOST_KEYS = 100_000;

/** Counters of one process. */
export function createLimits(): RateLimits {
  const counts = new Map<string, { endsMs: number; count: number }>();
  let sweptMs = 0;

  function sweep(nowMs: number, windowMs: number): void {
    if (nowMs - sweptMs < windowMs && counts.size < MOST_KEYS) return;
    sweptMs = nowMs;
    for (const [key, { endsMs }] of counts) if (endsMs <= nowMs) counts.delete(key);
    if (counts.size >= MOST_KEYS) counts.clear();
  }

  return {
    async hit(key, windowMs, nowMs) {
      sweep(nowMs, windowMs);
      const known = counts.get(key);
      // A window that ends later than a whole one can: the clock was set back.
      if (known !== undefined && known.endsMs > nowMs && known.endsMs <= nowMs + windowMs)
        return { count: ++known.count, endsMs: known.endsMs };
      const fresh = { endsMs: (Math.floor(nowMs / windowMs) + 1) * windowMs, count: 1 };
      counts.set(key, fresh);
      // What was counted then, also when others have counted on before it is looked at.
      return { ...fresh };
    },
  };
}
