import type { Random } from './random.ts';
import type { Life, Schedule } from './schedule.ts';

/*
 * What goes wrong, and how often. Each seed has a mixture of its own: some kinds of faults are absent, so that what
 * they would hide can be seen.
 */

export interface Mixture {
  /** A call fails before anything was done; after everything was done, so that only the answer is lost. */
  readonly before: number;
  readonly after: number;
  /** A driver that has lost the answer does it again. */
  readonly twice: number;
  readonly late: number;
  /** The process that calls dies: while the call is on its way, or when it has been done. */
  readonly kill: number;
  /** A blob is written and not yet named. */
  readonly half: number;
  /** A node says what is not so. */
  readonly lie: number;
  /** A client never gets the answer. */
  readonly lost: number;
}

const NONE: Mixture = { before: 0, after: 0, twice: 0, late: 0, kill: 0, half: 0, lie: 0, lost: 0 };

/** The probability of each kind at each call, at most. */
const MOST: Mixture = {
  before: 0.04,
  after: 0.04,
  twice: 0.04,
  late: 0.05,
  kill: 0.01,
  half: 0.05,
  lie: 0.05,
  lost: 0.2,
};

export function drawMixture(random: Random): Mixture {
  const kinds = Object.keys(MOST) as (keyof Mixture)[];
  const drawn = kinds.map((kind) => [kind, random.chance(0.6) ? random.unit() * MOST[kind] : 0]);
  return Object.fromEntries(drawn) as unknown as Mixture;
}

/** A late answer comes after others have long gone on. */
const LATE_MS = [500, 20_000] as const;
const USUAL_MS = [1, 30] as const;

export interface Faults {
  /** what may go wrong now: nothing, once faults have ended */
  now(): Mixture;
  end(): void;
  /** how long something is on its way */
  delayMs(): number;
}

export function createFaults(random: Random, mixture: Mixture): Faults {
  let current = mixture;
  return {
    now: () => current,
    end() {
      current = NONE;
    },
    delayMs: () => (random.chance(current.late) ? random.between(...LATE_MS) : random.between(...USUAL_MS)),
  };
}

export interface Medium {
  readonly random: Random;
  readonly schedule: Schedule;
  readonly faults: Faults;
  /** Ends a process at once; its other calls may still be on their way. */
  readonly kill: (life: Life, why: string) => void;
}

export interface Call<T> {
  readonly life: Life;
  readonly what: string;
  /** Does it, at once and whole or, where it throws, not at all. */
  readonly run: () => T;
  /** Nothing to be done twice or to be lost: it only looks. */
  readonly reads?: boolean;
  /** The error of one that cannot be reached; undefined where it can be. */
  readonly away?: () => Error | undefined;
  readonly failure: (why: string) => Error;
  /** What happened, for the record. */
  readonly told?: (result: T) => string;
}

/**
 * One call over a wire: it arrives later, is done in one moment, and the answer comes later still. What is on its way
 * when the caller dies may arrive all the same, after a new process has begun.
 */
export function callOver<T>({ random, schedule, faults, kill }: Medium, call: Call<T>): Promise<T> {
  const { life, what, reads = false, run } = call;
  // Whoever is dead calls nobody and waits for nothing.
  if (!life.alive) return new Promise(() => {});
  return new Promise((resolve, reject) => {
    const answer = (outcome: string, deliver: () => void): void => {
      schedule.after(faults.delayMs(), `${what} ← ${outcome}`, life, deliver);
    };
    const attempt = (): (() => void) & { outcome?: string } => {
      try {
        const result = run();
        return Object.assign(() => resolve(result), { outcome: call.told?.(result) ?? 'done' });
      } catch (error) {
        return Object.assign(() => reject(error), { outcome: `${(error as Error).message}` });
      }
    };
    const dies = (): boolean => life.alive && random.chance(faults.now().kill / 2);
    const arrive = (): void => {
      // A connection that has broken takes half of what was on it along.
      if (!life.alive && (reads || random.chance(0.5))) return;
      const { before, after, twice } = faults.now();
      const refusal = call.away?.() ?? (random.chance(before) ? call.failure('failed before') : undefined);
      if (refusal !== undefined) answer(refusal.message, () => reject(refusal));
      else if (dies()) kill(life, `before ${what}`);
      else {
        let done = attempt();
        if (!reads && random.chance(twice)) {
          schedule.note(`${what} again`);
          done = attempt();
        }
        if (dies()) kill(life, `after ${what}`);
        else if (random.chance(after)) answer('answer lost', () => reject(call.failure('answer lost')));
        else answer(done.outcome ?? 'done', done);
      }
    };
    // Not of the caller's life: it is under way by itself.
    schedule.after(faults.delayMs(), `${life.name} ${what} →`, undefined, arrive);
  });
}
