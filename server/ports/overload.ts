/*
 * When deposits are refused. A queue that passes is good: those who come together share a commit. A queue that stands
 * makes everybody wait and stores not one deposit more (CoDel, RFC 8289 §3), so once it has stood for an interval it is
 * kept short until the rush is over. A small rule over times and numbers, without a clock of its own; every store
 * whose deposits wait uses it, and HTTP asks it before anything of a request is read.
 */

export interface QueueLimits {
  /**
   * So few waiting are no queue that stands. A store that commits 32 at a time has them stored after eight commits, and
   * a deposit that comes when nothing waits needs one: less than ten times of that, on a fast disk and on a slow one.
   */
  readonly shallow: number;
  /** A wait shorter than this is nobody's trouble, however many wait. */
  readonly targetMs: number;
  /** So long a deeper queue may stand: time for a burst to pass. */
  readonly intervalMs: number;
  /** The rush is over when nobody was refused for so long: more than any pause of a process that has too much to do. */
  readonly peaceMs: number;
  /** More never wait, however short the time: memory is bounded. */
  readonly most: number;
  /** In a rush fewer than `shallow` are let in where they wait too long all the same; never fewer than this. */
  readonly least: number;
}

export const QUEUE_LIMITS: QueueLimits = {
  shallow: 256,
  targetMs: 10,
  intervalMs: 100,
  peaceMs: 1_000,
  most: 10_000,
  least: 32,
};

/** A process that is busy for more of its time does not get round to refusing quickly. */
const BUSY = 0.95;

/** In a rush deposits may wait so many times as long as they do when nothing else waits. Promised are ten times. */
const TIMES_IDLE = 6;

/** How much one deposit that came alone changes what is thought usual for such. */
const IDLE_WEIGHT = 1 / 16;

export class DepositQueue {
  /** Told whenever some were answered, and how long the oldest of them waited. */
  onAnswered: (count: number, waitMs: number) => void = () => {};
  readonly #limits: QueueLimits;
  #waiting = 0;
  /** How long the oldest of the last group waited. */
  #lastWaitMs = 0;
  /** When the queue moved last: a group was answered, or the first one came. */
  #movedMs = 0;
  /** Since when it is too deep without a break. */
  #deepSinceMs: number | undefined = undefined;
  /** It stood for an interval, and since then there was no peace. */
  #short = false;
  #refusedMs = 0;
  /** How many may wait while it is kept short. */
  #room: number;
  /** How long one waits that comes when nothing waits; in a rush none does, so a rush does not change it. */
  #idleMs = 0;
  /** The one that waits came to an empty queue, and none came since. */
  #alone = false;

  constructor(limits: QueueLimits = QUEUE_LIMITS) {
    this.#limits = limits;
    this.#room = limits.shallow;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** How long the deposits wait now: as the last ones did, or longer where nothing has moved since. */
  waitMs(nowMs: number): number {
    return this.#waiting === 0 ? 0 : Math.max(this.#lastWaitMs, nowMs - this.#movedMs);
  }

  /** Whether one more is refused now, before anything was done for it. */
  refuses(nowMs: number): boolean {
    if (!this.#isTooDeep(nowMs)) return false;
    this.#refusedMs = nowMs;
    return true;
  }

  /** One more waits. */
  enter(nowMs: number): void {
    this.#alone = this.#waiting === 0;
    if (this.#waiting++ > 0) return;
    this.#movedMs = nowMs;
    this.#lastWaitMs = 0;
  }

  /**
   * Told now and then which part of its time the process was busy. Storing a deposit costs three times what refusing
   * one costs: while a rush leaves no time, less is let in.
   */
  busy(part: number): void {
    const { shallow, least } = this.#limits;
    if (this.#short && part > BUSY)
      this.#room = Math.max(Math.min(least, shallow), Math.floor(this.#room / 2));
  }

  /** So many, the oldest of which came at `sinceMs`, have been stored or have failed. */
  leave(count: number, sinceMs: number, nowMs: number): void {
    this.#waiting -= count;
    this.#lastWaitMs = nowMs - sinceMs;
    this.#movedMs = nowMs;
    if (this.#waiting < this.#limits.shallow) this.#deepSinceMs = undefined;
    if (this.#alone && count === 1) this.#learnIdle();
    if (this.#short) this.#fitRoom();
    this.onAnswered(count, this.#lastWaitMs);
  }

  #learnIdle(): void {
    const weight = this.#idleMs === 0 ? 1 : IDLE_WEIGHT;
    this.#idleMs += (this.#lastWaitMs - this.#idleMs) * weight;
  }

  /** Fewer where those that were answered waited too long; one more where they did not. */
  #fitRoom(): void {
    const { shallow, least, targetMs } = this.#limits;
    const mayWaitMs = Math.max(targetMs, TIMES_IDLE * this.#idleMs);
    this.#room =
      this.#lastWaitMs > mayWaitMs
        ? Math.max(Math.min(least, shallow), Math.floor(this.#room * 0.9))
        : Math.min(shallow, this.#room + 1);
  }

  #isTooDeep(nowMs: number): boolean {
    const { shallow, targetMs, intervalMs, peaceMs, most } = this.#limits;
    if (this.#waiting >= most) return true;
    if (this.#short && nowMs - this.#refusedMs >= peaceMs) {
      this.#short = false;
      this.#room = shallow;
    }
    if (this.#short) return this.#waiting >= this.#room;
    if (this.#waiting < shallow || this.waitMs(nowMs) < targetMs) {
      this.#deepSinceMs = undefined;
      return false;
    }
    this.#deepSinceMs ??= nowMs;
    if (nowMs - this.#deepSinceMs < intervalMs) return false;
    this.#deepSinceMs = undefined;
    return (this.#short = true);
  }
}
