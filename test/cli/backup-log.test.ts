import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import t from 'tap';
import { sleep, startWithContract } from '../support/anvil.ts';
import { backup, folderOf, restore } from '../support/backup.ts';
import {
  appendsOf,
  type Configured,
  configured,
  until,
  untilCertified,
  untilProblem,
  verdictOf,
} from '../support/configured.ts';
import { rpcProxy } from '../support/rpc-proxy.ts';
import { body } from '../support/running.ts';

/* Restored data beside a log that went on, on a real chain. */

t.setTimeout(300_000);

const ONE = { KEZHENG_CONFIRMATIONS: '1' };

const partOf = async (service: Configured, part: string): Promise<string> => {
  const { parts } = await body(service.call('/health/ready'));
  return parts[part].code ?? parts[part].status;
};

for (const [what, isMarked] of [
  ['a restored old copy', true],
  ['an old copy that somebody made by hand', false],
] as const)
  t.test(`${what} beside a log that went on seals and anchors nothing, and says why`, async (t) => {
    const anvil = await startWithContract(t);
    const service = await configured(t, { rpcUrl: anvil.url, env: ONE });
    const certificate = await untilCertified(service, await service.deposit(1));
    const folder = join(folderOf(t), 'backup');
    t.equal((await backup(folder, service.dataDir)).code, 0);
    for (const n of [2, 3, 4]) await untilCertified(service, await service.deposit(n));
    await service.stop();

    const target = join(folderOf(t), 'data');
    t.equal((await restore(folder, target)).code, 0);
    if (!isMarked) rmSync(join(target, 'restored.json'));
    const old = await configured(t, { rpcUrl: anvil.url, env: ONE, dataDir: target });
    await untilProblem(old, 'log-ahead');
    // Each task tells of it in its own round.
    await until('sealing too', async () => (await partOf(old, 'sealing')) === 'log-ahead');
    const health = await body(old.call('/health/ready'));
    t.match(health, { status: 'degraded', parts: { anchoring: { detail: { count: 4, known: 1 } } } });
    t.match(health.parts.anchoring.en, /an old copy/);

    // Deposits are promises that can be kept later; batches would be a second history.
    const later = await old.deposit(5);
    await sleep(1_500);
    t.equal((await old.view(later)).state, 'received');
    t.equal((await old.call('/v1/batches/2')).status, 404);
    t.equal((await appendsOf(anvil.url)).length, 4);
    t.equal(existsSync(join(target, 'restored.json')), isMarked, 'not settled');
    await old.stop();

    // The newer data are lost: with another key there is another log, and everything goes on.
    const { privateKey, address } = Wallet.createRandom();
    await anvil.call('anvil_setBalance', address, '0xde0b6b3a7640000');
    const onward = await configured(t, {
      rpcUrl: anvil.url,
      env: ONE,
      dataDir: target,
      operatorKey: privateKey,
    });
    // What was taken while nothing was sealed is the next batch, in the new log.
    const waiting = await until('the deposit that waited', async () => {
      const batch = await onward.batch(2);
      return batch.anchors?.[0]?.state === 'final' && batch;
    });
    t.match(waiting, { size: 1, anchors: [{ operator: address.toLowerCase(), index: 1 }] });
    const next = await onward.deposit(6);
    t.equal(await verdictOf(await untilCertified(onward, next), onward, anvil.url, 6), 'valid');
    t.equal(
      await verdictOf(certificate, onward, anvil.url, 1),
      'valid',
      'what was certified before stays so',
    );
    t.equal(await partOf(onward, 'sealing'), 'ready');
    t.equal((await appendsOf(anvil.url)).length, 4, 'nothing came into the old log');
  });

t.test('the newer data go on as if nothing had happened', async (t) => {
  const anvil = await startWithContract(t);
  const service = await configured(t, { rpcUrl: anvil.url, env: ONE });
  await untilCertified(service, await service.deposit(1));
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, service.dataDir)).code, 0);
  await service.stop();
  const target = join(folderOf(t), 'data');
  t.equal((await restore(folder, target)).code, 0);
  const again = await configured(t, { rpcUrl: anvil.url, env: ONE, dataDir: target });
  await untilCertified(again, await again.deposit(2));
  t.equal((await appendsOf(anvil.url)).length, 2);
  await until('settled', () => !existsSync(join(target, 'restored.json')));
});

t.test(
  'while the chain is away a restored copy seals nothing, and it goes on when the chain comes',
  async (t) => {
    const anvil = await startWithContract(t);
    const proxy = await rpcProxy(t, anvil.url);
    const service = await configured(t, { rpcUrl: proxy.url, env: ONE });
    await untilCertified(service, await service.deposit(1));
    const folder = join(folderOf(t), 'backup');
    t.equal((await backup(folder, service.dataDir)).code, 0);
    await service.stop();
    const target = join(folderOf(t), 'data');
    t.equal((await restore(folder, target)).code, 0);
    proxy.away = true;
    const again = await configured(t, { rpcUrl: proxy.url, env: ONE, dataDir: target });
    const id = await again.deposit(2);
    await untilProblem(again, 'chain-unreachable');
    await until('told', async () => (await partOf(again, 'sealing')) === 'restored-uncompared');
    await sleep(500);
    t.equal((await again.view(id)).state, 'received');
    proxy.away = false;
    await untilCertified(again, id);
    t.equal(await partOf(again, 'sealing'), 'ready');
  },
);
