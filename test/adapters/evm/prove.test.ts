import { Wallet } from 'ethers';
import t from 'tap';
import { EVIDENCE_LOG } from '../../../server/adapters/evm/contract.ts';
import {
  checkEthereumHeader,
  type EthereumHeaderParts,
} from '../../../server/core/anchor/ethereum-header.ts';
import { encodeAppend } from '../../../server/core/anchor/evidence-log.ts';
import { hex0x } from '../../../server/core/anchor/fields.ts';
import { fromHex } from '../../../server/core/read/bytes.ts';
import type { EthereumHeaderAnchor } from '../../../server/ports/chain.ts';
import {
  append,
  CONTRACT,
  codeOf,
  KEY,
  OPERATOR,
  OTHER,
  openChain,
  ROOT,
  startWithContract,
  type TestAnvil,
} from '../../support/anvil.ts';
import { fault, rpcProxy } from '../../support/rpc-proxy.ts';

const partsOf = (anchor: EthereumHeaderAnchor): EthereumHeaderParts => ({
  header: fromHex(anchor.header),
  transactionIndex: anchor.transactionIndex,
  transaction: fromHex(anchor.transaction),
  transactionProof: anchor.transactionProof.map((node) => fromHex(node)),
  receipt: fromHex(anchor.receipt),
  receiptProof: anchor.receiptProof.map((node) => fromHex(node)),
  logPosition: anchor.logPosition,
});

/** Emits two logs without topics, whatever it is asked. */
const TWO_LOGS = `0x600b600c600039600b6000f360006000a060006000a000`;

async function create(anvil: TestAnvil, code: string): Promise<string> {
  const hash = await anvil.call('eth_sendTransaction', { from: OTHER, data: code, gas: '0x100000' });
  const receipt = await anvil.call<{ contractAddress: string }>('eth_getTransactionReceipt', hash);
  return receipt.contractAddress;
}

t.test(
  'an append among other transactions of every type, with the same event of another contract, is proven',
  async (t) => {
    const anvil = await startWithContract(t);
    const chain = openChain(t, { rpcUrls: [anvil.url] });
    const twin = await create(anvil, EVIDENCE_LOG.creationBytecode);
    const twoLogs = await create(anvil, TWO_LOGS);
    await anvil.call('evm_setAutomine', false);
    const data = hex0x(encodeAppend({ index: 0, root: fromHex(ROOT(0)), size: 10 }));
    const nonce = await chain.minedNonce();
    const delegation = await new Wallet(KEY).authorize({ address: OTHER, nonce: 77, chainId: 31337 });
    const common = {
      chainId: 31337,
      gasLimit: 100_000,
      maxFeePerGas: 10n ** 11n,
      maxPriorityFeePerGas: 10n ** 10n,
    };
    const own = new Wallet(KEY);
    const before = [
      { ...common, to: OTHER, value: 1, type: 2, nonce },
      {
        ...common,
        to: twin,
        data,
        type: 2,
        nonce: nonce + 1,
        accessList: [{ address: twin, storageKeys: [`0x${ROOT(1)}`] }],
      },
      { ...common, to: OTHER, type: 4, nonce: nonce + 2, authorizationList: [delegation] },
    ];
    const prices = { chainId: 31337, gasLimit: 100_000, gasPrice: 10n ** 11n };
    for (const transaction of [
      ...before,
      { ...prices, to: twoLogs, type: 0, nonce: nonce + 3 },
      { ...prices, to: twoLogs, type: 1, nonce: nonce + 4, accessList: [] },
      { ...prices, data: TWO_LOGS, type: 0, nonce: nonce + 5 },
    ])
      await anvil.call('eth_sendRawTransaction', await own.signTransaction(transaction));
    const signed = await chain.sign({ index: 0, root: ROOT(0), size: 10 });
    await chain.broadcast(signed);
    await anvil.mine();
    const found = (await chain.findAppend(0))!;
    t.equal(found.transactionHash, signed.transactionHash);
    const anchor = await chain.prove(found);
    t.equal(anchor.transactionIndex, 6);
    const { header, transaction, event } = checkEthereumHeader(partsOf(anchor));
    t.equal(header.hash, found.blockHash);
    t.match(transaction, { sender: OPERATOR, to: CONTRACT, chainId: 31337, hash: signed.transactionHash });
    t.match(event, { index: 0, size: 10, log: OPERATOR });
  },
);

/** A node with one append in it, behind a proxy that lies as it is told. */
async function proven(t: Parameters<typeof rpcProxy>[0]) {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  await append(chain, 0);
  return { anvil, proxy, chain, found: (await chain.findAppend(0))! };
}

t.test('a node without eth_getBlockReceipts is asked for each receipt', async (t) => {
  const { proxy, chain, found } = await proven(t);
  const anchor = await chain.prove(found);
  proxy.on('eth_getBlockReceipts', fault('the method does not exist'));
  t.strictSame(await chain.prove(found), anchor);
});

type Changes = (said: Record<string, unknown>) => unknown;
const first =
  (change: Changes): Changes =>
  (block) => ({ ...block, transactions: [change((block['transactions'] as [Record<string, unknown>])[0])] });
