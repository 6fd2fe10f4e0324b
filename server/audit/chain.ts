import { APPENDED_TOPIC, decodeAppended } from '../core/anchor/evidence-log.ts';
import { hex0x } from '../core/anchor/fields.ts';
import { keccak256 } from '../core/hash/keccak.ts';
import { fromHex, toHex, utf8 } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';

/*
 * A chain as an audit sees it: everything at or below one final block on which all given nodes agree. Nodes are asked
 * by a value that the caller brings; every answer is checked for its shape here.
 */

/** One node: throws where it does not answer, or answers with an error. */
export interface Rpc {
  readonly name: string;
  call(method: string, params: readonly unknown[]): Promise<unknown>;
}

/** Something outside could not be asked, or did not answer as it must. Not a finding: nothing is known. */
export class NotReadable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NotReadable';
  }
}

export interface LogPlace {
  readonly contract: string;
  readonly operator: string;
}

export interface LogState {
  readonly count: number;
  /** 48 hex digits */
  readonly rolling: string;
}

export interface ChainAppend {
  readonly index: number;
  readonly root: string;
  readonly size: number;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly transactionHash: string;
}

export interface ChainView {
  readonly names: string;
  readonly chainId: number;
  readonly genesisHash: string;
  /** the final block that everything is read at */
  readonly head: { readonly number: number; readonly hash: string };
  state(log: LogPlace): Promise<LogState>;
  code(contract: string): Promise<string>;
  /** Undefined above the head. */
  block(number: number): Promise<{ readonly hash: string; readonly time: number } | undefined>;
  /** Every append of a log from this block on, in the order of the chain; nodes may have dropped old ones. */
  appends(log: LogPlace, fromBlock: number): AsyncIterable<ChainAppend>;
  /** Calldata and recipient of a transaction that is mined at or below the head; undefined where the node has none. */
  transaction(hash: string): Promise<ChainTransaction | undefined>;
}

export interface ChainTransaction {
  readonly to: string;
  readonly from: string;
  readonly input: string;
  readonly blockNumber: number;
}

const SLOTS_SELECTOR = toHex(keccak256(utf8('slots(address)')).subarray(0, 4));

/** Opens the view: which chain, and which block is final. With `confirmations`, for chains that have no such tag. */
export async function openChainView(
  nodes: readonly Rpc[],
  confirmations: number | undefined,
): Promise<ChainView> {
  const first = nodes[0];
  if (first === undefined) throw new NotReadable('no node');
  const chainId = await agreed(nodes, 'chain id', async (node) => number(await node.call('eth_chainId', [])));
  const genesis = await agreed(nodes, 'genesis', async (node) => (await blockAt(node, '0x0'))?.hash);
  if (genesis === undefined) throw new NotReadable(`${first.name}: genesis`);
  const heads = await Promise.all(nodes.map((node) => finalNumber(node, confirmations)));
  const height = Math.min(...heads);
  if (height < 0) throw new NotReadable(`${nodes[heads.indexOf(height)]!.name}: no final block yet`);
  const headHash = await agreed(
    nodes,
    `block ${height}`,
    async (node) => (await blockAt(node, quantity(height)))?.hash,
  );
  if (headHash === undefined) throw new NotReadable(`${first.name}: block ${height}`);
  return {
    names: nodes.map((node) => node.name).join(', '),
    chainId,
    genesisHash: genesis,
    head: { number: height, hash: headHash },
    state: ({ contract, operator }) =>
      agreed(nodes, 'slots', (node) => stateAt(node, contract, operator, height)).then(parseState),
    code: async (contract) => data(await first.call('eth_getCode', [contract, quantity(height)])),
    async block(wanted) {
      if (wanted > height) return undefined;
      const found = await blockAt(first, quantity(wanted));
      if (found === undefined || found.number !== wanted)
        throw new NotReadable(`${first.name}: block ${wanted}`);
      return found;
    },
    appends: (log, fromBlock) => appendsOf(first, log, Math.max(0, fromBlock), height),
    async transaction(hash) {
      const answer = await first.call('eth_getTransactionByHash', [hash]);
      if (answer === null) return undefined;
      const found = object(answer);
      if (found['blockNumber'] === null || typeof found['to'] !== 'string') return undefined;
      const blockNumber = number(found['blockNumber']);
      if (blockNumber > height) return undefined;
      return { to: data(found['to']), from: data(found['from']), input: data(found['input']), blockNumber };
    },
  };
}

