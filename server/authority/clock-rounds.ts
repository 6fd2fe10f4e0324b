import {
  type TimeOutcome,
  type TimeSample,
  type TimeServer,
  type TimeServerFault,
  TimeServerProblem,
} from '../ports/time.ts';
import type { ClockWatch } from './clock-watch.ts';

/*
 * Asks the time servers round by round, all at once, and tells the watch. Without servers it only compares the two
 * clocks of this machine now and then.
 */

/** As often as NTP itself asks a server that it has come to know: minpoll 6, RFC 5905 §7.2. */
export const PERIOD_MS = 64_000;

/** In doubt first after this, as NTP at its start (iburst), then each time after twice as long, up to the period. */
export const FIRST_RETRY_MS = 2_000;

/** Four periods without a majority, in which it was tried many times, are no accident of the net. */
export const GRACE_MS = 4 * PERIOD_MS;

/** A datagram may be lost: a silent server is asked once more before the round ends. */
const TRIES = 2;

/** Up to so long a server that asks for patience is spared: maxpoll 10, RFC 5905 §7.2. */
const MAX_GAP_MS = 1_024_000;

/**
 * DENY and RSTR mean: send nothing more (RFC 5905 §7.4). A service that runs for years asks again after a day, as one
 * would that is started anew: whoever runs the server may have let it in.
 */
const DENIED_MS = 86_400_000;

export interface ClockRoundsDeps {
  readonly watch: ClockWatch;
  readonly servers: readonly TimeServer[];
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  /** from 0 to below 1 */
  readonly random: () => number;
  /** Calls `run` once, so much later, unless the function that it returns is called before. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** told of each server that was asked in a round, by its place in the configuration */
  readonly onOutcome: (server: number, outcome: TimeOutcome) => void;
}

export interface ClockRounds {
  /** The first round has ended; never rejects. */
  readonly first: Promise<void>;
  /** Something came into doubt between the rounds: the next one comes soon. */
  hurry(): void;
  /** Resolves when nothing is asked any more. */
  stop(): Promise<void>;
}

export function startClockRounds(deps: ClockRoundsDeps): ClockRounds {
  const stopping = new AbortController();
  const voices = deps.servers.map((server) => patient(server, deps.monotonicMs, stopping.signal));
  let retryMs = FIRST_RETRY_MS;
  let endedMs = deps.monotonicMs();
  let running: Promise<void> | undefined;
  let cancel = (): void => {};

  async function run(): Promise<void> {
    const isDecided = await oneRound(deps, voices, stopping.signal);
    running = undefined;
    endedMs = deps.monotonicMs();
    if (isDecided && deps.watch.problem() === undefined) {
      retryMs = FIRST_RETRY_MS;
      schedule(PERIOD_MS);
    } else {
      schedule(retryMs);
      retryMs = Math.min(retryMs * 2, PERIOD_MS);
    }
  }

  function schedule(ms: number): void {
    cancel();
    if (stopping.signal.aborted) return;
    // Instances that were started together do not all ask at one moment for ever.
    cancel = deps.after(ms * (0.875 + deps.random() / 4), () => {
      running = run();
    });
  }

  const first = (running = run());
  return {
    first,
    hurry() {
      // A round under way finds the doubt itself and is followed soon.
      if (running !== undefined) return;
      retryMs = FIRST_RETRY_MS;
      schedule(Math.max(0, FIRST_RETRY_MS - (deps.monotonicMs() - endedMs)));
    },
    async stop() {
      stopping.abort();
      cancel();
      await running;
    },
  };
}

/** What asking gave; undefined where the server is spared. */
type Voice = () => Promise<TimeSample | TimeServerFault | undefined>;

/** Whether the round decided something. */
async function oneRound(
  { watch, servers, wallMs, monotonicMs, onOutcome }: ClockRoundsDeps,
  voices: readonly Voice[],
  stopping: AbortSignal,
): Promise<boolean> {
  if (servers.length === 0) {
    watch.looked(wallMs(), monotonicMs());
    return true;
  }
  const heard = await Promise.all(voices.map((voice) => voice()));
  if (stopping.aborted) return false;
  const said = withoutRepeated(heard);
  const samples = said.map((one) => (typeof one === 'object' ? one : undefined));
  const judged = watch.heard(samples, wallMs(), monotonicMs());
  for (const [i, one] of said.entries()) {
    const outcome = typeof one === 'object' ? judged[i] : one;
    if (outcome !== undefined) onOutcome(i, outcome);
  }
  return judged.includes('agreed');
}

/** Whoever runs one machine has one voice, under however many names it stands in the configuration. */
function withoutRepeated(
  heard: readonly (TimeSample | TimeServerFault | undefined)[],
): readonly (TimeSample | TimeServerFault | 'repeated' | undefined)[] {
  const known = new Set<string>();
  return heard.map((one) => {
    if (typeof one !== 'object') return one;
    if (known.has(one.from)) return 'repeated';
    known.add(one.from);
    return one;
  });
}

/** Asks a server no more often than it wants to be asked. */
function patient(server: TimeServer, monotonicMs: () => number, stopping: AbortSignal): Voice {
  let gapMs = 0;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (monotonicMs() < notBeforeMs) return undefined;
    const said = await askTimes(TRIES, server, stopping);
    // It stays at the longer gap: at the shorter one it would only complain again.
    if (said === 'rate') gapMs = Math.min(Math.max(gapMs, PERIOD_MS) * 2, MAX_GAP_MS);
    notBeforeMs = monotonicMs() + (said === 'deny' ? DENIED_MS : gapMs);
    return said;
  };
}

async function askTimes(
  times: number,
  server: TimeServer,
  stopping: AbortSignal,
): Promise<TimeSample | TimeServerFault> {
  try {
    return await server.ask(stopping);
  } catch (error) {
    if (!(error instanceof TimeServerProblem)) throw error;
    if (error.fault !== 'silent' || times === 1 || stopping.aborted) return error.fault;
    return askTimes(times - 1, server, stopping);
  }
}
