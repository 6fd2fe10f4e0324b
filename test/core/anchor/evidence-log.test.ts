import { AbiCoder, keccak256 as ethersKeccak, Interface } from 'ethers';
import fc from 'fast-check';
import t from 'tap';
import artifact from '../../../contracts/EvidenceLog.json' with { type: 'json' };
import {
  APPENDED_TOPIC,
  decodeAppend,
  decodeAppended,
  encodeAppend,
  rollingAfter,
} from '../../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../../server/core/anchor/fields.ts';
import type { Log } from '../../../server/core/anchor/receipt.ts';
import { concat, fromHex, toHex } from '../../../server/core/read/bytes.ts';
import { APPEND, CONTRACT, OPERATOR, unhex, word } from '../../support/ethereum-block.ts';
import { refusal } from '../../support/format-error.ts';

const abi = new Interface(artifact.abi);
const root32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const small = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const positive = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

t.test('a call is encoded as the ABI of the contract says, and read back', async () => {
  fc.assert(
    fc.property(small, root32, positive, (index, root, size) => {
      const calldata = encodeAppend({ index, root, size });
      const again = decodeAppend(calldata);
      return (
        hex0x(calldata) === abi.encodeFunctionData('append', [index, root, size]) &&
        again.index === index &&
        again.size === size &&
        toHex(again.root) === toHex(root)
      );
    }),
  );
});

t.test('an event is read as the ABI of the contract says', async () => {
  fc.assert(
    fc.property(small, root32, positive, (index, root, size) => {
      const { topics, data } = abi.encodeEventLog('Appended', [OPERATOR, index, root, size]);
      const event = decodeAppended({ address: CONTRACT, topics: topics.map(unhex), data: unhex(data) });
      return event.log === OPERATOR && event.index === index && event.size === size;
    }),
  );
});

t.test('the rolling value is what Solidity computes', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 24, maxLength: 24 }),
      small,
      root32,
      positive,
      (rolling, index, root, size) => {
        const slot = (BigInt(hex0x(rolling)) << 64n) | BigInt(index);
        const abiEncoded = AbiCoder.defaultAbiCoder().encode(
          ['uint256', 'bytes32', 'uint64'],
          [slot, root, size],
        );
        return rollingAfter(toHex(rolling), index, toHex(root), size) === ethersKeccak(abiEncoded).slice(-48);
      },
    ),
  );
});

const good = encodeAppend(APPEND);
const changed = (at: number, value: number): Uint8Array => {
  const calldata = good.slice();
  calldata[at] = value;
  return calldata;
};
const calls: Record<string, [calldata: Uint8Array, code: string]> = {
  'there is none': [new Uint8Array(), 'transaction-not-append'],
  'it calls something else': [changed(0, 0), 'transaction-not-append'],
  'a byte is missing': [good.slice(0, -1), 'transaction-not-append'],
  'a byte follows': [concat(good, Uint8Array.of(0)), 'transaction-not-append'],
  'there is dirt before the index': [changed(4 + 23, 1), 'append-padding'],
  'there is dirt before the size': [changed(4 + 64, 1), 'append-padding'],
  'its index does not fit a number': [changed(4 + 24, 0xff), 'ethereum-field-too-large'],
  'its batch is empty': [concat(good.slice(0, -32), new Uint8Array(32)), 'append-empty'],
};
for (const [why, [calldata, code]] of Object.entries(calls))
  t.test(`calldata are refused where ${why}`, async (t) => {
    t.equal(
      refusal(() => decodeAppend(calldata)),
      code,
    );
  });

const log: Log = {
  address: CONTRACT,
  topics: [APPENDED_TOPIC, word(unhex(OPERATOR)), word(APPEND.index)],
  data: concat(APPEND.root, word(APPEND.size)),
};
const logs: Record<string, [log: Log, code: string]> = {
  'it has no topics': [{ ...log, topics: [] }, 'event-not-appended'],
  'it is another event': [{ ...log, topics: log.topics.with(0, word(1)) }, 'event-not-appended'],
  'only its name is there': [{ ...log, topics: log.topics.slice(0, 1) }, 'event-shape-wrong'],
  'its index is not indexed': [{ ...log, topics: log.topics.slice(0, 2) }, 'event-shape-wrong'],
  'it has a topic too many': [{ ...log, topics: [...log.topics, word(1)] }, 'event-shape-wrong'],
  'its data are short': [{ ...log, data: log.data.slice(1) }, 'event-shape-wrong'],
  'its operator has dirt before it': [
    { ...log, topics: log.topics.with(1, fromHex(`01${'00'.repeat(31)}`)) },
    'append-padding',
  ],
};
for (const [why, [bad, code]] of Object.entries(logs))
  t.test(`a log is refused where ${why}`, async (t) => {
    t.equal(
      refusal(() => decodeAppended(bad)),
      code,
    );
  });
