import { checkEthereumHeader, type EthereumHeaderParts } from '../../core/anchor/ethereum-header.ts';
import { APPENDED_TOPIC } from '../../core/anchor/evidence-log.ts';
import { decodeReceipt } from '../../core/anchor/receipt.ts';
import { equalBytes, toHex } from '../../core/read/bytes.ts';
import { FormatError } from '../../core/reason.ts';
import {
  type Appended,
  ChainProblem,
  type EthereumHeaderAnchor,
  type LogIdentity,
} from '../../ports/chain.ts';
import { readBlock } from './block.ts';
import type { Node } from './rpc.ts';

/** Builds `ethereum-header/1` and runs the checks of certificates on it: what leaves here would be accepted there. */
export async function proveAppend(
  node: Node,
  log: Pick<LogIdentity, 'chainId' | 'contract' | 'operator'>,
  appended: Appended,
): Promise<EthereumHeaderAnchor> {
  const block = await readBlock(node, appended.blockHash);
  const differs = (what: string): never => {
    throw new ChainProblem('chain-hashes-differ', { block: appended.blockNumber, what });
  };
  const transactionIndex = block.transactionHashes.indexOf(appended.transactionHash);
  if (transactionIndex < 0) differs('transaction');
  try {
    const receipt = block.receipts[transactionIndex]!;
    const parts: EthereumHeaderParts = {
      header: block.header,
      transactionIndex,
      transaction: block.transactions[transactionIndex]!,
      transactionProof: block.transactionTrie.proof(transactionIndex),
      receipt,
      receiptProof: block.receiptTrie.proof(transactionIndex),
      logPosition: positionOf(receipt, log.contract),
    };
    const { header, transaction } = checkEthereumHeader(parts);
    if (header.number !== appended.blockNumber) differs('number');
    if (transaction.chainId !== log.chainId) differs('chainId');
    if (transaction.to !== log.contract || transaction.sender !== log.operator) differs('sender');
    if (
      transaction.index !== appended.index ||
      toHex(transaction.root) !== appended.root ||
      transaction.size !== appended.size
    )
      differs('append');
    return toAnchor(parts);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ChainProblem('chain-hashes-differ', { block: appended.blockNumber, what: error.code }, error);
  }
}

/** Our call has one event of the contract, but the receipt may have others of other contracts. */
const positionOf = (receipt: Uint8Array, contract: string): number =>
  decodeReceipt(receipt).logs.findIndex(
    (log) =>
      log.address === contract && log.topics[0] !== undefined && equalBytes(log.topics[0], APPENDED_TOPIC),
  );

const toAnchor = (parts: EthereumHeaderParts): EthereumHeaderAnchor => ({
  type: 'ethereum-header/1',
  header: toHex(parts.header),
  transactionIndex: parts.transactionIndex,
  transaction: toHex(parts.transaction),
  transactionProof: parts.transactionProof.map(toHex),
  receipt: toHex(parts.receipt),
  receiptProof: parts.receiptProof.map(toHex),
  logPosition: parts.logPosition,
});
