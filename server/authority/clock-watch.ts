import type { ClockDoubt, ClockState, ClockWord, TimeSample } from '../ports/time.ts';
import type { Allowance } from '../ports/time-gate.ts';
import { type Common, commonTo, type Interval, majorityOf } from './majority.ts';

/*
 * Whether the clock of this machine can be believed, decided from what time servers said and from comparing the wall
 * clock with the monotonic one. Small arithmetic over readings that come in as arguments. `wall − monotonic` is called
 * the base: it stands still unless somebody sets the clock or the machine sleeps (CLOCK_MONOTONIC does not count
 * sleep), and servers say what it should be.
 */

export interface ClockLimits {
  /** how many servers are configured; without any the clock is `unchecked`, and jumps alone are seen */
  readonly servers: number;
  /** So far the clock may be from the truth, and so far it may jump, before nothing is signed any more. */
  readonly maxDriftMs: number;
  /** So old the last agreement may get while too few servers answer. */
  readonly graceMs: number;
}

/**
 * Milliseconds that may be configured as `maxDriftMs`: servers on the Internet are not nearer than the least, and with the
 * most a token would stand further from its entry than a checker lets it (60 s, FORMAT.md step 10).
 */
export const DRIFT_BOUNDS = { usual: 1_000, least: 100, most: 60_000 } as const;

/** What is wrong, as the health page tells it. */
export interface ClockProblem {
  readonly code: ClockDoubt;
  readonly detail: Readonly<Record<string, number>>;
  readonly sinceMs: number;
}

/** What a round found of the servers that answered, in their order; undefined for those that did not. */
export type Judged = 'agreed' | 'outvoted' | 'undecided' | 'uncertain' | undefined;

/**
 * What may be farther from the truth than this part of the allowed drift is no voice: the server is far away, or this
 * process was too busy to see the answer come. With it a clock that is right could not be told from one that is not.
 */
const LARGEST_DISTANCE = 1 / 2;

export class ClockWatch {
  /** Told when the clock comes into doubt, or into another doubt, or out of it. */
  onChange: () => void = () => {};
  /** Told after each round and each change what the clocks may say from now on; undefined while nothing is signed. */
  onAllowance: (allowance: Allowance | undefined) => void = () => {};
  readonly #limits: ClockLimits;
  /** The base may be from here to there. */
  #allowed: Interval;
  /** By the monotonic clock: how long the last agreement counts. */
  #untilMs: number;
  #problem: ClockProblem | undefined;
  #offsetMs: number | undefined;
  #sinceMs: number;
  /** of the last round, for people */
  #round = { answered: 0, agreeing: 0 };

  constructor(limits: ClockLimits, wallMs: number, monotonicMs: number) {
    this.#limits = limits;
    this.#sinceMs = wallMs;
    this.#allowed = around(wallMs - monotonicMs, limits.maxDriftMs);
    this.#untilMs = Number.POSITIVE_INFINITY;
    if (limits.servers > 0) this.#problem = { code: 'clock-not-checked', detail: {}, sinceMs: wallMs };
  }

