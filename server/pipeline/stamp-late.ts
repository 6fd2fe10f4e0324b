import { createHash } from 'node:crypto';
import { buildTree, rootOf } from '../core/tree/tree.ts';
import type { TokenClock } from '../ports/stamp.ts';
import type { StampStore, WaitingStamp } from '../ports/store.ts';

export interface StampLateDeps {
  readonly store: Pick<StampStore, 'waitingStamps' | 'recordStamp'>;
  readonly clock: TokenClock;
  /** A token under the promise policy, without certificates. */
  readonly sign: (imprint: Uint8Array, genTimeMs: number) => Promise<Uint8Array>;
}

/** The clock stands before times that were given already: it was set back, or another instance has a faster one. */
export class StampsAhead extends Error {
  constructor() {
    super('the clock is behind the time of the last token');
    this.name = 'StampsAhead';
  }
}

/** Of one round: a bulk call's leaves are read whole. */
const MOST = 32;

/**
 * Deposits that came while the clock was in doubt get their token when it is trusted again. A crash leaves them
 * waiting; two that stamp the same at once leave the first token.
 */
export async function stampLateRound({ store, clock, sign }: StampLateDeps): Promise<boolean> {
  const waiting = await store.waitingStamps(MOST);
  for (const stamp of waiting) {
    const timeMs = await clock.next();
    // That one is nothing that the watch of the clock would tell, and it may last.
    if (timeMs === 'clock-behind') throw new StampsAhead();
    if (typeof timeMs !== 'number') return false;
    await store.recordStamp(stamp.firstSequence, await sign(imprintOf(stamp), timeMs));
  }
  return waiting.length === MOST;
}

const imprintOf = ({ count, entry, leaves }: WaitingStamp): Uint8Array =>
  count === 1 ? createHash('sha256').update(entry, 'utf8').digest() : rootOf(buildTree(leaves));
