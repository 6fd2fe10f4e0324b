import { Signature, Transaction, type TransactionLike, Wallet } from 'ethers';
import t from 'tap';
import { encodeHeader, encodeReceipt, encodeTransaction } from '../../../server/adapters/evm/encode.ts';
import type { Json } from '../../../server/adapters/evm/shape.ts';
import { hex0x } from '../../../server/core/anchor/fields.ts';
import { ChainProblem } from '../../../server/ports/chain.ts';
import { KEY, OTHER, ROOT } from '../../support/anvil.ts';

const quantity = (value: bigint | number): string => `0x${BigInt(value).toString(16)}`;
const wallet = new Wallet(KEY);

/** A transaction as ethers signs it, and as a node would show it. */
async function signed(fields: TransactionLike): Promise<{ raw: string; json: Record<string, unknown> }> {
  const common = { chainId: 31337, gasLimit: 50_000, to: OTHER, value: 7, nonce: 3, data: '0x1234' };
  const fees = fields.type! < 2 ? { gasPrice: 9 } : { maxFeePerGas: 9, maxPriorityFeePerGas: 2 };
  const tx = Transaction.from({ ...common, ...fees, ...fields });
  tx.signature = wallet.signingKey.sign(tx.unsignedHash);
  const { r, s, yParity, v } = tx.signature;
  const vOf = tx.type === 0 ? quantity(Signature.getChainIdV(31337, v)) : quantity(yParity);
  return {
    raw: tx.serialized,
    json: {
      ...{ type: quantity(tx.type!), chainId: quantity(tx.chainId), nonce: quantity(tx.nonce) },
      ...{ gas: quantity(tx.gasLimit), to: tx.to, value: quantity(tx.value), input: tx.data },
      ...(tx.gasPrice !== null && { gasPrice: quantity(tx.gasPrice) }),
      ...(tx.maxFeePerGas !== null && { maxFeePerGas: quantity(tx.maxFeePerGas) }),
      ...(tx.maxPriorityFeePerGas !== null && { maxPriorityFeePerGas: quantity(tx.maxPriorityFeePerGas) }),
      ...(tx.maxFeePerBlobGas !== null && { maxFeePerBlobGas: quantity(tx.maxFeePerBlobGas) }),
      ...(tx.blobVersionedHashes !== null && { blobVersionedHashes: tx.blobVersionedHashes }),
      ...(tx.accessList !== null && { accessList: tx.accessList }),
      ...(tx.authorizationList !== null && {
        authorizationList: tx.authorizationList.map(({ address, nonce, chainId, signature }) => ({
          ...{ address, nonce: quantity(nonce), chainId: quantity(chainId) },
          ...{ yParity: quantity(signature.yParity), r: signature.r, s: signature.s },
        })),
      }),
      ...{ v: vOf, yParity: quantity(yParity), r: quantity(BigInt(r)), s: quantity(BigInt(s)) },
    },
  };
}

const accessList = [{ address: OTHER, storageKeys: [`0x${ROOT(1)}`, `0x${ROOT(2)}`] }];
const blob = { maxFeePerBlobGas: 4, blobVersionedHashes: [`0x01${ROOT(0).slice(2)}`] };
const cases: Record<string, TransactionLike> = {
  'a legacy transaction': { type: 0 },
  'a creation': { type: 0, to: null },
  'type 1 with an access list': { type: 1, accessList },
  'type 2 without one': { type: 2 },
  'type 3 with blobs': { type: 3, accessList, ...blob },
};
for (const [what, fields] of Object.entries(cases))
  t.test(`${what} gets back the bytes that were signed`, async (t) => {
    const { raw, json } = await signed(fields);
    t.equal(hex0x(encodeTransaction(json)!), raw);
  });

t.test(
  'type 4 with delegations gets back the bytes that were signed, however parities are named',
  async (t) => {
    const authorizationList = [await wallet.authorize({ address: OTHER, nonce: 1, chainId: 31337 })];
    const { raw, json } = await signed({ type: 4, authorizationList });
    t.equal(hex0x(encodeTransaction(json)!), raw);
    const [{ yParity: v, ...entry }] = json['authorizationList'] as [{ yParity: string }];
    const { yParity: _yParity, ...older } = { ...json, authorizationList: [{ ...entry, v }] } as Record<
      string,
      unknown
    >;
    t.equal(hex0x(encodeTransaction(older)!), raw);
  },
);

t.test('a node that names no type means a legacy one, and other types are not known', async (t) => {
  const { raw, json } = await signed({ type: 0 });
  const { type: _type, ...older } = json;
  t.equal(hex0x(encodeTransaction(older)!), raw);
  for (const type of ['0x5', '0x7e', '0xff']) t.equal(encodeTransaction({ ...json, type }), undefined);
});

t.test('what is missing or misshapen is refused', async (t) => {
  const { json } = await signed({ type: 3, accessList, ...blob });
  for (const change of [
    { r: 5 },
    { gas: '0x' },
    { input: '0x1' },
    { to: '0x11' },
    { accessList: {} },
    { accessList: ['0x11'] },
    { blobVersionedHashes: null },
  ])
    t.throws(() => encodeTransaction({ ...json, ...change } as Json), ChainProblem, JSON.stringify(change));
  t.throws(() => encodeHeader({}), ChainProblem);
  t.throws(() => encodeReceipt({ type: '0x0', status: '0x1' }), ChainProblem);
});
