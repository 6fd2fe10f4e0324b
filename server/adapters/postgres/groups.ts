import type { DepositQueue } from '../../ports/overload.ts';
import {
  type DepositOutcome,
  type IdempotencyClaim,
  type JournalEntry,
  StoreOverloaded,
  StoreUnavailable,
} from '../../ports/store.ts';
import { type Row, rowOf } from './row.ts';

/** Deposits of one transaction at most. Larger ones gain little and hold the journal longer. */
const GROUP_SIZE = 256;

/** While one is written to disk, the next one is on its way to the server, which has it when it is free. */
const GROUPS_IN_FLIGHT = 2;

/**
 * So many make it worth sending a group behind one that is being written. Fewer wait until it is answered: each group
 * costs the server a write to disk.
 */
const WORTH_SENDING = 24;

/** What became of one deposit of a group; an error is that deposit's own and the others are stored. */
export type GroupOutcome = DepositOutcome | { readonly outcome: 'failed'; readonly error: Error };

export type StoreGroup = (rows: readonly Row[]) => Promise<readonly GroupOutcome[]>;

interface Waiter {
  readonly row: Row;
  readonly sinceMs: number;
  resolve(outcome: DepositOutcome): void;
  reject(error: Error): void;
}

/** Gathers deposits that come together into groups, and hands the outcomes back to each; `waiting` says when to refuse. */
export function createGroups(storeGroup: StoreGroup, waiting: DepositQueue) {
  let queue: Waiter[] = [];
  let inFlight = 0;
  let scheduled = false;

  function settled(group: readonly Waiter[]): void {
    const [oldest] = group;
    if (oldest !== undefined) waiting.leave(group.length, oldest.sinceMs, performance.now());
  }

  /** Those behind would only wait as long for the same answer. */
  function refuseQueue(error: StoreUnavailable): void {
    const refused = queue;
    queue = [];
    settled(refused);
    for (const waiter of refused) waiter.reject(error);
  }

  async function send(group: readonly Waiter[]): Promise<void> {
    inFlight++;
    try {
      const outcomes = await storeGroup(group.map((waiter) => waiter.row));
      inFlight--;
      settled(group);
      flush();
      for (const [i, waiter] of group.entries()) tell(waiter, outcomes[i]!);
    } catch (error) {
      inFlight--;
      settled(group);
      for (const waiter of group) waiter.reject(error as Error);
      if (error instanceof StoreUnavailable) refuseQueue(error);
      flush();
    }
  }

  const mayGo = (): boolean =>
    queue.length > 0 && (inFlight === 0 || (inFlight < GROUPS_IN_FLIGHT && queue.length >= WORTH_SENDING));

  function flush(): void {
    scheduled = false;
    while (mayGo()) {
      const group = queue.slice(0, GROUP_SIZE);
      queue = queue.slice(GROUP_SIZE);
      void send(group);
    }
  }

  return {
    async deposit(entry: JournalEntry, claim?: IdempotencyClaim): Promise<DepositOutcome> {
      const sinceMs = performance.now();
      if (waiting.refuses(sinceMs))
        throw new StoreOverloaded(`${waiting.waiting} deposits wait to be stored`);
      const row = rowOf(entry, claim);
      return new Promise((resolve, reject) => {
        queue.push({ row, sinceMs, resolve, reject });
        waiting.enter(sinceMs);
        if (scheduled || inFlight >= GROUPS_IN_FLIGHT) return;
        // After all requests that this turn of the event loop brings: they share the commit.
        scheduled = true;
        setImmediate(flush);
      });
    },
  };
}

function tell(waiter: Waiter, outcome: GroupOutcome): void {
  if (outcome.outcome === 'failed') waiter.reject(outcome.error);
  else waiter.resolve(outcome);
}
