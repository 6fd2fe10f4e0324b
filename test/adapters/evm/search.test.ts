import t from 'tap';
import { append, codeOf, OTHER, openChain, ROOT, startWithContract } from '../../support/anvil.ts';
import { fault, RpcFault, rpcProxy } from '../../support/rpc-proxy.ts';

t.test('an old append is found behind a node that limits ranges', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  const { fate } = await append(chain, 0);
  await append(chain, 1);
  await anvil.mine(300);
  proxy.on('eth_getLogs', (params, forward) => {
    const [filter] = params as [{ fromBlock: string; toBlock: string }];
    if (Number(filter.toBlock) - Number(filter.fromBlock) > 40)
      throw new RpcFault({ code: -32005, message: 'range too large' });
    return forward();
  });
  t.match(await chain.findAppend(0), { root: ROOT(0), blockHash: fate.blockHash });
  t.match(await chain.findAppend(1), { root: ROOT(1) });
});

t.test('ranges grow while the search goes back through a long chain', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  const { fate } = await append(chain, 0);
  // Nine thousand blocks take anvil half a minute: the proxy pretends that they are there, and empty.
  const long = fate.blockNumber + 9_000;
  proxy.on('eth_getBlockByNumber', async (_params, forward) => ({
    ...((await forward()) as object),
    number: `0x${long.toString(16)}`,
  }));
  proxy.on('eth_call', (params) => anvil.call('eth_call', params[0], 'latest'));
  const asked: [from: number, to: number][] = [];
  proxy.on('eth_getLogs', (params, _forward) => {
    const [filter] = params as [{ fromBlock: string; toBlock: string }];
    asked.push([Number(filter.fromBlock), Number(filter.toBlock)]);
    const has = Number(filter.fromBlock) <= fate.blockNumber;
    return has ? anvil.call('eth_getLogs', { ...filter, toBlock: 'latest' }) : [];
  });
  t.match(await chain.findAppend(0), { root: ROOT(0), blockHash: fate.blockHash });
  t.strictSame(asked, [
    [long - 1_999, long],
    [long - 5_999, long - 2_000],
    [0, long - 6_000],
  ]);
});

t.test('a node that refuses every range is asked no more than is sensible', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  await append(chain, 0);
  proxy.on('eth_getLogs', fault('no'));
  t.equal(await codeOf(chain.findAppend(0)), 'chain-unreachable');
  t.ok(proxy.calls.length < 30);
});

const lies: Record<string, (log: Record<string, unknown>) => unknown> = {
  'of another contract': (log) => ({ ...log, address: OTHER }),
  'of another index': (log) => ({
    ...log,
    topics: (log['topics'] as string[]).with(2, `0x${'00'.repeat(31)}05`),
  }),
  'of another operator': (log) => ({
    ...log,
    topics: (log['topics'] as string[]).with(1, `0x${OTHER.slice(2).padStart(64, '0')}`),
  }),
  'of another event': (log) => ({ ...log, topics: [] }),
  'without block hash': (log) => ({ ...log, blockHash: null }),
  'that is a number': () => 7,
};
for (const [what, lie] of Object.entries(lies))
  t.test(`a log ${what} is refused`, async (t) => {
    const anvil = await startWithContract(t);
    const proxy = await rpcProxy(t, anvil.url);
    const chain = openChain(t, { rpcUrls: [proxy.url] });
    await append(chain, 0);
    proxy.on('eth_getLogs', async (_params, forward) => {
      const [log] = (await forward()) as [Record<string, unknown>];
      return [lie(log)];
    });
    t.equal(await codeOf(chain.findAppend(0)), 'chain-answer-invalid');
  });

t.test('a node that hides an append which the state has is not believed', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  await append(chain, 0);
  proxy.on('eth_getLogs', () => []);
  t.equal(await codeOf(chain.findAppend(0)), 'chain-answer-invalid');
});
