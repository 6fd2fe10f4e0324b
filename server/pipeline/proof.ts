import { toHex } from '../core/read/bytes.ts';
import { proofPieces } from '../core/tree/tiles.ts';
import { HASH_LENGTH } from '../core/tree/tree.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Batch } from '../ports/store.ts';

/** Hashes of an entry's inclusion proof, hex, leaf's sibling first: a few small reads, whatever the batch's size. */
export async function inclusionHashes(blobs: Blobs, batch: Batch, index: number): Promise<readonly string[]> {
  const pieces = proofPieces(index, batch.size);
  const read = await blobs.readEach('trees', batch.root, pieces);
  return pieces.flatMap(({ offsets }, i) =>
    offsets.map((offset) => toHex(read[i]!.subarray(offset, offset + HASH_LENGTH))),
  );
}
