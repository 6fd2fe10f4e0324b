import { createHash } from 'node:crypto';
import type { Random } from './random.ts';

/*
 * Owner of time and of everything that waits. What is asynchronous in a service is an event here: events run one at a
 * time, in the order of their simulated times, and after each everything that it has made possible runs to its end.
 * So a run is a function of its seed.
 */

/** A process: what it began ends with it. */
export interface Life {
  readonly name: string;
  alive: boolean;
  /** Stopped by its machine until then: what would reach it waits. */
  pausedUntilMs: number;
}

export const lifeOf = (name: string): Life => ({ name, alive: true, pausedUntilMs: 0 });

interface Event {
  atMs: number;
  /** order among events of one millisecond, drawn; then by the order of their making */
  readonly draw: number;
  readonly made: number;
  readonly what: string;
  readonly life: Life | undefined;
  run: (() => void) | undefined;
}

const before = (a: Event, b: Event): boolean =>
  a.atMs !== b.atMs ? a.atMs < b.atMs : a.draw !== b.draw ? a.draw < b.draw : a.made < b.made;

/** What must never happen did: the run ends here. */
export class Violation extends Error {
  readonly step: number;
  constructor(step: number, what: string) {
    super(what);
    this.name = 'Violation';
    this.step = step;
  }
}

export interface Schedule {
  readonly nowMs: number;
  readonly steps: number;
  /** Runs once, so much later, unless its life has ended or it was cancelled. Returns how to cancel it. */
  after(delayMs: number, what: string, life: Life | undefined, run: () => void): () => void;
  sleep(delayMs: number, what: string, life: Life | undefined): Promise<void>;
  /** Adds to the record of what happened, which is the same whenever the seed is. */
  note(text: string): void;
  /** Ends the run with what is wrong. */
  fail(what: string): void;
  /** The next event and all that follows from it; false where nothing waits. */
  step(): Promise<boolean>;
  /** SHA-256 of the record */
  digest(): string;
}

export function createSchedule(
  random: Random,
  startMs: number,
  print: ((line: string) => void) | undefined,
): Schedule {
  const heap: Event[] = [];
  const record = createHash('sha256');
  let nowMs = startMs;
  let steps = 0;
  let made = 0;
  let violation: Violation | undefined;

  function push(event: Event): void {
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  function pop(): Event | undefined {
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }

  function note(text: string): void {
    const line = `${nowMs - startMs} ${text}\n`;
    record.update(line);
    print?.(`${String(steps).padStart(6)} ${line.slice(0, -1)}`);
  }

  function after(delayMs: number, what: string, life: Life | undefined, run: () => void): () => void {
    const event: Event = {
      atMs: nowMs + Math.max(0, Math.round(delayMs)),
      draw: random.unit(),
      made: made++,
      what,
      life,
      run,
    };
    push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Skips what was cancelled or has died; what is paused comes back later. */
  function next(): Event | undefined {
    for (let event = pop(); event !== undefined; event = pop()) {
      if (event.run === undefined || event.life?.alive === false) continue;
      if (event.life !== undefined && event.life.pausedUntilMs > Math.max(nowMs, event.atMs)) {
        event.atMs = event.life.pausedUntilMs;
        push(event);
        continue;
      }
      return event;
    }
    return undefined;
  }

  return {
    get nowMs() {
      return nowMs;
    },
    get steps() {
      return steps;
    },
    after,
    sleep: (delayMs, what, life) => new Promise((resolve) => after(delayMs, what, life, resolve)),
    note,
    fail(what) {
      violation ??= new Violation(steps, what);
    },
    async step() {
      const event = next();
      if (event === undefined) return false;
      nowMs = event.atMs;
      steps++;
      note(event.what);
      event.run!();
      // Promises that this has settled run on until nothing is left but what waits here.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (violation !== undefined) throw violation;
      return true;
    },
    digest: () => record.copy().digest('hex'),
  };
}
