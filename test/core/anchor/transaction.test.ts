import { Transaction } from 'ethers';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { hex0x } from '../../../server/core/anchor/fields.ts';
import { HALF_ORDER, ORDER } from '../../../server/core/anchor/secp256k1.ts';
import { decodeTransaction } from '../../../server/core/anchor/transaction.ts';
import { concat } from '../../../server/core/read/bytes.ts';
import { decodeRlp, encodeRlp, type RlpItem, uintBytes } from '../../../server/core/read/rlp.ts';
import { NO_VECTORS, OPERATOR, realBlock, sign, unhex } from '../../support/ethereum-block.ts';
import { refusal } from '../../support/format-error.ts';

function sameAsEthers(t: Test, raw: Uint8Array): void {
  const theirs = Transaction.from(hex0x(raw));
  const { type, chainId, nonce, to, value, calldata, sender, hash } = decodeTransaction(raw);
  t.strictSame(
    { type, chainId, nonce, to, value, data: hex0x(calldata), sender, hash },
    {
      type: theirs.type,
      chainId: Number(theirs.chainId),
      nonce: BigInt(theirs.nonce),
      to: theirs.to!.toLowerCase(),
      value: theirs.value,
      data: theirs.data,
      sender: theirs.from!.toLowerCase(),
      hash: theirs.hash,
    },
  );
}

for (const number of [2924874, 15571241]) {
  const block = realBlock(number);
  t.test(
    `the transactions of main-net block ${number} are read as another implementation does`,
    {
      skip: block === undefined && NO_VECTORS,
    },
    async (t) => {
      for (const raw of block!.rawTransactions.map(unhex)) {
        const theirs = Transaction.from(hex0x(raw));
        if (theirs.to === null)
          t.equal(
            refusal(() => decodeTransaction(raw)),
            'ethereum-field-length',
          );
        else if (theirs.chainId === 0n)
          t.equal(
            refusal(() => decodeTransaction(raw)),
            'transaction-without-chain-id',
          );
        else sameAsEthers(t, raw);
      }
    },
  );
}

t.test('any transaction of the types 0, 1 and 2 is read as another implementation does', async (t) => {
  const accessList = fc.array(
    fc.tuple(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
    ),
    { maxLength: 2 },
  );
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 2),
      fc.nat(),
      fc.bigInt({ min: 0n, max: 2n ** 100n }),
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      accessList,
      (type, nonce, value, data, chainId, list) => {
        const access = list.map(([address, key]) => ({ address: hex0x(address), storageKeys: [hex0x(key)] }));
        const more = type === 0 ? {} : { accessList: access };
        sameAsEthers(t, sign({ type, nonce, value, data: hex0x(data), chainId, ...more }));
      },
    ),
    { numRuns: 60 },
  );
});

t.test('the sender is who signed', async (t) => {
  t.equal(decodeTransaction(sign()).sender, OPERATOR);
});

const itemsOf = (raw: Uint8Array): RlpItem[] => [
  ...(decodeRlp(raw[0]! < 0xc0 ? raw.subarray(1) : raw) as readonly RlpItem[]),
];
const typed = (type: number, position: number, item: RlpItem): Uint8Array =>
  concat(Uint8Array.of(type), encodeRlp(itemsOf(sign({ type })).with(position, item)));
const legacy = (position: number, item: RlpItem): Uint8Array =>
  encodeRlp(itemsOf(sign({ type: 0 })).with(position, item));

const damages: Record<string, [raw: Uint8Array, code: string]> = {
  'there is nothing': [new Uint8Array(), 'transaction-type-unsupported'],
  'it carries blobs': [concat(Uint8Array.of(3), sign().subarray(1)), 'transaction-type-unsupported'],
  'it delegates code': [concat(Uint8Array.of(4), sign().subarray(1)), 'transaction-type-unsupported'],
  'it is a string': [concat(Uint8Array.of(2), encodeRlp(new Uint8Array(60))), 'ethereum-field-kind'],
  'a field is missing': [
    concat(Uint8Array.of(2), encodeRlp(itemsOf(sign()).slice(1))),
    'ethereum-field-length',
  ],
  'a byte follows': [concat(sign(), Uint8Array.of(0)), 'rlp-trailing-bytes'],
  'it names no chain': [legacy(6, uintBytes(27n)), 'transaction-without-chain-id'],
  'its chain id does not fit a number': [legacy(6, uintBytes(2n ** 60n)), 'ethereum-field-too-large'],
  'its typed chain id does not fit a number': [typed(2, 0, uintBytes(2n ** 60n)), 'ethereum-field-too-large'],
  'its nonce begins with zero': [typed(2, 1, Uint8Array.of(0, 1)), 'ethereum-field-not-minimal'],
  'its price is wider than a word': [typed(1, 2, new Uint8Array(33).fill(1)), 'ethereum-field-too-large'],
  'its second price begins with zero': [typed(2, 3, Uint8Array.of(0)), 'ethereum-field-not-minimal'],
  'its gas limit begins with zero': [legacy(2, Uint8Array.of(0)), 'ethereum-field-not-minimal'],
  'its recipient is missing': [typed(2, 5, new Uint8Array()), 'ethereum-field-length'],
  'its recipient is a list': [typed(2, 5, []), 'ethereum-field-kind'],
  'its access list is a string': [typed(2, 8, new Uint8Array()), 'ethereum-field-kind'],
  'an address of its access list is short': [
    typed(1, 7, [[new Uint8Array(19), []]]),
    'ethereum-field-length',
  ],
  'a key of its access list is short': [
    typed(1, 7, [[new Uint8Array(20), [new Uint8Array(31)]]]),
    'ethereum-field-length',
  ],
  'its parity is 2': [typed(2, 9, uintBytes(2n)), 'transaction-signature-invalid'],
  'r is 0': [typed(2, 10, new Uint8Array()), 'transaction-signature-invalid'],
  'r is the order': [typed(2, 10, uintBytes(ORDER)), 'transaction-signature-invalid'],
  'r is no point of the curve': [typed(2, 10, uintBytes(5n)), 'transaction-signature-invalid'],
  's is 0': [typed(2, 11, new Uint8Array()), 'transaction-signature-invalid'],
  's is in the upper half': [typed(2, 11, uintBytes(HALF_ORDER + 1n)), 'transaction-signature-invalid'],
};
for (const [why, [raw, code]] of Object.entries(damages))
  t.test(`a transaction is refused where ${why}`, async (t) => {
    t.equal(
      refusal(() => decodeTransaction(raw)),
      code,
    );
  });

t.test('the mirrored signature of a good transaction is refused', async (t) => {
  const items = itemsOf(sign());
  const s = BigInt(hex0x(items[11] as Uint8Array));
  const parity = (items[9] as Uint8Array).length === 0 ? 1n : 0n;
  const mirrored = items.with(11, uintBytes(ORDER - s)).with(9, uintBytes(parity));
  t.equal(
    refusal(() => decodeTransaction(concat(Uint8Array.of(2), encodeRlp(mirrored)))),
    'transaction-signature-invalid',
  );
});
