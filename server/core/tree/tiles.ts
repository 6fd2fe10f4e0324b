import { HASH_LENGTH, levelSizes } from './tree.ts';

/*
 * How the nodes of a sealed tree lie in a file: first the leaves, one after the other; then, from the bottom up, tiles.
 * A tile holds TILE_LEVELS levels of a subtree, so that what a proof needs of them lies together: a proof from a
 * million leaves is 4 reads instead of 20, which is what counts where each read is a request to another machine.
 * This is storage, not format: proofs and roots are the same whatever the layout.
 */

/** 128 + 64 + … + 2 nodes, 8 KiB. */
const TILE_LEVELS = 7;

/** The levels from `low` on that lie in the same tiles. */
interface Group {
  readonly low: number;
  readonly sizes: readonly number[];
  /** byte offset of its first tile */
  readonly start: number;
}

function groupsOf(size: number): Group[] {
  const levels = levelSizes(size);
  const groups: Group[] = [];
  let start = size * HASH_LENGTH;
  for (let low = 1; low < levels.length; low += TILE_LEVELS) {
    const sizes = levels.slice(low, low + TILE_LEVELS);
    groups.push({ low, sizes, start });
    start += sizes.reduce((sum, level) => sum + level, 0) * HASH_LENGTH;
  }
  return groups;
}

/** Nodes of a full tile on the `l`-th of its levels. */
const width = (l: number): number => 2 ** (TILE_LEVELS - l);

interface TileLevel {
  /** index of its first node within the level of the tree */
  readonly first: number;
  readonly count: number;
  /** byte offset within the tile */
  readonly offset: number;
}

/** Every tile before is full, so that its place follows from its number; the last one may have fewer nodes. */
function tileAt(
  { sizes, start }: Group,
  tile: number,
): { start: number; length: number; levels: TileLevel[] } {
  const full = sizes.reduce((sum, _, l) => sum + width(l), 0);
  let offset = 0;
  const levels = sizes.map((levelSize, l) => {
    const first = tile * width(l);
    const count = Math.min(width(l), levelSize - first);
    const level = { first, count, offset };
    offset += count * HASH_LENGTH;
    return level;
  });
  return { start: start + tile * full * HASH_LENGTH, length: offset, levels };
}

/** What `buildTree` made, in the order of the file: as many bytes, the leaves first and the root last as before. */
export function tiled(nodes: Uint8Array, size: number): Uint8Array {
  const file = new Uint8Array(nodes.length);
  file.set(nodes.subarray(0, size * HASH_LENGTH));
  let from = size * HASH_LENGTH;
  for (const group of groupsOf(size)) {
    const starts = group.sizes.map((level) => {
      const start = from;
      from += level * HASH_LENGTH;
      return start;
    });
    for (let tile = 0; tile * width(0) < group.sizes[0]!; tile++) {
      const { start, levels } = tileAt(group, tile);
      for (const [l, { first, count, offset }] of levels.entries()) {
        const at = starts[l]! + first * HASH_LENGTH;
        file.set(nodes.subarray(at, at + count * HASH_LENGTH), start + offset);
      }
    }
  }
  return file;
}

/** A part of the file, and where in it hashes of a proof stand. */
export interface ProofPiece {
  readonly start: number;
  readonly length: number;
  readonly offsets: readonly number[];
}

/** What to read for the inclusion proof of a leaf: pieces and hashes from the leaf's sibling upwards, RFC 6962 §2.1.1. */
export function proofPieces(index: number, size: number): readonly ProofPiece[] {
  const pieces: ProofPiece[] = [];
  const sibling = siblingOf(index);
  if (sibling < size) pieces.push({ start: sibling * HASH_LENGTH, length: HASH_LENGTH, offsets: [0] });
  for (const group of groupsOf(size)) {
    const { start, length, levels } = tileAt(group, Math.floor(index / 2 ** (group.low + TILE_LEVELS)));
    const offsets = levels.flatMap(({ first, count, offset }, l) => {
      const inLevel = siblingOf(Math.floor(index / 2 ** (group.low + l))) - first;
      return inLevel < count ? offset + inLevel * HASH_LENGTH : [];
    });
    if (offsets.length > 0) pieces.push({ start, length, offsets });
  }
  return pieces;
}

const siblingOf = (index: number): number => (index % 2 === 0 ? index + 1 : index - 1);
