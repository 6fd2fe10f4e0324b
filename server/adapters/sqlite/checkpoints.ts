import { Worker } from 'node:worker_threads';
import type { Writer } from './client.ts';

/** Deposits after which a thread of its own is worth while: some megabytes of log. */
const MANY = 2_000;

const PROGRAM = new URL('./checkpointer.ts', import.meta.url);

/** Starts the thread that copies the log (checkpointer.ts) when there is enough to copy. */
export function createCheckpoints(path: string, writer: Writer) {
  let worker: Worker | undefined;
  let deposits = 0;

  function start(): Worker {
    void writer.call('leaveLog', []).catch(() => {});
    const started = new Worker(PROGRAM, { workerData: { path } });
    started.unref();
    started.on('message', () => void writer.call('restartLog', []).catch(() => {}));
    // Without it the writer copies the log itself, when it is longer.
    started.on('error', () => {});
    return started;
  }

  return {
    deposited(count: number): void {
      deposits += count;
      if (deposits >= MANY) worker ??= start();
    },
    async close(): Promise<void> {
      await worker?.terminate();
    },
  };
}
