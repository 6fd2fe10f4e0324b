import { hash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { MerkleTree } from 'merkletreejs';
import t from 'tap';
import { fromHex, toHex, utf8 } from '../../../server/core/read/bytes.ts';
import {
  buildTree,
  HASH_LENGTH,
  leafHash,
  leafPreimage,
  levelSizes,
  MAX_TREE_SIZE,
  nodeHash,
  proofOffsets,
  rootFromProof,
  rootOf,
  treeLength,
  whyNotIncluded,
} from '../../../server/core/tree/tree.ts';
import { readShared, sharedFile, skipWithoutShared } from '../../support/shared.ts';

const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer');

/** RFC 6962 §2.1 as it is written, by recursion over the largest power of two below n. */
function naiveRoot(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 1) return Buffer.from(leaves[0]!);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Buffer.concat([Buffer.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k))]));
}

/** merkletreejs in the one configuration that gives this tree. */
function foreignRoot(leaves: readonly Uint8Array[]): Buffer {
  const tree = new MerkleTree(
    leaves.map((leaf) => Buffer.from(leaf)),
    sha256,
    {
      concatenator: ([left, right]) => Buffer.concat([Buffer.of(1), left!, right!]),
    },
  );
  return tree.getRoot();
}

const leavesOf = (size: number): Buffer[] =>
  Array.from({ length: size }, (_, i) => sha256(utf8(`leaf ${i}`)));

function proofOf(nodes: Uint8Array, index: number, size: number): Uint8Array[] {
  return proofOffsets(index, size).map((offset) => nodes.slice(offset, offset + HASH_LENGTH));
}

t.test('core, merkletreejs and the recursion of RFC 6962 agree on every size from 1 to 300', async (t) => {
  for (let size = 1; size <= 300; size++) {
    const leaves = leavesOf(size);
    const nodes = buildTree(Buffer.concat(leaves));
    const root = toHex(rootOf(nodes));
    if (
      nodes.length !== treeLength(size) ||
      root !== naiveRoot(leaves).toString('hex') ||
      root !== foreignRoot(leaves).toString('hex')
    )
      t.fail(`size ${size}`);
    for (let index = 0; index < size; index++)
      if (toHex(rootFromProof(leaves[index]!, index, size, proofOf(nodes, index, size))) !== root)
        t.fail(`proof of ${index} in ${size}`);
  }
  t.pass('300 sizes, 45,150 proofs');
});

t.test('they agree at random sizes to 100,000, and every proof there holds', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 301, max: 100_000 }), fc.nat(), (size, pick) => {
      const leaves = leavesOf(size);
      const nodes = buildTree(Buffer.concat(leaves), (preimage, out, offset) =>
        out.set(sha256(preimage), offset),
      );
      const root = rootOf(nodes);
      t.equal(toHex(root), naiveRoot(leaves).toString('hex'));
      t.equal(toHex(root), foreignRoot(leaves).toString('hex'));
      const index = pick % size;
      t.equal(whyNotIncluded(leaves[index]!, index, size, proofOf(nodes, index, size), root), undefined);
    }),
    { numRuns: 8 },
  );
});

interface MerkleVector {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly desc: string;
  readonly wantErr: boolean;
}

const base64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text ?? '', 'base64'));

t.test(
  'the proofs of transparency-dev hold and fail as their authors say',
  { skip: skipWithoutShared },
  async (t) => {
    const folder = sharedFile('merkle', 'inclusion');
    const files = (readdirSync(folder, { recursive: true }) as string[]).filter((file) =>
      statSync(join(folder, file)).isFile(),
    );
    t.equal(files.length, 98);
    for (const file of files) {
      const vector = JSON.parse(readShared('merkle', 'inclusion', file).toString('utf8')) as MerkleVector;
      const why = whyNotIncluded(
        base64(vector.leafHash),
        vector.leafIdx,
        vector.treeSize,
        (vector.proof ?? []).map(base64),
        base64(vector.root),
      );
      t.equal(why !== undefined, vector.wantErr, `${file}: ${why?.code}`);
    }
  },
);

t.test(
  'roots of trees of 1 to 8 leaves are those of RFC 6962’s reference',
  { skip: skipWithoutShared },
  async (t) => {
    const { leafInputs, rootsBySize } = JSON.parse(readShared('merkle', 'roots.json').toString('utf8')) as {
      leafInputs: string[];
      rootsBySize: string[];
    };
    for (let size = 1; size <= 8; size++) {
      const leaves = leafInputs.slice(0, size).map((input) => leafHash(fromHex(input)));
      t.equal(toHex(rootOf(buildTree(Buffer.concat(leaves)))), rootsBySize[size]);
    }
  },
);

t.test('a leaf never passes as a node, nor a node as a leaf', async (t) => {
  const [left, right] = [leafHash(utf8('a')), leafHash(utf8('b'))];
  t.not(toHex(leafHash(Buffer.concat([left, right]))), toHex(nodeHash(left, right)));
});

t.test('damage to any part of a proof is refused', async (t) => {
  const size = 11;
  const leaves = leavesOf(size);
  const nodes = buildTree(Buffer.concat(leaves));
  const root = rootOf(nodes);
  for (let index = 0; index < size; index++) {
    const proof = proofOf(nodes, index, size);
    const why = (leaf = leaves[index]!, at = index, of = size, hashes = proof, to = root) =>
      whyNotIncluded(leaf, at, of, hashes, to)?.code;
    t.equal(why(), undefined);
    for (let other = 0; other < size; other++)
      if (other !== index) t.ok(why(leaves[index], other), `as index ${other}`);
    for (const [i, hashAt] of proof.entries())
      for (let bit = 0; bit < 8; bit++)
        t.equal(
          why(leaves[index], index, size, proof.with(i, hashAt.with(bit, hashAt[bit]! ^ (1 << bit)))),
          'proof-leads-elsewhere',
        );
    t.equal(why(leaves[index], index, size, proof.slice(1)), 'proof-length-wrong');
    t.equal(why(leaves[index], index, size, [...proof, proof[0]!]), 'proof-length-wrong');
    t.equal(why(leaves[index], size), 'tree-index-invalid');
    t.equal(why(leaves[index], -1), 'tree-index-invalid');
    t.equal(why(leaves[index], 0.5), 'tree-index-invalid');
    t.equal(why(leaves[index], index, size, proof, root.with(0, root[0]! ^ 1)), 'proof-leads-elsewhere');
  }
});

t.test('sizes that no tree has are refused', async (t) => {
  for (const size of [0, -1, 1.5, MAX_TREE_SIZE + 1, Number.NaN])
    t.throws(() => levelSizes(size), { code: 'tree-size-invalid' });
  t.equal(levelSizes(MAX_TREE_SIZE).length, 33);
  t.equal(proofOffsets(MAX_TREE_SIZE - 1, MAX_TREE_SIZE).length, 32);
});

t.test('an error that is none of ours is not swallowed', async (t) => {
  t.throws(() => whyNotIncluded(null as never, 0, 1, [], new Uint8Array(32)), TypeError);
});

t.test('hashing the text of an entry gives the leaf of its bytes', async (t) => {
  for (const text of ['', '{"a":1}', '𠮷😀é\u0000"'])
    t.equal(hash('sha256', leafPreimage(text)), toHex(leafHash(utf8(text))));
});
