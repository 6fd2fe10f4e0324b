import { sntpServer } from './adapters/sntp/server.ts';
import { readClock } from './adapters/stamping/tokens.ts';
import { GRACE_MS, startClockRounds } from './authority/clock-rounds.ts';
import { ClockWatch } from './authority/clock-watch.ts';
import type { Config } from './config.ts';
import { sentence } from './messages/sentence.ts';
import type { Logger } from './ports/logger.ts';
import type { ClockState, ClockWord, TimeOutcome } from './ports/time.ts';
import type { TimeGate } from './ports/time-gate.ts';

/*
 * The clock watch of this process. Several instances each watch the clock of their own machine.
 */

export interface WatchedClock {
  /** With both clocks as `readClock` reads them; whoever signs asks the gate, which is told the same. */
  readonly mayIssue: ClockWatch['mayIssue'];
  /** The word for a manifest that says it was received at this time, which was read just now. */
  wordAt(wallMs: number): ClockWord;
  /** Looks now. */
  state(): ClockState;
  /** Looks now. */
  problem(): ReturnType<ClockWatch['problem']>;
  /** The servers were asked once; in bounded time. */
  readonly first: Promise<void>;
  stop(): Promise<void>;
}

/** A second there and back is enough around the world; what takes longer says too little about the time. */
const TIMEOUT_MS = 1_000;

const wallMs = (): number => Date.now();
/** CLOCK_MONOTONIC as every thread has it: the gate is asked by several. */
const monotonicMs = (): number => readClock().monotonicMs;

export function watchClock(
  { ntpServers, maxDriftMs }: Pick<Config, 'ntpServers' | 'maxDriftMs'>,
  log: Logger,
  count: (server: number, outcome: TimeOutcome) => void,
  gate: TimeGate,
): WatchedClock {
  const limits = { servers: ntpServers.length, maxDriftMs, graceMs: GRACE_MS };
  const watch = new ClockWatch(limits, wallMs(), monotonicMs());
  // Threads that sign ask the gate and not the watch.
  watch.onAllowance = (allowance) => (allowance === undefined ? gate.shut() : gate.open(allowance));
  const tellServer = serverChanges(ntpServers, log);
  const rounds = startClockRounds({
    watch,
    servers: ntpServers.map((place) => sntpServer({ ...place, timeoutMs: TIMEOUT_MS, wallMs, monotonicMs })),
    wallMs,
    monotonicMs,
    random: Math.random,
    after(ms, run) {
      // A start that fails half-way ends with the process; the watch does not hold it back.
      const timer = setTimeout(run, ms).unref();
      return () => clearTimeout(timer);
    },
    onOutcome(server, outcome) {
      count(server, outcome);
      tellServer(server, outcome);
    },
  });
  watch.onChange = () => {
    tellChange(watch, log);
    if (watch.problem() !== undefined) rounds.hurry();
  };
  const look = (): void => void watch.mayIssue(wallMs(), monotonicMs());
  return {
    mayIssue: (wall, monotonic) => watch.mayIssue(wall, monotonic),
    wordAt: (wall) => watch.wordAt(wall, monotonicMs()),
    state() {
      look();
      return watch.state();
    },
    problem() {
      look();
      return watch.problem();
    },
    first: rounds.first,
    stop: rounds.stop,
  };
}

function tellChange(watch: ClockWatch, log: Logger): void {
  const problem = watch.problem();
  if (problem === undefined) {
    log.warn({ part: 'clock', ...watch.state() }, 'clock: good again');
    return;
  }
  const { code, detail } = problem;
  log.error({ part: 'clock', code, ...detail }, `clock: ${sentence('en', 'health', code, detail)}`);
}

/** A server that comes to say something else than before: once a change, for whoever has to find another one. */
function serverChanges(places: Config['ntpServers'], log: Logger) {
  const last = new Map<number, TimeOutcome>();
  return (server: number, outcome: TimeOutcome): void => {
    const before = last.get(server) ?? 'agreed';
    last.set(server, outcome);
    if (before !== outcome)
      log.warn({ part: 'clock', server: places[server]!.host, before, outcome }, `time server: ${outcome}`);
  };
}
