import { createHash, randomBytes, randomInt } from 'node:crypto';
import t from 'tap';
import { merkletreejsRoot } from '../../../server/adapters/workers/merkletreejs.ts';
import { hashNodesInto } from '../../../server/adapters/workers/node-hash.ts';
import { createThread } from '../../../server/adapters/workers/thread.ts';
import { agreedRoot, openTreeBuilder } from '../../../server/adapters/workers/trees.ts';
import { buildTree, rootOf, treeLength } from '../../../server/core/tree/tree.ts';
import { TreesDisagree } from '../../../server/ports/work.ts';

/** MTH of RFC 6962 §2.1, word for word: split at the largest power of two smaller than n. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return createHash('sha256')
    .update(Buffer.of(1))
    .update(naiveRoot(leaves.slice(0, k)))
    .update(naiveRoot(leaves.slice(k)))
    .digest();
}

const leavesOf = (size: number) => Array.from({ length: size }, () => randomBytes(32));
const ours = (leaves: Uint8Array) => Buffer.from(rootOf(buildTree(leaves, hashNodesInto())));

t.test('core, merkletreejs and the recursion of RFC 6962 agree on every size from 1 to 300', async (t) => {
  for (let size = 1; size <= 300; size++) {
    const leaves = leavesOf(size);
    const flat = Buffer.concat(leaves);
    const expected = naiveRoot(leaves);
    if (!ours(flat).equals(expected)) t.fail(`core at ${size}`);
    for (const chunk of [1, 2, 8, 32, 2 ** 12])
      if (!expected.equals(merkletreejsRoot(flat, chunk)))
        t.fail(`merkletreejs at ${size}, chunks of ${chunk}`);
  }
});

t.test('and at random sizes to 100,000, through the workers', async (t) => {
  const trees = openTreeBuilder();
  t.teardown(() => trees.close());
  const sizes = [
    4095,
    4096,
    4097,
    8192,
    8193,
    65_536,
    65_537,
    ...Array.from({ length: 5 }, () => randomInt(1, 100_001)),
  ];
  for (const size of sizes) {
    const leaves = leavesOf(size);
    const flat = new Uint8Array(Buffer.concat(leaves));
    const { root, nodes } = await trees.build(flat);
    t.ok(naiveRoot(leaves).equals(root), `${size}`);
    t.equal(nodes.length, treeLength(size));
    t.ok(Buffer.from(nodes.subarray(0, flat.length)).equals(flat));
  }
});

t.test('trees asked for at once are built one after the other, and a bad one harms no other', async (t) => {
  const trees = openTreeBuilder();
  t.teardown(() => trees.close());
  const leaves = leavesOf(9);
  const results = await Promise.allSettled([
    trees.build(Buffer.concat(leaves)),
    trees.build(new Uint8Array()),
    trees.build(Buffer.concat(leaves)),
  ]);
  t.same(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

t.test('a root on which they do not agree is refused', async (t) => {
  const nodes = buildTree(Buffer.concat(leavesOf(3)), hashNodesInto());
  t.throws(() => agreedRoot(nodes, randomBytes(32)), TreesDisagree);
});

t.test('a thread that cannot start refuses its job', async (t) => {
  const thread = createThread(new URL('./no-such-program.ts', import.meta.url), undefined);
  await t.rejects(thread.ask('anything'), /worker thread ended/);
  await thread.close();
});
