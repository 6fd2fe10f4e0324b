import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { BlobUnavailable } from '../../ports/blobs.ts';
import type { S3Clients, S3Limits } from './client.ts';
import { codeOf, unavailable } from './failures.ts';

/** The bytes from `start` to before `end` of an object, or the beginning of them. */
export type OpenBody = (start: number, end: number) => Promise<Readable>;

/** A request for a range; rejects where the object does not have all of it. */
export function bodies(Bucket: string, { read }: S3Clients, Key: string): OpenBody {
  return async (start, end) => {
    const command = new GetObjectCommand({ Bucket, Key, Range: `bytes=${start}-${end - 1}` });
    const answer = await read('read a file', (s3) => s3.send(command)).catch((error: unknown) => {
      if (codeOf(error) === 'NoSuchKey') throw new Error(`${Key} is not there`, { cause: error });
      if (codeOf(error) === 'InvalidRange')
        throw new Error(`${Key} ends before ${end} bytes`, { cause: error });
      throw error;
    });
    const body = answer.Body as Readable;
    const isRange = answer.ContentRange?.startsWith(`bytes ${start}-`) ?? start === 0;
    if (answer.ContentLength === end - start && isRange) return body;
    body.on('error', () => {}).destroy();
    // A store answers with what there is of a range.
    throw new Error(`${Key} ends before ${end} bytes`);
  };
}

/**
 * All bytes of a range, never fewer: where a body is cut or falls silent, the rest is asked for from there on; several
 * times without one more byte is an error. Waiting for whoever reads is no silence.
 */
export async function downloadOf(
  open: OpenBody,
  start: number,
  end: number,
  limits: S3Limits,
): Promise<Readable> {
  const bytes = new Download(open, await open(start, end), start, end, limits);
  return Readable.from(bytes, { objectMode: false });
}

class Download implements AsyncIterableIterator<Uint8Array> {
  readonly #open: OpenBody;
  readonly #limits: S3Limits;
  readonly #end: number;
  #at: number;
  #body: Readable;
  #chunks: AsyncIterator<Uint8Array>;
  #failures = 0;
  #closed = false;

  constructor(open: OpenBody, first: Readable, start: number, end: number, limits: S3Limits) {
    this.#open = open;
    this.#limits = limits;
    this.#at = start;
    this.#end = end;
    this.#body = first;
    this.#chunks = chunksOf(first);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      try {
        return await this.#nextChunk();
      } catch (error) {
        this.#body.destroy();
        if (this.#closed || ++this.#failures >= this.#limits.attempts)
          throw unavailable('read a file', error);
        await this.#resume();
      }
    }
  }

  /** Also called where nobody has read anything: the connection is given up. */
  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#closed = true;
    this.#body.destroy();
    return { done: true, value: undefined };
  }

  async #nextChunk(): Promise<IteratorResult<Uint8Array>> {
    if (this.#at === this.#end) return this.return();
    const { done, value } = await inTime(this.#chunks.next(), this.#limits.silenceMs);
    if (done) throw new BlobUnavailable('S3: an answer ended early: could not read a file');
    this.#at += value.length;
    this.#failures = 0;
    return { done: false, value };
  }

  async #resume(): Promise<void> {
    await wait(RESUME_MS * this.#failures);
    this.#body = await this.#open(this.#at, this.#end);
    this.#chunks = chunksOf(this.#body);
  }
}

/** Before the rest is asked for; longer each time. */
const RESUME_MS = 100;

function chunksOf(body: Readable): AsyncIterator<Uint8Array> {
  // It may fail while nobody waits for it; whoever asks next hears of it.
  body.on('error', () => {});
  return body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error('silence'), { name: 'TimeoutError' });
    timer = setTimeout(() => reject(error), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
