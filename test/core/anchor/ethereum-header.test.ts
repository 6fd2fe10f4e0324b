import t from 'tap';
import {
  checkEthereumHeader,
  checkEvent,
  type EthereumHeaderParts,
  MAX_RECEIPT_BYTES,
  MAX_TRANSACTION_BYTES,
} from '../../../server/core/anchor/ethereum-header.ts';
import { encodeAppend } from '../../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../../server/core/anchor/fields.ts';
import { concat, toHex } from '../../../server/core/read/bytes.ts';
import {
  APPEND,
  appendedLog,
  CHAIN_ID,
  CONTRACT,
  foreignLog,
  goodParts,
  OPERATOR,
  receiptOf,
  sign,
} from '../../support/ethereum-block.ts';
import { refusal } from '../../support/format-error.ts';

const parts = goodParts();
const check = (changes: Partial<EthereumHeaderParts>) =>
  refusal(() => checkEthereumHeader({ ...parts, ...changes }));

t.test('a good anchor says who appended what, where and when', async (t) => {
  const { header, transaction, event } = checkEthereumHeader(parts);
  t.match(header, { number: 1234, timestamp: 1_700_000_000 });
  t.match(transaction, { chainId: CHAIN_ID, sender: OPERATOR, to: CONTRACT, index: APPEND.index });
  t.match(event, { log: OPERATOR, index: APPEND.index, size: APPEND.size });
  t.equal(toHex(event.root), toHex(APPEND.root));
});

t.test('an anchor of a legacy transaction and of type 1 holds as well', async (t) => {
  for (const type of [0, 1])
    checkEthereumHeader(goodParts(sign({ type }), receiptOf([foreignLog, appendedLog()], { type })));
  t.pass();
});

const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1);
const other = goodParts(sign({ nonce: 99 }));
const damages: Record<string, [changes: Partial<EthereumHeaderParts>, code: string]> = {
  'its header is empty': [{ header: new Uint8Array() }, 'rlp-truncated'],
  'its transaction is longer than an append can be': [
    { transaction: new Uint8Array(MAX_TRANSACTION_BYTES + 1) },
    'ethereum-part-too-long',
  ],
  'its receipt is longer than the limit': [
    { receipt: new Uint8Array(MAX_RECEIPT_BYTES + 1) },
    'ethereum-part-too-long',
  ],
  'its transaction is another one': [{ transaction: other.transaction }, 'transaction-not-in-block'],
  'its transaction is of another block': [
    { transaction: other.transaction, transactionProof: other.transactionProof },
    'trie-node-hash',
  ],
  'its receipt is another one': [{ receipt: receiptOf([appendedLog()]) }, 'receipt-not-in-block'],
  'its index is that of a neighbour': [{ transactionIndex: 1 }, 'trie-node-hash'],
  'its index is negative': [{ transactionIndex: -1 }, 'transaction-index-invalid'],
  'its index is a fraction': [{ transactionIndex: 0.5 }, 'transaction-index-invalid'],
  'its index is larger than any block': [{ transactionIndex: 2 ** 32 }, 'transaction-index-invalid'],
  'its proof has a thousand nodes': [
    { transactionProof: Array.from({ length: 1000 }, () => new Uint8Array(32)) },
    'ethereum-part-too-long',
  ],
  'a node of its transaction proof is changed': [
    { transactionProof: parts.transactionProof.map(flipped) },
    'trie-node-hash',
  ],
  'a node of its receipt proof is changed': [
    { receiptProof: parts.receiptProof.map(flipped) },
    'trie-node-hash',
  ],
  'it has no proof': [{ transactionProof: [] }, 'trie-proof-incomplete'],
  'a node follows its receipt proof': [
    { receiptProof: [...parts.receiptProof, parts.receiptProof[0]!] },
    'trie-node-surplus',
  ],
  'it points to a log that is not there': [{ logPosition: 2 }, 'event-missing'],
  'it points before the logs': [{ logPosition: -1 }, 'event-missing'],
  'it points to the log of another contract': [{ logPosition: 0 }, 'event-contract-differs'],
};
for (const [why, [changes, code]] of Object.entries(damages))
  t.test(`an anchor is refused where ${why}`, async (t) => {
    t.equal(check(changes), code);
  });

