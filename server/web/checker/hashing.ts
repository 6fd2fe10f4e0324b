import type { Algorithm, Task, Told } from './hash-worker.ts';
import HashWorker from './hash-worker.ts?worker&inline';

export interface Digests {
  readonly sha256: string;
  readonly sm3: string;
}

/** Why a file has no digests; the codes have sentences in messages/ (subject `page`). */
export type NotHashed = 'file-unreadable' | 'file-no-worker';

export interface Hashing {
  readonly onProgress: (done: number) => void;
  readonly onDone: (digests: Digests) => void;
  readonly onFailed: (why: NotHashed) => void;
}

interface Job extends Hashing {
  readonly id: number;
  readonly file: Blob;
  readonly done: Record<Algorithm, number>;
  readonly digests: Partial<Record<Algorithm, string>>;
}

const ALGORITHMS: readonly Algorithm[] = ['sha256', 'sm3'];

/**
 * One worker for each algorithm, side by side over the same file; one file at a time, so that a disk is read from front
 * to back. Workers are started with the first file: whoever gives none needs none.
 */
export class HashQueue {
  readonly #waiting: Job[] = [];
  #current: Job | undefined;
  #workers: Record<Algorithm, Worker> | undefined;
  #lastId = 0;

  /** Returns what takes the file back again. */
  add(file: Blob, hashing: Hashing): () => void {
    const job = { ...hashing, id: ++this.#lastId, file, done: { sha256: 0, sm3: 0 }, digests: {} };
    this.#waiting.push(job);
    // Not before the caller has got what takes the file back.
    queueMicrotask(() => this.#next());
    return () => this.#cancel(job);
  }

  #cancel(job: Job): void {
    const at = this.#waiting.indexOf(job);
    if (at !== -1) this.#waiting.splice(at, 1);
    if (this.#current !== job) return;
    for (const algorithm of ALGORITHMS) this.#post(algorithm, { cancel: job.id });
    this.#current = undefined;
    this.#next();
  }

  #next(): void {
    if (this.#current !== undefined) return;
    this.#current = this.#waiting.shift();
    if (this.#current === undefined) return;
    const { id, file } = this.#current;
    try {
      this.#workers ??= { sha256: this.#start('sha256'), sm3: this.#start('sm3') };
    } catch {
      this.#end((job) => job.onFailed('file-no-worker'));
      return;
    }
    for (const algorithm of ALGORITHMS) this.#post(algorithm, { id, algorithm, file });
  }

  #post(algorithm: Algorithm, task: Task): void {
    this.#workers?.[algorithm].postMessage(task);
  }

  #start(algorithm: Algorithm): Worker {
    const worker = new HashWorker();
    worker.onmessage = ({ data }: MessageEvent<Told>) => this.#told(algorithm, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#abandon(worker);
    };
    worker.onmessageerror = () => this.#abandon(worker);
    return worker;
  }

  /** Nothing more comes from a worker that broke: the next file has new ones. */
  #abandon(worker: Worker): void {
    const workers = Object.values(this.#workers ?? {});
    if (!workers.includes(worker)) return;
    for (const one of workers) one.terminate();
    this.#workers = undefined;
    this.#end((job) => job.onFailed('file-no-worker'));
  }

  /** What is told of a file that was taken back or has ended is late. */
  #told(algorithm: Algorithm, told: Told): void {
    const job = this.#current;
    if (job === undefined || told.id !== job.id) return;
    if ('done' in told) {
      job.done[algorithm] = told.done;
      job.onProgress(Math.min(job.done.sha256, job.done.sm3));
    } else if ('digest' in told) {
      job.digests[algorithm] = told.digest;
      const { sha256, sm3 } = job.digests;
      if (sha256 !== undefined && sm3 !== undefined) this.#end(({ onDone }) => onDone({ sha256, sm3 }));
    } else {
      for (const other of ALGORITHMS) this.#post(other, { cancel: job.id });
      this.#end(({ onFailed }) => onFailed('file-unreadable'));
    }
  }

  #end(tell: (job: Job) => void): void {
    const job = this.#current;
    this.#current = undefined;
    if (job !== undefined) tell(job);
    this.#next();
  }
}
