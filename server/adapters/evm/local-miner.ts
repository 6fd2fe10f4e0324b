import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { writeDurably } from '../files.ts';
import { blockAt } from './nodes.ts';
import type { Node } from './rpc.ts';
import { data, object, smallQuantity, toQuantity, wrong } from './shape.ts';

/*
 * The only miner of the local chain (anvil mines nothing by itself). With one slot an epoch, anvil calls the block two
 * below its head final. So each round: mine what waits, make the whole chain durable, and only then mine the two empty
 * blocks that make it final. «Finalized» therefore means «on disk», and an idle chain does not grow.
 *
 * The dump holds all blocks, so a round costs more as the chain grows: a demonstration, not a chain for years.
 */

/** A million coins: a demonstration does not run out of funds. */
export const FUNDS = toQuantity(10 ** 6).concat('0'.repeat(15));

/** Distance from anvil's head to its finalized block with `--slots-in-an-epoch 1`. */
export const FINAL_DEPTH = 2;

export interface Miner {
  /** After each start, before anybody else asks: everything that was loaded is final again. */
  begin(): Promise<void>;
  round(): Promise<void>;
}

export function createMiner(node: Node, stateFile: string): Miner {
  /** Where the last round left the head: two empty blocks above durable ones. Another head has something new. */
  let restingAt: string | undefined;

  const head = async () => (await blockAt(node, 'latest')) ?? wrong('latest');

  async function finalize(): Promise<void> {
    const { number } = await head();
    await writeDurably(stateFile, await dump(node));
    await node.call('anvil_mine', toQuantity(FINAL_DEPTH));
    const resting = await head();
    // A transaction that came in meanwhile is in the new blocks, not on disk and not final: the next round's work.
    restingAt = (await emptyAbove(node, number, resting.number)) ? resting.hash : undefined;
  }

  return {
    async begin() {
      await finalize();
    },
    async round() {
      const pool = object(await node.call('txpool_status'), 'pool');
      const waiting = smallQuantity(pool['pending'], 'pending') > 0;
      if (!waiting && (await head()).hash === restingAt) return;
      if (waiting) await node.call('anvil_mine', '0x1');
      await finalize();
    },
  };
}

async function emptyAbove(node: Node, number: number, latest: number): Promise<boolean> {
  for (let above = number + 1; above <= latest; above++) {
    const block = object(await node.call('eth_getBlockByNumber', toQuantity(above), false), 'block');
    if (!Array.isArray(block['transactions']) || block['transactions'].length > 0) return false;
  }
  return true;
}

/** `anvil_dumpState` answers gzip in hex; `--load-state` wants the JSON inside. */
async function dump(node: Node): Promise<Uint8Array> {
  const packed = data(await node.call('anvil_dumpState'), 'dump');
  return promisify(gunzip)(Buffer.from(packed.slice(2), 'hex'));
}
