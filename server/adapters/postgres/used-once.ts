import type { RateLimits } from '../../ports/limits.ts';
import { REMEMBERED_MS, type UsedOnce } from '../../ports/used-once.ts';

const WINDOW_MS = 2 * REMEMBERED_MS;

/**
 * By the counters that all instances share. Their windows begin at fixed times; of two rows of windows, half a window
 * apart, one holds both uses of a name that come within half a window. The table is empty after a crash of the server:
 * what was used in the minutes before could then be used once more.
 */
export const usedOnceBy = ({ hit }: RateLimits): UsedOnce => ({
  sinceMs: 0,
  async use(_owner, name, nowMs) {
    const rows = [0, WINDOW_MS / 2].map((shift) => hit(`once ${shift} ${name}`, WINDOW_MS, nowMs + shift));
    return (await Promise.all(rows)).every(({ count }) => count === 1);
  },
});
