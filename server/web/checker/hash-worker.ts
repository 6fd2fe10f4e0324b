import { sha256 } from '@noble/hashes/sha2.js';
import { create as createSm3 } from '../../core/hash/sm3.ts';
import { toHex } from '../../core/read/bytes.ts';
import { piecesOf, Unreadable } from './pieces.ts';

/*
 * Computes one digest of one file after the other, piece by piece: a file of any size takes the memory of one piece.
 */

export type Algorithm = 'sha256' | 'sm3';
/** `cancel`: the file with this number is no longer wanted. */
export type Task =
  | { readonly id: number; readonly algorithm: Algorithm; readonly file: Blob }
  | { readonly cancel: number };
export type Told =
  | { readonly id: number; readonly done: number }
  | { readonly id: number; readonly digest: string }
  | { readonly id: number; readonly unreadable: true };

interface Hash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** Progress is told so often that a bar moves, and not for every piece. */
const TELL_EVERY_BYTES = 4 * 1024 * 1024;

/** The types at hand are those of a page; of a worker only these two are used. */
const scope = self as unknown as {
  onmessage: (event: MessageEvent<Task>) => void;
  postMessage(told: Told): void;
};

const cancelled = new Set<number>();

const begin = (algorithm: Algorithm): Hash => (algorithm === 'sha256' ? sha256.create() : createSm3());

/** Returns undefined where the file was cancelled meanwhile. */
async function digestOf(id: number, algorithm: Algorithm, file: Blob): Promise<string | undefined> {
  const hash = begin(algorithm);
  let done = 0;
  let told = 0;
  for await (const piece of piecesOf(file)) {
    if (cancelled.delete(id)) return undefined;
    hash.update(piece);
    done += piece.length;
    if (done - told < TELL_EVERY_BYTES) continue;
    told = done;
    scope.postMessage({ id, done });
  }
  return toHex(hash.digest());
}

scope.onmessage = async ({ data }) => {
  if ('cancel' in data) {
    cancelled.add(data.cancel);
    return;
  }
  const { id, algorithm, file } = data;
  try {
    const digest = await digestOf(id, algorithm, file);
    if (digest !== undefined) scope.postMessage({ id, digest });
  } catch (error) {
    if (error instanceof Unreadable) scope.postMessage({ id, unreadable: true });
    // A promise that is rejected here would never reach the page.
    else reportError(error);
  }
};
