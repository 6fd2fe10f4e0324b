import type { Webhook } from '../../ports/webhooks.ts';

/*
 * Who may be called now. A receiver that hangs has a slot for as long as an attempt takes: so that many of them, or one
 * organization with many, never have all, those known as slow share one half and each organization has a few.
 */

const MOST = 64;
const MOST_SLOW = MOST / 2;
const MOST_OF_ONE = 4;

/** Longer than a receiver takes that writes the message down and answers, as it should. */
const SLOW_MS = 2_000;

type Due = Pick<Webhook, 'id' | 'organization'>;

export function createSlots() {
  const taken = new Map<string, { readonly organization: string; readonly slow: boolean }>();
  /** How the last attempt was; forgotten with the process, and then found out again. */
  const slow = new Set<string>();
  /** Whose turn was when. */
  const turns = new Map<string, number>();
  let turn = 0;

  const count = (is: (one: { organization: string; slow: boolean }) => boolean): number =>
    [...taken.values()].filter(is).length;

  const mayHave = ({ id, organization }: Due): boolean =>
    taken.size < MOST &&
    !taken.has(id) &&
    count((one) => one.organization === organization) < MOST_OF_ONE &&
    (!slow.has(id) || count((one) => one.slow) < MOST_SLOW);

  return {
    /** Of these, those that have a slot from now on: who waited longest first. */
    take(due: readonly Due[]): readonly Due[] {
      const inTurn = due.toSorted((a, b) => (turns.get(a.id) ?? 0) - (turns.get(b.id) ?? 0));
      return inTurn.filter((one) => {
        if (!mayHave(one)) return false;
        taken.set(one.id, { organization: one.organization, slow: slow.has(one.id) });
        turns.set(one.id, ++turn);
        return true;
      });
    },
    /** How long an attempt took; whether that is slow. */
    took(id: string, ms: number): boolean {
      const isSlow = ms >= SLOW_MS;
      if (isSlow) slow.add(id);
      else slow.delete(id);
      return isSlow;
    },
    free(id: string): void {
      taken.delete(id);
    },
  };
}
