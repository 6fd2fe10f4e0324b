import type { DepositQueue } from '../../ports/overload.ts';
import {
  type DepositOutcome,
  type IdempotencyClaim,
  type JournalEntry,
  StoreOverloaded,
} from '../../ports/store.ts';
import type { Writer } from './client.ts';
import type { GroupAnswer, GroupOutcome } from './deposits.ts';
import { createPacker, type Packer } from './packed.ts';

/** Deposits of one commit: more share an fsync, but the first waits for the last. Measured: 24 to 32 are best. */
const GROUP_SIZE = 32;

/** While one is written and fsynced, the next ones are there: the writer never sleeps between them. */
const GROUPS_IN_FLIGHT = 3;

/**
 * So many make it worth sending a group behind one that is being written. Fewer wait until the writer is free: they
 * would each cost an fsync of their own, and the writer has work.
 */
const WORTH_SENDING = GROUP_SIZE / 2;

/** Of one group as a rule: 32 entries of one file each. */
const BUFFER_BYTES = 64 * 1024;

/** Buffers that grew far beyond are not kept for reuse. */
const LARGEST_KEPT = 16 * BUFFER_BYTES;

interface Waiter {
  resolve(outcome: DepositOutcome): void;
  reject(error: Error): void;
}

interface Group {
  readonly packer: Packer;
  readonly waiters: Waiter[];
  /** when its first one came */
  readonly sinceMs: number;
}

/** Gathers deposits that come together into groups, and hands the outcomes back to each; `waiting` says when to refuse. */
export function createGroups(writer: Writer, waiting: DepositQueue) {
  const spare: ArrayBuffer[] = [];
  const queue: Group[] = [];
  let inFlight = 0;
  let scheduled = false;

  const newGroup = (sinceMs: number): Group => {
    const group: Group = {
      packer: createPacker(() => spare.pop() ?? new ArrayBuffer(BUFFER_BYTES)),
      waiters: [],
      sinceMs,
    };
    queue.push(group);
    return group;
  };

  function reuse(buffer: ArrayBuffer): void {
    if (spare.length <= GROUPS_IN_FLIGHT && buffer.byteLength <= LARGEST_KEPT) spare.push(buffer);
  }

  function settled(group: Group): void {
    inFlight--;
    waiting.leave(group.waiters.length, group.sinceMs, performance.now());
    flush();
  }

  function send(group: Group): void {
    inFlight++;
    const { waiters } = group;
    const { count } = group.packer;
    writer.group(group.packer.take(), count, {
      reuse,
      done(answer) {
        settled(group);
        for (const [i, waiter] of waiters.entries()) tell(waiter, outcomeOf(answer, i));
      },
      failed(error) {
        settled(group);
        for (const waiter of waiters) waiter.reject(error);
      },
    });
  }

  const mayGo = (group: Group | undefined): boolean =>
    group !== undefined &&
    (inFlight === 0 || (inFlight < GROUPS_IN_FLIGHT && group.waiters.length >= WORTH_SENDING));

  function flush(): void {
    scheduled = false;
    while (mayGo(queue[0])) send(queue.shift()!);
  }

  return {
    deposit(entry: JournalEntry, claim?: IdempotencyClaim): Promise<DepositOutcome> {
      const nowMs = performance.now();
      if (waiting.refuses(nowMs))
        return Promise.reject(new StoreOverloaded(`${waiting.waiting} deposits wait to be stored`));
      return new Promise((resolve, reject) => {
        let group = queue.at(-1);
        if (group === undefined || group.waiters.length === GROUP_SIZE) group = newGroup(nowMs);
        group.packer.add(entry, claim);
        group.waiters.push({ resolve, reject });
        waiting.enter(nowMs);
        if (scheduled || inFlight >= GROUPS_IN_FLIGHT) return;
        // After all requests that this turn of the event loop brings: they share the commit.
        scheduled = true;
        setImmediate(flush);
      });
    },
  };
}

const outcomeOf = (answer: GroupAnswer, i: number): GroupOutcome =>
  answer.outcomes?.[i] ?? { outcome: 'stored', sequence: answer.first + i };

function tell(waiter: Waiter, outcome: GroupOutcome): void {
  if (outcome.outcome === 'failed') waiter.reject(outcome.error);
  else waiter.resolve(outcome);
}
