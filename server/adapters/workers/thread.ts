import { Worker } from 'node:worker_threads';
import type { Ask, Reply } from '../../ports/work.ts';

export type { Ask, Reply };

export interface Thread<J> {
  ask<T>(job: J, transfer?: ArrayBuffer[]): Promise<T>;
  /** No answer comes. */
  tell(job: J): void;
  /** Whatever waits is refused. A later job starts another worker. */
  close(): Promise<void>;
}

/** These threads make much short-lived garbage: a small nursery keeps it from growing to hundreds of megabytes. */
const LIMITS = { maxYoungGenerationSizeMb: 12 };

interface Waiting {
  resolve(value: never): void;
  reject(error: unknown): void;
}

/**
 * A worker thread, started by its first job. When it dies, whatever waits for it is refused with the reason and the
 * next job starts another.
 */
export function createThread<J>(program: URL, workerData: unknown): Thread<J> {
  let worker: Worker | undefined;
  let waiting = new Map<number, Waiting>();
  let count = 0;

  function refuseAll(reason: unknown): void {
    worker = undefined;
    const orphans = waiting;
    waiting = new Map();
    for (const one of orphans.values()) one.reject(new Error('a worker thread ended', { cause: reason }));
  }

  function start(): Worker {
    const started = new Worker(program, { workerData, resourceLimits: LIMITS });
    const died = (reason: unknown) => {
      if (worker === started) refuseAll(reason);
    };
    started.on('error', died);
    started.on('exit', died);
    started.on('message', ({ n, value, error }: Reply) => {
      const one = waiting.get(n);
      waiting.delete(n);
      if (error === undefined) one?.resolve(value as never);
      else one?.reject(error);
    });
    return started;
  }

  function send(job: J, transfer: ArrayBuffer[] = []): number {
    worker ??= start();
    const ask: Ask<J> = { n: ++count, job };
    worker.postMessage(ask, transfer);
    return ask.n;
  }

  return {
    ask: (job, transfer) =>
      new Promise((resolve, reject) => waiting.set(send(job, transfer), { resolve, reject })),
    tell: (job) => void send(job),
    async close() {
      const ended = worker;
      refuseAll('closed');
      await ended?.terminate();
    },
  };
}
