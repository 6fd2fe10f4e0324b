import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import t, { type Test } from 'tap';
import { EVIDENCE_LOG } from '../../server/adapters/evm/contract.ts';
import {
  append,
  CONTRACT,
  deploy,
  OPERATOR,
  openChain,
  ROOT,
  startAnvil,
  startWithContract,
  type TestAnvil,
} from '../support/anvil.ts';
import {
  appendsOf,
  type Configured,
  configured,
  until,
  untilCertified,
  untilLooked,
  untilProblem,
  untilState,
  verdictOf,
} from '../support/configured.ts';
import { type RpcProxy, rpcProxy } from '../support/rpc-proxy.ts';

/* What can be wrong with a chain, a node, a purse or a log: it is named, deposits go on, and it ends by itself. */

// Beside each other, each with options of its own: tap writes into them, and into shared ones the results of another.
t.jobs = 4;
t.setTimeout(200_000);
const ONE = { KEZHENG_CONFIRMATIONS: '1' };

interface Scene {
  readonly anvil: TestAnvil;
  readonly proxy: RpcProxy;
  readonly service: Configured;
}

/** A service that has looked at its log and anchored nothing yet, a proxy, and an anvil that mines at once. */
async function scene(t: Test, env: Readonly<Record<string, string>> = ONE): Promise<Scene> {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const service = await configured(t, { rpcUrl: proxy.url, env });
  await untilLooked(proxy);
  return { anvil, proxy, service };
}

type Change = (scene: Scene) => unknown;
interface Trouble {
  readonly code: string;
  readonly begin: Change;
  readonly end: Change;
}

const troubles: Record<string, Trouble> = {
  'the chain is unreachable': {
    code: 'chain-unreachable',
    begin: ({ proxy }) => (proxy.away = true),
    end: ({ proxy }) => (proxy.away = false),
  },
  'the operator is out of funds': {
    code: 'operator-out-of-funds',
    begin: ({ anvil }) => anvil.call('anvil_setBalance', OPERATOR, '0x5'),
    end: ({ anvil }) => anvil.call('anvil_setBalance', OPERATOR, '0xde0b6b3a7640000'),
  },
  'the chain has another id': {
    code: 'chain-id-wrong',
    begin: ({ proxy }) => proxy.on('eth_chainId', () => '0x5'),
    end: ({ proxy }) => proxy.off('eth_chainId'),
  },
  'the contract is missing': {
    code: 'contract-missing',
    begin: ({ anvil }) => anvil.call('anvil_setCode', CONTRACT, '0x'),
    end: ({ anvil }) => anvil.call('anvil_setCode', CONTRACT, EVIDENCE_LOG.runtimeBytecode),
  },
  'the contract is another one': {
    code: 'contract-different',
    begin: ({ anvil }) => anvil.call('anvil_setCode', CONTRACT, '0x600160005260206000f3'),
    end: ({ anvil }) => anvil.call('anvil_setCode', CONTRACT, EVIDENCE_LOG.runtimeBytecode),
  },
  'the node refuses transactions': {
    code: 'transaction-refused',
    begin: ({ proxy }) => proxy.on('eth_sendRawTransaction', () => Promise.reject(new Error('not today'))),
    end: ({ proxy }) => proxy.off('eth_sendRawTransaction'),
  },
};

for (const [what, { code, begin, end }] of Object.entries(troubles))
  t.test(
    `deposits go on while ${what}, it is named, and it recovers by itself`,
    { buffered: true },
    async (t) => {
      const at = await scene(t);
      const { anvil, service } = at;
      await untilProblem(service, 'ready');
      await begin(at);
      const id = await service.deposit(1);
      await untilProblem(service, code);
      const later = await service.deposit(2);
      t.match(await (await service.call('/health/ready')).json(), { status: 'degraded' });
      await untilState(service, later, 'batched');
      t.equal(await service.certificate(id), undefined);
      await end(at);
      t.equal(await verdictOf(await untilCertified(service, id), service, anvil.url, 1), 'valid');
      t.equal(await verdictOf(await untilCertified(service, later), service, anvil.url, 2), 'valid');
      await untilProblem(service, 'ready');
      const appends = await appendsOf(anvil.url);
      t.strictSame(
        appends.map((one) => one.index),
        appends.map((_, i) => i),
      );
    },
  );

type Answer = Record<string, unknown>;
const flip = (hex: string): string => hex.slice(0, -1) + (hex.endsWith('0') ? '1' : '0');

