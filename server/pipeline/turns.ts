import { BlobUnavailable } from '../ports/blobs.ts';
import { ChainProblem } from '../ports/chain.ts';
import type { Clock } from '../ports/clock.ts';
import type { Leadership } from '../ports/leadership.ts';

/** Whoever leads and gets nowhere for so long lets another instance try, whose disk or node may be better. */
const NOWHERE_MS = 10_000;

/** Long enough for any other instance to ask. */
const HOLD_OFF_MS = 2_000;

export interface Turns {
  /** Whether it is this instance's turn now. */
  lead(): Promise<boolean>;
  /** Grows whenever the turn is another one. */
  term(): number;
  /** Whether it was when it was last asked. */
  isLeading(): boolean;
  /** The same round, watched for getting nowhere. While others may have the turn its last error stands. */
  watch(round: () => Promise<boolean>): () => Promise<boolean>;
}

/** Of the instances that could, one seals and anchors; and one that cannot does not keep the others from it. */
export function takeTurns(leadership: Leadership, clock: Clock): Turns {
  let isLeading = false;
  let heldOffMs: number | undefined;
  // Either way: a clock that is set back must not keep it off for as long as that was.
  const holdsOff = (): boolean =>
    heldOffMs !== undefined && Math.abs(clock.nowMs() - heldOffMs) < HOLD_OFF_MS;

  async function resign(): Promise<void> {
    isLeading = false;
    heldOffMs = clock.nowMs();
    // A lock that cannot be given up is a session that has broken: it is free by itself.
    await leadership.resign().catch(() => {});
  }

  return {
    async lead() {
      isLeading = !holdsOff() && (await leadership.lead());
      return isLeading;
    },
    term: () => leadership.term(),
    isLeading: () => isLeading,
    watch(round) {
      let stuck: { readonly sinceMs: number; readonly error: unknown } | undefined;
      return async () => {
        if (stuck !== undefined && holdsOff()) throw stuck.error;
        try {
          const moved = await round();
          stuck = undefined;
          return moved;
        } catch (error) {
          stuck = mayBeOwn(error) ? { sinceMs: stuck?.sinceMs ?? clock.nowMs(), error } : undefined;
          if (isLeading && stuck !== undefined && Math.abs(clock.nowMs() - stuck.sinceMs) >= NOWHERE_MS)
            await resign();
          throw error;
        }
      };
    },
  };
}

/** What another instance need not have; the database all have together. */
const mayBeOwn = (error: unknown): boolean =>
  error instanceof BlobUnavailable || error instanceof ChainProblem;