const lies: Record<string, [method: string, change: Changes, code: string]> = {
  'another time in the header': [
    'eth_getBlockByHash',
    (b) => ({ ...b, timestamp: '0x5' }),
    'chain-hashes-differ',
  ],
  'a header without base fee': [
    'eth_getBlockByHash',
    (b) => ({ ...b, baseFeePerGas: null }),
    'chain-hashes-differ',
  ],
  'a block that is nothing': ['eth_getBlockByHash', () => null, 'chain-answer-invalid'],
  'another value of a transaction': [
    'eth_getBlockByHash',
    first((tx) => ({ ...tx, value: '0x1' })),
    'chain-hashes-differ',
  ],
  'a transaction of an unknown type': [
    'eth_getBlockByHash',
    first((tx) => ({ ...tx, type: '0x7e' })),
    'chain-hashes-differ',
  ],
  'one transaction less': ['eth_getBlockByHash', (b) => ({ ...b, transactions: [] }), 'chain-hashes-differ'],
  'another transaction with a hash of its own': [
    'eth_getBlockByHash',
    first((tx) => ({ ...tx, hash: `0x${'11'.repeat(32)}` })),
    'chain-hashes-differ',
  ],
};
for (const [what, [method, change, code]] of Object.entries(lies))
  t.test(`a node that says ${what} is refused`, async (t) => {
    const { proxy, chain, found } = await proven(t);
    proxy.on('eth_getRawTransactionByHash', fault('the method does not exist'));
    proxy.on(method, async (_params, forward) => change((await forward()) as Record<string, unknown>));
    t.equal(await codeOf(chain.prove(found)), code);
  });

const receiptLies: Record<string, [change: Changes, code: string]> = {
  'a failed receipt of a good transaction': [(r) => ({ ...r, status: '0x0' }), 'chain-hashes-differ'],
  'a receipt without logs': [(r) => ({ ...r, logs: [] }), 'chain-hashes-differ'],
  'a receipt from before Byzantium': [
    ({ status: _status, ...rest }) => ({ ...rest, root: `0x${'00'.repeat(32)}` }),
    'chain-hashes-differ',
  ],
  'a receipt that is a number': [() => 5, 'chain-answer-invalid'],
};
for (const [what, [change, code]] of Object.entries(receiptLies))
  t.test(`a node that says ${what} is refused`, async (t) => {
    const { proxy, chain, found } = await proven(t);
    proxy.on('eth_getBlockReceipts', async (_params, forward) =>
      ((await forward()) as Record<string, unknown>[]).map(change),
    );
    t.equal(await codeOf(chain.prove(found)), code);
  });

t.test(
  'a transaction whose type is unknown is taken as bytes where the node gives them and they hash to its hash',
  async (t) => {
    const { proxy, chain, found } = await proven(t);
    const anchor = await chain.prove(found);
    proxy.on('eth_getBlockByHash', async (_params, forward) =>
      first((tx) => ({ ...tx, type: '0x7e' }))((await forward()) as Record<string, unknown>),
    );
    proxy.on('eth_getRawTransactionByHash', () => `0x${anchor.transaction}`);
    t.strictSame(await chain.prove(found), anchor);
    proxy.on('eth_getRawTransactionByHash', () => `0x${anchor.transaction}00`);
    t.equal(await codeOf(chain.prove(found)), 'chain-hashes-differ');
    proxy.on('eth_getRawTransactionByHash', () => null);
    t.equal(await codeOf(chain.prove(found)), 'chain-hashes-differ');
  },
);

t.test('a node that goes away in the middle is unreachable, not a liar', async (t) => {
  const { proxy, found } = await proven(t);
  for (const method of ['eth_getBlockReceipts', 'eth_getBlockByHash']) {
    proxy.on(method, () => {
      proxy.away = true;
      return new Promise(() => {});
    });
    const short = openChain(t, { rpcUrls: [proxy.url], timeoutMs: 200 });
    t.equal(await codeOf(short.prove(found)), 'chain-unreachable');
    proxy.away = false;
    proxy.off(method);
  }
});

t.test('what is proven is what was asked for', async (t) => {
  const { chain, found } = await proven(t);
  const wrong = {
    index: { ...found, index: 1 },
    root: { ...found, root: ROOT(9) },
    size: { ...found, size: 11 },
    'block number': { ...found, blockNumber: found.blockNumber + 1 },
    transaction: { ...found, transactionHash: `0x${'11'.repeat(32)}` },
  };
  for (const [what, asked] of Object.entries(wrong))
    t.equal(await codeOf(chain.prove(asked)), 'chain-hashes-differ', what);
});

t.test('an append by another key, or signed for another chain id, is not ours', async (t) => {
  const { anvil, found } = await proven(t);
  const stranger = openChain(t, { rpcUrls: [anvil.url], operatorKey: `0x${'22'.repeat(32)}` });
  t.equal(await codeOf(stranger.prove(found)), 'chain-hashes-differ');
  const elsewhere = openChain(t, { rpcUrls: [anvil.url], chainId: 5 });
  t.equal(await codeOf(elsewhere.prove(found)), 'chain-hashes-differ');
});

t.test('a failed append has no proof', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  await anvil.call('evm_setAutomine', false);
  await chain.broadcast(await chain.sign({ index: 0, root: ROOT(0), size: 10 }));
  const late = await chain.sign({ index: 0, root: ROOT(0), size: 10 });
  await chain.broadcast(late);
  await anvil.mine();
  const fate = await chain.fate(late.transactionHash);
  if (fate.state !== 'mined') throw new Error('not mined');
  const { blockNumber, blockHash } = fate;
  const asked = {
    index: 0,
    root: ROOT(0),
    size: 10,
    transactionHash: late.transactionHash,
    blockNumber,
    blockHash,
  };
  t.equal(await codeOf(chain.prove(asked)), 'chain-hashes-differ');
});