/** Changes what the node says of blocks that hold a transaction to the contract; of all blocks where it shows none. */
const inBlocks =
  (method: string, change: (answer: Answer) => Answer): Change =>
  ({ proxy }) =>
    proxy.on(method, async (_params, forward) => {
      const answer = (await forward()) as Answer | null;
      const transactions = (answer?.['transactions'] ?? []) as unknown[];
      return answer === null || transactions.length === 0 ? answer : change(answer);
    });

const inLogs =
  (change: (log: Answer) => Answer): Change =>
  ({ proxy }) =>
    proxy.on('eth_getLogs', async (_params, forward) => ((await forward()) as Answer[]).map(change));

const lies: Record<string, { readonly method: string; readonly codes: string; readonly lie: Change }> = {
  'a field of the header': {
    method: 'eth_getBlockByHash',
    codes: 'chain-hashes-differ',
    lie: inBlocks('eth_getBlockByHash', (block) => ({ ...block, gasUsed: '0x1' })),
  },
  'the time of the block': {
    method: 'eth_getBlockByHash',
    codes: 'chain-hashes-differ',
    lie: inBlocks('eth_getBlockByHash', (block) => ({ ...block, timestamp: '0x1' })),
  },
  'the transactions of the block': {
    method: 'eth_getBlockByHash',
    codes: 'chain-hashes-differ',
    lie: inBlocks('eth_getBlockByHash', (block) => ({
      ...block,
      transactions: (block['transactions'] as Answer[]).map((one) => ({
        ...one,
        hash: flip(one['hash'] as string),
      })),
    })),
  },
  'that its transactions are none': {
    method: 'eth_getBlockByHash',
    codes: 'chain-hashes-differ',
    lie: inBlocks('eth_getBlockByHash', (block) => ({ ...block, transactions: [] })),
  },
  'the receipts of the block': {
    method: 'eth_getBlockReceipts',
    codes: 'chain-hashes-differ',
    lie: ({ proxy }) =>
      proxy.on('eth_getBlockReceipts', async (_params, forward) =>
        ((await forward()) as Answer[]).map((one) => ({ ...one, cumulativeGasUsed: '0x1' })),
      ),
  },
  'the hash of the block': {
    method: 'eth_getBlockByNumber',
    codes: 'chain-answer-invalid',
    lie: inBlocks('eth_getBlockByNumber', (block) => ({ ...block, hash: flip(block['hash'] as string) })),
  },
  'in which transaction the root came': {
    method: 'eth_getLogs',
    codes: 'chain-hashes-differ',
    lie: inLogs((log) => ({ ...log, transactionHash: flip(log['transactionHash'] as string) })),
  },
  'in which block the root came': {
    method: 'eth_getLogs',
    codes: 'chain-answer-invalid',
    lie: inLogs((log) => ({ ...log, blockHash: flip(log['blockHash'] as string) })),
  },
  'that the root came in the first block': {
    method: 'eth_getLogs',
    codes: 'chain-hashes-differ',
    lie: async (at) => {
      const genesis = await at.anvil.call<{ hash: string }>('eth_getBlockByNumber', '0x0', false);
      inLogs((log) => ({ ...log, blockNumber: '0x0', blockHash: genesis.hash }))(at);
    },
  },
  'which root came': {
    method: 'eth_getLogs',
    codes: 'log-index-foreign',
    lie: inLogs((log) => ({ ...log, data: `0x${ROOT(7)}${String(log['data']).slice(66)}` })),
  },
  'that the log holds nothing of it': {
    method: 'eth_getLogs',
    codes: 'chain-answer-invalid',
    lie: ({ proxy }) => proxy.on('eth_getLogs', () => []),
  },
};

for (const [what, { method, codes, lie }] of Object.entries(lies))
  t.test(
    `a node that lies about ${what} gets no certificate made, and does no lasting harm`,
    { buffered: true },
    async (t) => {
      const at = await scene(t);
      const { anvil, proxy, service } = at;
      await untilProblem(service, 'ready');
      await lie(at);
      const id = await service.deposit(1);
      await untilProblem(service, codes);
      t.equal(await service.certificate(id), undefined);
      proxy.off(method);
      t.equal(await verdictOf(await untilCertified(service, id), service, anvil.url, 1), 'valid');
      await untilProblem(service, 'ready');
      t.equal((await appendsOf(anvil.url)).length, 1);
    },
  );

