import { hash } from 'node:crypto';
import { MerkleTree } from 'merkletreejs/MerkleTree';
import { asBuffer } from './node-hash.ts';

const DIGEST = 32;

/** A subtree of this many leaves at a time: merkletreejs keeps every node as an object of its own. */
const CHUNK = 2 ** 12;

/**
 * Root of the RFC 6962 tree by merkletreejs: leaves are already hashed, nothing is sorted, odd nodes are promoted, and
 * the concatenator puts 0x01 in front. Chunks of 2^k leaves are whole subtrees of that tree, and the tree over their
 * roots is its upper part: so the whole is built chunk by chunk in bounded memory.
 */
export function merkletreejsRoot(leaves: Uint8Array, chunk = CHUNK): Uint8Array {
  if (leaves.length <= chunk * DIGEST) return new Uint8Array(rootOf(leaves));
  const roots: Buffer[] = [];
  for (let at = 0; at < leaves.length; at += chunk * DIGEST)
    roots.push(rootOf(leaves.subarray(at, at + chunk * DIGEST)));
  return new Uint8Array(rootOf(Buffer.concat(roots)));
}

function rootOf(leaves: Uint8Array): Buffer {
  const bytes = asBuffer(leaves);
  const count = leaves.length / DIGEST;
  const nodes = Array.from({ length: count }, (_, i) => bytes.subarray(i * DIGEST, (i + 1) * DIGEST));
  // A tree over n leaves hashes n − 1 times: all digests get their place in one block.
  const pool = asBuffer(new Uint8Array(Math.max(count - 1, 1) * DIGEST));
  let used = 0;
  const sha256 = (preimage: unknown): Buffer => {
    const at = used;
    used += pool.latin1Write(hash('sha256', preimage as Buffer, 'binary'), at, DIGEST);
    return pool.subarray(at, used);
  };
  return new MerkleTree(nodes, sha256, { concatenator: prefixed }).getRoot();
}

const preimage = Buffer.alloc(1 + 2 * DIGEST, 1);

/** The same 65 bytes each time: they are hashed before the next pair comes. */
function prefixed([left, right]: Buffer[]): Buffer {
  preimage.set(left!, 1);
  preimage.set(right!, 1 + DIGEST);
  return preimage;
}
