/*
 * Whether a time-stamp token may be signed now, and which time it gets. A few numbers in shared memory, so that every
 * thread of a process asks the same; the clock watch opens and shuts it, a store says how far times are reserved.
 * A small rule over numbers, without a clock of its own.
 */

/** Unix milliseconds, except where said otherwise. */
const OPEN = 0;
/** wall clock less monotonic clock when the watch last looked, microseconds */
const DIFFERENCE = 1;
/** how far that difference may have moved since, microseconds */
const BOUND = 2;
/** the last time that was given */
const LAST = 3;
/** no later time is given before it was written down that it may be: after a crash nothing earlier is given */
const RESERVED = 4;
const CELLS = 5;

/** A clock that stands so far behind what was given last has been set back; below that, times wait for it. */
export const MAX_BEHIND_MS = 500;

/** Why no token is signed now; codes have sentences in messages/. */
export type TimeRefusal = 'clock-in-doubt' | 'clock-jumped' | 'clock-behind' | 'time-not-reserved';

/** What threads hand to each other: structured clone keeps its memory shared. */
export type TimeGateMemory = SharedArrayBuffer;

export interface ClockReading {
  readonly wallMs: number;
  /** of CLOCK_MONOTONIC: it is the same in every thread */
  readonly monotonicMs: number;
}

export interface TimeGate {
  readonly memory: TimeGateMemory;
  /** From now on the clock counts as right, until it jumps by more than `boundMs`. */
  open(at: ClockReading, boundMs: number): void;
  shut(): void;
  isOpen(): boolean;
  /** Whether the clock can be trusted in this moment. Shuts the gate for every thread where it has jumped. */
  refuses(at: ClockReading): TimeRefusal | undefined;
  /** Never lower than any time given before; `reservedMs` where the caller knows better than the memory. */
  next(at: ClockReading, reservedMs?: number): number | TimeRefusal;
  /** The same where it is known elsewhere that no earlier time was given than `timeMs`, by anybody. */
  take(at: ClockReading, timeMs: number): number | TimeRefusal;
  /** Times up to here may be given; it never goes back. */
  reserve(throughMs: number): void;
  reservedMs(): number;
  lastMs(): number;
}

const MICROSECONDS = 1_000;

export function createTimeGate(
  memory: TimeGateMemory = new SharedArrayBuffer(CELLS * BigInt64Array.BYTES_PER_ELEMENT),
): TimeGate {
  const cells = new BigInt64Array(memory);
  const differenceOf = ({ wallMs, monotonicMs }: ClockReading): number =>
    (wallMs - monotonicMs) * MICROSECONDS;

  /** Raises a cell that only grows; what it holds afterwards. */
  function raise(cell: number, value: number): number {
    for (;;) {
      const before = Atomics.load(cells, cell);
      if (before >= BigInt(value)) return Number(before);
      if (Atomics.compareExchange(cells, cell, before, BigInt(value)) === before) return value;
    }
  }

  function refuses(at: ClockReading): TimeRefusal | undefined {
    if (Atomics.load(cells, OPEN) === 0n) return 'clock-in-doubt';
    const moved = Math.abs(differenceOf(at) - Number(Atomics.load(cells, DIFFERENCE)));
    if (moved <= Number(Atomics.load(cells, BOUND))) return undefined;
    // At once and for every thread: the watch opens it again when it knows better.
    Atomics.store(cells, OPEN, 0n);
    return 'clock-jumped';
  }

  return {
    memory,
    open(at, boundMs) {
      Atomics.store(cells, DIFFERENCE, BigInt(Math.round(differenceOf(at))));
      Atomics.store(cells, BOUND, BigInt(Math.round(boundMs * MICROSECONDS)));
      Atomics.store(cells, OPEN, 1n);
    },
    shut: () => void Atomics.store(cells, OPEN, 0n),
    isOpen: () => Atomics.load(cells, OPEN) === 1n,
    refuses,
    next(at, reservedMs = Number(Atomics.load(cells, RESERVED))) {
      const timeMs = Math.max(Math.floor(at.wallMs), Number(Atomics.load(cells, LAST)));
      const refused = refuses(at) ?? whyTooEarly(at, timeMs);
      if (refused !== undefined) return refused;
      return timeMs > reservedMs ? 'time-not-reserved' : raise(LAST, timeMs);
    },
    take: (at, timeMs) => refuses(at) ?? whyTooEarly(at, timeMs) ?? raise(LAST, timeMs),
    reserve(throughMs) {
      raise(RESERVED, throughMs);
    },
    reservedMs: () => Number(Atomics.load(cells, RESERVED)),
    lastMs: () => Number(Atomics.load(cells, LAST)),
  };
}

/** A time that lies so far ahead of the clock was given by one that has been set back since. */
const whyTooEarly = ({ wallMs }: ClockReading, timeMs: number): TimeRefusal | undefined =>
  timeMs - wallMs > MAX_BEHIND_MS ? 'clock-behind' : undefined;
