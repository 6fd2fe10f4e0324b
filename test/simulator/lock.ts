import type { Leadership } from '../../server/ports/leadership.ts';
import { StoreUnavailable } from '../../server/ports/store.ts';
import { callOver, type Medium } from './faults.ts';
import type { Life } from './schedule.ts';

/** The lock under which one instance seals and anchors. It ends with its holder, or without its holder knowing. */
export interface Lock {
  leadership(life: Life): Leadership;
  /** The session is lost: the next one who asks has it, while the holder goes on for a while. */
  expire(): void;
  /** The holder is gone; that takes a while to be noticed. */
  died(life: Life): void;
  /** Whether this process was ever told that it leads. */
  hasLed(life: Life): boolean;
}

/** A port promises ten seconds. */
const NOTICED_MS = 9_000;

export function createLock(medium: Medium): Lock {
  const { random, schedule } = medium;
  const led = new Set<Life>();
  let holder: Life | undefined;
  const terms = new Map<Life, number>();
  return {
    leadership: (life) => ({
      lead: () =>
        callOver(medium, {
          ...{ life, what: 'lock.lead', reads: true, failure: (why: string) => new StoreUnavailable(why) },
          told: String,
          run: () => {
            if (holder === undefined) terms.set(life, (terms.get(life) ?? 0) + 1);
            holder ??= life;
            if (holder === life) led.add(life);
            return holder === life;
          },
        }),
      term: () => terms.get(life) ?? 0,
      resign: () =>
        callOver(medium, {
          ...{ life, what: 'lock.resign', failure: (why: string) => new StoreUnavailable(why) },
          run: () => {
            if (holder === life) holder = undefined;
          },
        }),
      async close() {
        if (holder === life) holder = undefined;
      },
    }),
    expire() {
      holder = undefined;
    },
    died(life) {
      if (holder !== life) return;
      schedule.after(random.between(0, NOTICED_MS), 'the lock of the dead is free', undefined, () => {
        if (holder === life) holder = undefined;
      });
    },
    hasLed: (life) => led.has(life),
  };
}
