import { keccak256 as ethersKeccak } from 'ethers';
import t from 'tap';
import { decodeHeader, MAX_HEADER_BYTES } from '../../../server/core/anchor/header.ts';
import { toHex } from '../../../server/core/read/bytes.ts';
import { encodeRlp, type RlpItem, uintBytes } from '../../../server/core/read/rlp.ts';
import { headerFields, NO_VECTORS, realBlock, unhex } from '../../support/ethereum-block.ts';
import { refusal } from '../../support/format-error.ts';

for (const number of [2924874, 15571241]) {
  const block = realBlock(number);
  t.test(
    `main-net header ${number} is read, and hashes to the block's hash`,
    {
      skip: block === undefined && NO_VECTORS,
    },
    async (t) => {
      const header = decodeHeader(unhex(block!.headerRlp));
      t.equal(header.hash, block!.hash);
      t.equal(header.number, number);
      t.equal(header.timestamp, block!.timestamp);
      t.equal(`0x${toHex(header.transactionsRoot)}`, block!.transactionsRoot);
      t.equal(`0x${toHex(header.receiptsRoot)}`, block!.receiptsRoot);
    },
  );
}

t.test('a header of fifteen fields is read', async (t) => {
  const encoded = encodeRlp(headerFields());
  t.match(decodeHeader(encoded), {
    hash: ethersKeccak(encoded),
    parentHash: `0x${'01'.repeat(32)}`,
    number: 1234,
    timestamp: 1_700_000_000,
  });
});

t.test('fields after the fifteenth are part of the hash and may be anything that is RLP', async (t) => {
  const more = encodeRlp([...headerFields(), uintBytes(9n), [new Uint8Array(3)], new Uint8Array(32)]);
  t.equal(decodeHeader(more).hash, ethersKeccak(more));
});

const with_ = (position: number, item: RlpItem): RlpItem[] => headerFields().with(position, item);
const damages: Record<string, [header: RlpItem, code: string]> = {
  'it is a string': [new Uint8Array(600), 'ethereum-field-kind'],
  'a field is missing': [headerFields().slice(0, 14), 'header-field-count'],
  'it has more fields than forks will ever add': [
    [...headerFields(), ...Array.from({ length: 26 }, () => new Uint8Array())],
    'header-field-count',
  ],
  'its number does not fit a number': [with_(8, uintBytes(2n ** 53n)), 'ethereum-field-too-large'],
  'its difficulty is wider than a word': [with_(7, new Uint8Array(33).fill(1)), 'ethereum-field-too-large'],
  'its number begins with zero': [with_(8, Uint8Array.of(0, 5)), 'ethereum-field-not-minimal'],
  'its time is beyond any calendar': [with_(11, uintBytes(2n ** 52n)), 'header-time-invalid'],
  'its time begins with zero': [with_(11, Uint8Array.of(0)), 'ethereum-field-not-minimal'],
  'its extra data are a list': [with_(12, []), 'ethereum-field-kind'],
};
for (const position of [0, 1, 2, 3, 4, 5, 6, 13, 14])
  damages[`field ${position} has a byte too few`] = [
    with_(position, (headerFields()[position] as Uint8Array).slice(1)),
    'ethereum-field-length',
  ];
for (const [why, [header, code]] of Object.entries(damages))
  t.test(`a header is refused where ${why}`, async (t) => {
    t.equal(
      refusal(() => decodeHeader(encodeRlp(header))),
      code,
    );
  });

t.test('a header longer than the limit is refused before it is read', async (t) => {
  t.equal(
    refusal(() => decodeHeader(new Uint8Array(MAX_HEADER_BYTES + 1))),
    'header-too-long',
  );
});
