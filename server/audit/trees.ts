import { tiled } from '../core/tree/tiles.ts';
import { buildTree, HASH_LENGTH, MAX_TREE_SIZE } from '../core/tree/tree.ts';
import type { BlobInspector } from '../ports/inspect.ts';
import { hashInto, rootOfLeaves } from './merkle.ts';

/** The file that a tree over these leaves is stored as, and its root. */
export function treeOf(leaves: Uint8Array): { readonly root: string; readonly file: () => Uint8Array } {
  const nodes = buildTree(leaves, hashInto);
  const root = Buffer.from(nodes.subarray(-HASH_LENGTH)).toString('hex');
  return { root, file: () => tiled(nodes, leaves.length / HASH_LENGTH) };
}

const ROOT = /^[0-9a-f]{64}$/;

/**
 * The leaves in a stored tree: the beginning of its file. Only where they lead to the root that the file is named by:
 * then they are the leaves of that root, whoever wrote them.
 */
export async function storedLeaves(
  blobs: BlobInspector,
  root: string,
  size: number,
): Promise<Uint8Array | undefined> {
  if (!ROOT.test(root) || size < 1 || size > MAX_TREE_SIZE) return undefined;
  // What is there bounds what is read: a size in a damaged row does not make us reserve memory.
  const length = size * HASH_LENGTH;
  if (((await blobs.size('trees', root)) ?? 0) < length) return undefined;
  const stream = await blobs.stream('trees', root);
  if (stream === undefined) return undefined;
  const leaves = Buffer.allocUnsafe(length);
  let filled = 0;
  for await (const chunk of stream) {
    const bytes = chunk as Buffer;
    filled += bytes.copy(leaves, filled, 0, Math.min(bytes.length, length - filled));
    if (filled === length) break;
  }
  return filled === length && rootOfLeaves(leaves) === root ? leaves : undefined;
}

/** Undefined where the stored file is these bytes; else the first place where it is not, or that there is none. */
export async function differenceFrom(
  blobs: BlobInspector,
  root: string,
  expected: Uint8Array,
): Promise<undefined | 'missing' | { readonly at: number }> {
  const stream = await blobs.stream('trees', root);
  if (stream === undefined) return 'missing';
  let from = 0;
  for await (const chunk of stream) {
    const bytes = chunk as Buffer;
    const part = expected.subarray(from, from + bytes.length);
    if (Buffer.compare(bytes, part) !== 0) {
      let same = 0;
      while (same < part.length && bytes[same] === part[same]) same++;
      return { at: from + same };
    }
    from += bytes.length;
  }
  return from === expected.length ? undefined : { at: from };
}
