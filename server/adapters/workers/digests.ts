import { hash } from 'node:crypto';
import type { Digests, StreamDigest } from '../../ports/work.ts';
import { createThread, type Thread } from './thread.ts';

/** Bytes that go to the workers at once: a millisecond of SM3, beside which a message costs little. */
const CHUNK = 256 * 1024;

/** Chunks of one stream that workers have not hashed yet: the slower one always has the next at hand. */
const IN_FLIGHT = 4;

/** A stream that ends before is hashed here: a way to another thread and back would take longer. */
const SMALL = 64 * 1024;

/** Chunks kept for the next stream. */
const SPARE = 16;

export type DigestJob =
  | {
      readonly what: 'update';
      readonly stream: number;
      readonly chunk: SharedArrayBuffer;
      readonly length: number;
    }
  | { readonly what: 'finish' | 'abandon'; readonly stream: number };

interface Machine {
  readonly threads: readonly Thread<DigestJob>[];
  readonly spare: SharedArrayBuffer[];
  streams: number;
}

const PROGRAM = new URL('./digest-worker.ts', import.meta.url);

/**
 * SHA-256 and SM3 of streams. Each algorithm has a worker, because SM3 takes five times as long and must not wait for
 * anything else; both read the same shared chunk. Memory is at most five chunks for each open stream.
 */
export function openDigests(): Digests {
  const threads = ['sha256', 'sm3'].map((algorithm) => createThread<DigestJob>(PROGRAM, { algorithm }));
  const machine: Machine = { threads, spare: [], streams: 0 };
  return {
    begin: () => beginStream(machine),
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

function beginStream(machine: Machine): StreamDigest {
  const stream = ++machine.streams;
  let small: Buffer | undefined = Buffer.alloc(0);
  let size = 0;
  let chunk: SharedArrayBuffer | undefined;
  let length = 0;
  let inFlight: Promise<void>[] = [];

  async function both(shared: SharedArrayBuffer, filled: number): Promise<void> {
    const job: DigestJob = { what: 'update', stream, chunk: shared, length: filled };
    await Promise.all(machine.threads.map((thread) => thread.ask(job)));
    if (machine.spare.length < SPARE) machine.spare.push(shared);
  }

  async function hand(): Promise<void> {
    const sent = both(chunk!, length);
    // Whoever waits for it next hears of a failure; until then it must not count as unhandled.
    sent.catch(() => {});
    inFlight.push(sent);
    chunk = undefined;
    length = 0;
    if (inFlight.length >= IN_FLIGHT) await inFlight.shift();
  }

  async function fill(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      chunk ??= machine.spare.pop() ?? new SharedArrayBuffer(CHUNK);
      const part = bytes.subarray(at, at + CHUNK - length);
      new Uint8Array(chunk).set(part, length);
      length += part.length;
      at += part.length;
      if (length === CHUNK) await hand();
    }
  }

  async function fromWorkers(): Promise<string[]> {
    if (length > 0) await hand();
    await Promise.all(inFlight);
    return Promise.all(machine.threads.map((thread) => thread.ask<string>({ what: 'finish', stream })));
  }

  return {
    async update(bytes) {
      size += bytes.length;
      if (small === undefined) return fill(bytes);
      const before: Buffer = small;
      if (size < SMALL) {
        small = Buffer.concat([before, bytes]);
        return;
      }
      small = undefined;
      await fill(before);
      await fill(bytes);
    },
    async finish() {
      const [sha256, sm3] =
        small === undefined ? await fromWorkers() : [hash('sha256', small), hash('sm3', small)];
      return { sha256: sha256!, sm3: sm3!, size };
    },
    abandon() {
      if (small !== undefined) return;
      inFlight = [];
      for (const thread of machine.threads) thread.tell({ what: 'abandon', stream });
    },
  };
}
