/*
 * Whether a time-stamp token may be signed now, and which time it gets. A few numbers in shared memory, so that every
 * thread of a process asks the same; the clock watch opens and shuts it, a store says how far times are reserved.
 * A small rule over numbers, without a clock of its own.
 */

/** Even while nobody changes what stands in the next four; whoever reads them and sees another number reads again. */
const VERSION = 0;
const OPEN = 1;
/** the wall clock less the monotonic one may be from here to there, microseconds */
const LOW = 2;
const HIGH = 3;
/** by the monotonic clock, microseconds */
const UNTIL = 4;
/** the last time that was given, Unix milliseconds */
const LAST = 5;
/** no later time is given before it was written down that it may be: after a crash nothing earlier is given */
const RESERVED = 6;
/** when the certificates of the key that signs are good, Unix milliseconds */
const FROM = 7;
const TO = 8;
const CELLS = 9;

/**
 * A clock that stands so far behind what was given last has been set back; below that, times wait for it. What it is off
 * then adds to what the watch allows, and so to the accuracy that tokens state.
 */
export const MAX_BEHIND_MS = 250;

/** Why no token is signed now; codes have sentences in messages/. */
export type TimeRefusal =
  | 'clock-in-doubt'
  | 'clock-jumped'
  | 'clock-behind'
  | 'time-not-reserved'
  | 'signer-expired';

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
  /** Only times from here to there are given: a token outside of them would be of an expired key. */
  limit(fromMs: number, toMs: number): void;
  reservedMs(): number;
  lastMs(): number;
}

const microseconds = (ms: number): bigint =>
  ms === Number.POSITIVE_INFINITY ? 2n ** 62n : BigInt(Math.round(ms * 1_000));

export function createTimeGate(
  memory: TimeGateMemory = new SharedArrayBuffer(CELLS * BigInt64Array.BYTES_PER_ELEMENT),
): TimeGate {
  const cells = new BigInt64Array(memory);
  // A new one has no limit until it is given one; zeros would mean that nothing is ever good.
  Atomics.compareExchange(cells, TO, 0n, BigInt(Number.MAX_SAFE_INTEGER));
  const number = (cell: number): number => Number(Atomics.load(cells, cell));

  /** Raises a cell that only grows; what it holds afterwards. */
  function raise(cell: number, value: number): number {
    for (;;) {
      const before = Atomics.load(cells, cell);
      if (before >= BigInt(value)) return Number(before);
      if (Atomics.compareExchange(cells, cell, before, BigInt(value)) === before) return value;
    }
  }

  /** Takes the right to change the four, from whatever version or from `expected` alone; false where that is gone. */
  function change(work: () => void, expected?: bigint): boolean {
    for (;;) {
      const version = expected ?? Atomics.load(cells, VERSION);
      const isFree = version % 2n === 0n;
      if (isFree && Atomics.compareExchange(cells, VERSION, version, version + 1n) === version) {
        work();
        Atomics.store(cells, VERSION, version + 2n);
        return true;
      }
      if (expected !== undefined) return false;
    }
  }

  function refuses(at: ClockReading): TimeRefusal | undefined {
    const { wallMs, monotonicMs } = at;
    if (wallMs < number(FROM) || wallMs > number(TO)) return 'signer-expired';
    for (;;) {
      const version = Atomics.load(cells, VERSION);
      const isOpen = Atomics.load(cells, OPEN) === 1n;
      const [low, high, until] = [number(LOW), number(HIGH), number(UNTIL)];
      // Somebody changed them meanwhile: bounds of two moments together could allow more than either.
      if (version % 2n !== 0n || Atomics.load(cells, VERSION) !== version) continue;
      if (!isOpen || monotonicMs * 1_000 > until) return 'clock-in-doubt';
      const base = (wallMs - monotonicMs) * 1_000;
      if (base >= low && base <= high) return undefined;
      // At once and for every thread, unless the watch has looked meanwhile and knows better.
      if (change(() => Atomics.store(cells, OPEN, 0n), version)) return 'clock-jumped';
    }
  }

  return {
    memory,
    open: ({ lowMs, highMs, untilMs }) =>
      void change(() => {
        Atomics.store(cells, LOW, microseconds(lowMs));
        Atomics.store(cells, HIGH, microseconds(highMs));
        Atomics.store(cells, UNTIL, microseconds(untilMs));
        Atomics.store(cells, OPEN, 1n);
      }),
    shut: () => void change(() => Atomics.store(cells, OPEN, 0n)),
    isOpen: () => Atomics.load(cells, OPEN) === 1n,
    refuses,
    next(at, reservedMs = number(RESERVED)) {
      const refused = refuses(at);
      if (refused !== undefined) return refused;
      for (;;) {
        const before = Atomics.load(cells, LAST);
        const timeMs = Math.max(Math.floor(at.wallMs), Number(before));
        const early = whyTooEarly(at, timeMs);
        if (early !== undefined) return early;
        if (timeMs > reservedMs) return 'time-not-reserved';
        // Another thread may have given a later one, which need not be reserved for this one.
        if (Atomics.compareExchange(cells, LAST, before, BigInt(timeMs)) === before) return timeMs;
      }
    },
    take: (at, timeMs) => refuses(at) ?? whyTooEarly(at, timeMs) ?? raise(LAST, timeMs),
    reserve(throughMs) {
      raise(RESERVED, throughMs);
    },
    begin(lastMs) {
      raise(LAST, lastMs);
    },
    limit(fromMs, toMs) {
      Atomics.store(cells, FROM, BigInt(fromMs));
      Atomics.store(cells, TO, BigInt(toMs));
    },
    reservedMs: () => number(RESERVED),
    lastMs: () => number(LAST),
  };
}

/** A time that lies so far ahead of the clock was given by one that has been set back since. */
const whyTooEarly = ({ wallMs }: ClockReading, timeMs: number): TimeRefusal | undefined =>
  timeMs - wallMs > MAX_BEHIND_MS ? 'clock-behind' : undefined;
