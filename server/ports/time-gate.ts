/*
 * Whether a time-stamp token may be signed now, and which time it gets. A few numbers in shared memory, so that every
 * thread of a process asks the same; the clock watch opens and shuts it, a store says how far times are reserved.
 * A small rule over numbers, without a clock of its own.
 */

const OPEN = 0;
/** the wall clock less the monotonic one may be from here to there, microseconds */
const LOW = 1;
const HIGH = 2;
/** by the monotonic clock, microseconds */
const UNTIL = 3;
/** the last time that was given, Unix milliseconds */
const LAST = 4;
/** no later time is given before it was written down that it may be: after a crash nothing earlier is given */
const RESERVED = 5;
const CELLS = 6;

/** A clock that stands so far behind what was given last has been set back; below that, times wait for it. */
export const MAX_BEHIND_MS = 500;

/** Why no token is signed now; codes have sentences in messages/. */
export type TimeRefusal = 'clock-in-doubt' | 'clock-jumped' | 'clock-behind' | 'time-not-reserved';

/** What threads hand to each other: structured clone keeps its memory shared. */
export type TimeGateMemory = SharedArrayBuffer;

export interface ClockReading {
  readonly wallMs: number;
  /** of CLOCK_MONOTONIC, which is the same in every thread */
  readonly monotonicMs: number;
}

/** While the gate is open: what the two clocks may say, and how long that counts. */
export interface Allowance {
  /** of the wall clock less the monotonic one */
  readonly lowMs: number;
  readonly highMs: number;
  /** by the monotonic clock; Infinity where it counts until somebody says otherwise */
  readonly untilMs: number;
}

export interface TimeGate {
  readonly memory: TimeGateMemory;
  open(allowance: Allowance): void;
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
  /** At the start: times through this one may have been given before. */
  begin(lastMs: number): void;
  reservedMs(): number;
  lastMs(): number;
}

const microseconds = (ms: number): bigint =>
  ms === Number.POSITIVE_INFINITY ? 2n ** 62n : BigInt(Math.round(ms * 1_000));

export function createTimeGate(
  memory: TimeGateMemory = new SharedArrayBuffer(CELLS * BigInt64Array.BYTES_PER_ELEMENT),
): TimeGate {
  const cells = new BigInt64Array(memory);
  const number = (cell: number): number => Number(Atomics.load(cells, cell));

  /** Raises a cell that only grows; what it holds afterwards. */
  function raise(cell: number, value: number): number {
    for (;;) {
      const before = Atomics.load(cells, cell);
      if (before >= BigInt(value)) return Number(before);
      if (Atomics.compareExchange(cells, cell, before, BigInt(value)) === before) return value;
    }
  }

  function refuses({ wallMs, monotonicMs }: ClockReading): TimeRefusal | undefined {
    if (Atomics.load(cells, OPEN) === 0n || monotonicMs * 1_000 > number(UNTIL)) return 'clock-in-doubt';
    const base = (wallMs - monotonicMs) * 1_000;
    if (base >= number(LOW) && base <= number(HIGH)) return undefined;
    // At once and for every thread: the watch opens it again when it knows better.
    Atomics.store(cells, OPEN, 0n);
    return 'clock-jumped';
  }

  return {
    memory,
    open({ lowMs, highMs, untilMs }) {
      // Wide open at no moment in between: what reads a new bound beside an old one refuses rather than grants.
      Atomics.store(cells, OPEN, 0n);
      Atomics.store(cells, LOW, microseconds(lowMs));
      Atomics.store(cells, HIGH, microseconds(highMs));
      Atomics.store(cells, UNTIL, microseconds(untilMs));
      Atomics.store(cells, OPEN, 1n);
    },
    shut: () => void Atomics.store(cells, OPEN, 0n),
    isOpen: () => Atomics.load(cells, OPEN) === 1n,
    refuses,
    next(at, reservedMs = number(RESERVED)) {
      const timeMs = Math.max(Math.floor(at.wallMs), number(LAST));
      const refused = refuses(at) ?? whyTooEarly(at, timeMs);
      if (refused !== undefined) return refused;
      return timeMs > reservedMs ? 'time-not-reserved' : raise(LAST, timeMs);
    },
    take: (at, timeMs) => refuses(at) ?? whyTooEarly(at, timeMs) ?? raise(LAST, timeMs),
    reserve(throughMs) {
      raise(RESERVED, throughMs);
    },
    begin(lastMs) {
      raise(LAST, lastMs);
    },
    reservedMs: () => number(RESERVED),
    lastMs: () => number(LAST),
  };
}

/** A time that lies so far ahead of the clock was given by one that has been set back since. */
const whyTooEarly = ({ wallMs }: ClockReading, timeMs: number): TimeRefusal | undefined =>
  timeMs - wallMs > MAX_BEHIND_MS ? 'clock-behind' : undefined;
