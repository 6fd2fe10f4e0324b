import { Transaction, Wallet } from 'ethers';
import t from 'tap';
import { rollingAfter } from '../../../server/core/anchor/evidence-log.ts';
import {
  append,
  codeOf,
  KEY,
  mined,
  OPERATOR,
  OTHER,
  openChain,
  problem,
  ROOT,
  startWithContract,
} from '../../support/anvil.ts';
import { DROP, fault, rpcProxy } from '../../support/rpc-proxy.ts';

t.test('an append is mined, counted, found again and final', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  let rolling = '0'.repeat(48);
  t.match(await chain.head(), { count: 0, rolling });
  for (let index = 0; index < 3; index++) {
    t.equal(await chain.findAppend(index), undefined);
    const { signed, fate } = await append(chain, index);
    t.equal(fate.succeeded, true);
    rolling = rollingAfter(rolling, index, ROOT(index), 10);
    t.match(await chain.head(), { count: index + 1, rolling, blockNumber: fate.blockNumber });
    t.match(await chain.findAppend(index), {
      ...{ index, root: ROOT(index), size: 10, transactionHash: signed.transactionHash },
      ...{ blockNumber: fate.blockNumber, blockHash: fate.blockHash },
    });
  }
});

t.test('a fee follows the base fee, and a replacement is dearer by an eighth in both parts', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  const first = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
  const block = await anvil.call<{ baseFeePerGas: string }>('eth_getBlockByNumber', 'latest', false);
  t.equal(BigInt(first.maxFeePerGas), 2n * BigInt(block.baseFeePerGas) + BigInt(first.maxPriorityFeePerGas));
  const second = await chain.sign({ index: 0, root: ROOT(0), size: 1 }, first);
  for (const fee of ['maxFeePerGas', 'maxPriorityFeePerGas'] as const)
    t.ok(BigInt(second[fee]) * 8n >= BigInt(first[fee]) * 9n, fee);
  t.match(Transaction.from(second.raw), { type: 2, nonce: first.nonce, value: 0n });
});

t.test('a stuck transaction is replaced, and the replacement alone is mined', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  await anvil.call('evm_setAutomine', false);
  const stuck = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
  await chain.broadcast(stuck);
  t.strictSame(await chain.fate(stuck.transactionHash), { state: 'pending' });
  const replacement = await chain.sign({ index: 0, root: ROOT(0), size: 1 }, stuck);
  t.equal(replacement.nonce, stuck.nonce);
  await chain.broadcast(replacement);
  await anvil.mine();
  t.match(await chain.fate(replacement.transactionHash), { state: 'mined', succeeded: true });
  t.strictSame(await chain.fate(stuck.transactionHash), { state: 'unknown' });
  t.equal(await chain.minedNonce(), stuck.nonce + 1);
});

t.test('a dropped transaction is unknown, and the same bytes can be sent again', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  await anvil.call('evm_setAutomine', false);
  const signed = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
  await chain.broadcast(signed);
  await anvil.call('anvil_dropTransaction', signed.transactionHash);
  t.strictSame(await chain.fate(signed.transactionHash), { state: 'unknown' });
  await chain.broadcast(signed);
  await chain.broadcast(signed);
  await anvil.mine();
  await chain.broadcast(signed);
  t.match(await chain.fate(signed.transactionHash), { state: 'mined', succeeded: true });
});

t.test(
  'another program that uses the same key takes a nonce, and the next append gets the one after it',
  async (t) => {
    const anvil = await startWithContract(t);
    const chain = openChain(t, { rpcUrls: [anvil.url] });
    const before = await chain.minedNonce();
    await anvil.call('evm_setAutomine', false);
    const ours = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
    t.equal(ours.nonce, before);
    const foreign = { to: OTHER, value: 1, nonce: before, chainId: 31337, gasLimit: 21_000 };
    const raw = await new Wallet(KEY).signTransaction({ ...foreign, type: 0, gasPrice: 10n ** 11n });
    await anvil.call('eth_sendRawTransaction', raw);
    t.equal((await chain.sign({ index: 0, root: ROOT(0), size: 1 })).nonce, before + 1, 'pending ones count');
    await anvil.mine();
    t.match(await problem(chain.broadcast(ours)), { code: 'transaction-refused' });
    const again = await chain.sign({ index: 0, root: ROOT(0), size: 1 }, ours);
    t.equal(again.nonce, before + 1, 'a replacement takes the next unused one');
    await anvil.call('evm_setAutomine', true);
    await chain.broadcast(again);
    t.match(await mined(chain, again), { succeeded: true });
  },
);

t.test('a second append of the same index is refused before it costs anything', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  await append(chain, 0);
  t.equal(await codeOf(chain.sign({ index: 0, root: ROOT(5), size: 1 })), 'transaction-refused');
  t.equal(await codeOf(chain.sign({ index: 2, root: ROOT(5), size: 1 })), 'transaction-refused');
});

t.test('two appends signed for one index: one is mined, the other fails and says so', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  await anvil.call('evm_setAutomine', false);
  const first = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
  await chain.broadcast(first);
  const second = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
  await chain.broadcast(second);
  await anvil.mine();
  t.match(await mined(chain, first), { succeeded: true });
  t.match(await mined(chain, second), { succeeded: false });
  t.equal((await chain.head()).count, 1);
});

t.test('without funds the operator is told what is there and what is needed', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  const signed = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
  await anvil.call('anvil_setBalance', OPERATOR, '0x5');
  t.match(await problem(chain.sign({ index: 0, root: ROOT(0), size: 1 })), {
    code: 'operator-out-of-funds',
    detail: { operator: OPERATOR, balance: '5' },
  });
  t.equal(await codeOf(chain.broadcast(signed)), 'operator-out-of-funds');
  await anvil.call('anvil_setBalance', OPERATOR, '0xde0b6b3a7640000');
  await chain.broadcast(signed);
  t.match(await mined(chain, signed), { succeeded: true });
});

t.test('a chain without base fee gets transactions with one price', async (t) => {
  const anvil = await startWithContract(t, '--hardfork', 'berlin');
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  const signed = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
  t.match(Transaction.from(signed.raw), { type: 0, chainId: 31337n });
  t.equal(signed.maxFeePerGas, signed.maxPriorityFeePerGas);
  await chain.broadcast(signed);
  t.match(await mined(chain, signed), { succeeded: true });
  const found = await chain.findAppend(0);
  t.match(await chain.prove(found!), { type: 'ethereum-header/1' });
});

t.test('an answer that is lost after sending does no harm: the same bytes again are no error', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  const signed = await chain.sign({ index: 0, root: ROOT(0), size: 1 });
  proxy.on('eth_sendRawTransaction', async (_params, forward) => {
    await forward();
    return DROP;
  });
  t.equal(await codeOf(chain.broadcast(signed)), 'chain-unreachable');
  proxy.on('eth_sendRawTransaction', fault('already known'));
  await chain.broadcast(signed);
  t.match(await mined(chain, signed), { succeeded: true });
  t.equal((await chain.head()).count, 1);
});

t.test('a tip below what miners take is raised', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  proxy.on('eth_maxPriorityFeePerGas', () => '0x0');
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  t.equal((await chain.sign({ index: 0, root: ROOT(0), size: 1 })).maxPriorityFeePerGas, '100000000');
});
