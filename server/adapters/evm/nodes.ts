import { ChainProblem, type Finality } from '../../ports/chain.ts';
import { type Node, NodeError } from './rpc.ts';
import { hash, object, smallQuantity, toQuantity } from './shape.ts';

/*
 * What several nodes say together. A statement about a block counts where more than half of the configured nodes
 * confirm it and none that answers contradicts: one lying node can then stop us, but not deceive us.
 */

export type Confirmations = 'finalized' | number;

interface BlockName {
  readonly number: number;
  readonly hash: string;
  readonly timestamp: number;
}

/** One node's view of a height. `block` is undefined where its chain does not reach so far. */
interface View {
  readonly node: string;
  readonly latest: number;
  readonly finalized: number;
  readonly block: BlockName | undefined;
}

export async function blockAt(node: Node, tag: string): Promise<BlockName | undefined> {
  const answer = await node.call('eth_getBlockByNumber', tag, false);
  if (answer === null) return undefined;
  const block = object(answer, 'block');
  const number = smallQuantity(block['number'], 'number');
  const timestamp = smallQuantity(block['timestamp'], 'timestamp');
  return { number, hash: hash(block['hash'], 'block hash'), timestamp };
}

/** The finality of a block, as all nodes see it. */
export async function finalityOf(
  nodes: readonly Node[],
  confirmations: Confirmations,
  number: number,
  blockHash: string,
): Promise<Finality> {
  const { views, majority } = await viewsOf(nodes, confirmations, number);
  const confirming = views.filter((view) => view.block?.hash === blockHash);
  if (confirming.length === 0)
    return { canonical: false, final: false, confirmations: 0, required: 0, blockTime: 0 };
  refuseContradiction(views, blockHash, number);
  const standing = Math.min(...confirming.map((view) => view.latest - number + 1));
  const final = confirming.length >= majority && confirming.every((view) => view.finalized >= number);
  // With a tag nobody knows the distance beforehand: what the head is ahead of finality now is the best estimate.
  const distance = Math.max(...confirming.map((view) => view.latest - view.finalized + 1));
  const required =
    confirmations === 'finalized' ? (final ? Math.min(distance, standing) : distance) : confirmations;
  const blockTime = confirming[0]!.block!.timestamp;
  return { canonical: true, final, confirmations: standing, required, blockTime };
}

/** The hash of the final block at `number`, or undefined where too few nodes call it final yet. */
export async function finalHashOf(
  nodes: readonly Node[],
  confirmations: Confirmations,
  number: number,
): Promise<string | undefined> {
  const { views, majority } = await viewsOf(nodes, confirmations, number);
  const blockHash = views.find((view) => view.block !== undefined)?.block?.hash;
  if (blockHash === undefined) return undefined;
  refuseContradiction(views, blockHash, number);
  const sure = views.filter((view) => view.block !== undefined && view.finalized >= number);
  return sure.length >= majority ? blockHash : undefined;
}

function refuseContradiction(views: readonly View[], blockHash: string, number: number): void {
  const other = views.find((view) => view.block !== undefined && view.block.hash !== blockHash);
  if (other !== undefined)
    throw new ChainProblem('chain-nodes-disagree', {
      block: number,
      expected: blockHash,
      actual: other.block!.hash,
      node: other.node,
    });
}

/** Throws where so few nodes answer that they could not decide anything. */
async function viewsOf(
  nodes: readonly Node[],
  confirmations: Confirmations,
  number: number,
): Promise<{ views: View[]; majority: number }> {
  const majority = Math.floor(nodes.length / 2) + 1;
  const answers = await Promise.allSettled(nodes.map((node) => viewOf(node, confirmations, number)));
  const views = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  if (views.length >= majority) return { views, majority };
  throw answers.find((answer) => answer.status === 'rejected')!.reason;
}

async function viewOf(node: Node, confirmations: Confirmations, number: number): Promise<View> {
  // The heads first: a block below them that is replaced in between is seen as replaced, never as final.
  const latest = await blockAt(node, 'latest');
  if (latest === undefined)
    throw new ChainProblem('chain-answer-invalid', { node: node.name, what: 'latest' });
  const finalized =
    confirmations === 'finalized' ? await finalizedNumber(node) : latest.number - confirmations + 1;
  const block = await blockAt(node, toQuantity(number));
  if (block !== undefined && block.number !== number)
    throw new ChainProblem('chain-answer-invalid', { node: node.name, what: 'number' });
  return { node: node.name, latest: latest.number, finalized, block };
}

/**
 * A chain without the tag gets no count of ours instead: how deep is deep enough there, its operator must know and
 * write into KEZHENG_CONFIRMATIONS. Until then nothing is final, and nothing is lost.
 */
async function finalizedNumber(node: Node): Promise<number> {
  const block = await blockAt(node, 'finalized').catch((error: unknown) => {
    if (error instanceof NodeError) return undefined;
    throw error;
  });
  if (block === undefined) throw new ChainProblem('chain-finality-unknown', { node: node.name });
  return block.number;
}
