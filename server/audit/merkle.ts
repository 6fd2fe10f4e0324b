import { hash } from 'node:crypto';
import { HASH_LENGTH, type HashNodeInto } from '../core/tree/tree.ts';

/*
 * The root over leaves that pass by once (RFC 6962 §2.1), in the memory of one node a level; written anew here, so that
 * a root is not checked by the code that made it.
 */
export interface PassingRoot {
  push(leaf: Uint8Array): void;
  readonly size: number;
  /** Throws where nothing was pushed. */
  root(): string;
}

export function passingRoot(): PassingRoot {
  /** roots of full subtrees, the largest first; one for each 1 in the binary form of `size` */
  const peaks: Uint8Array[] = [];
  let size = 0;
  return {
    push(leaf) {
      let node: Uint8Array = Uint8Array.from(leaf);
      for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) node = join(peaks.pop()!, node);
      peaks.push(node);
      size++;
    },
    get size() {
      return size;
    },
    root() {
      if (size === 0) throw new RangeError('a root over nothing');
      return Buffer.from(peaks.reduceRight((right, left) => join(left, right))).toString('hex');
    },
  };
}

/** Of leaves that lie one after the other. */
export function rootOfLeaves(leaves: Uint8Array): string {
  const passing = passingRoot();
  for (let from = 0; from < leaves.length; from += HASH_LENGTH)
    passing.push(leaves.subarray(from, from + HASH_LENGTH));
  return passing.root();
}

const preimage = new Uint8Array(1 + 2 * HASH_LENGTH);
preimage[0] = 1;

/** SHA-256(0x01 ‖ left ‖ right) */
function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  preimage.set(left, 1);
  preimage.set(right, 1 + HASH_LENGTH);
  return hash('sha256', preimage, 'buffer');
}

export const hashInto: HashNodeInto = (bytes, out, offset) =>
  out.set(hash('sha256', bytes, 'buffer'), offset);

const LEAF_PREFIX = Uint8Array.of(0);

/** SHA-256(0x00 ‖ entry) */
export const leafOf = (entry: Uint8Array): Uint8Array =>
  hash('sha256', Buffer.concat([LEAF_PREFIX, entry]), 'buffer');
