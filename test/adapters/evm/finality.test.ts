import t from 'tap';
import {
  append,
  codeOf,
  deploy,
  openChain,
  problem,
  startAnvil,
  startWithContract,
} from '../../support/anvil.ts';
import { DROP, fault, rpcProxy } from '../../support/rpc-proxy.ts';

const GONE = { canonical: false, final: false, confirmations: 0, required: 0, blockTime: 0 };

t.test('a block becomes final by the tag, not before', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  const { fate } = await append(chain, 0);
  const { blockNumber, blockHash } = fate;
  t.match(await chain.finality(blockNumber, blockHash), {
    canonical: true,
    final: false,
    confirmations: 1,
    required: 3,
  });
  t.equal(await chain.finalBlockHash(blockNumber), undefined);
  await anvil.mine();
  t.match(await chain.finality(blockNumber, blockHash), { final: false, confirmations: 2, required: 3 });
  await anvil.mine();
  const final = await chain.finality(blockNumber, blockHash);
  t.match(final, { final: true, confirmations: 3, required: 3 });
  const block = await anvil.call<{ timestamp: string }>('eth_getBlockByHash', blockHash, false);
  t.equal(final.blockTime, Number(block.timestamp));
  t.equal(await chain.finalBlockHash(blockNumber), blockHash);
  t.equal(await chain.finalBlockHash(blockNumber + 1000), undefined);
});

t.test('a block becomes final by a count where one is configured', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url], confirmations: 2 });
  const { blockNumber, blockHash } = (await append(chain, 0)).fate;
  t.match(await chain.finality(blockNumber, blockHash), { final: false, confirmations: 1, required: 2 });
  await anvil.mine();
  t.match(await chain.finality(blockNumber, blockHash), { final: true, confirmations: 2, required: 2 });
});

t.test(
  'a chain without the tag is a problem that names what to configure, and a count solves it',
  async (t) => {
    const anvil = await startWithContract(t);
    const proxy = await rpcProxy(t, anvil.url);
    const chain = openChain(t, { rpcUrls: [proxy.url] });
    const { blockNumber, blockHash } = (await append(chain, 0)).fate;
    for (const answer of [fault('unknown block tag'), () => null]) {
      proxy.on('eth_getBlockByNumber', (params, forward) =>
        params[0] === 'finalized' ? answer(params, forward) : forward(),
      );
      t.equal(await codeOf(chain.finality(blockNumber, blockHash)), 'chain-finality-unknown');
    }
    const counting = openChain(t, { rpcUrls: [proxy.url], confirmations: 1 });
    t.match(await counting.finality(blockNumber, blockHash), { final: true });
    proxy.on('eth_getBlockByNumber', (params, forward) => (params[0] === 'finalized' ? DROP : forward()));
    t.equal(await codeOf(chain.finality(blockNumber, blockHash)), 'chain-unreachable');
  },
);

t.test('a reorganisation takes the append off the chain, and it can be appended again', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  const snapshot = await anvil.call('evm_snapshot');
  const { blockNumber, blockHash } = (await append(chain, 0)).fate;
  await anvil.call('evm_revert', snapshot);
  t.strictSame(await chain.finality(blockNumber, blockHash), GONE, 'the chain is shorter');
  t.equal(await chain.findAppend(0), undefined);
  await anvil.call('evm_increaseTime', 77);
  await anvil.mine(3);
  t.strictSame(await chain.finality(blockNumber, blockHash), GONE, 'another block stands there');
  const again = await append(chain, 0);
  t.equal((await chain.head()).count, 1);
  t.match(await chain.findAppend(0), { blockHash: again.fate.blockHash });
});

t.test('anvil_reorg replaces the blocks under an append: it is not canonical any more', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url] });
  const { blockNumber, blockHash } = (await append(chain, 0)).fate;
  await anvil.mine();
  await anvil.call('anvil_reorg', 2, []);
  t.match(await chain.finality(blockNumber, blockHash), { canonical: false });
});

/** Three views of one chain: proxies before one node. */
async function threeNodes(t: Parameters<typeof startAnvil>[0]) {
  const anvil = await startWithContract(t);
  const proxies = await Promise.all([1, 2, 3].map(() => rpcProxy(t, anvil.url)));
  const chain = openChain(t, { rpcUrls: proxies.map((proxy) => proxy.url), timeoutMs: 500 });
  const { blockNumber, blockHash } = (await append(chain, 0)).fate;
  await anvil.mine(5);
  return { anvil, proxies, chain, blockNumber, blockHash };
}

