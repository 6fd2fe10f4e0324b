import { APPENDED_TOPIC, decodeAppended } from '../../core/anchor/evidence-log.ts';
import { hex0x } from '../../core/anchor/fields.ts';
import { fromHex, toHex } from '../../core/read/bytes.ts';
import { FormatError } from '../../core/reason.ts';
import { type Appended, ChainProblem } from '../../ports/chain.ts';
import { type Node, NodeError } from './rpc.ts';
import { data, hash, type Json, list, object, smallQuantity, toQuantity, wrong } from './shape.ts';

/** Blocks a request: from small, as appends that one looks for are mostly recent, to what most nodes allow. */
const FIRST_RANGE = 2_000;
const MAX_RANGE = 100_000;

/**
 * Looks for the append of `index` from `latest` backwards. Nodes limit ranges and answers, each in its own words: an
 * error halves the range, down to one block.
 */
export async function searchAppend(
  node: Node,
  place: { readonly contract: string; readonly operator: string },
  index: number,
  latest: number,
): Promise<Appended | undefined> {
  const topics = [hex0x(APPENDED_TOPIC), word(place.operator), word(toQuantity(index))];
  let range = FIRST_RANGE;
  for (let to = latest; to >= 0; ) {
    const from = Math.max(0, to - range + 1);
    const filter = { address: place.contract, topics, fromBlock: toQuantity(from), toBlock: toQuantity(to) };
    try {
      const logs = list(await node.call('eth_getLogs', filter), 'logs');
      // The contract emits an index once; where a node shows two, the later cannot be on this chain.
      if (logs[0] !== undefined) return appendedFrom(object(logs[0], 'log'), place, index);
      to = from - 1;
      range = Math.min(range * 2, MAX_RANGE);
    } catch (error) {
      if (!(error instanceof NodeError) || range === 1) throw error;
      range = Math.ceil(Math.min(range, to + 1) / 2);
    }
  }
  return undefined;
}

/** Nodes answer filters carelessly: what is returned must be what was asked for. */
function appendedFrom(
  log: Json,
  { contract, operator }: { contract: string; operator: string },
  index: number,
): Appended {
  const bytes = (value: unknown) => fromHex(data(value, 'log').slice(2));
  try {
    const event = decodeAppended({
      address: data(log['address'], 'address', 20),
      topics: list(log['topics'], 'topics').map(bytes),
      data: bytes(log['data']),
    });
    if (data(log['address'], 'address') !== contract || event.log !== operator || event.index !== index)
      wrong('log');
    return {
      ...{ index, root: toHex(event.root), size: event.size },
      transactionHash: hash(log['transactionHash'], 'transaction hash'),
      blockNumber: smallQuantity(log['blockNumber'], 'block number'),
      blockHash: hash(log['blockHash'], 'block hash'),
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ChainProblem('chain-answer-invalid', { node: 'eth_getLogs', what: error.code }, error);
  }
}

const word = (hex: string): string => `0x${hex.slice(2).padStart(64, '0')}`;
