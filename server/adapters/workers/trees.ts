import { equalBytes, toHex } from '../../core/read/bytes.ts';
import { rootOf } from '../../core/tree/tree.ts';
import { type TreeBuilder, TreesDisagree } from '../../ports/work.ts';
import { createThread } from './thread.ts';

export interface TreeJob {
  readonly by: 'core' | 'merkletreejs';
  /** over shared memory: both read the same */
  readonly leaves: Uint8Array;
}

const PROGRAM = new URL('./tree-worker.ts', import.meta.url);

/** Both implementations at once, each in a thread of its own; one tree after the other, which bounds the memory. */
export function openTreeBuilder(): TreeBuilder {
  const core = createThread<TreeJob>(PROGRAM, undefined);
  const other = createThread<TreeJob>(PROGRAM, undefined);
  let last: Promise<unknown> = Promise.resolve();

  async function build(leaves: Uint8Array): Promise<{ root: Uint8Array; nodes: Uint8Array }> {
    const shared = new Uint8Array(new SharedArrayBuffer(leaves.length));
    shared.set(leaves);
    const [nodes, theirRoot] = await Promise.all([
      core.ask<Uint8Array>({ by: 'core', leaves: shared }),
      other.ask<Uint8Array>({ by: 'merkletreejs', leaves: shared }),
    ]);
    return { root: agreedRoot(nodes, theirRoot), nodes };
  }

  return {
    build(leaves) {
      const built = last.then(() => build(leaves));
      last = built.catch(() => {});
      return built;
    },
    async close() {
      await Promise.all([core.close(), other.close()]);
    },
  };
}

/** The root on which both agree: the only one that ever leaves this folder. */
export function agreedRoot(nodes: Uint8Array, theirRoot: Uint8Array): Uint8Array {
  const root = rootOf(nodes);
  if (!equalBytes(root, theirRoot)) throw new TreesDisagree(toHex(root), toHex(theirRoot));
  return root;
}
