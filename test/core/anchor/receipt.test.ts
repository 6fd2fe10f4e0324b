import t from 'tap';
import { decodeReceipt } from '../../../server/core/anchor/receipt.ts';
import { concat } from '../../../server/core/read/bytes.ts';
import { encodeRlp, type RlpItem } from '../../../server/core/read/rlp.ts';
import { appendedLog, CONTRACT, foreignLog, receiptOf } from '../../support/ethereum-block.ts';
import { refusal } from '../../support/format-error.ts';

t.test('receipts of every type that an append can have are read', async (t) => {
  for (const type of [0, 1, 2]) {
    const receipt = decodeReceipt(receiptOf([foreignLog, appendedLog()], { type }));
    t.match(receipt, { type, succeeded: true, cumulativeGasUsed: 90_000n });
    t.equal(receipt.logs[1]!.address, CONTRACT);
    t.equal(receipt.logs[1]!.topics.length, 3);
    t.equal(receipt.logs[0]!.data.length, 3);
  }
});

t.test('a failed transaction is told from a successful one', async (t) => {
  t.equal(decodeReceipt(receiptOf([], { status: new Uint8Array() })).succeeded, false);
});

const log = (address: RlpItem, topics: RlpItem, data: RlpItem): RlpItem => [[address, topics, data]];
const address = new Uint8Array(20);
const topic = new Uint8Array(32);
const damages: Record<string, [receipt: Uint8Array, code: string]> = {
  'there is nothing': [new Uint8Array(), 'receipt-type-unsupported'],
  'its type is a blob transaction': [receiptOf([], { type: 3 }), 'receipt-type-unsupported'],
  'its status is 2': [receiptOf([], { status: Uint8Array.of(2) }), 'receipt-status-invalid'],
  'a state root stands for its status': [receiptOf([], { status: topic }), 'receipt-status-invalid'],
  'its bloom is short': [
    encodeRlp([new Uint8Array(), new Uint8Array(), new Uint8Array(255), []]),
    'ethereum-field-length',
  ],
  'a field is missing': [encodeRlp([new Uint8Array(), new Uint8Array(), []]), 'ethereum-field-length'],
  'its logs are a string': [receiptOf(topic), 'ethereum-field-kind'],
  'a log is a string': [receiptOf([topic]), 'ethereum-field-kind'],
  'a log has an address of 19 bytes': [receiptOf(log(address.slice(1), [], topic)), 'ethereum-field-length'],
  'a log has five topics': [
    receiptOf(log(address, [topic, topic, topic, topic, topic], topic)),
    'ethereum-field-length',
  ],
  'a topic has 31 bytes': [receiptOf(log(address, [topic.slice(1)], topic)), 'ethereum-field-length'],
  'data are a list': [receiptOf(log(address, [], [])), 'ethereum-field-kind'],
  'a byte follows': [concat(receiptOf([]), Uint8Array.of(0)), 'rlp-trailing-bytes'],
};
for (const [why, [receipt, code]] of Object.entries(damages))
  t.test(`a receipt is refused where ${why}`, async (t) => {
    t.equal(
      refusal(() => decodeReceipt(receipt)),
      code,
    );
  });
