import { APPENDED_TOPIC, encodeAppend } from '../../server/core/anchor/evidence-log.ts';
import { buildListTrie } from '../../server/core/anchor/trie-build.ts';
import { keccak256 } from '../../server/core/hash/keccak.ts';
import { concat, fromHex, toHex, utf8 } from '../../server/core/read/bytes.ts';
import type { JsonObject } from '../../server/core/read/json.ts';
import { encodeRlp, type RlpItem, uintBytes } from '../../server/core/read/rlp.ts';
import type { OperatorKey } from './keys.ts';

/*
 * Blocks made here: headers, transactions and receipts as Ethereum encodes them, so that each damage can be put
 * exactly where it is wanted. The same on real chains is tested against real nodes.
 */

export const CHAIN_ID = 4242;
export const CONTRACT = `0x${toHex(keccak256(utf8('kezheng test contract')).slice(12))}`;

export const uint = (value: number | bigint): Uint8Array => uintBytes(BigInt(value));
const address = (text: string): Uint8Array => fromHex(text.slice(2));
const word = (value: number): Uint8Array => concat(new Uint8Array(32 - uint(value).length), uint(value));

export interface Append {
  readonly index: number;
  readonly root: Uint8Array;
  readonly size: number;
}

export interface TransactionOptions {
  readonly type?: 0 | 1 | 2 | 3;
  readonly chainId?: number;
  readonly to?: string;
  readonly value?: number;
  readonly calldata?: Uint8Array;
  /** s above half of the order: the other spelling of the same signature */
  readonly highS?: boolean;
  /** legacy without EIP-155 */
  readonly withoutChainId?: boolean;
}

const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** A signed transaction that appends, in one of the types. */
export function makeTransaction(
  key: OperatorKey,
  append: Append,
  options: TransactionOptions = {},
): Uint8Array {
  const { type = 2, chainId = CHAIN_ID, to = CONTRACT, value = 0, calldata = encodeAppend(append) } = options;
  const nonce = uint(append.index);
  const fees = type === 2 ? [uint(1_000_000_000), uint(30_000_000_000)] : [uint(30_000_000_000)];
  const body = [uint(60_000), address(to), uint(value), calldata];
  const legacy: RlpItem[] = [nonce, ...fees, ...body];
  const typed: RlpItem[] = [uint(chainId), nonce, ...fees, ...body, []];
  const protectedBy = options.withoutChainId ? [] : [uint(chainId), uint(0), uint(0)];
  const unsigned = type === 0 ? encodeRlp([...legacy, ...protectedBy]) : concat(uint(type), encodeRlp(typed));
  let { r, s, parity } = key.sign(keccak256(unsigned));
  if (options.highS) {
    s = SECP256K1_ORDER - s;
    parity = 1 - parity;
  }
  if (type !== 0) return concat(uint(type), encodeRlp([...typed, uint(parity), uint(r), uint(s)]));
  const v = options.withoutChainId ? 27 + parity : 35 + 2 * chainId + parity;
  return encodeRlp([...legacy, uint(v), uint(r), uint(s)]);
}

export interface LogItem {
  readonly address: string;
  readonly topics: readonly Uint8Array[];
  readonly data: Uint8Array;
}

export const appendedLog = (operator: string, append: Append, contract = CONTRACT): LogItem => ({
  address: contract,
  topics: [APPENDED_TOPIC, concat(new Uint8Array(12), address(operator)), word(append.index)],
  data: concat(append.root, word(append.size)),
});

/** An event that has nothing to do with us. */
export const otherLog = (): LogItem => ({
  address: `0x${'77'.repeat(20)}`,
  topics: [keccak256(utf8('Transfer(address,address,uint256)'))],
  data: word(1),
});

export function makeReceipt(
  type: number,
  logs: readonly LogItem[],
  status: Uint8Array = uint(1),
): Uint8Array {
  const items: RlpItem[] = logs.map((log) => [address(log.address), [...log.topics], log.data]);
  const body = encodeRlp([status, uint(90_000), new Uint8Array(256), items]);
  return type === 0 ? body : concat(uint(type), body);
}

export interface HeaderOptions {
  readonly number?: number;
  readonly timestamp?: number;
  /** items after the fifteenth */
  readonly later?: readonly RlpItem[];
}

export function makeHeader(
  transactionsRoot: Uint8Array,
  receiptsRoot: Uint8Array,
  options: HeaderOptions = {},
): Uint8Array {
  const filler = (n: number, byte: number) => new Uint8Array(n).fill(byte);
  return encodeRlp([
    filler(32, 0x11),
    filler(32, 0x22),
    filler(20, 0x33),
    filler(32, 0x44),
    transactionsRoot,
    receiptsRoot,
    filler(256, 0),
    uint(0),
    uint(options.number ?? 1_000),
    uint(30_000_000),
    uint(90_000),
    uint(options.timestamp ?? 1_795_330_800),
    utf8('kezheng'),
    filler(32, 0x55),
    filler(8, 0),
    ...(options.later ?? [uint(1_000_000_000), filler(32, 0x66)]),
  ]);
}

export interface BlockOptions extends HeaderOptions {
  /** other transactions and receipts before ours */
  readonly before?: number;
  readonly after?: number;
  readonly logPosition?: number;
}

/** Transactions of others: long enough to be hashed nodes, all different. */
const filling = (i: number): Uint8Array =>
  concat(uint(2), encodeRlp([uint(i + 1), new Uint8Array(120).fill(i & 0xff)]));

export interface MadeAnchor {
  readonly json: JsonObject;
  /** 0x… */
  readonly blockHash: string;
  readonly number: number;
}

/** `ethereum-header/1` over a block with this transaction and receipt among others. */
export function makeAnchor(
  transaction: Uint8Array,
  receipt: Uint8Array,
  options: BlockOptions = {},
): MadeAnchor {
  const { before = 0, after = 0 } = options;
  const around = (own: Uint8Array): Uint8Array[] => [
    ...Array.from({ length: before }, (_, i) => filling(i)),
    own,
    ...Array.from({ length: after }, (_, i) => filling(before + i)),
  ];
  const transactions = buildListTrie(around(transaction));
  const receipts = buildListTrie(around(receipt));
  const header = makeHeader(transactions.root, receipts.root, options);
  return {
    json: {
      header: toHex(header),
      logPosition: options.logPosition ?? 0,
      receipt: toHex(receipt),
      receiptProof: receipts.proof(before).map(toHex),
      transaction: toHex(transaction),
      transactionIndex: before,
      transactionProof: transactions.proof(before).map(toHex),
      type: 'ethereum-header/1',
    },
    blockHash: `0x${toHex(keccak256(header))}`,
    number: options.number ?? 1_000,
  };
}
