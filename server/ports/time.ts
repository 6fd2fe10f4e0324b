import { CLOCKS, type Manifest } from '../core/entry/manifest.ts';

/*
 * The time as others tell it, and how far the clock of this machine can be believed. Servers are measured against the
 * monotonic clock, which nobody can set: what they say stays true when the wall clock is set in the middle of an answer.
 */

/** One answer of a time server. */
export interface TimeSample {
  /** The server's time less our monotonic clock, in ms: what our wall clock less the monotonic one should be. */
  readonly epochMs: number;
  /** If the server tells the truth, the truth is at most so far from it. */
  readonly distanceMs: number;
  /** Address and port that answered: two names of one machine are one voice. */
  readonly from: string;
}

/**
 * `silent`: nothing that answers our question came in time, or its name or address leads nowhere; `unsynchronized`: it
 * says itself that it does not know the time; `rate` and `deny`: it asks us to come less often, or not at all;
 * `invalid`: an answer to our question that makes no sense.
 */
export type TimeServerFault = 'silent' | 'unsynchronized' | 'rate' | 'deny' | 'invalid';

export class TimeServerProblem extends Error {
  readonly fault: TimeServerFault;

  constructor(fault: TimeServerFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TimeServerProblem';
    this.fault = fault;
  }
}

export interface TimeServer {
  /** Asks once. Rejects with TimeServerProblem, in bounded time; at once when `stopping` is aborted. */
  ask(stopping: AbortSignal): Promise<TimeSample>;
}

/**
 * What became of asking one server in one round. `undecided`: there was no majority; `uncertain`: what it says may be
 * too far from the truth to decide anything; `repeated`: the same machine as another.
 */
export type TimeOutcome = 'agreed' | 'outvoted' | 'undecided' | 'uncertain' | 'repeated' | TimeServerFault;

export const TIME_OUTCOMES: readonly TimeOutcome[] = [
  'agreed',
  'outvoted',
  'undecided',
  'uncertain',
  'repeated',
  'silent',
  'unsynchronized',
  'rate',
  'deny',
  'invalid',
];

/** Why the clock is in doubt. */
export type ClockDoubt = 'clock-not-checked' | 'clock-drift' | 'clock-jumped' | 'clock-no-majority';

/** As manifests say it (FORMAT.md): watched against nothing, good when it was compared last, or not to be relied on. */
export type ClockWord = Manifest['clock'];

export const CLOCK_WORDS: readonly ClockWord[] = CLOCKS;

export interface ClockState {
  readonly clock: ClockWord;
  /** How far our clock was ahead of what the servers agreed on, when they agreed last. */
  readonly offsetMs?: number;
  /** since when it is so, by the clock itself */
  readonly sinceMs: number;
  readonly reason?: ClockDoubt;
}
