import type { CaseRecord } from './case.ts';
import type { ClockState } from './clocks.ts';
import { type Procedure, startsIn } from './table.ts';

export interface Due {
  /** The case with what is told here marked as told; store it with the messages, or they are sent again. */
  readonly record: CaseRecord;
  readonly reminders: readonly {
    readonly clock: string;
    readonly before: number;
    readonly deadlineMs: number;
  }[];
  /** Deadlines that were missed since this was last asked. */
  readonly passed: readonly { readonly clock: string; readonly deadlineMs: number }[];
  /** Actions of the service itself, to be done by `act` like any other; told again until one of them ends the clock. */
  readonly automatic: readonly string[];
}

const isPast = (clock: ClockState, nowMs: number): boolean =>
  clock.state === 'running' && nowMs > clock.deadlineMs;

/** What the clocks of a case ask for now. */
export function due({ transitions }: Pick<Procedure, 'transitions'>, record: CaseRecord, nowMs: number): Due {
  const past = record.clocks.filter((clock) => isPast(clock, nowMs));
  const reminders = record.clocks.flatMap((clock) => reminderOf(clock, nowMs) ?? []);
  const passed = past
    .filter((clock) => !clock.passed)
    .map(({ name, deadlineMs }) => ({ clock: name, deadlineMs }));
  const automatic = past.flatMap(({ onPassed }) =>
    transitions.some((one) => one.action === onPassed && startsIn(one, record.state)) ? onPassed! : [],
  );
  const clocks = record.clocks.map((clock) => told(clock, nowMs));
  return { record: { ...record, clocks }, reminders, passed, automatic };
}

/** After a time in which nobody asked, the last reminder of several says what the others would have said. */
function reminderOf(clock: ClockState, nowMs: number): Due['reminders'][number] | undefined {
  const last = clock.reminders.filter(({ atMs }) => atMs <= nowMs).at(-1);
  if (last === undefined || clock.state !== 'running' || isPast(clock, nowMs)) return undefined;
  return { clock: clock.name, before: last.before, deadlineMs: clock.deadlineMs };
}

const told = (clock: ClockState, nowMs: number): ClockState => ({
  ...clock,
  reminders: clock.reminders.filter(({ atMs }) => atMs > nowMs),
  passed: clock.passed || isPast(clock, nowMs),
});

/** When to ask again; null where nothing is awaited. A missed deadline with an action of the service is due at once. */
export function nextDueMs(record: Pick<CaseRecord, 'clocks'>): number | null {
  const times = record.clocks
    .filter(({ state }) => state === 'running')
    .flatMap((clock) => [
      ...clock.reminders.map(({ atMs }) => atMs),
      ...(clock.passed && clock.onPassed === null ? [] : [clock.deadlineMs + 1]),
    ]);
  return times.length === 0 ? null : Math.min(...times);
}
