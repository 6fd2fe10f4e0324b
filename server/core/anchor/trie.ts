import { keccak256 } from '../hash/keccak.ts';
import { equalBytes } from '../read/bytes.ts';
import { decodeRlp, encodeRlp, type RlpItem, uintBytes } from '../read/rlp.ts';
import { FormatError } from '../reason.ts';

/*
 * Merkle-Patricia trie, Yellow Paper appendix D: proofs of a value in the transactions or receipts of a block. There
 * the key is rlp(index), no key begins another one, so branches hold no value; values are longer than 31 bytes,
 * so nodes on the way to one are always referred to by their hash. Everything else is refused: there is one proof.
 */

/** References by hash; a shorter node would have stood inside its parent. */
export const HASH_REFERENCE_LENGTH = 32;

/** The key of a transaction and of its receipt. */
export const trieKey = (index: number): Uint8Array => encodeRlp(uintBytes(BigInt(index)));

export const nibblesOf = (bytes: Uint8Array): number[] =>
  Array.from(bytes).flatMap((byte) => [byte >> 4, byte & 0x0f]);

/** What the proof leads to next: the hash of a node, or the value at its end. */
type Step =
  | { readonly next: Uint8Array; readonly used: number }
  | { readonly value: Uint8Array; readonly used: number };

/** The value under `key` in the trie with `root`: `nodes` from the root to the leaf, every one used. */
export function valueFromTrieProof(
  root: Uint8Array,
  key: Uint8Array,
  nodes: readonly Uint8Array[],
): Uint8Array {
  let path: readonly number[] = nibblesOf(key);
  let expected = root;
  for (const [position, node] of nodes.entries()) {
    const step = stepThrough(node, expected, path, position);
    if ('value' in step) {
      if (position !== nodes.length - 1)
        throw new FormatError('trie-node-surplus', { surplus: nodes.length - 1 - position });
      return step.value;
    }
    expected = step.next;
    path = path.slice(step.used);
  }
  throw new FormatError('trie-proof-incomplete', { nodes: nodes.length });
}

function stepThrough(
  node: Uint8Array,
  expected: Uint8Array,
  path: readonly number[],
  position: number,
): Step {
  if (node.length < HASH_REFERENCE_LENGTH) throw new FormatError('trie-node-short', { position });
  if (!equalBytes(keccak256(node), expected)) throw new FormatError('trie-node-hash', { position });
  const items = decodeRlp(node);
  if (!(items instanceof Uint8Array)) {
    if (items.length === 17) return throughBranch(items, path, position);
    if (items.length === 2) return throughPath(items, path, position);
  }
  throw new FormatError('trie-node-invalid', { position });
}

function throughBranch(items: readonly RlpItem[], path: readonly number[], position: number): Step {
  const nibble = path[0];
  if (nibble === undefined) throw new FormatError('trie-path-differs', { position });
  return { next: reference(items[nibble]!, position), used: 1 };
}

/** A leaf or an extension: hex-prefix encoding, Yellow Paper appendix C. */
function throughPath(items: readonly RlpItem[], path: readonly number[], position: number): Step {
  const [encoded, target] = items as [RlpItem, RlpItem];
  if (!(encoded instanceof Uint8Array)) throw new FormatError('trie-node-invalid', { position });
  const nibbles = nibblesOf(encoded);
  const flag = nibbles[0] ?? 4;
  const odd = flag % 2 === 1;
  if (flag > 3 || (!odd && nibbles[1] !== 0)) throw new FormatError('trie-node-invalid', { position });
  const own = nibbles.slice(odd ? 1 : 2);
  if (own.some((nibble, i) => nibble !== path[i])) throw new FormatError('trie-path-differs', { position });
  if (flag < 2) {
    // An extension over nothing would let a proof be longer than it must be.
    if (own.length === 0) throw new FormatError('trie-node-invalid', { position });
    return { next: reference(target, position), used: own.length };
  }
  if (own.length !== path.length) throw new FormatError('trie-path-differs', { position });
  if (!(target instanceof Uint8Array)) throw new FormatError('trie-node-invalid', { position });
  return { value: target, used: own.length };
}

function reference(item: RlpItem, position: number): Uint8Array {
  if (!(item instanceof Uint8Array) || item.length !== HASH_REFERENCE_LENGTH)
    throw new FormatError('trie-reference-invalid', { position });
  return item;
}
