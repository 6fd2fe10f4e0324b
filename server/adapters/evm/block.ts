import { hex0x } from '../../core/anchor/fields.ts';
import { buildListTrie, type ListTrie } from '../../core/anchor/trie-build.ts';
import { keccak256 } from '../../core/hash/keccak.ts';
import { fromHex } from '../../core/read/bytes.ts';
import { ChainProblem } from '../../ports/chain.ts';
import { encodeHeader, encodeReceipt, encodeTransaction } from './encode.ts';
import { type Node, NodeError } from './rpc.ts';
import { data, hash, type Json, list, object, smallQuantity } from './shape.ts';

/** A block whose header, transactions and receipts were encoded again, and whose hashes are what the node said. */
export interface HashedBlock {
  readonly number: number;
  readonly header: Uint8Array;
  readonly transactionHashes: readonly string[];
  readonly transactions: readonly Uint8Array[];
  readonly receipts: readonly Uint8Array[];
  readonly transactionTrie: ListTrie;
  readonly receiptTrie: ListTrie;
}

/** Reads a block by its hash and refuses it where anything that the node says of it does not hash to that. */
export async function readBlock(node: Node, blockHash: string): Promise<HashedBlock> {
  const block = object(await node.call('eth_getBlockByHash', blockHash, true), 'block');
  const number = smallQuantity(block['number'], 'number');
  const header = encodeHeader(block);
  const differs = (what: string): never => {
    throw new ChainProblem('chain-hashes-differ', { block: number, what });
  };
  if (hex0x(keccak256(header)) !== blockHash) differs('header');
  const entries = list(block['transactions'], 'transactions').map((value) => object(value, 'transaction'));
  const transactionHashes = entries.map((entry) => hash(entry['hash'], 'transaction hash'));
  const transactions = await Promise.all(
    entries.map((entry, i) => transactionBytes(node, entry, transactionHashes[i]!)),
  );
  const transactionTrie = buildListTrie(transactions);
  if (hex0x(transactionTrie.root) !== data(block['transactionsRoot'], 'transactionsRoot', 32))
    differs('transactionsRoot');
  const receipts = (await readReceipts(node, blockHash, transactionHashes)).map(encodeReceipt);
  const receiptTrie = buildListTrie(receipts);
  if (hex0x(receiptTrie.root) !== data(block['receiptsRoot'], 'receiptsRoot', 32)) differs('receiptsRoot');
  return { number, header, transactionHashes, transactions, receipts, transactionTrie, receiptTrie };
}

/** Our own encoding where it hashes to the transaction's hash, else the node's (a type that we do not know). */
async function transactionBytes(node: Node, entry: Json, transactionHash: string): Promise<Uint8Array> {
  const ours = encodeTransaction(entry);
  if (ours !== undefined && hex0x(keccak256(ours)) === transactionHash) return ours;
  const raw = await node.call('eth_getRawTransactionByHash', transactionHash).catch((error: unknown) => {
    if (error instanceof NodeError) return undefined;
    throw error;
  });
  const theirs = typeof raw === 'string' ? fromHex(data(raw, 'raw transaction').slice(2)) : undefined;
  if (theirs !== undefined && hex0x(keccak256(theirs)) === transactionHash) return theirs;
  throw new ChainProblem('chain-hashes-differ', { block: String(entry['blockNumber']), what: 'transaction' });
}

/** `eth_getBlockReceipts` where the node has it, else one by one. */
async function readReceipts(node: Node, blockHash: string, hashes: readonly string[]): Promise<Json[]> {
  if (hashes.length === 0) return [];
  const all = await node.call('eth_getBlockReceipts', blockHash).catch((error: unknown) => {
    if (error instanceof NodeError) return undefined;
    throw error;
  });
  if (Array.isArray(all)) return all.map((value) => object(value, 'receipt'));
  const receipts: Json[] = [];
  for (const transactionHash of hashes)
    receipts.push(object(await node.call('eth_getTransactionReceipt', transactionHash), 'receipt'));
  return receipts;
}