for (const [what, lie] of Object.entries({
  'denies the block of a final anchor': inBlocks('eth_getBlockByNumber', (block) => ({
    ...block,
    hash: flip(block['hash'] as string),
  })),
  'shows a log that is shorter than it was': ({ proxy }: Scene) =>
    proxy.on('eth_call', () => `0x${'0'.repeat(64)}`),
}))
  t.test(`a node that ${what} is named, and takes no certificate away`, { buffered: true }, async (t) => {
    const at = await scene(t);
    const { anvil, proxy, service } = at;
    const id = await service.deposit(1);
    const certificate = await untilCertified(service, id);
    lie(at);
    await anvil.mine();
    await untilProblem(service, 'chain-answer-invalid');
    t.ok((await service.certificate(id))?.equals(certificate));
    for (const method of ['eth_getBlockByNumber', 'eth_call']) proxy.off(method);
    const next = await service.deposit(2);
    await untilCertified(service, next);
    t.ok((await service.certificate(id))?.equals(certificate));
    t.equal((await appendsOf(anvil.url)).length, 2);
  });

t.test(
  'a node that shows another history of the log stops anchoring until it shows ours',
  { buffered: true },
  async (t) => {
    const { anvil, proxy, service } = await scene(t);
    const id = await service.deposit(1);
    await untilCertified(service, id);
    proxy.on('eth_call', () => `0x${'9'.repeat(48)}${'1'.padStart(16, '0')}`);
    // Found by whoever begins anew: a running service has seen this part of the log confirmed.
    await service.stop();
    const again = await configured(t, { rpcUrl: proxy.url, env: ONE, dataDir: service.dataDir });
    await untilProblem(again, 'log-history-differs');
    const next = await again.deposit(2);
    t.match(await again.view(next), { state: 'received' });
    t.equal((await appendsOf(anvil.url)).length, 1);
    proxy.off('eth_call');
    await untilProblem(again, 'ready');
    await until('anchored', async () => (await appendsOf(anvil.url)).length === 2);
  },
);

t.test(
  'a node that calls final what is not: where the chain decides otherwise, the certificate is made anew',
  { buffered: true },
  async (t) => {
    const { anvil, proxy, service } = await scene(t, {});
    await anvil.call('evm_setAutomine', false);
    proxy.on('eth_getBlockByNumber', (params, forward) =>
      params[0] === 'finalized' ? anvil.call('eth_getBlockByNumber', 'latest', false) : forward(),
    );
    const snapshot = await anvil.call('evm_snapshot');
    const id = await service.deposit(1);
    const mining = setInterval(() => void anvil.mine(), 300);
    t.teardown(() => clearInterval(mining));
    const first = await untilCertified(service, id);
    proxy.away = true;
    await anvil.call('evm_revert', snapshot);
    await anvil.call('evm_increaseTime', 77);
    proxy.off('eth_getBlockByNumber');
    proxy.away = false;
    await untilState(service, id, 'batched');
    const second = await untilCertified(service, id);
    t.notOk(second.equals(first));
    t.equal(JSON.parse(second.toString()).revision, 2);
    t.equal(await verdictOf(second, service, anvil.url, 1), 'valid');
    t.match(await verdictOf(first, service, anvil.url, 1), /^in/);
    t.equal((await appendsOf(anvil.url)).length, 1);
  },
);

t.test(
  'where two nodes disagree about a block there is no certificate until they agree',
  { buffered: true },
  async (t) => {
    const anvil = await startWithContract(t);
    const proxies = [await rpcProxy(t, anvil.url), await rpcProxy(t, anvil.url)] as const;
    const rpcUrl = proxies.map((proxy) => proxy.url).join(',');
    const service = await configured(t, { rpcUrl, env: ONE });
    await untilProblem(service, 'ready');
    inBlocks('eth_getBlockByNumber', (block) => ({ ...block, hash: flip(block['hash'] as string) }))({
      anvil,
      proxy: proxies[1],
      service,
    });
    const id = await service.deposit(1);
    await untilProblem(service, 'chain-nodes-disagree');
    t.equal(await service.certificate(id), undefined);
    proxies[1].off('eth_getBlockByNumber');
    t.equal(await verdictOf(await untilCertified(service, id), service, anvil.url, 1), 'valid');
    t.equal((await appendsOf(anvil.url)).length, 1);
  },
);