  /**
   * Asked for each token with both clocks as they are now; the answer is `true` or why not. One subtraction and four
   * comparisons where all is well. What is not a number is no reason to sign.
   */
  mayIssue(wallMs: number, monotonicMs: number): true | ClockDoubt {
    const base = wallMs - monotonicMs;
    const { low, high } = this.#allowed;
    if (this.#problem === undefined && base >= low && base <= high && monotonicMs <= this.#untilMs)
      return true;
    return this.#refuse(wallMs, monotonicMs);
  }

  /** The word for a manifest that is made now. */
  wordAt(wallMs: number, monotonicMs: number): ClockWord {
    return this.mayIssue(wallMs, monotonicMs) === true ? this.#calm() : 'doubtful';
  }

  /** As far as it was looked at: by a token, a deposit or a round. */
  state(): ClockState {
    return {
      clock: this.#problem === undefined ? this.#calm() : 'doubtful',
      ...(this.#offsetMs !== undefined && { offsetMs: this.#offsetMs }),
      sinceMs: this.#sinceMs,
      ...(this.#problem && { reason: this.#problem.code }),
    };
  }

  problem(): ClockProblem | undefined {
    return this.#problem;
  }

  /**
   * What the servers of one round said, by their place in the configuration, and both clocks after it. A round in which
   * a majority agrees decides. One in which too few answered decides nothing until the last agreement is too old; one
   * in which no majority is possible, whatever the silent ones would have said, means that somebody lies: that stops.
   */
  heard(
    samples: readonly (TimeSample | undefined)[],
    wallMs: number,
    monotonicMs: number,
  ): readonly Judged[] {
    const intervals = samples.map((sample) =>
      sample !== undefined && sample.distanceMs <= this.#limits.maxDriftMs * LARGEST_DISTANCE
        ? around(sample.epochMs, sample.distanceMs)
        : undefined,
    );
    const answers = intervals.filter((interval) => interval !== undefined);
    const needed = majorityOf(this.#limits.servers);
    const common = commonTo(answers, needed);
    this.#round = { answered: answers.length, agreeing: common.most };
    if (common.interval !== undefined) this.#agreed(common.interval, wallMs, monotonicMs);
    else this.#undecided(common, needed, wallMs, monotonicMs);
    this.#tellAllowance();
    return intervals.map((interval, i) =>
      interval === undefined ? samples[i] && 'uncertain' : judge(interval, common.interval),
    );
  }

  /** Without servers, now and then: a clock that jumped and has stood since is taken as it is. */
  looked(wallMs: number, monotonicMs: number): void {
    const base = wallMs - monotonicMs;
    const { low, high } = this.#allowed;
    const stands = base >= low && base <= high;
    if (stands) this.#settle(undefined, wallMs);
    else this.#refuse(wallMs, monotonicMs);
    this.#allowed = around(base, this.#limits.maxDriftMs);
    this.#tellAllowance();
  }

  #calm(): ClockWord {
    return this.#limits.servers === 0 ? 'unchecked' : 'agreed';
  }

  #agreed(truth: Interval, wallMs: number, monotonicMs: number): void {
    const { maxDriftMs, graceMs } = this.#limits;
    const base = wallMs - monotonicMs;
    // The truth may be at either end: what is promised must hold at both.
    const bounds = { low: truth.high - maxDriftMs, high: truth.low + maxDriftMs };
    const offsetMs = base - (truth.low + truth.high) / 2;
    this.#offsetMs = offsetMs;
    this.#untilMs = monotonicMs + graceMs;
    if (base < bounds.low || base > bounds.high) {
      const detail = {
        offsetMs: Math.round(offsetMs),
        uncertaintyMs: Math.ceil((truth.high - truth.low) / 2),
        limitMs: maxDriftMs,
      };
      this.#settle({ code: 'clock-drift', detail, sinceMs: wallMs }, wallMs);
      return;
    }
    // A jump counts also where it would lead from one side of the truth to the other.
    this.#allowed = {
      low: Math.max(bounds.low, base - maxDriftMs),
      high: Math.min(bounds.high, base + maxDriftMs),
    };
    this.#settle(undefined, wallMs);
  }

  #undecided({ most }: Common, needed: number, wallMs: number, monotonicMs: number): void {
    const { servers } = this.#limits;
    const silent = servers - this.#round.answered;
    const isHopeless = most + silent < needed;
    const isFirst = this.#problem?.code === 'clock-not-checked';
    if (isHopeless || isFirst || monotonicMs > this.#untilMs) this.#settle(this.#noMajority(wallMs), wallMs);
    // Nobody may have asked since the clock was set.
    else this.mayIssue(wallMs, monotonicMs);
  }

  /** Not one more, until a round or a look finds it good again. */
  #refuse(wallMs: number, monotonicMs: number): ClockDoubt {
    if (this.#problem !== undefined) return this.#problem.code;
    const { low, high } = this.#allowed;
    const base = wallMs - monotonicMs;
    if (base >= low && base <= high) this.#settle(this.#noMajority(wallMs), wallMs);
    else {
      const jumpMs = Math.round(base - (low + high) / 2);
      const detail = { jumpMs, limitMs: this.#limits.maxDriftMs };
      this.#settle({ code: 'clock-jumped', detail, sinceMs: wallMs }, wallMs);
    }
    return this.#problem!.code;
  }

  #noMajority(wallMs: number): ClockProblem {
    const { servers } = this.#limits;
    const detail = { servers, needed: majorityOf(servers), ...this.#round };
    return { code: 'clock-no-majority', detail, sinceMs: wallMs };
  }

  /** A problem that goes on keeps the time at which it began. */
  #settle(problem: ClockProblem | undefined, wallMs: number): void {
    const before = this.#problem?.code;
    if (before === problem?.code) {
      if (problem !== undefined) this.#problem = { ...problem, sinceMs: this.#problem!.sinceMs };
      return;
    }
    this.#problem = problem;
    this.#sinceMs = wallMs;
    this.#tellAllowance();
    this.onChange();
  }

  #tellAllowance(): void {
    const { low: lowMs, high: highMs } = this.#allowed;
    this.onAllowance(this.#problem === undefined ? { lowMs, highMs, untilMs: this.#untilMs } : undefined);
  }
}

const around = (middle: number, distance: number): Interval => ({
  low: middle - distance,
  high: middle + distance,
});

function judge(interval: Interval, truth: Interval | undefined): 'agreed' | 'outvoted' | 'undecided' {
  if (truth === undefined) return 'undecided';
  return interval.low <= truth.high && interval.high >= truth.low ? 'agreed' : 'outvoted';
}
