import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { ensureContract } from '../../../server/adapters/evm/contract.ts';
import { type LocalChain, startLocalChain } from '../../../server/adapters/evm/local-chain.ts';
import { mined, openChain, ROOT, sleep } from '../../support/anvil.ts';
import { rpc } from '../../support/rpc-proxy.ts';

const QUIET = { info: () => undefined, warn: () => undefined };

async function temporary(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kezheng-chain-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'chain');
}

async function start(t: Test, dataDir: string, log = QUIET): Promise<LocalChain> {
  const local = await startLocalChain({ dataDir, log });
  t.teardown(() => local.stop());
  return local;
}

function open(t: Test, { rpcUrl, operatorKey, chainId }: LocalChain) {
  return openChain(t, { rpcUrls: [rpcUrl], operatorKey, chainId });
}

const deploy = ({ rpcUrl, operatorKey, chainId }: LocalChain) =>
  ensureContract({ rpcUrl, operatorKey, chainId });

/** Appends and waits until it is final. */
async function appendFinal(chain: ReturnType<typeof open>, index: number) {
  const signed = await chain.sign({ index, root: ROOT(index), size: 10 });
  await chain.broadcast(signed);
  const { blockNumber, blockHash } = await mined(chain, signed);
  for (let tries = 0; tries < 200; tries++) {
    if ((await chain.finality(blockNumber, blockHash)).final) return { blockNumber, blockHash };
    await sleep(20);
  }
  throw new Error('not final');
}

/** Blocks with transactions and receipts, as the node shows them: all that a certificate is made of. */
async function history(url: string, upTo: number): Promise<unknown[]> {
  const blocks: unknown[] = [];
  for (let number = 0; number <= upTo; number++) {
    const tag = `0x${number.toString(16)}`;
    blocks.push(
      await rpc(url, 'eth_getBlockByNumber', tag, true),
      await rpc(url, 'eth_getBlockReceipts', tag),
    );
  }
  return blocks;
}

/** Process id of the anvil that listens on this chain's port. */
async function pidOf({ rpcUrl }: LocalChain): Promise<number> {
  const { port } = new URL(rpcUrl);
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid,args']);
  const line = stdout.split('\n').find((text) => text.includes(`--port ${port} `) && text.includes('anvil'));
  return Number.parseInt(line!.trim(), 10);
}

t.test(
  'a restart shows the same blocks, transactions and receipts, final ones final, and goes on',
  async (t) => {
    const dataDir = await temporary(t);
    const before = await start(t, dataDir);
    await deploy(before);
    const chain = open(t, before);
    const log = await chain.inspect();
    const anchored = await appendFinal(chain, 0);
    await appendFinal(chain, 1);
    const head = await chain.head();
    const blocks = await history(before.rpcUrl, anchored.blockNumber);
    const proof = await chain.prove((await chain.findAppend(0))!);
    await before.stop();
    const after = await start(t, dataDir);
    t.equal(after.operatorKey, before.operatorKey);
    const again = open(t, after);
    t.strictSame(await again.inspect(), log, 'genesis, chain id, contract and operator are the same');
    t.match(await again.head(), { count: head.count, rolling: head.rolling });
    t.strictSame(await history(after.rpcUrl, anchored.blockNumber), blocks);
    t.match(await again.finality(anchored.blockNumber, anchored.blockHash), { canonical: true, final: true });
    t.strictSame(await again.prove((await again.findAppend(0))!), proof);
    await appendFinal(again, 2);
    t.equal((await again.head()).count, 3);
  },
);

t.test('a chain process that is killed comes back on the same port with every final block', async (t) => {
  const dataDir = await temporary(t);
  const local = await start(t, dataDir);
  await deploy(local);
  const chain = open(t, local);
  const reasons: string[] = [];
  local.onExit((reason) => reasons.push(reason));
  const final: { blockNumber: number; blockHash: string }[] = [];
  for (let round = 0; round < 3; round++) {
    final.push(await appendFinal(chain, round));
    process.kill(await pidOf(local), 'SIGKILL');
    for (let tries = 0; reasons.length <= round && tries < 500; tries++) await sleep(10);
    for (let tries = 0; tries < 500 && !(await chain.head().catch(() => undefined)); tries++) await sleep(20);
    t.equal((await chain.head()).count, round + 1);
    // Back, but perhaps in its first round: what was loaded becomes final again at once.
    for (const { blockNumber, blockHash } of final) {
      for (let tries = 0; tries < 100 && !(await chain.finality(blockNumber, blockHash)).final; tries++)
        await sleep(20);
      t.match(await chain.finality(blockNumber, blockHash), { canonical: true, final: true });
    }
  }
  t.equal(reasons.length, 3);
  t.match(reasons[0], /SIGKILL/);
});