t.test('what only one of two nodes calls final is not', { buffered: true }, async (t) => {
  const anvil = await startWithContract(t);
  const proxies = [await rpcProxy(t, anvil.url), await rpcProxy(t, anvil.url)] as const;
  const service = await configured(t, { rpcUrl: proxies.map((proxy) => proxy.url).join(',') });
  proxies[0].on('eth_getBlockByNumber', (params, forward) =>
    params[0] === 'finalized' ? anvil.call('eth_getBlockByNumber', 'latest', false) : forward(),
  );
  const id = await service.deposit(1);
  await untilState(service, id, 'anchoring');
  const looks = () => proxies[1].calls.filter((call) => call === 'eth_getBlockByNumber').length;
  const before = looks();
  await until('both were asked again', () => looks() >= before + 9);
  t.equal(await service.certificate(id), undefined);
  await anvil.mine(2);
  await untilCertified(service, id);
});

t.test('a second node that is away makes nothing final, and is named', { buffered: true }, async (t) => {
  const anvil = await startWithContract(t);
  const proxies = [await rpcProxy(t, anvil.url), await rpcProxy(t, anvil.url)] as const;
  const env = { ...ONE, KEZHENG_RPC_URL: proxies.map((proxy) => proxy.url).join(',') };
  const service = await configured(t, { rpcUrl: proxies[0].url, env });
  proxies[1].away = true;
  const id = await service.deposit(1);
  await untilProblem(service, 'chain-unreachable');
  t.equal(await service.certificate(id), undefined);
  proxies[1].away = false;
  await untilCertified(service, id);
});

t.test(
  'another chain with the same id is an alarm: nothing is anchored there, and nobody is told to trust it',
  { buffered: true },
  async (t) => {
    const { anvil, proxy, service } = await scene(t);
    const id = await service.deposit(1);
    const certificate = await untilCertified(service, id);
    const trust = readFileSync(join(service.dataDir, 'trust.json'), 'utf8');
    const other = await startAnvil(t, '--timestamp', '1700000000');
    await deploy(other.url);
    proxy.target = other.url;
    await untilProblem(service, 'genesis-changed');
    const later = await service.deposit(2);
    t.ok((await service.certificate(id))?.equals(certificate));
    t.match(await service.view(later), { state: 'received' }, 'nothing is sealed beside another chain');
    await service.stop();
    const again = await configured(t, { rpcUrl: proxy.url, env: ONE, dataDir: service.dataDir });
    await untilProblem(again, 'genesis-changed');
    t.equal((await appendsOf(other.url)).length, 0);
    t.equal(readFileSync(join(service.dataDir, 'trust.json'), 'utf8'), trust);
    proxy.target = anvil.url;
    await until('anchored on our chain', async () => (await appendsOf(anvil.url)).length === 2);
    await untilProblem(again, 'ready');
  },
);

for (const [what, size, root] of [
  ['another root', 1, ROOT(6)],
  ['our root with another size', 9, undefined],
] as const)
  t.test(
    `an index taken by ${what} is an alarm: nothing is sealed or anchored after it, and nothing renumbered`,
    { buffered: true },
    async (t) => {
      const { anvil, proxy, service } = await scene(t);
      const first = await service.deposit(1);
      const certificate = await untilCertified(service, first);
      proxy.away = true;
      const second = await service.deposit(2);
      await untilState(service, second, 'batched');
      const ours = await service.batch(2);
      const outside = openChain(t, { rpcUrls: [anvil.url] });
      await append(outside, 1, size, root ?? ours.root);
      proxy.away = false;
      await untilProblem(service, 'log-index-foreign');
      const third = await service.deposit(3);
      t.match(await service.view(third), { state: 'received' });
      await service.stop();
      const again = await configured(t, { rpcUrl: proxy.url, env: ONE, dataDir: service.dataDir });
      await untilProblem(again, 'log-index-foreign');
      t.equal((await appendsOf(anvil.url)).length, 2, 'nothing of ours after it');
      t.strictSame(await again.events(2), ['planned', 'foreign-root'], 'told once');
      t.match((await again.batch(2)).anchors, [{ index: 1, state: 'planned' }]);
      t.equal((await again.call('/v1/batches/3')).status, 404, 'nothing is sealed beside it');
      t.equal(await verdictOf(certificate, again, anvil.url, 1), 'valid', 'what was anchored before stays');
    },
  );

t.test(
  'a root of another operator in the same contract is none of our business',
  { buffered: true },
  async (t) => {
    const { anvil, service } = await scene(t);
    const { privateKey, address } = Wallet.createRandom();
    await anvil.call('anvil_setBalance', address, '0xde0b6b3a7640000');
    await append(openChain(t, { rpcUrls: [anvil.url], operatorKey: privateKey }), 0);
    const id = await service.deposit(1);
    t.equal(await verdictOf(await untilCertified(service, id), service, anvil.url, 1), 'valid');
  },
);
