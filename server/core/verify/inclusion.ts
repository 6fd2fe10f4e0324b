import type { Certificate, TreePath } from '../certificate/certificate.ts';
import { equalBytes, toHex } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';
import { leafHash, rootFromProof } from '../tree/tree.ts';
import { type Check, reason } from './report.ts';

/** The root that the entry's path leads to, through the folder's tree where there is one. Throws FormatError. */
export function rootOfInclusion(certificate: Certificate): {
  readonly root: Uint8Array;
  readonly size: number;
} {
  const { folder, batch } = certificate.inclusion;
  if (folder !== undefined) {
    const root = toHex(rootOfPath(certificate.entryBytes, folder));
    const promised = folder.manifest.folder;
    if (promised === null || promised.root !== root || promised.size !== folder.size)
      throw new FormatError('folder-root-differs', { root });
  }
  return { root: rootOfPath(folder?.manifestBytes ?? certificate.entryBytes, batch), size: batch.size };
}

export const rootOfPath = (entry: Uint8Array, path: TreePath): Uint8Array =>
  rootFromProof(leafHash(entry), path.index, path.size, path.hashes);

/** The path leads to the root and size that each anchor's transaction carries (those that could be read). */
export function checkInclusion(
  certificate: Certificate,
  anchored: readonly { readonly root: Uint8Array; readonly size: number }[],
): Check {
  const check = (status: Check['status'], why: Check['reason']): Check => ({
    id: 'inclusion',
    at: undefined,
    status,
    reason: why,
  });
  try {
    const { root, size } = rootOfInclusion(certificate);
    if (anchored.length === 0) return check('unknown', reason('no-anchored-root', { root: toHex(root) }));
    if (anchored.some((anchor) => !equalBytes(anchor.root, root)))
      return check('failed', reason('proof-leads-elsewhere'));
    const other = anchored.find((anchor) => anchor.size !== size);
    if (other !== undefined)
      return check('failed', reason('batch-size-differs', { expected: other.size, actual: size }));
    const { folder } = certificate.inclusion;
    return check(
      'passed',
      folder === undefined
        ? reason('included', { root: toHex(root), size })
        : reason('included-in-folder', {
            place: folder.index + 1,
            files: folder.size,
            root: toHex(root),
            size,
          }),
    );
  } catch (error) {
    if (error instanceof FormatError) return check('failed', error);
    throw error;
  }
}
