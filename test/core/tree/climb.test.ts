import fc from 'fast-check';
import t from 'tap';
import { toHex, utf8 } from '../../../server/core/read/bytes.ts';
import { climbTree } from '../../../server/core/tree/climb.ts';
import { buildTree, leafHash, proofOffsets, rootFromProof, rootOf } from '../../../server/core/tree/tree.ts';

const leavesOf = (size: number) => Array.from({ length: size }, (_, i) => leafHash(utf8(`${size}/${i}`)));

function climbed(leaves: readonly Uint8Array[], watched: ReadonlySet<number>) {
  const climb = climbTree();
  for (const [i, leaf] of leaves.entries()) climb.add(leaf, watched.has(i));
  t.equal(climb.size, leaves.length);
  return climb.end();
}

t.test(
  'leaf by leaf it has the same root and the same ways as the whole tree, of every size to 130',
  async (t) => {
    for (let size = 1; size <= 130; size++) {
      const leaves = leavesOf(size);
      const nodes = buildTree(Buffer.concat(leaves));
      const { root, ways } = climbed(leaves, new Set(leaves.keys()));
      t.equal(toHex(root), toHex(rootOf(nodes)), `size ${size}`);
      t.same(
        ways.map(({ index, hashes }) => ({ index, hashes: hashes.map(toHex) })),
        leaves.map((_, index) => ({
          index,
          hashes: proofOffsets(index, size).map((offset) => toHex(nodes.subarray(offset, offset + 32))),
        })),
      );
    }
  },
);

t.test('only the watched leaves have ways, in their order, and each leads to the root', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3_000 }),
      fc.array(fc.nat(2_999), { maxLength: 5 }),
      (size, wanted) => {
        const watched = new Set(wanted.filter((index) => index < size));
        const leaves = leavesOf(size);
        const { root, ways } = climbed(leaves, watched);
        t.same(
          ways.map(({ index }) => index),
          [...watched].sort((a, b) => a - b),
        );
        for (const { index, hashes } of ways)
          t.equal(toHex(rootFromProof(leaves[index]!, index, size, hashes)), toHex(root));
      },
    ),
    { numRuns: 20 },
  );
});

t.test('a leaf is copied: what happens to its memory afterwards does not matter', async (t) => {
  const climb = climbTree();
  const leaf = leafHash(utf8('a'));
  climb.add(leaf);
  leaf.fill(0);
  t.equal(toHex(climb.end().root), toHex(leafHash(utf8('a'))));
});

t.test('no leaves are no tree, too many neither, and a leaf has 32 bytes', async (t) => {
  t.throws(() => climbTree().end(), { code: 'tree-size-invalid' });
  t.throws(() => climbTree().add(new Uint8Array(31)), { code: 'length-wrong' });
  const full = climbTree(undefined, 2);
  for (const leaf of leavesOf(2)) full.add(leaf);
  t.throws(() => full.add(leavesOf(1)[0]!), { code: 'tree-size-invalid', detail: { size: 3 } });
  t.equal(full.end().ways.length, 0);
});
