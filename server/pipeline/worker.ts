import type { Logger } from '../ports/logger.ts';

/** What the health page says of one recurring task. */
export interface TaskHealth {
  /** undefined while it works, else what is wrong: a stable code and plain values */
  readonly problem:
    | {
        readonly code: string;
        readonly detail: Readonly<Record<string, string | number>>;
        readonly sinceMs: number;
      }
    | undefined;
  readonly lastSuccessMs: number | undefined;
}

export interface Task {
  health(): TaskHealth;
  /** Runs the next round soon instead of at its time. */
  wake(): void;
  /** Resolves when the round under way has ended; none follows. */
  stop(): Promise<void>;
}

/** Calls `run` once, so much later, unless the function that it returns is called before. */
export type After = (ms: number, run: () => void) => () => void;

/** Runs the work and watches it. */
export type Around = <T>(name: string, work: () => Promise<T>) => Promise<T>;

const afterTimeout: After = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** An error that people can act on, or wait for the end of. */
export interface Explained {
  readonly code: string;
  readonly detail: Readonly<Record<string, string | number>>;
  /** it belongs to the way that things go, and ends by itself */
  readonly isPassing?: boolean;
}

interface TaskOptions {
  readonly name: string;
  /** One round; true: there is more to do, come again at once. */
  readonly round: () => Promise<boolean>;
  readonly everyMs: number;
  /** undefined for a bug */
  readonly explain: (error: unknown) => Explained | undefined;
  readonly nowMs: () => number;
  /** a timer; where time is simulated, another one */
  readonly after?: After;
  /** what watches each round */
  readonly around?: Around;
  readonly log: Logger;
}

/** After an error a task waits longer, up to this much: whatever is away comes back without being hammered. */
const MAX_PAUSE_MS = 5_000;

/**
 * Runs a task again and again, one round at a time. A round that throws is told in health and in the log (once per
 * change), and tried again: nothing that fails stays failed when its cause is gone.
 */
export function startTask(options: TaskOptions): Task {
  const { name, round, everyMs, explain, nowMs, log, after = afterTimeout, around } = options;
  let problem: TaskHealth['problem'];
  let lastSuccessMs: number | undefined;
  let failures = 0;
  let stopped = false;
  let wakeUp = (): void => {};
  /** A wake during a round counts for the pause after it. */
  let woken = false;

  const failed = (error: unknown): void => {
    failures++;
    const {
      code,
      detail,
      isPassing = false,
    }: Explained = explain(error) ?? {
      code: 'internal-error',
      detail: {},
    };
    const isNews = problem?.code !== code;
    if (isNews && isPassing) log.warn({ task: name }, `${name}: ${code}`);
    else if (isNews) log.error({ err: error, task: name }, `${name}: ${code}`);
    problem = { code, detail, sinceMs: isNews ? nowMs() : problem!.sinceMs };
  };
  const succeeded = (): void => {
    if (problem !== undefined) log.warn({ task: name }, `${name}: ${problem.code} is over`);
    problem = undefined;
    failures = 0;
    lastSuccessMs = nowMs();
  };
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      if (woken) return resolve();
      const ms = failures === 0 ? everyMs : Math.min(everyMs * 2 ** failures, MAX_PAUSE_MS);
      const cancel = after(ms, resolve);
      wakeUp = () => {
        cancel();
        resolve();
      };
    });

  const loop = async (): Promise<void> => {
    while (!stopped) {
      let more = false;
      woken = false;
      try {
        more = await (around === undefined ? round() : around(name, round));
        succeeded();
      } catch (error) {
        failed(error);
      }
      if (!more && !stopped) await pause();
    }
  };
  const running = loop();
  return {
    health: () => ({ problem, lastSuccessMs }),
    wake() {
      woken = true;
      wakeUp();
    },
    async stop() {
      stopped = true;
      wakeUp();
      await running;
    },
  };
}
