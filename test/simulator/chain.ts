import { appendedLog, CHAIN_ID, CONTRACT, makeReceipt } from '../../scripts/vectors/block.ts';
import { GENESIS, operator } from '../../scripts/vectors/sample.ts';
import { encodeAppend, rollingAfter } from '../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../server/core/anchor/fields.ts';
import { buildListTrie } from '../../server/core/anchor/trie-build.ts';
import { keccak256 } from '../../server/core/hash/keccak.ts';
import { concat, fromHex, toHex } from '../../server/core/read/bytes.ts';
import { encodeRlp, uintBytes } from '../../server/core/read/rlp.ts';
import {
  type Appended,
  type Chain,
  ChainProblem,
  type EthereumHeaderAnchor,
  type LogIdentity,
  type SignedAppend,
} from '../../server/ports/chain.ts';
import { callOver, type Medium } from './faults.ts';
import type { Life } from './schedule.ts';

/*
 * A chain whose blocks are real ones: headers, tries, receipts and signed transactions as Ethereum encodes them, so
 * that core's checker judges what comes out. The contract is a few lines. Blocks that are not final may be replaced,
 * waiting transactions may be lost, and each service's node knows what it last heard of.
 */

const OPERATOR = operator.address;

interface Transaction {
  readonly hash: string;
  readonly raw: Uint8Array;
  readonly nonce: number;
  readonly maxFee: bigint;
  /** undefined: of another program that has the same key */
  readonly append: { readonly index: number; readonly root: string; readonly size: number } | undefined;
}

/** What the contract and the account hold after a block. */
interface State {
  readonly count: number;
  readonly rolling: string;
  readonly nonce: number;
}

export interface Block {
  readonly number: number;
  readonly hash: string;
  readonly header: Uint8Array;
  /** Unix seconds */
  readonly time: number;
  readonly parent: Block | undefined;
  readonly transactions: readonly Transaction[];
  readonly succeeded: readonly boolean[];
  readonly receipts: readonly Uint8Array[];
  readonly state: State;
}

export interface ChainOptions {
  readonly blockMs: number;
  /** Blocks that stand on a final one. */
  readonly depth: number;
}

export interface Network {
  readonly head: Block;
  /** Every block up to here is there for ever. */
  readonly finalNumber: number;
  readonly genesis: Block;
  /** While it is set nobody makes blocks. */
  stalled: boolean;
  baseFee: bigint;
  blockAt(number: number): Block | undefined;
  appends(): readonly Appended[];
  /** Replaces up to so many of the newest blocks, as far as they are not final. */
  reorganise(blocks: number, keepTransactions: boolean): void;
  /** Some of what waits is gone. */
  forget(): void;
  /** Another program uses the same key. */
  intrude(): void;
  start(): void;
  node(life: Life): Node;
  /** Called with each raw transaction that reaches a node. */
  onTransaction: (transactionHash: string) => void;
}

export interface Node extends Chain {
  /** Cannot be reached. */
  away: boolean;
  /** Hears nothing new. */
  lagging: boolean;
  /** Begins anew with what it had some blocks ago. */
  restartOlder(blocks: number): void;
}

const EMPTY_ROLLING = '0'.repeat(48);
const GWEI = 1_000_000_000n;
const TIP = GWEI / 10n;
const filler = (length: number, byte: number) => new Uint8Array(length).fill(byte);
const BLOOM = filler(256, 0);
const NO_TRIE = buildListTrie([]).root;

function headerOf(
  parentHash: Uint8Array,
  number: number,
  time: number,
  baseFee: bigint,
  salt: Uint8Array,
  [transactionsRoot, receiptsRoot]: readonly [Uint8Array, Uint8Array],
): Uint8Array {
  return encodeRlp([
    ...[parentHash, filler(32, 0x22), filler(20, 0x33), filler(32, 0x44), transactionsRoot, receiptsRoot],
    ...[BLOOM, new Uint8Array(), uintBytes(BigInt(number)), uintBytes(30_000_000n), uintBytes(90_000n)],
    ...[uintBytes(BigInt(time)), salt, filler(32, 0x55), filler(8, 0), uintBytes(baseFee), filler(32, 0x66)],
  ]);
}

