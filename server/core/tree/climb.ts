import { FormatError } from '../reason.ts';
import { HASH_LENGTH, type HashNodeInto, hashNodeInto, MAX_TREE_SIZE } from './tree.ts';

/*
 * The tree of RFC 6962 §2.1 over leaves that come one after the other, too many to hold: only the roots of the full
 * subtrees so far are there, at most one a level.
 */

/** The way from a watched leaf up: RFC 9162 §2.1.3.1. */
export interface Climbed {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
}

export interface Climb {
  /** Leaves so far. */
  readonly size: number;
  /** The next leaf, 32 bytes, which are copied. A watched one has its way in what `end` gives. */
  add(leaf: Uint8Array, isWatched?: boolean): void;
  /** Root and ways, in the order of the leaves; `tree-size-invalid` without any leaf. Nothing comes after it. */
  end(): { readonly root: Uint8Array; readonly ways: readonly Climbed[] };
}

interface Subtree {
  readonly level: number;
  readonly root: Uint8Array;
  readonly watched: readonly { readonly index: number; readonly hashes: Uint8Array[] }[];
}

const NOBODY: Subtree['watched'] = [];

/** `most` is for tests: nobody climbs over four thousand million leaves. */
export function climbTree(hashInto: HashNodeInto = hashNodeInto, most = MAX_TREE_SIZE): Climb {
  const subtrees: Subtree[] = [];
  const preimage = new Uint8Array(1 + 2 * HASH_LENGTH);
  preimage[0] = 1;
  let size = 0;

  function join(left: Subtree, right: Subtree): Subtree {
    preimage.set(left.root, 1);
    preimage.set(right.root, 1 + HASH_LENGTH);
    const root = new Uint8Array(HASH_LENGTH);
    hashInto(preimage, root, 0);
    for (const { hashes } of left.watched) hashes.push(right.root);
    for (const { hashes } of right.watched) hashes.push(left.root);
    const watched = left.watched === right.watched ? NOBODY : [...left.watched, ...right.watched];
    return { level: right.level + 1, root, watched };
  }

  return {
    get size() {
      return size;
    },
    add(leaf, isWatched = false) {
      if (leaf.length !== HASH_LENGTH)
        throw new FormatError('length-wrong', { expected: HASH_LENGTH, actual: leaf.length });
      if (size === most) throw new FormatError('tree-size-invalid', { size: size + 1 });
      const watched = isWatched ? [{ index: size, hashes: [] }] : NOBODY;
      let subtree: Subtree = { level: 0, root: leaf.slice(), watched };
      while (subtrees.at(-1)?.level === subtree.level) subtree = join(subtrees.pop()!, subtree);
      subtrees.push(subtree);
      size++;
    },
    end() {
      // A subtree without sibling is promoted unchanged until it meets the larger one to its left.
      const last = subtrees.pop();
      if (last === undefined) throw new FormatError('tree-size-invalid', { size });
      const top = subtrees.reduceRight((right, left) => join(left, right), last);
      return { root: top.root, ways: top.watched };
    },
  };
}
