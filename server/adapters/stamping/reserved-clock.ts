import { setTimeout as sleep } from 'node:timers/promises';
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

/** What a crash leaves, or a process beside this one, is a second; a clock that stands further back has been set back. */
const MOST_BEHIND_MS = 1_500;

/**
 * At the start: times that may have been given before, or are by a process on the same machine and store, are waited out,
 * so that there is one for the first who asks.
 */
export async function beginTimes(
  gate: TimeGate,
  store: Pick<StampStore, 'reserveTime'>,
  nowMs: () => number,
): Promise<void> {
  const lastMs = await store.reserveTime(0);
  gate.begin(lastMs);
  await sleep(Math.min(Math.max(0, lastMs - nowMs()), MOST_BEHIND_MS));
}
