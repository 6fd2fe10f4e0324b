import { Worker } from 'node:worker_threads';
import { StoreUnavailable } from '../../ports/store.ts';
import type { GroupAnswer } from './deposits.ts';
import type { Methods } from './methods.ts';
import type { Answer, Failure, Request, VerbName, WriterOptions } from './protocol.ts';

type Verb<K extends VerbName> = Extract<Methods[K], (...args: never[]) => unknown>;

/** The writer thread as the main thread sees it. */
export interface Writer {
  call<K extends VerbName>(
    name: K,
    args: Parameters<Verb<K>>,
    transfer?: ArrayBuffer[],
  ): Promise<ReturnType<Verb<K>>>;
  /** The buffer comes back by `reuse`, except from a thread that died. */
  group(buffer: ArrayBuffer, count: number, answered: Answered): void;
  /** After what was asked before; nothing can be asked any more. */
  close(): Promise<void>;
}

export interface Answered {
  done(answer: GroupAnswer): void;
  failed(error: Error): void;
  reuse(buffer: ArrayBuffer): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  reuse?(buffer: ArrayBuffer): void;
}

const PROGRAM = new URL('./writer.ts', import.meta.url);

/** `program` is an argument for tests: one that dies. */
export function startWriter(options: WriterOptions, program = PROGRAM): Writer {
  let worker: Worker | undefined;
  let waiting = new Map<number, Waiting>();
  let count = 0;
  let closing = false;

  /** Whatever it was doing is in the tables whole or not at all; nobody was promised it, so all are told to ask again. */
  function died(reason: unknown): void {
    const orphans = waiting;
    waiting = new Map();
    worker = undefined;
    const error = new StoreUnavailable('the thread that writes to the database ended', reason);
    for (const one of orphans.values()) one.reject(error);
  }

  function start(): Worker {
    const started = new Worker(program, { workerData: options });
    started.on('message', answer);
    started.on('error', (error) => {
      if (worker === started) died(error);
    });
    started.on('exit', (code) => {
      if (worker === started) died(`exit code ${code}`);
    });
    return started;
  }

  function answer({ n, value, failure, buffer }: Answer): void {
    const one = waiting.get(n);
    if (one === undefined) return;
    waiting.delete(n);
    if (buffer !== undefined) one.reuse?.(buffer);
    if (failure === undefined) one.resolve(value);
    else one.reject(errorOf(failure));
  }

  function send(request: Request, transfer: ArrayBuffer[], one: Waiting): void {
    if (closing) {
      one.reject(new StoreUnavailable('the store is closed'));
      return;
    }
    // A writer that died is started again by the first request after it.
    worker ??= start();
    waiting.set(request.n, one);
    worker.postMessage(request, transfer);
  }

  const call: Writer['call'] = (name, args, transfer = []) =>
    new Promise((resolve, reject) =>
      send({ n: ++count, name, args }, transfer, { resolve: resolve as (value: unknown) => void, reject }),
    );

  return {
    call,
    group(buffer, size, { done, failed, reuse }) {
      const resolve = (value: unknown) => done(value as GroupAnswer);
      send({ n: ++count, group: buffer, count: size }, [buffer], { resolve, reject: failed, reuse });
    },
    async close() {
      if (closing) return;
      const closed = call('close', []);
      closing = true;
      await closed.catch(() => {});
      await worker?.terminate();
    },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const errorOf = ({ isStorage, error }: Failure): Error => {
  if (isStorage) return new StoreUnavailable(`database: ${messageOf(error)}`, error);
  return error instanceof Error ? error : new Error(messageOf(error));
};
