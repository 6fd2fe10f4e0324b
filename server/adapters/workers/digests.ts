import { createHash, type Hash } from 'node:crypto';
import type { Digests, StreamDigest } from '../../ports/work.ts';
import { createThread, type Thread } from './thread.ts';

/** A stream that begins with less has no more: a way to another thread and back would take longer. */
const SMALL = 64 * 1024;

export type DigestJob =
  | { readonly what: 'update'; readonly stream: number; readonly block: Uint8Array }
  | { readonly what: 'finish' | 'abandon'; readonly stream: number };

const PROGRAM = new URL('./digest-worker.ts', import.meta.url);

/**
 * SHA-256 and SM3 of streams. Each algorithm has a worker, because SM3 takes five times as long and must not wait for
 * anything else; both read the same shared block.
 */
export function openDigests(): Digests {
  const threads = ['sha256', 'sm3'].map((algorithm) => createThread<DigestJob>(PROGRAM, { algorithm }));
  let streams = 0;
  return {
    begin: () => beginStream(threads, ++streams),
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

function beginStream(threads: readonly Thread<DigestJob>[], stream: number): StreamDigest {
  let here: readonly [Hash, Hash] | undefined;
  let size = 0;
  const toAll = <T>(job: DigestJob): Promise<T[]> => Promise.all(threads.map((thread) => thread.ask<T>(job)));
  const hashHere = (): readonly [Hash, Hash] => (here ??= [createHash('sha256'), createHash('sm3')]);

  return {
    async update(block) {
      if (size === 0 && block.length < SMALL) hashHere();
      size += block.length;
      if (here !== undefined) for (const hash of here) hash.update(block);
      else await toAll({ what: 'update', stream, block: shared(block) });
    },
    async finish() {
      if (size === 0) hashHere();
      const [sha256, sm3] =
        here === undefined
          ? await toAll<string>({ what: 'finish', stream })
          : here.map((hash) => hash.digest('hex'));
      return { sha256: sha256!, sm3: sm3!, size };
    },
    abandon() {
      if (here !== undefined || size === 0) return;
      for (const thread of threads) thread.tell({ what: 'abandon', stream });
    },
  };
}

/** A message carries shared memory as it is and copies any other. */
function shared(block: Uint8Array): Uint8Array {
  if (block.buffer instanceof SharedArrayBuffer) return block;
  const copy = new Uint8Array(new SharedArrayBuffer(block.length));
  copy.set(block);
  return copy;
}
