import { sha256 } from '../hash/sha256.ts';
import { concat, equalBytes } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';

/*
 * The one tree: RFC 6962 §2.1. Order is kept, nothing is sorted, a node without a sibling is promoted unchanged.
 */

/** Bytes of a node: SHA-256. */
export const HASH_LENGTH = 32;

/** More leaves than one batch or folder will ever have; keeps a proof below 33 hashes and indexes exact in a number. */
export const MAX_TREE_SIZE = 2 ** 32;

/** Two hashes in words of 4 bytes. */
const NODE_WORDS = (2 * HASH_LENGTH) / 4;

const LEAF_PREFIX = Uint8Array.of(0);
const NODE_PREFIX = Uint8Array.of(1);

/** SHA-256(0x00 ‖ entry), RFC 6962 §2.1. The prefix stops an entry from passing as an interior node. */
export const leafHash = (entry: Uint8Array): Uint8Array => sha256(concat(LEAF_PREFIX, entry));

/** What a leaf is the SHA-256 of, as text whose UTF-8 is 0x00 ‖ entry: for those who encode it once for all uses. */
export const leafPreimage = (entry: string): string => `\u0000${entry}`;

/** SHA-256(0x01 ‖ left ‖ right), RFC 6962 §2.1. */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(concat(NODE_PREFIX, left, right));

/**
 * Hashes the 65 bytes of `preimage` and writes the 32 bytes to `out` at `offset`. An argument because a million
 * nodes want the fastest hash at hand, and this room may not know where it runs.
 */
export type HashNodeInto = (preimage: Uint8Array, out: Uint8Array, offset: number) => void;

export const hashNodeInto: HashNodeInto = (preimage, out, offset) => out.set(sha256(preimage), offset);

/** Nodes a level, from the leaves up to the root: each level has half of the one below, rounded up. */
export function levelSizes(size: number): number[] {
  if (!Number.isInteger(size) || size < 1 || size > MAX_TREE_SIZE)
    throw new FormatError('tree-size-invalid', { size });
  const sizes = [size];
  for (let last = size; last > 1; sizes.push(last)) last = Math.ceil(last / 2);
  return sizes;
}

/** Bytes that `buildTree` makes for this many leaves. */
export const treeLength = (size: number): number =>
  levelSizes(size).reduce((sum, level) => sum + level * HASH_LENGTH, 0);

/**
 * All nodes of the tree over `leaves` (leaf hashes, 32 bytes each): the levels one after the other, leaves first,
 * the root last. A promoted node stands again in the level above, so that a proof is one read a level.
 */
export function buildTree(leaves: Uint8Array, hashInto: HashNodeInto = hashNodeInto): Uint8Array {
  const sizes = levelSizes(leaves.length / HASH_LENGTH);
  const nodes = new Uint8Array(treeLength(sizes[0]!));
  nodes.set(leaves);
  // 0x01 ‖ left ‖ right, where the two begin at a word: they are copied by words, a tenth of the time of hashing.
  const words = new Uint32Array(1 + NODE_WORDS);
  const preimage = new Uint8Array(words.buffer, 3);
  preimage.set(NODE_PREFIX);
  const source = new Uint32Array(nodes.buffer);
  let from = 0;
  let to = leaves.length;
  for (const size of sizes.slice(0, -1)) {
    const pairs = Math.floor(size / 2);
    for (let pair = 0; pair < pairs; pair++) {
      const left = from / 4 + pair * NODE_WORDS;
      for (let word = 0; word < NODE_WORDS; word++) words[1 + word] = source[left + word]!;
      hashInto(preimage, nodes, to + pair * HASH_LENGTH);
    }
    const end = from + size * HASH_LENGTH;
    if (size % 2 === 1) nodes.copyWithin(to + pairs * HASH_LENGTH, end - HASH_LENGTH, end);
    from = end;
    to += Math.ceil(size / 2) * HASH_LENGTH;
  }
  return nodes;
}

export const rootOf = (nodes: Uint8Array): Uint8Array => nodes.slice(-HASH_LENGTH);

/** Where the hashes of an inclusion proof stand in what `buildTree` made: byte offsets, leaf's sibling first. */
export function proofOffsets(index: number, size: number): number[] {
  if (!Number.isInteger(index) || index < 0 || index >= size)
    throw new FormatError('tree-index-invalid', { index, size });
  const offsets: number[] = [];
  let levelStart = 0;
  let at = index;
  for (const level of levelSizes(size)) {
    const sibling = at % 2 === 0 ? at + 1 : at - 1;
    if (sibling < level && level > 1) offsets.push(levelStart + sibling * HASH_LENGTH);
    levelStart += level * HASH_LENGTH;
    at = Math.floor(at / 2);
  }
  return offsets;
}

/** On which side of the way up each hash of an inclusion proof stands, leaf's sibling first: RFC 9162 §2.1.3.2. */
export function proofSides(index: number, size: number): ('left' | 'right')[] {
  const sides: ('left' | 'right')[] = [];
  let at = index;
  for (let last = size - 1; last > 0; last = Math.floor(last / 2)) {
    if (at % 2 === 1) sides.push('left');
    else if (at < last) sides.push('right');
    at = Math.floor(at / 2);
  }
  return sides;
}

/**
 * The root that an inclusion proof leads to: RFC 9162 §2.1.3.2, which is RFC 6962's proof. Too few and too many
 * hashes are refused, so that there is one proof for an index in a tree of a size.
 */
export function rootFromProof(
  leaf: Uint8Array,
  index: number,
  size: number,
  hashes: readonly Uint8Array[],
): Uint8Array {
  const needed = proofOffsets(index, size).length;
  if (hashes.length !== needed)
    throw new FormatError('proof-length-wrong', { expected: needed, actual: hashes.length });
  for (const { length } of [leaf, ...hashes])
    if (length !== HASH_LENGTH)
      throw new FormatError('length-wrong', { expected: HASH_LENGTH, actual: length });
  let node = leaf;
  let at = index;
  let last = size - 1;
  for (const hash of hashes) {
    // A right child, or a last node whose sibling exists only on the left: skip the levels where it was promoted.
    while (at % 2 === 0 && at === last) {
      at /= 2;
      last = Math.floor(last / 2);
    }
    node = at % 2 === 1 ? nodeHash(hash, node) : nodeHash(node, hash);
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return node;
}

/** Undefined where the proof holds, else why not. */
export function whyNotIncluded(
  leaf: Uint8Array,
  index: number,
  size: number,
  hashes: readonly Uint8Array[],
  root: Uint8Array,
): FormatError | undefined {
  try {
    if (equalBytes(rootFromProof(leaf, index, size, hashes), root)) return undefined;
    return new FormatError('proof-leads-elsewhere');
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}
