import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readConfig } from '../../server/config.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { startService } from '../../server/service.ts';
import { startWithContract } from '../support/anvil.ts';
import { browser, demoOf, signedIn } from '../support/browser.ts';
import { configured as chained, untilCertified } from '../support/configured.ts';
import { body, certificateOf, hashOnly, run } from '../support/running.ts';
import { ON_POSTGRES, storageFor } from '../support/storage.ts';

const keyFile = join(t.testdir(), 'key');
writeFileSync(keyFile, `0x${'42'.repeat(32)}`);
/** A chain that is away: enough for everything here, and nothing must wait for it. */
const configured = (dataDir: string) =>
  readConfig({
    KEZHENG_PORT: '0',
    KEZHENG_DATA_DIR: dataDir,
    KEZHENG_LOG_LEVEL: 'silent',
    KEZHENG_RPC_URL: 'http://127.0.0.1:9/secret-key-in-path',
    KEZHENG_CHAIN_ID: '1',
    KEZHENG_OPERATOR_KEY_FILE: keyFile,
  });

t.test('a demonstration ends where a chain is configured, and its log stays a test chain’s', async (t) => {
  const demo = await run();
  const [key] = demo.keys;
  const { id } = await body(demo.call('/v1/evidence', { json: hashOnly(1) }));
  await certificateOf(demo, id);
  const before = parseTrust(readFileSync(join(demo.dataDir, 'trust.json')));
  const own = await signedIn(demo, 'operator');
  const { login, password } = demoOf(demo)
    .flatMap(({ people }) => people)
    .find((one) => one.login === 'operator')!;
  await demo.pause();
  const service = await startService(configured(demo.dataDir));
  t.teardown(async () => {
    await service.stop();
    await rm(demo.dataDir, { recursive: true, force: true });
  });
  const answer = await fetch(`${service.url}/v1/evidence/${id}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  t.equal(answer.status, 401);
  t.notOk(existsSync(join(demo.dataDir, 'demo.json')));
  const after = browser(service);
  after.cookie = own.cookie;
  t.equal((await after.json('/v1/session')).code, 'session-over');
  t.equal((await after.signIn(login, password)).status, 401, 'and its people are nobody');
  t.equal(before.logs[0]?.test, true);
  const trust = parseTrust(readFileSync(join(demo.dataDir, 'trust.json')));
  t.ok(trust.logs.every((log) => log.test));
  const health = await (await fetch(`${service.url}/health/ready`)).text();
  t.match(health, 'chain-unreachable');
  t.notMatch(health, 'secret-key-in-path');
});

t.test('data of a configured chain are never opened as a demonstration', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'kezheng-modes-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  await (await startService(configured(dataDir))).stop();
  await t.rejects(
    startService(readConfig({ KEZHENG_PORT: '0', KEZHENG_DATA_DIR: dataDir })),
    /KEZHENG_RPC_URL/,
  );
  t.notOk(existsSync(join(dataDir, 'demo.json')));
});

t.test('an address with a password in it stops the start', async (t) => {
  const env = {
    KEZHENG_RPC_URL: 'http://user:pw@localhost:1',
    KEZHENG_CHAIN_ID: '1',
    KEZHENG_OPERATOR_KEY_FILE: keyFile,
  };
  t.throws(() => readConfig(env), /KEZHENG_RPC_URL/);
});

/** What only an installation on a folder of its own has. */
const onFolder: typeof t.test = ON_POSTGRES ? ((() => {}) as never) : t.test.bind(t);

onFolder('health is found by doing what a deposit needs, and heals', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const health = async () => (await body(service.call('/health/ready', { key: null }))) as { status: string };
  t.equal((await health()).status, 'ready');
  const tmp = join(service.dataDir, 'blobs', 'tmp');
  rmSync(tmp, { recursive: true });
  t.equal((await health()).status, 'ready', 'a temporary folder that was cleared away is made again');
  rmSync(tmp, { recursive: true });
  writeFileSync(tmp, 'in the way');
  t.match(await health(), {
    status: 'degraded',
    parts: { files: { code: 'store-unavailable' }, store: { status: 'ready' } },
  });
  rmSync(tmp);
  t.equal((await health()).status, 'ready');
});

onFolder('the database is its owner’s alone', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  for (const name of [
    'kezheng.sqlite',
    'kezheng.sqlite-wal',
    'issuer.key.pem',
    'pdf.key.pem',
    'demo.json',
    'chain/operator.key',
  ])
    t.equal(statSync(join(service.dataDir, name)).mode & 0o077, 0, name);
});

onFolder('a demonstration has its folder for itself, until it ends', async (t) => {
  const first = await run();
  t.teardown(() => first.stop());
  await t.rejects(run({}, first.dataDir), { message: /KEZHENG_DATA_DIR.*in use/ });
  await first.pause();
  const second = await run({}, first.dataDir);
  await second.pause();
});

t.test('a configured start does not end a demonstration that is running', async (t) => {
  const demo = await run({ KEZHENG_DATABASE_URL: '', KEZHENG_BLOBS: '' });
  t.teardown(() => demo.stop());
  await t.rejects(startService(configured(demo.dataDir)), {
    name: 'ConfigError',
    message: /KEZHENG_DATA_DIR.*in use/s,
  });
  t.equal((await demo.call('/v1/evidence')).status, 200, 'its keys work as before');
});

if (ON_POSTGRES)
  t.test('a database of a configured chain is never joined as a demonstration', async (t) => {
    const anvil = await startWithContract(t);
    const service = await chained(t, { rpcUrl: anvil.url, env: { KEZHENG_CONFIRMATIONS: '1' } });
    await untilCertified(service, await service.deposit(1));
    const folder = mkdtempSync(join(tmpdir(), 'kezheng-forgotten-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const forgotten = readConfig({
      ...(await storageFor(service.dataDir)),
      ...{ KEZHENG_PORT: '0', KEZHENG_DATA_DIR: folder, KEZHENG_LOG_LEVEL: 'silent' },
    });
    await t.rejects(startService(forgotten), { name: 'ConfigError', message: /KEZHENG_RPC_URL/ });
    t.notOk(existsSync(join(folder, 'demo.json')));
  });
