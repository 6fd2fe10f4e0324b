import { parentPort } from 'node:worker_threads';
import { tiled } from '../../core/tree/tiles.ts';
import { buildTree, HASH_LENGTH } from '../../core/tree/tree.ts';
import { merkletreejsRoot } from './merkletreejs.ts';
import { hashNodesInto } from './node-hash.ts';
import type { Ask, Reply } from './thread.ts';
import type { TreeJob } from './trees.ts';

const port = parentPort!;

const work = ({ by, leaves }: TreeJob): Uint8Array =>
  by === 'core'
    ? tiled(buildTree(leaves, hashNodesInto()), leaves.length / HASH_LENGTH)
    : merkletreejsRoot(leaves);

port.on('message', ({ n, job }: Ask<TreeJob>) => {
  try {
    const value = work(job);
    const reply: Reply = { n, value };
    port.postMessage(reply, [value.buffer as ArrayBuffer]);
  } catch (error) {
    const reply: Reply = { n, error };
    port.postMessage(reply);
  }
});
