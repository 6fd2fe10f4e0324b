import { sha512 } from '../hash/sha512.ts';
import { concat } from '../read/bytes.ts';

/*
 * The hash tree of RFC 4998 §4.1, with SHA-512. This one tree is not that of RFC 6962, because what is built on it must
 * be checked by other people's programs for evidence records: nodes are sorted, and nothing tells a leaf from a node. So
 * whoever has 128 bytes that are two digests could call them a file; no file that is renewed is such, because each is read.
 * Two children a node: implementations disagree about how a node of more is reckoned, and agree about two.
 */

/** A renewal of 2^32 files has paths of 32 digests; a longer one is a mistake or an attack. */
export const MAX_RENEWAL_PATH = 32;

/** SHA-512 of all in ascending order of their bytes, §4.1 steps 3 and 4; of one it is that one itself. */
export const renewalNode = (digests: readonly Uint8Array[]): Uint8Array =>
  digests.length === 1 ? digests[0]! : sha512(concat(...ascending(digests)));

/** Of digests of one length. */
export const ascending = (digests: readonly Uint8Array[]): readonly Uint8Array[] => digests.toSorted(byBytes);

function byBytes(a: Uint8Array, b: Uint8Array): number {
  const differs = a.findIndex((byte, i) => byte !== b[i]);
  return differs < 0 ? 0 : a[differs]! - b[differs]!;
}

/** Where the path leads from this leaf, §4.3. */
export const rootOfRenewalPath = (leaf: Uint8Array, path: readonly Uint8Array[]): Uint8Array =>
  path.reduce((node, beside) => renewalNode([node, beside]), leaf);

export interface RenewalTree {
  readonly root: Uint8Array;
  /** For each leaf the digests that lead it to the root, from below; none where it is the only one. */
  readonly paths: readonly (readonly Uint8Array[])[];
}

/** Over these leaves in their order, at least one; the last of an odd number goes up as it is. */
export function renewalTree(leaves: readonly Uint8Array[]): RenewalTree {
  const paths: Uint8Array[][] = leaves.map(() => []);
  let level = leaves;
  for (let width = 1; level.length > 1; width *= 2) {
    // A leaf's node on this level is its index over the width; its sibling is the one beside it.
    for (const [i, path] of paths.entries()) path.push(...level.slice(...sibling(Math.floor(i / width))));
    level = pairs(level);
  }
  return { root: level[0]!, paths };
}

const sibling = (i: number): [number, number] => [i ^ 1, (i ^ 1) + 1];

const pairs = (level: readonly Uint8Array[]): readonly Uint8Array[] =>
  level.flatMap((_, i) => (i % 2 === 1 ? [] : [renewalNode(level.slice(i, i + 2))]));
