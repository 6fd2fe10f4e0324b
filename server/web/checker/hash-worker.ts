import { sha256 } from '@noble/hashes/sha2.js';
import { create as createSm3 } from '../../core/hash/sm3.ts';
import { toHex } from '../../core/read/bytes.ts';

/*
 * Computes one digest of one file after the other, piece by piece: a file of any size takes the memory of two pieces.
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

/** Bytes read at once: large enough that reading is no cost beside hashing, small enough for any machine. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** The types at hand are those of a page; of a worker only these two are used. */
const scope = self as unknown as {
  onmessage: (event: MessageEvent<Task>) => void;
  postMessage(told: Told): void;
};

const cancelled = new Set<number>();

const begin = (algorithm: Algorithm): Hash => (algorithm === 'sha256' ? sha256.create() : createSm3());

/** The next piece is read while this one is hashed. Returns undefined where the file was cancelled meanwhile. */
async function digestOf(id: number, algorithm: Algorithm, file: Blob): Promise<string | undefined> {
  const hash = begin(algorithm);
  const read = (from: number): Promise<ArrayBuffer> => file.slice(from, from + PIECE_BYTES).arrayBuffer();
  let next = read(0);
  for (let from = 0; from < file.size; from += PIECE_BYTES) {
    const piece = new Uint8Array(await next);
    if (cancelled.delete(id)) return undefined;
    // A file that grew shorter while it is read is another file.
    if (piece.length !== Math.min(PIECE_BYTES, file.size - from))
      throw new DOMException('', 'NotReadableError');
    next = from + PIECE_BYTES < file.size ? read(from + PIECE_BYTES) : Promise.resolve(new ArrayBuffer(0));
    hash.update(piece);
    scope.postMessage({ id, done: from + piece.length });
  }
  await next;
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
    // Moved, changed, a folder, no right to read it: browsers tell them apart each in their own way.
    if (!(error instanceof DOMException)) throw error;
    scope.postMessage({ id, unreadable: true });
  }
};
