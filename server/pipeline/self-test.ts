import { fromHex, toHex } from '../core/read/bytes.ts';
import type { Digests, TreeBuilder } from '../ports/work.ts';

/** The machine computes wrongly, or with something that is not what we think: no promise may be made on it. */
export class SelfTestFailed extends Error {}

/** 1 MiB of zeros; digests from OpenSSL. */
const ZEROS = 1024 * 1024;
const SHA256_OF_ZEROS = '30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58';
const SM3_OF_ZEROS = 'd5f37b2eae2b48c267e5959278b99dd3ee83bea4f575f8225a84ea41b4d43251';

/** Leaves and root of three entries: "", 0x00 and 0x10, from transparency-dev's reference of RFC 6962. */
const LEAVES = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
  '0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7',
];
const ROOT = 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77';

/**
 * Known answers through the very threads that will do the work, before anything is promised; it also starts them, so
 * that the first large upload finds them running.
 */
export async function selfTest(digests: Digests, trees: TreeBuilder): Promise<void> {
  const stream = digests.begin();
  await stream.update(new Uint8Array(ZEROS));
  const { sha256, sm3 } = await stream.finish();
  if (sha256 !== SHA256_OF_ZEROS) throw new SelfTestFailed(`SHA-256 is ${sha256}, not ${SHA256_OF_ZEROS}`);
  if (sm3 !== SM3_OF_ZEROS) throw new SelfTestFailed(`SM3 is ${sm3}, not ${SM3_OF_ZEROS}`);
  const { root } = await trees.build(fromHex(LEAVES.join('')));
  if (toHex(root) !== ROOT) throw new SelfTestFailed(`the tree’s root is ${toHex(root)}, not ${ROOT}`);
}