/** EIP-1559, signed with the operator's key (RFC 6979: the same bytes each time). */
function signTransaction(nonce: number, maxFee: bigint, calldata: Uint8Array): Uint8Array {
  const number = (value: number | bigint) => uintBytes(BigInt(value));
  const fields = [
    ...[number(CHAIN_ID), number(nonce), number(TIP), number(maxFee), number(60_000)],
    ...[fromHex(CONTRACT.slice(2)), number(0), calldata, []],
  ];
  const type = Uint8Array.of(2);
  const { r, s, parity } = operator.sign(keccak256(concat(type, encodeRlp(fields))));
  return concat(type, encodeRlp([...fields, number(parity), number(r), number(s)]));
}

/** Transactions of people who have nothing to do with us. */
const stranger = (salt: Uint8Array): Transaction => ({
  ...{ hash: hex0x(salt), raw: concat(Uint8Array.of(2), encodeRlp([salt, filler(90, 1)])), nonce: -1 },
  ...{ maxFee: 0n, append: undefined },
});

export function createNetwork(medium: Medium, options: ChainOptions): Network {
  const { random, schedule, faults } = medium;
  const { blockMs, depth } = options;
  const blocks = new Map<string, Block>();
  const signed = new Map<string, Transaction>();
  const mempool = new Map<number, Transaction>();
  const nodes: { life: Life; hear: () => void }[] = [];

  const genesis = blockOn(undefined, []);
  let head = genesis;
  let finalNumber = 0;

  /** The next block on `parent`, with these transactions: what they do, they do in this order. */
  function blockOn(parent: Block | undefined, chosen: readonly Transaction[]): Block {
    const number = parent === undefined ? 0 : parent.number + 1;
    const time = Math.max(Math.floor(schedule.nowMs / 1000), (parent?.time ?? 0) + 1);
    let { count, rolling, nonce } = parent?.state ?? { count: 0, rolling: EMPTY_ROLLING, nonce: 0 };
    const succeeded: boolean[] = [];
    const receipts: Uint8Array[] = [];
    for (const { append, nonce: own } of chosen) {
      if (own >= 0) nonce = own + 1;
      const isTaken = append !== undefined && append.index !== count;
      succeeded.push(!isTaken);
      if (append === undefined || isTaken) {
        receipts.push(makeReceipt(2, [], isTaken ? new Uint8Array() : Uint8Array.of(1)));
        continue;
      }
      rolling = rollingAfter(rolling, count, append.root, append.size);
      count++;
      receipts.push(makeReceipt(2, [appendedLog(OPERATOR, { ...append, root: fromHex(append.root) })]));
    }
    const roots =
      chosen.length === 0
        ? ([NO_TRIE, NO_TRIE] as const)
        : ([buildListTrie(chosen.map(({ raw }) => raw)).root, buildListTrie(receipts).root] as const);
    const salt = fromHex(random.hex(4));
    const above = parent === undefined ? filler(32, 0) : fromHex(parent.hash.slice(2));
    const header = headerOf(above, number, time, 1n, salt, roots);
    const state = { count, rolling, nonce };
    const hash = hex0x(keccak256(header));
    const made = { number, hash, header, time, parent, transactions: chosen, succeeded, receipts, state };
    blocks.set(hash, made);
    return made;
  }

  function choose(): Transaction[] {
    const chosen: Transaction[] = [];
    for (let nonce = head.state.nonce; chosen.length < 3; nonce++) {
      const next = mempool.get(nonce);
      if (next === undefined || next.maxFee < network.baseFee) break;
      chosen.push(next);
    }
    if (chosen.length === 0) return chosen;
    return random.chance(0.3) ? [stranger(fromHex(random.hex(32))), ...chosen] : chosen;
  }

  function grow(chosen: readonly Transaction[]): void {
    head = blockOn(head, chosen);
    finalNumber = Math.max(finalNumber, head.number - depth);
    for (const nonce of mempool.keys()) if (nonce < head.state.nonce) mempool.delete(nonce);
    for (const { life, hear } of nodes)
      if (life.alive) schedule.after(faults.delayMs(), `${life.name} node hears ${head.number}`, life, hear);
  }

  function mine(): void {
    if (!network.stalled) {
      grow(choose());
      const { number, hash, state } = head;
      schedule.note(`block ${number} ${hash.slice(0, 10)} count ${state.count} nonce ${state.nonce}`);
    }
    schedule.after(random.between(blockMs * 0.5, blockMs * 1.5), 'a block is due', undefined, mine);
  }

  const network: Network = {
    get head() {
      return head;
    },
    get finalNumber() {
      return finalNumber;
    },
    genesis,
    stalled: false,
    baseFee: GWEI,
    blockAt: (number) => ancestor(head, number),
    appends: () => appendsBefore(head),
    reorganise(wanted, keepTransactions) {
      const back = Math.min(wanted, head.number - finalNumber);
      if (back === 0) return;
      const dropped: Transaction[] = [];
      for (let i = 0; i < back; i++) {
        dropped.unshift(...head.transactions.filter(({ nonce }) => nonce >= 0));
        head = head.parent!;
      }
      if (keepTransactions)
        for (const one of dropped) if (!mempool.has(one.nonce)) mempool.set(one.nonce, one);
      // The other branch is longer, or nobody would go over to it; what it holds is its own choice.
      for (let i = 0; i <= back; i++) grow(random.chance(0.5) ? choose() : []);
    },
    forget() {
      for (const nonce of mempool.keys()) if (random.chance(0.7)) mempool.delete(nonce);
    },
    intrude() {
      let nonce = head.state.nonce;
      // It may not know of what waits, and then pays enough to be first.
      if (random.chance(0.5)) while (mempool.has(nonce)) nonce++;
      const other = stranger(fromHex(random.hex(32)));
      mempool.set(nonce, { ...other, nonce, maxFee: 10_000n * GWEI });
    },
    start: () => void schedule.after(blockMs, 'a block is due', undefined, mine),
    node(life) {
      const made = createNode(medium, { life, network, blocks, signed, mempool, depth });
      nodes.push({ life, hear: made.hear });
      return made.node;
    },
    onTransaction() {},
  };
  return network;
}

