import type { TokenClock } from '../../ports/stamp.ts';
import type { StampStore } from '../../ports/store.ts';
import type { TimeGate } from '../../ports/time-gate.ts';
import { readClock } from './tokens.ts';

/** How far ahead times are reserved: after a crash no token is given for so long, at most. */
export const AHEAD_MS = 1_000;

/**
 * Times for tokens where one process has the store for itself: it writes down ahead how far it may go, so that a time
 * costs no commit. After a crash, those that were written down count as given.
 */
export function createReservedClock(gate: TimeGate, store: Pick<StampStore, 'reserveTime'>): TokenClock {
  let reserving: Promise<void> | undefined;

  async function reserve(): Promise<void> {
    try {
      gate.reserve(await store.reserveTime(Math.max(Date.now(), gate.lastMs()) + AHEAD_MS));
    } finally {
      reserving = undefined;
    }
  }

  return {
    async next() {
      for (;;) {
        const timeMs = gate.next(readClock());
        if (timeMs !== 'time-not-reserved') return timeMs;
        await (reserving ??= reserve());
      }
    },
  };
}
