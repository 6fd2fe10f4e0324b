import type { GivenFile } from '../core/verify/files.ts';
import type { Digested } from '../pipeline/archive-items.ts';
import { readBlocks, StreamTooLong } from '../pipeline/blocks.ts';
import type { Digests } from '../ports/work.ts';
import { Problem } from './problem.ts';

/* Files that were handed in to be compared with what a certificate lists. */

export interface GivenDeps {
  readonly digests: Digests;
  readonly limits: { readonly uploadBytes: number };
}

export const fileOf = async (
  deps: GivenDeps,
  name: string,
  stream: AsyncIterable<Uint8Array>,
): Promise<GivenFile> => ({
  ...(await hashOf(deps, stream)),
  name: name.slice(0, 1_000),
  basis: 'recomputed',
});

/** Hashed as it comes and kept nowhere. */
export async function hashOf(deps: GivenDeps, stream: AsyncIterable<Uint8Array>): Promise<Digested> {
  const { uploadBytes } = deps.limits;
  const digest = deps.digests.begin();
  try {
    await readBlocks(stream, uploadBytes, (block) => digest.update(block));
    return await digest.finish();
  } catch (error) {
    digest.abandon();
    throw error instanceof StreamTooLong ? new Problem('file-too-large', { limit: uploadBytes }) : error;
  }
}
