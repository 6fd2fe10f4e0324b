import { toHex } from '../core/read/bytes.ts';
import { HASH_LENGTH, proofOffsets } from '../core/tree/tree.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Batch } from '../ports/store.ts';

/** Hashes of an entry's inclusion proof, hex, leaf's sibling first: one small read a level, whatever the batch's size. */
export async function inclusionHashes(blobs: Blobs, batch: Batch, index: number): Promise<readonly string[]> {
  const hashes = await blobs.readEach('trees', batch.root, proofOffsets(index, batch.size), HASH_LENGTH);
  return hashes.map(toHex);
}
