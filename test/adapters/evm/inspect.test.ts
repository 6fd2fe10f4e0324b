import t from 'tap';
import {
  append,
  CHAIN_ID,
  CONTRACT,
  codeOf,
  KEY,
  OPERATOR,
  OTHER,
  openChain,
  problem,
  startAnvil,
  startWithContract,
} from '../../support/anvil.ts';
import { fault, Raw, rpcProxy } from '../../support/rpc-proxy.ts';

t.test('a good chain names our log', async (t) => {
  const anvil = await startWithContract(t);
  const genesis = await anvil.call<{ hash: string }>('eth_getBlockByNumber', '0x0', false);
  const log = { chainId: CHAIN_ID, genesisHash: genesis.hash, contract: CONTRACT, operator: OPERATOR };
  t.strictSame(await openChain(t, { rpcUrls: [anvil.url] }).inspect(), log);
  const expecting = {
    chainId: CHAIN_ID,
    genesisHash: genesis.hash,
    contract: CONTRACT.toUpperCase().replace('X', 'x'),
  };
  t.strictSame(await openChain(t, { rpcUrls: [anvil.url, anvil.url], ...expecting }).inspect(), log);
});

t.test('another chain id, another genesis, no contract and other code are told apart', async (t) => {
  const anvil = await startWithContract(t);
  const rpcUrls = [anvil.url];
  t.match(await problem(openChain(t, { rpcUrls, chainId: 5 }).inspect()), {
    code: 'chain-id-wrong',
    detail: { expected: 5, actual: CHAIN_ID },
  });
  const genesisHash = `0x${'11'.repeat(32)}`;
  t.equal(await codeOf(openChain(t, { rpcUrls, genesisHash }).inspect()), 'chain-genesis-wrong');
  t.equal(await codeOf(openChain(t, { rpcUrls, contract: OTHER }).inspect()), 'contract-missing');
  t.equal(await codeOf(openChain(t, { rpcUrls, contract: OTHER }).head()), 'contract-missing');
  await anvil.call('anvil_setCode', OTHER, '0x6001');
  t.equal(await codeOf(openChain(t, { rpcUrls, contract: OTHER }).inspect()), 'contract-different');
});

t.test('a chain id once seen is kept: a node that changes chains is noticed', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  await chain.inspect();
  proxy.on('eth_chainId', () => '0x5');
  t.equal(await codeOf(chain.inspect()), 'chain-id-wrong');
});

t.test('a chain whose blocks hash otherwise is refused, and it is said why', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  proxy.on('eth_getBlockByHash', async (_params, forward) => ({
    ...((await forward()) as object),
    extraData: '0x01',
  }));
  t.match(await problem(openChain(t, { rpcUrls: [proxy.url] }).inspect()), {
    code: 'chain-hashes-differ',
    detail: { what: 'header' },
  });
});

t.test('blocks are hashed again after some time, after a failure, and not at every look', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  let nowMs = 0;
  const chain = openChain(t, { rpcUrls: [proxy.url], clock: { nowMs: () => nowMs } });
  await append(chain, 0);
  const hashed = async () => {
    proxy.calls.length = 0;
    await chain.inspect();
    return proxy.calls.filter((method) => method === 'eth_getBlockByHash').length;
  };
  t.equal(await hashed(), 3);
  t.equal(await hashed(), 0);
  nowMs += 11 * 60_000;
  t.equal(await hashed(), 3);
  proxy.away = true;
  t.equal(await codeOf(chain.inspect()), 'chain-unreachable');
  proxy.away = false;
  t.equal(await hashed(), 3);
});

t.test('a node that is away is unreachable, and found again when it is back', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  proxy.away = true;
  t.equal(await codeOf(chain.inspect()), 'chain-unreachable');
  t.equal(await codeOf(chain.head()), 'chain-unreachable');
  proxy.away = false;
  t.match(await chain.inspect(), { contract: CONTRACT });
});

t.test('a second node that is away does not stop the first', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  proxy.away = true;
  t.match(await openChain(t, { rpcUrls: [anvil.url, proxy.url] }).inspect(), { contract: CONTRACT });
});

t.test('a second node of another chain id stops', async (t) => {
  const [anvil, other] = await Promise.all([startWithContract(t), startAnvil(t, '--chain-id', '5')]);
  t.equal(await codeOf(openChain(t, { rpcUrls: [anvil.url, other.url] }).inspect()), 'chain-nodes-disagree');
});

const answers: Record<string, [answer: unknown, code: string]> = {
  'that is no JSON': [new Raw('<html>'), 'chain-unreachable'],
  'that is a bare error of the web server': [new Raw('Bad Gateway', 502), 'chain-unreachable'],
  'that is a number': [new Raw('7'), 'chain-answer-invalid'],
  'to another question': [new Raw('{"jsonrpc":"2.0","id":99,"result":"0x1"}'), 'chain-answer-invalid'],
  'that is nothing': [null, 'chain-answer-invalid'],
  'without a prefix': ['7a69', 'chain-answer-invalid'],
};
t.test('an answer is refused', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  for (const [what, [answer, code]] of Object.entries(answers)) {
    proxy.on('eth_chainId', () => answer);
    t.equal(await codeOf(openChain(t, { rpcUrls: [proxy.url] }).inspect()), code, what);
  }
  proxy.on('eth_chainId', fault('x'.repeat(10_000)));
  const limited = await problem(openChain(t, { rpcUrls: [proxy.url] }).inspect());
  t.equal(limited.code, 'chain-unreachable');
  t.ok(limited.message.length < 400, 'a long sentence of a node is cut');
  proxy.off('eth_chainId');
  proxy.on('eth_getBlockByNumber', (params, forward) => (params[0] === '0x0' ? null : forward()));
  t.equal(
    await codeOf(openChain(t, { rpcUrls: [proxy.url] }).inspect()),
    'chain-answer-invalid',
    'no genesis',
  );
  proxy.on('eth_getTransactionReceipt', async () => ({ transactionHash: `0x${'22'.repeat(32)}` }));
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  t.equal(await codeOf(chain.fate(`0x${'11'.repeat(32)}`)), 'chain-answer-invalid', 'another receipt');
});

t.test('an answer longer than any block is not read to its end', async (t) => {
  const anvil = await startAnvil(t);
  const proxy = await rpcProxy(t, anvil.url);
  proxy.on('eth_chainId', () => 'x'.repeat(65 * 1024 * 1024));
  const chain = openChain(t, { rpcUrls: [proxy.url] });
  t.match(await problem(chain.inspect()), { code: 'chain-unreachable', detail: { message: /longer than/ } });
});

t.test('a closed chain asks nobody any more', async (t) => {
  const anvil = await startWithContract(t);
  const chain = openChain(t, { rpcUrls: [anvil.url], operatorKey: KEY });
  chain.close();
  t.equal(await codeOf(chain.head()), 'chain-unreachable');
});
