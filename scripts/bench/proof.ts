import { randomFillSync } from 'node:crypto';
import { openFolderBlobs } from '../../server/adapters/folder/blobs.ts';
import { toHex } from '../../server/core/read/bytes.ts';
import { tiled } from '../../server/core/tree/tiles.ts';
import { buildTree, HASH_LENGTH, rootOf } from '../../server/core/tree/tree.ts';
import { inclusionHashes } from '../../server/pipeline/proof.ts';
import type { Blobs } from '../../server/ports/blobs.ts';
import type { Batch } from '../../server/ports/store.ts';
import { removeFolder, temporaryFolder } from './cleanup.ts';
import { pairs, type Row, secondsOf } from './row.ts';

/*
 * A later proof, from the stored nodes: a batch of a million has 20 levels in four pieces of its file, one of ten has 4
 * levels in two; nothing else differs.
 */

const PROOFS = 2_000;
const PAIRS = 5;

async function keepBatch(blobs: Blobs, size: number): Promise<Batch> {
  const nodes = buildTree(randomFillSync(new Uint8Array(size * HASH_LENGTH)));
  const root = toHex(rootOf(nodes));
  await blobs.keep('trees', root, tiled(nodes, size));
  return { number: 1, firstSequence: 1, lastSequence: size, root, size, sealedMs: 0, oldestMs: 0 };
}

async function prove(blobs: Blobs, batch: Batch): Promise<number> {
  const elapsed = await secondsOf(async () => {
    for (let i = 0; i < PROOFS; i++) await inclusionHashes(blobs, batch, (i * 7_919) % batch.size);
  });
  return (elapsed / PROOFS) * 1e6;
}

export async function run(): Promise<Row[]> {
  const dir = temporaryFolder();
  try {
    const blobs = await openFolderBlobs({ dir });
    const [large, small] = [await keepBatch(blobs, 1_000_000), await keepBatch(blobs, 10)];
    const found = await pairs(
      PAIRS,
      () => prove(blobs, large),
      () => prove(blobs, small),
    );
    const us = (value: number) => `${value.toFixed(0)} µs`;
    return [
      {
        what: 'an inclusion proof from a batch of 1,000,000 (20 hashes)',
        ours: us(found.ours),
        other: us(found.other),
        otherName: 'the same from a batch of 10 (4 hashes)',
        ratio: found.ratio,
      },
    ];
  } finally {
    removeFolder(dir);
  }
}

if (import.meta.main) console.table(await run());
