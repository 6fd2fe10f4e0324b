import { keccak256 } from '../hash/keccak.ts';
import { encodeRlp, type RlpItem } from '../read/rlp.ts';
import { FormatError } from '../reason.ts';
import { HASH_REFERENCE_LENGTH, nibblesOf, trieKey } from './trie.ts';

/*
 * Builds the trie of a list as Ethereum does for the transactions and receipts of a block (Yellow Paper appendix D):
 * value i stands under rlp(i). No key begins another one, so branches never hold a value.
 */

interface Entry {
  readonly path: readonly number[];
  readonly value: Uint8Array;
}

interface Node {
  readonly item: RlpItem;
  readonly encoded: Uint8Array;
  /** Next node on the way to the value with this path, and what of the path is left there; none below a leaf. */
  readonly below: (path: readonly number[]) => readonly [Node, readonly number[]] | undefined;
}

export interface ListTrie {
  readonly root: Uint8Array;
  /** Nodes from the root to the leaf; nodes that stand inside their parents are not repeated. */
  proof(index: number): Uint8Array[];
}

export function buildListTrie(values: readonly Uint8Array[]): ListTrie {
  // The root of nothing is the hash of the empty string: keccak256(rlp('')).
  if (values.length === 0)
    return { root: keccak256(encodeRlp(new Uint8Array())), proof: (index) => noSuchValue(index, 0) };
  const top = build(values.map((value, index) => ({ path: nibblesOf(trieKey(index)), value })));
  return {
    root: keccak256(top.encoded),
    proof: (index) => (index in values ? proofIn(top, index) : noSuchValue(index, values.length)),
  };
}

function noSuchValue(index: number, size: number): never {
  throw new FormatError('trie-index-invalid', { index, size });
}

function proofIn(top: Node, index: number): Uint8Array[] {
  const nodes = [top.encoded];
  let step = top.below(nibblesOf(trieKey(index)));
  while (step !== undefined) {
    const [node, path] = step;
    if (node.encoded.length >= HASH_REFERENCE_LENGTH) nodes.push(node.encoded);
    step = node.below(path);
  }
  return nodes;
}

function build(entries: readonly Entry[]): Node {
  const [first, ...others] = entries as readonly [Entry, ...Entry[]];
  if (others.length === 0) return node([hexPrefix(first.path, true), first.value], () => undefined);
  let shared = 0;
  while (others.every(({ path }) => path[shared] === first.path[shared])) shared++;
  if (shared === 0) return branch(entries);
  const child = build(entries.map((entry) => after(entry, shared)));
  return node([hexPrefix(first.path.slice(0, shared), false), reference(child)], (path) => [
    child,
    path.slice(shared),
  ]);
}

function branch(entries: readonly Entry[]): Node {
  const children = Array.from({ length: 16 }, (_, nibble) => {
    const under = entries.filter(({ path }) => path[0] === nibble);
    return under.length === 0 ? undefined : build(under.map((entry) => after(entry, 1)));
  });
  const items = children.map((child) => (child === undefined ? new Uint8Array() : reference(child)));
  return node([...items, new Uint8Array()], ([nibble, ...rest]) => [children[nibble!]!, rest]);
}

const after = ({ path, value }: Entry, used: number): Entry => ({ path: path.slice(used), value });

const node = (item: RlpItem, below: Node['below']): Node => ({ item, encoded: encodeRlp(item), below });

/** A node shorter than a hash stands inside its parent, Yellow Paper (197). */
const reference = ({ item, encoded }: Node): RlpItem =>
  encoded.length < HASH_REFERENCE_LENGTH ? item : keccak256(encoded);

/** Yellow Paper appendix C: flag 2 for a leaf, 1 for an odd number of nibbles. */
function hexPrefix(path: readonly number[], leaf: boolean): Uint8Array {
  const odd = path.length % 2;
  const nibbles = [(leaf ? 2 : 0) + odd, ...(odd === 1 ? [] : [0]), ...path];
  return Uint8Array.from(
    { length: nibbles.length / 2 },
    (_, i) => nibbles[2 * i]! * 16 + nibbles[2 * i + 1]!,
  );
}