/** What every node says; where two differ, nobody can tell which is right. */
async function agreed<T>(nodes: readonly Rpc[], what: string, ask: (node: Rpc) => Promise<T>): Promise<T> {
  const [first, ...others] = await Promise.all(nodes.map(ask));
  const other = others.findIndex((answer) => answer !== first);
  if (other >= 0)
    throw new NotReadable(
      `${what}: ${nodes[0]!.name} ${String(first)}, ${nodes[other + 1]!.name} ${String(others[other])}`,
    );
  return first as T;
}

async function finalNumber(node: Rpc, confirmations: number | undefined): Promise<number> {
  const head = await blockAt(node, confirmations === undefined ? 'finalized' : 'latest');
  if (head === undefined) throw new NotReadable(`${node.name}: finalized`);
  return head.number - (confirmations ?? 1) + 1;
}

async function stateAt(node: Rpc, contract: string, operator: string, height: number): Promise<string> {
  const call = { to: contract, data: `0x${SLOTS_SELECTOR}${operator.slice(2).padStart(64, '0')}` };
  const slot = data(await node.call('eth_call', [call, quantity(height)]));
  if (slot.length !== 66) throw new NotReadable(`${node.name}: slots(${operator}) of ${contract}`);
  return slot;
}

function parseState(slot: string): LogState {
  return { count: number(`0x${slot.slice(-16)}`), rolling: slot.slice(2, -16) };
}

/** Blocks a request: nodes limit ranges, each in its own words, so an error halves the range. */
const FIRST_RANGE = 10_000;
const MAX_RANGE = 100_000;

async function* appendsOf(
  node: Rpc,
  { contract, operator }: LogPlace,
  fromBlock: number,
  height: number,
): AsyncGenerator<ChainAppend> {
  const topics = [hex0x(APPENDED_TOPIC), `0x${operator.slice(2).padStart(64, '0')}`];
  let range = FIRST_RANGE;
  for (let from = fromBlock; from <= height; ) {
    const to = Math.min(height, from + range - 1);
    let answer: unknown;
    try {
      const filter = { address: contract, topics, fromBlock: quantity(from), toBlock: quantity(to) };
      answer = await node.call('eth_getLogs', [filter]);
    } catch (error) {
      if (!(error instanceof NotReadable) || range === 1) throw error;
      range = Math.ceil(Math.min(range, to - from + 1) / 2);
      continue;
    }
    if (!Array.isArray(answer)) throw new NotReadable(`${node.name}: eth_getLogs`);
    for (const log of answer) {
      const append = appendOf(node, object(log), contract, operator);
      if (append.blockNumber >= from && append.blockNumber <= to) yield append;
    }
    from = to + 1;
    range = Math.min(range * 2, MAX_RANGE);
  }
}

/** Nodes answer filters carelessly: what comes back must be what was asked for. */
function appendOf(node: Rpc, log: Json, contract: string, operator: string): ChainAppend {
  try {
    const topics = log['topics'];
    if (!Array.isArray(topics) || data(log['address']) !== contract) throw new NotReadable('eth_getLogs');
    const bytes = (value: unknown) => fromHex(data(value).slice(2));
    const event = decodeAppended({ address: contract, topics: topics.map(bytes), data: bytes(log['data']) });
    if (event.log !== operator) throw new NotReadable('eth_getLogs');
    return {
      index: event.index,
      root: toHex(event.root),
      size: event.size,
      blockNumber: number(log['blockNumber']),
      blockHash: data(log['blockHash']),
      transactionHash: data(log['transactionHash']),
    };
  } catch (error) {
    if (error instanceof FormatError || error instanceof NotReadable)
      throw new NotReadable(`${node.name}: eth_getLogs`, error);
    throw error;
  }
}

interface Block {
  readonly number: number;
  readonly hash: string;
  /** Unix seconds */
  readonly time: number;
}

async function blockAt(node: Rpc, tag: string): Promise<Block | undefined> {
  const answer = await node.call('eth_getBlockByNumber', [tag, false]);
  if (answer === null) return undefined;
  const block = object(answer);
  const hash = data(block['hash']);
  if (hash.length !== 66) throw new NotReadable(`${node.name}: ${tag}`);
  return { number: number(block['number']), hash, time: number(block['timestamp']) };
}

// ---------------------------------------------------------------- shapes

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null) throw new NotReadable('not an object');
  return value as Json;
}

function data(value: unknown): string {
  if (typeof value !== 'string' || !/^0x(?:[0-9a-fA-F]{2})*$/.test(value)) throw new NotReadable('not hex');
  return value.toLowerCase();
}

function number(value: unknown): number {
  const found = typeof value === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(found)) throw new NotReadable('not a number');
  return found;
}

const quantity = (value: number): string => `0x${value.toString(16)}`;