t.test('killed at any moment, the chain starts again and has every block that was final', async (t) => {
  const dataDir = await temporary(t);
  let local = await start(t, dataDir);
  await deploy(local);
  for (let round = 0; round < 4; round++) {
    const chain = open(t, local);
    const { count } = await chain.head();
    const anchored = await appendFinal(chain, count);
    const more = await chain.sign({ index: count + 1, root: ROOT(count + 1), size: 1 });
    await chain.broadcast(more);
    // Somewhere between broadcast, mining, dump and finality.
    await sleep(round * 35);
    process.kill(await pidOf(local), 'SIGKILL');
    await local.stop();
    local = await start(t, dataDir);
    const again = open(t, local);
    t.match(await again.finality(anchored.blockNumber, anchored.blockHash), { canonical: true, final: true });
    t.ok((await again.head()).count >= count + 1);
  }
});

t.test('the chain process dies with the service, however that ends', async (t) => {
  const dataDir = await temporary(t);
  const module = new URL('../../../server/adapters/evm/local-chain.ts', import.meta.url).href;
  const program = `
    const { startLocalChain } = await import(${JSON.stringify(module)});
    const log = { info() {}, warn() {} };
    const { rpcUrl } = await startLocalChain({ dataDir: ${JSON.stringify(dataDir)}, log });
    console.log(rpcUrl);`;
  const service = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => service.kill('SIGKILL'));
  const rpcUrl = await new Promise<string>((resolve) =>
    service.stdout.once('data', (said) => resolve(String(said).trim())),
  );
  t.equal(await rpc(rpcUrl, 'eth_chainId'), '0x7a69');
  service.kill('SIGKILL');
  const answers = () => rpc(rpcUrl, 'eth_chainId').catch(() => undefined);
  for (let tries = 0; tries < 200 && (await answers()); tries++) await sleep(10);
  t.equal(await answers(), undefined);
});

t.test('an idle chain does not grow, and writes nothing', async (t) => {
  const dataDir = await temporary(t);
  const local = await start(t, dataDir);
  await deploy(local);
  const chain = open(t, local);
  await appendFinal(chain, 0);
  await sleep(300);
  const before = [await chain.head(), (await stat(join(dataDir, 'state.json'))).mtimeMs];
  await sleep(400);
  t.strictSame([await chain.head(), (await stat(join(dataDir, 'state.json'))).mtimeMs], before);
});

t.test(
  'each installation has a genesis and a key of its own, and the key is readable by its owner alone',
  async (t) => {
    const [one, two] = await Promise.all([temporary(t), temporary(t)]);
    const [first, second] = await Promise.all([start(t, one), start(t, two)]);
    t.not(first.operatorKey, second.operatorKey);
    const genesis = ({ rpcUrl }: LocalChain) =>
      rpc<{ hash: string }>(rpcUrl, 'eth_getBlockByNumber', '0x0', false);
    t.not((await genesis(first)).hash, (await genesis(second)).hash);
    t.equal((await stat(join(one, 'operator.key'))).mode & 0o777, 0o600);
    t.match(await readFile(join(one, 'operator.key'), 'utf8'), /^0x[0-9a-f]{64}\n$/);
  },
);

t.test('what a crash in the middle of a dump left is removed', async (t) => {
  const dataDir = await temporary(t);
  await (await start(t, dataDir)).stop();
  await writeFile(join(dataDir, 'state.json.0011.tmp'), '{"half');
  await start(t, dataDir);
  t.strictSame(
    (await readdir(dataDir)).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

t.test('the time of blocks is the time of the machine, also after a restart', async (t) => {
  const dataDir = await temporary(t);
  await (await start(t, dataDir)).stop();
  await sleep(1_100);
  const local = await start(t, dataDir);
  const block = await rpc<{ timestamp: string }>(local.rpcUrl, 'eth_getBlockByNumber', 'latest', false);
  t.ok(Math.abs(Number(block.timestamp) - Date.now() / 1000) < 3);
});

t.test('a state that is no state stops the start with a reason', async (t) => {
  const dataDir = await temporary(t);
  await (await start(t, dataDir)).stop();
  await writeFile(join(dataDir, 'state.json'), '{"half');
  await t.rejects(startLocalChain({ dataDir, log: QUIET }), /anvil/);
});

t.test('a chain that cannot start again keeps trying, and says so', async (t) => {
  const dataDir = await temporary(t);
  const warnings: string[] = [];
  const local = await start(t, dataDir, {
    info: () => undefined,
    warn: ((_fields: object, message: string) => void warnings.push(message)) as () => undefined,
  });
  const good = await readFile(join(dataDir, 'state.json'));
  await writeFile(join(dataDir, 'state.json'), '{"half');
  process.kill(await pidOf(local), 'SIGKILL');
  for (let tries = 0; tries < 300 && !warnings.includes('local chain does not start'); tries++)
    await sleep(20);
  t.ok(warnings.includes('local chain does not start'));
  await writeFile(join(dataDir, 'state.json'), good);
  const answers = () => rpc(local.rpcUrl, 'eth_chainId').catch(() => undefined);
  for (let tries = 0; tries < 300 && !(await answers()); tries++) await sleep(20);
  t.equal(await answers(), '0x7a69');
});
