import { existsSync, readFileSync } from 'node:fs';
import { Transaction, type TransactionLike, Wallet } from 'ethers';
import type { EthereumHeaderParts } from '../../server/core/anchor/ethereum-header.ts';
import { APPENDED_TOPIC, type Append, encodeAppend } from '../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../server/core/anchor/fields.ts';
import { buildListTrie } from '../../server/core/anchor/trie-build.ts';
import { concat, fromHex } from '../../server/core/read/bytes.ts';
import { encodeRlp, type RlpItem, uintBytes } from '../../server/core/read/rlp.ts';

/* Blocks made by hand: transactions are signed by ethers, tries and header are ours. */

export const wallet = new Wallet(`0x${'11'.repeat(32)}`);
export const OPERATOR = wallet.address.toLowerCase();
export const CONTRACT = `0x${'c0'.repeat(20)}`;
export const APPEND: Append = { index: 7, root: new Uint8Array(32).fill(0xab), size: 300 };
export const CHAIN_ID = 31337;

export const unhex = (text: string): Uint8Array => fromHex(text.replace(/^0x/, '').toLowerCase());

export function sign(fields: TransactionLike = {}): Uint8Array {
  const transaction = Transaction.from({
    ...{ type: 2, chainId: CHAIN_ID, nonce: 3, gasLimit: 60_000, to: CONTRACT, value: 0 },
    data: hex0x(encodeAppend(APPEND)),
    ...((fields.type ?? 2) === 2 ? { maxFeePerGas: 5, maxPriorityFeePerGas: 1 } : { gasPrice: 5 }),
    ...fields,
  });
  transaction.signature = wallet.signingKey.sign(transaction.unsignedHash);
  return unhex(transaction.serialized);
}

export const word = (value: number | Uint8Array): Uint8Array => {
  const bytes = typeof value === 'number' ? uintBytes(BigInt(value)) : value;
  return concat(new Uint8Array(32 - bytes.length), bytes);
};

export const appendedLog = (
  { address = CONTRACT, operator = OPERATOR, append = APPEND } = {} as {
    address?: string;
    operator?: string;
    append?: Append;
  },
): RlpItem => [
  unhex(address),
  [APPENDED_TOPIC, word(unhex(operator)), word(append.index)],
  concat(append.root, word(append.size)),
];

export const foreignLog: RlpItem = [new Uint8Array(20).fill(9), [], Uint8Array.of(1, 2, 3)];

export const receiptOf = (
  logs: RlpItem,
  { type = 2, status = Uint8Array.of(1), gas = 90_000n } = {} as {
    type?: number;
    status?: Uint8Array;
    gas?: bigint;
  },
): Uint8Array => {
  const body = encodeRlp([status, uintBytes(gas), new Uint8Array(256), logs]);
  return type === 0 ? body : concat(Uint8Array.of(type), body);
};

/** The fifteen fields, in order; later forks append to them. */
export const headerFields = (roots: { transactions?: Uint8Array; receipts?: Uint8Array } = {}): RlpItem[] => [
  new Uint8Array(32).fill(1),
  new Uint8Array(32).fill(2),
  new Uint8Array(20).fill(3),
  new Uint8Array(32).fill(4),
  roots.transactions ?? new Uint8Array(32).fill(5),
  roots.receipts ?? new Uint8Array(32).fill(6),
  new Uint8Array(256),
  new Uint8Array(),
  uintBytes(1234n),
  uintBytes(30_000_000n),
  uintBytes(90_000n),
  uintBytes(1_700_000_000n),
  new Uint8Array(5).fill(7),
  new Uint8Array(32).fill(8),
  new Uint8Array(8),
];

/** A block of `transactions` and `receipts`, and the parts of an anchor for the one at `index`. */
export function partsOf(
  transactions: readonly Uint8Array[],
  receipts: readonly Uint8Array[],
  index: number,
  logPosition: number,
): EthereumHeaderParts {
  const inBlock = buildListTrie(transactions);
  const results = buildListTrie(receipts);
  const fields = headerFields({ transactions: inBlock.root, receipts: results.root });
  return {
    header: encodeRlp([...fields, uintBytes(7n), new Uint8Array(32).fill(0xee)]),
    transactionIndex: index,
    transaction: transactions[index]!,
    transactionProof: inBlock.proof(index),
    receipt: receipts[index]!,
    receiptProof: results.proof(index),
    logPosition,
  };
}

/** An append at index 2 of four transactions, its event the second log of its receipt. */
export function goodParts(transaction = sign(), receipt = receiptOf([foreignLog, appendedLog()])) {
  const others = [4, 5, 6].map((nonce) => sign({ nonce, to: wallet.address, data: '0x', value: nonce }));
  const plain = receiptOf([]);
  return partsOf([others[0]!, others[1]!, transaction, others[2]!], [plain, plain, receipt, plain], 2, 1);
}

export interface RealBlock {
  readonly number: number;
  readonly hash: string;
  readonly headerRlp: string;
  readonly transactionsRoot: string;
  readonly receiptsRoot: string;
  readonly timestamp: number;
  readonly rawTransactions: readonly string[];
}

/** Real blocks of the main net, read in place; undefined where the vectors are not beside the repository. */
export function realBlock(number: number): RealBlock | undefined {
  const url = new URL(`../../../shared/vectors/ethereum/block-${number}.json`, import.meta.url);
  return existsSync(url) ? (JSON.parse(readFileSync(url, 'utf8')) as RealBlock) : undefined;
}

export const NO_VECTORS = 'the vectors of ../shared are not beside this repository';
