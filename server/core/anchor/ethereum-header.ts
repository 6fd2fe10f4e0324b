import { equalBytes } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';
import { type Append, type AppendedEvent, decodeAppend, decodeAppended } from './evidence-log.ts';
import { type BlockHeader, decodeHeader } from './header.ts';
import { decodeReceipt, type Receipt } from './receipt.ts';
import { decodeTransaction, type SignedTransaction } from './transaction.ts';
import { trieKey, valueFromTrieProof } from './trie.ts';

/*
 * `ethereum-header/1`: from the hash of a block down to the root of a batch. Each step is one named check of
 * FORMAT.md and takes what the step before it has found. What remains is whether the block is on the chain.
 */

/** An append has about 220 bytes; the limit leaves room for an access list, and is what FORMAT.md promises. */
export const MAX_TRANSACTION_BYTES = 4096;

/** Room for some hundred other logs in the same transaction. */
export const MAX_RECEIPT_BYTES = 64 * 1024;

/** A trie of rlp(index) is at most five bytes of key deep: ten nibbles, a branch each, and a leaf. */
export const MAX_TRIE_PROOF_NODES = 12;

/** Indexes in a block; far above what fits any block, and a key of at most five bytes. */
export const MAX_TRANSACTION_INDEX = 2 ** 32 - 1;

/** The parts of an anchor, hex decoded. */
export interface EthereumHeaderParts {
  readonly header: Uint8Array;
  readonly transactionIndex: number;
  readonly transaction: Uint8Array;
  readonly transactionProof: readonly Uint8Array[];
  readonly receipt: Uint8Array;
  readonly receiptProof: readonly Uint8Array[];
  /** From 0 within the receipt; not RPC's `logIndex`, which counts through the block. */
  readonly logPosition: number;
}

export interface AppendTransaction extends SignedTransaction, Append {}

/** What the event must say: an append by this sender to this contract. */
export type ExpectedEvent = Pick<AppendTransaction, 'to' | 'sender' | 'index' | 'root' | 'size'>;

/** Step 1: a well-formed header; its hash is what must be looked up on the chain. */
export const checkHeader = (bytes: Uint8Array): BlockHeader => decodeHeader(bytes);

/** Step 2: a transaction of that block, signed by the operator, that appends one root and does nothing else. */
export function checkTransaction(
  parts: Pick<EthereumHeaderParts, 'transactionIndex' | 'transaction' | 'transactionProof'>,
  header: BlockHeader,
): AppendTransaction {
  limit('transaction', parts.transaction.length, MAX_TRANSACTION_BYTES);
  const transaction = decodeTransaction(parts.transaction);
  if (transaction.value !== 0n) throw new FormatError('transaction-with-value');
  const append = decodeAppend(transaction.calldata);
  const proven = provenValue(header.transactionsRoot, parts.transactionIndex, parts.transactionProof);
  if (!equalBytes(proven, parts.transaction)) throw new FormatError('transaction-not-in-block');
  return { ...transaction, ...append };
}

/** Step 3: the receipt at the same index of the same block, of the same type, and of success. */
export function checkReceipt(
  parts: Pick<EthereumHeaderParts, 'transactionIndex' | 'receipt' | 'receiptProof'>,
  header: BlockHeader,
  transaction: Pick<AppendTransaction, 'type'>,
): Receipt {
  limit('receipt', parts.receipt.length, MAX_RECEIPT_BYTES);
  const receipt = decodeReceipt(parts.receipt);
  const proven = provenValue(header.receiptsRoot, parts.transactionIndex, parts.receiptProof);
  if (!equalBytes(proven, parts.receipt)) throw new FormatError('receipt-not-in-block');
  if (receipt.type !== transaction.type)
    throw new FormatError('receipt-type-differs', { expected: transaction.type, actual: receipt.type });
  if (!receipt.succeeded) throw new FormatError('transaction-failed');
  return receipt;
}

/** Step 4: the event of exactly this append, emitted by this contract for this operator. */
export function checkEvent(receipt: Receipt, logPosition: number, expected: ExpectedEvent): AppendedEvent {
  const log = receipt.logs[logPosition];
  if (log === undefined) throw new FormatError('event-missing', { logPosition, logs: receipt.logs.length });
  if (log.address !== expected.to)
    throw new FormatError('event-contract-differs', { expected: expected.to, actual: log.address });
  const event = decodeAppended(log);
  if (event.log !== expected.sender)
    throw new FormatError('event-operator-differs', { expected: expected.sender, actual: event.log });
  if (event.index !== expected.index)
    throw new FormatError('event-index-differs', { expected: expected.index, actual: event.index });
  if (!equalBytes(event.root, expected.root)) throw new FormatError('event-root-differs');
  if (event.size !== expected.size)
    throw new FormatError('event-size-differs', { expected: expected.size, actual: event.size });
  return event;
}

/** All steps at once: what the builder of an anchor runs before it hands it on. */
export function checkEthereumHeader(parts: EthereumHeaderParts): {
  header: BlockHeader;
  transaction: AppendTransaction;
  receipt: Receipt;
  event: AppendedEvent;
} {
  const header = checkHeader(parts.header);
  const transaction = checkTransaction(parts, header);
  const receipt = checkReceipt(parts, header, transaction);
  const event = checkEvent(receipt, parts.logPosition, transaction);
  return { header, transaction, receipt, event };
}

function provenValue(root: Uint8Array, index: number, proof: readonly Uint8Array[]): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index > MAX_TRANSACTION_INDEX)
    throw new FormatError('transaction-index-invalid', { index });
  limit('proof', proof.length, MAX_TRIE_PROOF_NODES);
  return valueFromTrieProof(root, trieKey(index), proof);
}

function limit(part: string, actual: number, maximum: number): void {
  if (actual > maximum) throw new FormatError('ethereum-part-too-long', { part, maximum, actual });
}