const other20 = `0x${'0d'.repeat(20)}`;
const append = hex0x(encodeAppend(APPEND));
const blocks: Record<string, [parts: EthereumHeaderParts, code: string]> = {
  'the transaction carries money': [goodParts(sign({ value: 1 })), 'transaction-with-value'],
  'the transaction calls something else': [goodParts(sign({ data: '0x12345678' })), 'transaction-not-append'],
  'a byte follows the call': [goodParts(sign({ data: `${append}00` })), 'transaction-not-append'],
  'the transaction failed': [
    goodParts(sign(), receiptOf([foreignLog, appendedLog()], { status: new Uint8Array() })),
    'transaction-failed',
  ],
  'the receipt is of another type': [
    goodParts(sign(), receiptOf([foreignLog, appendedLog()], { type: 1 })),
    'receipt-type-differs',
  ],
  'another contract emitted the event': [
    goodParts(sign(), receiptOf([foreignLog, appendedLog({ address: other20 })])),
    'event-contract-differs',
  ],
  'the event is of another operator': [
    goodParts(sign(), receiptOf([foreignLog, appendedLog({ operator: other20 })])),
    'event-operator-differs',
  ],
  'the event has another index': [
    goodParts(sign(), receiptOf([foreignLog, appendedLog({ append: { ...APPEND, index: 8 } })])),
    'event-index-differs',
  ],
  'the event has another root': [
    goodParts(
      sign(),
      receiptOf([foreignLog, appendedLog({ append: { ...APPEND, root: new Uint8Array(32) } })]),
    ),
    'event-root-differs',
  ],
  'the event has another size': [
    goodParts(sign(), receiptOf([foreignLog, appendedLog({ append: { ...APPEND, size: 9 } })])),
    'event-size-differs',
  ],
};
for (const [why, [bad, code]] of Object.entries(blocks))
  t.test(`an anchor is refused where its block is sound but ${why}`, async (t) => {
    t.equal(
      refusal(() => checkEthereumHeader(bad)),
      code,
    );
  });

t.test(
  'every changed byte of header, transaction and receipt is refused or changes the block hash',
  async (t) => {
    const { hash } = checkEthereumHeader(parts).header;
    const survivors: string[] = [];
    for (const part of ['header', 'transaction', 'receipt'] as const)
      for (let at = 0; at < parts[part].length; at++) {
        const bytes = parts[part].with(at, parts[part][at]! ^ 0x10);
        let changedHash: string | undefined;
        const refused = refusal(() => {
          changedHash = checkEthereumHeader({ ...parts, [part]: bytes }).header.hash;
        });
        if (refused === undefined && changedHash === hash) survivors.push(`${part} ${at}`);
      }
    t.strictSame(survivors, []);
  },
);

t.test(
  'the same transaction on another chain with the same id stands in another block: the hash to compare tells',
  async (t) => {
    const replayed = checkEthereumHeader(
      goodParts(concat(parts.transaction), receiptOf([appendedLog(), appendedLog()])),
    );
    t.equal(replayed.transaction.hash, checkEthereumHeader(parts).transaction.hash);
    t.not(replayed.header.hash, checkEthereumHeader(parts).header.hash);
  },
);

t.test('an event is looked for by contract and operator together', async (t) => {
  const { receipt, transaction } = checkEthereumHeader(parts);
  t.equal(
    refusal(() => checkEvent(receipt, 1, { ...transaction, sender: other20 })),
    'event-operator-differs',
  );
  t.equal(
    refusal(() => checkEvent(receipt, 1, { ...transaction, to: other20 })),
    'event-contract-differs',
  );
});
