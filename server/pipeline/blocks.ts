import { BLOCK_BYTES } from '../ports/blobs.ts';

/*
 * A file on its way through the service: pieces from the network are gathered into blocks, and each block is used by
 * all who need it (two digests, the disk) before its memory is used again. Blocks are shared memory, so that no thread
 * needs a copy, and begin at pages, so that a disk can take them without another one.
 */

/** Blocks of one file that are in use while the next one fills: the slowest user always has the next at hand. */
const IN_FLIGHT = 4;

/** Blocks kept for the next file. */
const SPARE = 16;

/** Blocks of one allocation: a WebAssembly memory begins at a page, but each reserves a large range of addresses. */
const SLAB_BLOCKS = 8;
const WASM_PAGE = 64 * 1024;

/** What we use of it; TypeScript knows it for browsers only. */
declare const WebAssembly: {
  readonly Memory: new (size: {
    initial: number;
    maximum: number;
    shared: true;
  }) => { readonly buffer: SharedArrayBuffer };
};

const spare: Uint8Array[] = [];

function slab(): SharedArrayBuffer {
  const pages = (SLAB_BLOCKS * BLOCK_BYTES) / WASM_PAGE;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
  } catch {
    // Addresses are limited here (ulimit -v): memory that may not begin at a page is good for all but the short way.
    return new SharedArrayBuffer(SLAB_BLOCKS * BLOCK_BYTES);
  }
}

function take(): Uint8Array {
  if (spare.length === 0) {
    const memory = slab();
    for (let i = 0; i < SLAB_BLOCKS; i++) spare.push(new Uint8Array(memory, i * BLOCK_BYTES, BLOCK_BYTES));
  }
  return spare.pop()!;
}

function giveBack(block: Uint8Array): void {
  if (spare.length < SPARE) spare.push(block);
}

export class StreamTooLong extends Error {
  override readonly name = 'StreamTooLong';
}

/**
 * Calls `use` with the stream's bytes in blocks, all but the last of BLOCK_BYTES, in order, a few at once; a block is
 * `use`'s until it settles. Resolves with the number of bytes when all were used. Throws StreamTooLong past `limit`
 * bytes, and the first error of the stream or of `use`, after everything that was begun has settled.
 */
export async function readBlocks(
  stream: AsyncIterable<Uint8Array>,
  limit: number,
  use: (block: Uint8Array) => Promise<unknown>,
): Promise<number> {
  const inFlight = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let block = take();
  let length = 0;
  let size = 0;

  function hand(): void {
    const used = block;
    const done: Promise<void> = use(used.subarray(0, length))
      .catch((error: unknown) => void failures.push(error))
      .then(() => {
        inFlight.delete(done);
        giveBack(used);
      });
    inFlight.add(done);
  }

  try {
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > limit) throw new StreamTooLong();
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + BLOCK_BYTES - length);
        block.set(part, length);
        length += part.length;
        at += part.length;
        if (length < BLOCK_BYTES) continue;
        hand();
        if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
        if (failures.length > 0) throw failures[0];
        block = take();
        length = 0;
      }
    }
    if (length > 0) hand();
    else giveBack(block);
  } catch (error) {
    failures.unshift(error);
  }
  await Promise.all(inFlight);
  if (failures.length > 0) throw failures[0];
  return size;
}
