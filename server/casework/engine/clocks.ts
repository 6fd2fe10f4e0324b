import { amountOf, before, deadlineOf, leftOf, type Unit } from '../../calendar/term.ts';
import type { Basis } from './basis.ts';

/** A term as a procedure has it. */
export interface ClockSpec<Facts = unknown> {
  readonly unit: Unit;
  /** In units; null where the office has set no such term, and then no clock starts. */
  length(facts: Facts): number | null;
  /** In units before the deadline. */
  readonly remindBefore: readonly number[];
  readonly basis: Basis;
  /** What the service itself does when the term has passed. */
  readonly onPassed?: string;
}

/** What a transition does to the clocks of its case. */
export type ClockChanges<Name extends string = string> = Readonly<
  Partial<Record<'start' | 'stop' | 'resume' | 'end', readonly Name[]>>
>;

/** A term of a case. A type and not an interface, for it is stored as JSON. */
export type ClockState = {
  readonly name: string;
  readonly state: 'running' | 'stopped' | 'ended';
  readonly unit: Unit;
  /** Days, or milliseconds by the hour: when it last began to run; while it stands, what is left. */
  readonly left: number;
  readonly startedMs: number;
  /** When it was last started, stopped, resumed or ended. */
  readonly sinceMs: number;
  /** While it stands: as it was when it was stopped. */
  readonly deadlineMs: number;
  /** Still to be sent. */
  readonly reminders: readonly { readonly before: number; readonly atMs: number }[];
  /** The deadline was missed. That stays: no stop afterwards heals it. */
  readonly passed: boolean;
  /** What the service itself does when the term has passed. */
  readonly onPassed: string | null;
  /** The deadline rests on a year whose holidays are not published. */
  readonly withoutHolidays: boolean;
};

export const isOverdue = (clock: ClockState, nowMs: number): boolean =>
  clock.passed || (clock.state === 'running' && nowMs > clock.deadlineMs);

function run(spec: ClockSpec<never>, clock: Omit<ClockState, 'deadlineMs' | 'reminders'>): ClockState {
  const { value, withoutHolidays } = deadlineOf(clock.unit, clock.left, clock.sinceMs);
  const reminders = spec.remindBefore
    .map((length) => ({ before: length, atMs: before(clock.unit, value, length) }))
    .filter(({ atMs }) => atMs > clock.sinceMs)
    .sort((a, b) => a.atMs - b.atMs);
  return {
    ...clock,
    deadlineMs: value,
    reminders,
    withoutHolidays: clock.withoutHolidays || withoutHolidays,
  };
}

export function started<Facts>(
  name: string,
  spec: ClockSpec<Facts>,
  facts: Facts,
  nowMs: number,
): ClockState | undefined {
  const length = spec.length(facts);
  if (length === null) return undefined;
  return run(spec, {
    name,
    state: 'running',
    unit: spec.unit,
    left: amountOf(spec.unit, length),
    startedMs: nowMs,
    sinceMs: nowMs,
    passed: false,
    onPassed: spec.onPassed ?? null,
    withoutHolidays: false,
  });
}

export function stopped(clock: ClockState, nowMs: number): ClockState {
  if (clock.state !== 'running') return clock;
  const { value, withoutHolidays } = leftOf(clock.unit, clock.left, clock.sinceMs, nowMs);
  return {
    ...clock,
    state: 'stopped',
    left: value,
    sinceMs: nowMs,
    reminders: [],
    passed: isOverdue(clock, nowMs),
    withoutHolidays: clock.withoutHolidays || withoutHolidays,
  };
}

export function resumed(clock: ClockState, spec: ClockSpec<never>, nowMs: number): ClockState {
  if (clock.state !== 'stopped') return clock;
  const running = { ...clock, state: 'running', sinceMs: nowMs } as const;
  return clock.passed ? running : run(spec, running);
}

export const ended = (clock: ClockState, nowMs: number): ClockState =>
  clock.state === 'ended'
    ? clock
    : { ...clock, state: 'ended', sinceMs: nowMs, reminders: [], passed: isOverdue(clock, nowMs) };

/** All clocks after a transition. One that starts again begins anew; one that never started stays out. */
export function clocksAfter<Facts>(
  clocks: readonly ClockState[],
  changes: ClockChanges,
  specs: Readonly<Record<string, ClockSpec<Facts>>>,
  facts: Facts,
  nowMs: number,
): readonly ClockState[] {
  const kept = clocks
    .filter(({ name }) => !changes.start?.includes(name))
    .map((clock) => {
      if (changes.end?.includes(clock.name)) return ended(clock, nowMs);
      if (changes.stop?.includes(clock.name)) return stopped(clock, nowMs);
      return changes.resume?.includes(clock.name) ? resumed(clock, specs[clock.name]!, nowMs) : clock;
    });
  const fresh = (changes.start ?? []).flatMap((name) => started(name, specs[name]!, facts, nowMs) ?? []);
  return [...kept, ...fresh];
}