t.test('more than half of the configured nodes must confirm', async (t) => {
  const { proxies, chain, blockNumber, blockHash } = await threeNodes(t);
  t.match(await chain.finality(blockNumber, blockHash), { final: true });
  proxies[1]!.away = true;
  t.match(await chain.finality(blockNumber, blockHash), { final: true }, 'two of three');
  proxies[2]!.away = true;
  t.equal(await codeOf(chain.finality(blockNumber, blockHash)), 'chain-unreachable', 'one of three');
  t.equal(await codeOf(chain.finalBlockHash(blockNumber)), 'chain-unreachable');
  proxies[1]!.away = false;
  t.match(await chain.finality(blockNumber, blockHash), { final: true }, 'a node came back');
});

t.test('one node that contradicts is enough to stop', async (t) => {
  const { proxies, chain, blockNumber, blockHash } = await threeNodes(t);
  proxies[2]!.on('eth_getBlockByNumber', async (_params, forward) => {
    const block = (await forward()) as { number: string };
    return Number(block.number) === blockNumber ? { ...block, hash: `0x${'66'.repeat(32)}` } : block;
  });
  t.equal(await codeOf(chain.finality(blockNumber, blockHash)), 'chain-nodes-disagree');
  t.equal(await codeOf(chain.finalBlockHash(blockNumber)), 'chain-nodes-disagree');
});

t.test('nodes that lag behind leave a block canonical and not final', async (t) => {
  const { proxies, chain, blockNumber, blockHash } = await threeNodes(t);
  for (const proxy of proxies.slice(1))
    proxy.on('eth_getBlockByNumber', (params, forward) =>
      Number(params[0]) === blockNumber ? null : forward(),
    );
  t.match(await chain.finality(blockNumber, blockHash), { canonical: true, final: false });
  t.equal(await chain.finalBlockHash(blockNumber), undefined);
});

t.test('two nodes on two chains with one id are noticed before anything is anchored', async (t) => {
  const [one, two] = await Promise.all([startWithContract(t), startAnvil(t, '--timestamp', '1700000000')]);
  await deploy(two.url);
  const chain = openChain(t, { rpcUrls: [one.url, two.url] });
  t.equal(await codeOf(chain.inspect()), 'chain-nodes-disagree');
});

t.test(
  'a node that does not answer in time counts as away, and its address is not in the problem',
  async (t) => {
    const anvil = await startWithContract(t);
    const proxy = await rpcProxy(t, anvil.url);
    proxy.on('eth_getBlockByNumber', () => new Promise((resolve) => setTimeout(resolve, 1_000, null)));
    const chain = openChain(t, { rpcUrls: [`${proxy.url}/v3/secret`], timeoutMs: 100 });
    const found = await problem(chain.head());
    t.equal(found.code, 'chain-unreachable');
    t.notMatch(found.message, /secret/);
  },
);

const shapes: Record<string, unknown> = {
  'is nothing': null,
  'is text': 'block',
  'is a list': [],
  'has no number': { hash: `0x${'11'.repeat(32)}`, timestamp: '0x1' },
  'has a decimal number': { number: 12, hash: `0x${'11'.repeat(32)}`, timestamp: '0x1' },
  'has a number above 2^53': {
    number: `0x${'ff'.repeat(9)}`,
    hash: `0x${'11'.repeat(32)}`,
    timestamp: '0x1',
  },
  'has a short hash': { number: '0x1', hash: '0x11', timestamp: '0x1' },
  'has a hash that is no hex': { number: '0x1', hash: `0x${'zz'.repeat(32)}`, timestamp: '0x1' },
};
t.test('a block is refused where it', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  for (const [what, block] of Object.entries(shapes)) {
    proxy.on('eth_getBlockByNumber', () => block);
    t.equal(await codeOf(chain.finality(1, `0x${'11'.repeat(32)}`)), 'chain-answer-invalid', what);
    t.equal(await codeOf(chain.head()), 'chain-answer-invalid', what);
  }
  proxy.on('eth_getBlockByNumber', async (params, forward) =>
    params[0] === '0x1' ? { number: '0x2', hash: `0x${'11'.repeat(32)}`, timestamp: '0x1' } : forward(),
  );
  t.equal(await codeOf(chain.finality(1, `0x${'11'.repeat(32)}`)), 'chain-answer-invalid', 'is another one');
});
