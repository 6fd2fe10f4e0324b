import { encodeRlp as ethersEncode, hexlify, type RlpStructuredData } from 'ethers';
import fc from 'fast-check';
import t from 'tap';
import { fromHex, toHex } from '../../../server/core/read/bytes.ts';
import {
  decodeRlp,
  encodeRlp,
  MAX_RLP_DEPTH,
  type RlpItem,
  uintBytes,
} from '../../../server/core/read/rlp.ts';
import { refusal } from '../../support/format-error.ts';

const toHexTree = (item: RlpItem): RlpStructuredData =>
  item instanceof Uint8Array ? hexlify(item) : item.map(toHexTree);

const { item: anyItem } = fc.letrec<{ item: RlpItem }>((tie) => ({
  item: fc.oneof({ maxDepth: 5 }, fc.uint8Array({ maxLength: 70 }), fc.array(tie('item'), { maxLength: 6 })),
}));

t.test('what is encoded is what another implementation encodes, and is read back', async () => {
  fc.assert(
    fc.property(anyItem, (item) => {
      const encoded = encodeRlp(item);
      return (
        `0x${toHex(encoded)}` === ethersEncode(toHexTree(item)) &&
        toHex(encodeRlp(decodeRlp(encoded))) === toHex(encoded)
      );
    }),
  );
});

t.test('each value has one encoding: whatever is accepted is what encoding gives', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
      let item: RlpItem | undefined;
      const refused = refusal(() => {
        item = decodeRlp(bytes);
      });
      return refused !== undefined || toHex(encodeRlp(item!)) === toHex(bytes);
    }),
    { numRuns: 5_000 },
  );
});

t.test(
  'payloads of 55, 56, 255, 256 and 65,536 bytes are encoded as another implementation does',
  async (t) => {
    for (const length of [0, 1, 55, 56, 255, 256, 65_536]) {
      const bytes = new Uint8Array(length).fill(0x7f);
      t.equal(`0x${toHex(encodeRlp(bytes))}`, ethersEncode(hexlify(bytes)), `string of ${length}`);
      t.equal(`0x${toHex(encodeRlp([bytes]))}`, ethersEncode([hexlify(bytes)]), `list of ${length}`);
    }
  },
);

const refused: Record<string, [hex: string, code: string]> = {
  'there is nothing': ['', 'rlp-truncated'],
  'a string is cut': ['83aabb', 'rlp-truncated'],
  'a list is cut': ['c3aa', 'rlp-truncated'],
  'a length is cut': ['b9ff', 'rlp-truncated'],
  'a length is missing': ['f8', 'rlp-truncated'],
  'a length has eight bytes of ones': ['bfffffffffffffffff', 'rlp-truncated'],
  'an item reaches beyond its list': ['c2820102', 'rlp-truncated'],
  'a byte follows': ['8000', 'rlp-trailing-bytes'],
  'a single byte has a length': ['8105', 'rlp-not-minimal'],
  'a short string has a long length': [`b837${'aa'.repeat(55)}`, 'rlp-not-minimal'],
  'a short list has a long length': [`f801aa`, 'rlp-not-minimal'],
  'a length begins with zero': [`b90038${'aa'.repeat(56)}`, 'rlp-not-minimal'],
};
for (const [why, [hex, code]] of Object.entries(refused))
  t.test(`bytes are refused where ${why}`, async (t) => {
    t.equal(
      refusal(() => decodeRlp(fromHex(hex))),
      code,
    );
  });

t.test('lists nest as deep as the limit and no deeper', async (t) => {
  const nested = (depth: number): RlpItem => (depth === 0 ? new Uint8Array() : [nested(depth - 1)]);
  t.strictSame(decodeRlp(encodeRlp(nested(MAX_RLP_DEPTH))), nested(MAX_RLP_DEPTH));
  t.equal(
    refusal(() => decodeRlp(encodeRlp(nested(MAX_RLP_DEPTH + 1)))),
    'rlp-too-deep',
  );
});

t.test('a hundred thousand nested lists are refused before they use up the stack', async (t) => {
  // Each list is the whole rest of the one before it: four bytes of prefix a level.
  const bytes = new Uint8Array(4 * 100_000 + 70_000).fill(0x80);
  for (let at = 0; at < 400_000; at += 4) {
    const length = bytes.length - at - 4;
    bytes.set([0xfa, length >> 16, (length >> 8) & 0xff, length & 0xff], at);
  }
  t.equal(
    refusal(() => decodeRlp(bytes)),
    'rlp-too-deep',
  );
});

t.test('integers are big-endian without leading zeros, and zero is nothing', async (t) => {
  t.equal(toHex(uintBytes(0n)), '');
  t.equal(toHex(uintBytes(15n)), '0f');
  t.equal(toHex(uintBytes(256n)), '0100');
});
