import { CLOCK_WORDS, type ClockState, TIME_OUTCOMES, type TimeOutcome } from '../../ports/time.ts';
import type { Count, Families } from './families.ts';
import type { Gauges } from './gauges.ts';

/** Servers are told apart by their place in the configuration, from 1: no address becomes a label. */
export function countTimeServers(families: Families, servers: number) {
  const answers = families.counts(
    'kezheng_time_server_answers_total',
    'What became of asking a time server, by its place in KEZHENG_NTP_SERVERS and outcome',
  );
  const counts = Array.from(
    { length: servers },
    (_, i) =>
      new Map<TimeOutcome, Count>(
        TIME_OUTCOMES.map((outcome) => [outcome, answers.with({ server: String(i + 1), outcome })]),
      ),
  );
  return (server: number, outcome: TimeOutcome): void => void counts[server]!.get(outcome)!.value++;
}

export function readClock(gauges: Gauges, { clock, offsetMs }: ClockState): void {
  for (const state of CLOCK_WORDS) gauges.set('kezheng_clock_state', state === clock ? 1 : 0, { state });
  gauges.set('kezheng_clock_offset_seconds', offsetMs === undefined ? undefined : offsetMs / 1_000);
}
