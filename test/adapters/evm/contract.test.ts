import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { EVIDENCE_LOG, ensureContract } from '../../../server/adapters/evm/contract.ts';
import {
  CHAIN_ID,
  CONTRACT,
  codeOf,
  deploy,
  KEY,
  OPERATOR,
  problem,
  startAnvil,
} from '../../support/anvil.ts';
import { fault, rpcProxy } from '../../support/rpc-proxy.ts';

t.test('the contract lands at the address of its bytecode, once', async (t) => {
  const anvil = await startAnvil(t);
  t.strictSame(await deploy(anvil.url), { contract: CONTRACT, deployed: true });
  t.equal(await anvil.call('eth_getCode', CONTRACT, 'latest'), EVIDENCE_LOG.runtimeBytecode);
  const nonce = await anvil.call('eth_getTransactionCount', OPERATOR, 'latest');
  t.strictSame(await deploy(anvil.url), { contract: CONTRACT, deployed: false });
  t.equal(await anvil.call('eth_getTransactionCount', OPERATOR, 'latest'), nonce);
});

t.test('where the proxy is missing its keyless deployment is tried', async (t) => {
  const anvil = await startAnvil(t, '--disable-default-create2-deployer');
  t.equal(await anvil.call('eth_getCode', EVIDENCE_LOG.create2.proxy, 'latest'), '0x');
  t.strictSame(await deploy(anvil.url), { contract: CONTRACT, deployed: true });
});

t.test('a chain that takes no transaction without chain id is told what is missing', async (t) => {
  const anvil = await startAnvil(t, '--disable-default-create2-deployer');
  const proxy = await rpcProxy(t, anvil.url);
  proxy.on('eth_sendRawTransaction', (params, forward) =>
    String(params[0]).startsWith('0xf8a5')
      ? fault('only replay-protected (EIP-155)')([], forward)
      : forward(),
  );
  t.match(await problem(deploy(proxy.url)), {
    code: 'contract-missing',
    detail: { contract: EVIDENCE_LOG.create2.proxy, message: /keyless/ },
  });
});

t.test('nothing is deployed to another chain, or without funds', async (t) => {
  const anvil = await startAnvil(t);
  t.equal(await codeOf(deploy(anvil.url, 5)), 'chain-id-wrong');
  await anvil.call('anvil_setBalance', OPERATOR, '0x5');
  t.match(await problem(deploy(anvil.url)), { code: 'operator-out-of-funds', detail: { balance: '5' } });
});

t.test('other code at the address is noticed', async (t) => {
  const anvil = await startAnvil(t);
  await anvil.call('anvil_setCode', CONTRACT, '0x6001');
  t.equal(await codeOf(deploy(anvil.url)), 'contract-different');
});

t.test('a deployment that is not mined, or reverts, ends with a reason', async (t) => {
  const anvil = await startAnvil(t);
  const proxy = await rpcProxy(t, anvil.url);
  const deployThere = () =>
    ensureContract({ rpcUrl: proxy.url, chainId: CHAIN_ID, operatorKey: KEY, waitMs: 200, timeoutMs: 2_000 });
  proxy.on('eth_getTransactionReceipt', () => null);
  t.match(await problem(deployThere()), { code: 'transaction-refused', detail: { message: /not mined/ } });
  await anvil.call('anvil_setCode', CONTRACT, '0x');
  await anvil.call('anvil_setNonce', CONTRACT, '0x0');
  proxy.on('eth_getTransactionReceipt', () => ({ status: '0x0' }));
  t.match(await problem(deployThere()), { code: 'transaction-refused', detail: { message: 'reverted' } });
});

/** Exit code and output of scripts/deploy.ts. */
async function runDeploy(t: Test, settings: Record<string, string>): Promise<[code: unknown, said: string]> {
  const script = fileURLToPath(new URL('../../../scripts/deploy.ts', import.meta.url));
  const child = spawn(process.execPath, [script], { env: { ...process.env, ...settings } });
  t.teardown(() => child.kill());
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  return [await new Promise((resolve) => child.on('close', resolve)), said];
}

t.test('the deploy script finds or deploys, and names what is wrong with its settings', async (t) => {
  const anvil = await startAnvil(t);
  const folder = await mkdtemp(join(tmpdir(), 'kezheng-deploy-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'operator.key');
  await writeFile(file, `${KEY}\n`);
  const settings = {
    KEZHENG_RPC_URL: anvil.url,
    KEZHENG_CHAIN_ID: String(CHAIN_ID),
    KEZHENG_OPERATOR_KEY_FILE: file,
  };
  t.match(await runDeploy(t, settings), [0, new RegExp(`deployed: ${CONTRACT}`)]);
  t.match(await runDeploy(t, settings), [0, new RegExp(`found: ${CONTRACT}`)]);
  t.match(await runDeploy(t, { ...settings, KEZHENG_CHAIN_ID: '5' }), [1, /chain-id-wrong/]);
  t.match(await runDeploy(t, { ...settings, KEZHENG_RPC_URL: '' }), [64, /KEZHENG_RPC_URL/]);
  await writeFile(file, 'secret\n');
  const [code, said] = await runDeploy(t, settings);
  t.equal(code, 64);
  t.notMatch(said, /secret/);
});