function ancestor(from: Block, number: number): Block | undefined {
  let block: Block | undefined = from;
  while (block !== undefined && block.number > number) block = block.parent;
  return block?.number === number ? block : undefined;
}

/** Newest first. */
function* appendedIn(head: Block): Generator<Appended> {
  for (let block: Block | undefined = head; block !== undefined; block = block.parent)
    for (let i = block.transactions.length - 1; i >= 0; i--) {
      const { append, hash } = block.transactions[i]!;
      if (append !== undefined && block.succeeded[i])
        yield { ...append, transactionHash: hash, blockNumber: block.number, blockHash: block.hash };
    }
}

const appendsBefore = (head: Block): readonly Appended[] => [...appendedIn(head)].reverse();

interface NodeDeps {
  readonly life: Life;
  readonly network: Network;
  readonly blocks: ReadonlyMap<string, Block>;
  readonly signed: Map<string, Transaction>;
  readonly mempool: Map<number, Transaction>;
  readonly depth: number;
}

/** Where and what kind of a lie; each is one that the port's contract leaves to its caller to see through. */
function createNode(medium: Medium, deps: NodeDeps): { node: Node; hear: () => void } {
  const { random, schedule, faults } = medium;
  const { life, network, blocks, signed, mempool, depth } = deps;
  let head = network.head;
  let finalNumber = network.finalNumber;

  const lies = (what: string): boolean => {
    const isLie = random.chance(faults.now().lie);
    if (isLie) schedule.note(`${life.name} node lies about ${what}`);
    return isLie;
  };
  const call = <T>(what: string, reads: boolean, run: () => T, told?: (result: T) => string): Promise<T> =>
    callOver(medium, {
      ...{ life, what: `chain.${what}`, reads, run, ...(told && { told }) },
      failure: (why) => new ChainProblem('chain-unreachable', { why }),
      away: () => (node.away ? new ChainProblem('chain-unreachable') : undefined),
    });

  const log: LogIdentity = {
    chainId: CHAIN_ID,
    genesisHash: GENESIS,
    contract: CONTRACT,
    operator: OPERATOR,
  };

  function pendingNonce(): number {
    let nonce = head.state.nonce;
    while (mempool.has(nonce)) nonce++;
    return nonce;
  }

  function sign(append: Transaction['append'] & object, replace: SignedAppend | undefined): SignedAppend {
    // What estimating gas finds out: the contract would revert.
    if (append.index !== head.state.count)
      throw new ChainProblem('transaction-refused', { message: 'execution reverted' });
    const pending = pendingNonce() + (lies('the nonce') ? 1 : 0);
    const keeps = replace !== undefined && pending > replace.nonce && head.state.nonce <= replace.nonce;
    const nonce = keeps ? replace.nonce : pending;
    const least = replace === undefined ? 0n : (BigInt(replace.maxFeePerGas) * 9n) / 8n + 1n;
    const usual = 2n * network.baseFee + TIP;
    const maxFee = usual > least ? usual : least;
    const raw = signTransaction(nonce, maxFee, encodeAppend({ ...append, root: fromHex(append.root) }));
    const hash = hex0x(keccak256(raw));
    signed.set(hash, { hash, raw, nonce, maxFee, append });
    return {
      ...{ transactionHash: hash, raw: hex0x(raw), nonce },
      ...{ maxFeePerGas: String(maxFee), maxPriorityFeePerGas: String(TIP) },
    };
  }

  const minedIn = (hash: string): { block: Block; succeeded: boolean } | undefined => {
    for (let block: Block | undefined = head; block !== undefined; block = block.parent) {
      const at = block.transactions.findIndex((one) => one.hash === hash);
      if (at >= 0) return { block, succeeded: block.succeeded[at]! };
    }
    return undefined;
  };

  function accept({ transactionHash }: SignedAppend): void {
    network.onTransaction(transactionHash);
    const transaction = signed.get(transactionHash);
    if (transaction === undefined) throw new ChainProblem('transaction-refused', { message: 'unreadable' });
    const { nonce, maxFee } = transaction;
    const known = mempool.get(nonce);
    if (known?.hash === transactionHash || minedIn(transactionHash) !== undefined) return;
    if (nonce < head.state.nonce) throw new ChainProblem('transaction-refused', { message: 'nonce too low' });
    if (known !== undefined && maxFee * 10n < known.maxFee * 11n)
      throw new ChainProblem('transaction-refused', { message: 'replacement transaction underpriced' });
    // Taken, and lost at once.
    if (lies('taking a transaction')) return;
    mempool.set(nonce, transaction);
  }

  function prove(appended: Appended): EthereumHeaderAnchor {
    const block = blocks.get(appended.blockHash);
    if (block === undefined) throw new ChainProblem('chain-answer-invalid', { node: 'x', what: 'block' });
    const at = block.transactions.findIndex((one) => one.hash === appended.transactionHash);
    const append = block.transactions[at]?.append;
    const isIt =
      append !== undefined &&
      block.succeeded[at] === true &&
      block.number === appended.blockNumber &&
      [append.index, append.root, append.size].join() ===
        [appended.index, appended.root, appended.size].join();
    if (!isIt) throw new ChainProblem('chain-hashes-differ', { block: appended.blockNumber, what: 'append' });
    const transactions = buildListTrie(block.transactions.map(({ raw }) => raw));
    const receipts = buildListTrie(block.receipts);
    return {
      ...{ type: 'ethereum-header/1', header: toHex(block.header), transactionIndex: at, logPosition: 0 },
      ...{ transaction: toHex(block.transactions[at]!.raw), receipt: toHex(block.receipts[at]!) },
      transactionProof: transactions.proof(at).map(toHex),
      receiptProof: receipts.proof(at).map(toHex),
    };
  }

  const node: Node = {
    away: false,
    lagging: false,
    restartOlder(wanted) {
      const number = Math.max(finalNumber, head.number - wanted);
      head = ancestor(head, number) ?? head;
    },
    inspect: () =>
      call(
        'inspect',
        true,
        () => log,
        () => 'log',
      ),
    head: () =>
      call(
        'head',
        true,
        () => {
          const { count, rolling } = head.state;
          const said = { count, rolling, blockNumber: head.number, blockHash: head.hash };
          if (!lies('the head')) return said;
          return random.chance(0.5)
            ? { ...said, rolling: random.hex(24) }
            : { ...said, count: Math.max(0, count + random.pick([-1, 1])) };
        },
        ({ count, blockNumber }) => `count ${count} at ${blockNumber}`,
      ),
    findAppend: (index) =>
      call(
        'findAppend',
        true,
        () => {
          if (index >= head.state.count) return undefined;
          let found: Appended | undefined;
          for (const one of appendedIn(head)) if (one.index === index) found = one;
          if (found === undefined || !lies('an append')) return found;
          const other = `0x${random.hex(32)}`;
          const lie = random.pick([
            { blockHash: other },
            { transactionHash: other },
            { root: random.hex(32) },
          ]);
          return { ...found, ...lie };
        },
        (found) => (found === undefined ? 'none' : `${found.root.slice(0, 8)} in ${found.blockNumber}`),
      ),
    sign: (append, replace) =>
      call(
        'sign',
        true,
        () => sign(append, replace),
        ({ nonce, transactionHash }) => `nonce ${nonce} ${transactionHash.slice(0, 10)}`,
      ),
    broadcast: (transaction) => call('broadcast', false, () => accept(transaction)),
    fate: (hash) =>
      call(
        'fate',
        true,
        () => {
          const mined = minedIn(hash);
          const isPending = [...mempool.values()].some((one) => one.hash === hash);
          if (lies('a receipt'))
            return mined !== undefined && random.chance(0.5)
              ? { ...minedFate(mined), succeeded: !mined.succeeded }
              : ({ state: random.pick(['unknown', 'pending']) } as const);
          if (mined !== undefined) return minedFate(mined);
          return { state: isPending ? 'pending' : 'unknown' } as const;
        },
        ({ state }) => state,
      ),
    minedNonce: () => call('minedNonce', true, () => head.state.nonce + (lies('the nonce') ? 1 : 0), String),
    finality: (number, hash) =>
      call(
        'finality',
        true,
        () => {
          const block = ancestor(head, number);
          if (block?.hash !== hash || lies('a block'))
            return { canonical: false, final: false, confirmations: 0, required: 0, blockTime: 0 };
          const confirmations = head.number - number + 1;
          const final = number <= finalNumber;
          return { canonical: true, final, confirmations, required: depth + 1, blockTime: block.time };
        },
        ({ canonical, final, confirmations }) => `${canonical} ${final} ${confirmations}`,
      ),
    prove: (appended) =>
      call(
        'prove',
        true,
        () => prove(appended),
        () => 'proof',
      ),
    finalBlockHash: (number) =>
      call('finalBlockHash', true, () => (number <= finalNumber ? ancestor(head, number)?.hash : undefined)),
  };
  const hear = (): void => {
    if (node.away || node.lagging) return;
    ({ head, finalNumber } = network);
  };
  return { node, hear };
}

const minedFate = ({ block, succeeded }: { block: Block; succeeded: boolean }) =>
  ({ state: 'mined', blockNumber: block.number, blockHash: block.hash, succeeded }) as const;
