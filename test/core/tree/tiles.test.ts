import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { proofPieces, tiled } from '../../../server/core/tree/tiles.ts';
import { buildTree, HASH_LENGTH, proofOffsets, rootOf } from '../../../server/core/tree/tree.ts';

/** A number in each node instead of a hash: the layout does not care, and every node is another. */
const numbered = (leaves: number): Uint8Array => {
  const bytes = new Uint8Array(leaves * HASH_LENGTH);
  for (let i = 0; i < leaves; i++) new DataView(bytes.buffer).setUint32(i * HASH_LENGTH, i);
  return buildTree(bytes, (preimage, out, at) => out.set(createHash('sha1').update(preimage).digest(), at));
};

const hashAt = (bytes: Uint8Array, at: number): string =>
  Buffer.from(bytes.subarray(at, at + HASH_LENGTH)).toString('hex');

function fromFile(file: Uint8Array, index: number, size: number): string[] {
  return proofPieces(index, size).flatMap(({ start, length, offsets }) => {
    assert.ok(start + length <= file.length);
    const piece = file.slice(start, start + length);
    return offsets.map((offset) => hashAt(piece, offset));
  });
}

function check(nodes: Uint8Array, file: Uint8Array, index: number, size: number): void {
  const expected = proofOffsets(index, size).map((offset) => hashAt(nodes, offset));
  assert.deepEqual(fromFile(file, index, size), expected, `${index} of ${size}`);
}

t.test('every proof of every size to 400 is read from the tiles as from the levels', async (t) => {
  for (let size = 1; size <= 400; size++) {
    const nodes = numbered(size);
    const file = tiled(nodes, size);
    assert.equal(file.length, nodes.length);
    assert.deepEqual(file.subarray(0, size * HASH_LENGTH), nodes.subarray(0, size * HASH_LENGTH));
    assert.deepEqual(rootOf(file), rootOf(nodes));
    for (let index = 0; index < size; index++) check(nodes, file, index, size);
  }
  t.pass();
});

t.test('so are those of larger sizes, around powers of two and anywhere', async (t) => {
  const sizes = [2 ** 14 - 1, 2 ** 14, 2 ** 14 + 1, 2 ** 15 + 1, 2 ** 16 - 1];
  const random = fc.sample(fc.integer({ min: 401, max: 100_000 }), 12);
  for (const size of [...sizes, ...random]) {
    const nodes = numbered(size);
    const file = tiled(nodes, size);
    const indexes = fc.sample(fc.integer({ min: 0, max: size - 1 }), 200);
    for (const index of [0, 1, size - 2, size - 1, ...indexes]) check(nodes, file, index, size);
  }
  t.pass();
});

t.test('nothing is lost: the file holds the same nodes, each as often', async (t) => {
  for (const size of [1, 2, 3, 255, 256, 257, 5_000]) {
    const nodes = buildTree(randomFillSync(new Uint8Array(size * HASH_LENGTH)));
    const all = (bytes: Uint8Array) =>
      Array.from({ length: bytes.length / HASH_LENGTH }, (_, i) => hashAt(bytes, i * HASH_LENGTH)).sort();
    t.same(all(tiled(nodes, size)), all(nodes));
  }
});

t.test('a proof from a million leaves is four reads, from the largest tree six', async (t) => {
  t.equal(proofPieces(777_777, 1_000_000).length, 4);
  t.equal(proofPieces(2 ** 32 - 1, 2 ** 32).length, 6);
  t.equal(proofPieces(0, 1).length, 0);
});
