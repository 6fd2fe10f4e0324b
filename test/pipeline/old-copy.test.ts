import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { sleep, startWithContract } from '../support/anvil.ts';
import { type Configured, configured, until, untilCertified, untilProblem } from '../support/configured.ts';
import { rpcProxy } from '../support/rpc-proxy.ts';
import { databaseNameOf, servers } from '../support/storage.ts';

/*
 * An old copy of the data that somebody puts back with means of their own (a copied folder, the database's own backup)
 * carries no mark. Only the log on the chain can tell, so nothing is sealed before it was asked.
 */

t.setTimeout(120_000);
const ONE = { KEZHENG_CONFIRMATIONS: '1' };
/** Many times the age at which a batch is sealed. */
const LONG_MS = 1_500;

/** Copies what a stopped service has; the result puts it back. */
async function copyOf(dataDir: string): Promise<() => Promise<void>> {
  const copy = mkdtempSync(join(tmpdir(), 'kezheng-copy-'));
  t.teardown(() => rm(copy, { recursive: true, force: true }));
  cpSync(dataDir, copy, { recursive: true });
  const postgres = (await servers())?.postgres;
  const name = await databaseNameOf(dataDir);
  await postgres?.sql(`create database copy_of_${name} template ${name}`);
  return async () => {
    rmSync(dataDir, { recursive: true });
    cpSync(copy, dataDir, { recursive: true });
    await postgres?.sql(`drop database ${name} with (force)`);
    await postgres?.sql(`create database ${name} template copy_of_${name}`);
  };
}

const anchored = async (service: Configured, n: number): Promise<void> => {
  await untilCertified(service, await service.deposit(n));
};

t.test('beside a log that went on, an old copy takes deposits and seals none of them', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const first = await configured(t, { rpcUrl: proxy.url, env: ONE });
  const { dataDir } = first;
  await anchored(first, 1);
  await first.stop();
  const putBack = await copyOf(dataDir);
  const second = await configured(t, { rpcUrl: proxy.url, env: ONE, dataDir });
  await anchored(second, 2);
  await second.stop();
  await putBack();

  proxy.away = true;
  const old = await configured(t, { rpcUrl: proxy.url, env: ONE, dataDir });
  const id = await old.deposit(3);
  await untilProblem(old, 'chain-unreachable');
  await sleep(LONG_MS);
  t.match(await old.view(id), { state: 'received' }, 'not before the log was asked');
  proxy.away = false;
  await untilProblem(old, 'log-ahead');
  await sleep(LONG_MS);
  t.match(await old.view(id), { state: 'received' });
  t.equal((await old.call('/v1/batches/2')).status, 404, 'the number of another batch is not given again');
});

// An embedded database cannot be changed under its service.
if ((await servers()) !== undefined)
  for (const reached of [false, true])
    t.test(
      `an old copy that is put under a running service is not sealed over, the chain ${reached ? 'there' : 'away'}`,
      async (t) => {
        const anvil = await startWithContract(t);
        const proxy = await rpcProxy(t, anvil.url);
        const first = await configured(t, { rpcUrl: proxy.url, env: ONE });
        const { dataDir, apiKey } = first;
        await anchored(first, 1);
        await first.stop();
        const name = await databaseNameOf(dataDir);
        const { postgres } = (await servers())!;
        await postgres.sql(`create database older_${name} template ${name}`);
        const running = await configured(t, { rpcUrl: proxy.url, env: ONE, dataDir, apiKey });
        await anchored(running, 2);
        proxy.away = !reached;
        await postgres.sql(`drop database ${name} with (force)`);
        await postgres.sql(`create database ${name} template older_${name}`);
        const id = await until('a deposit', () => running.deposit(3).catch(() => undefined));
        await sleep(2 * LONG_MS);
        t.match(await running.view(id), { state: 'received' });
        proxy.away = false;
        await untilProblem(running, 'log-ahead');
        await sleep(LONG_MS);
        t.match(await running.view(id), { state: 'received' });
        t.equal(
          (await running.call('/v1/batches/2')).status,
          404,
          'the number of another batch is not given again',
        );
      },
    );

t.test('a service that was begun while the chain was away seals what waits once it is there', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const first = await configured(t, { rpcUrl: proxy.url, env: ONE });
  await anchored(first, 1);
  await first.stop();
  proxy.away = true;
  const again = await configured(t, { rpcUrl: proxy.url, env: ONE, dataDir: first.dataDir });
  const id = await again.deposit(2);
  await untilProblem(again, 'chain-unreachable');
  proxy.away = false;
  await untilCertified(again, id);
  t.equal(await again.anchoring(), 'ready');
});

t.test('nothing is sealed while only people can set right what is wrong', async (t) => {
  const anvil = await startWithContract(t);
  const [one, other] = [
    await configured(t, { rpcUrl: anvil.url, env: ONE }),
    await configured(t, { rpcUrl: anvil.url, env: ONE }),
  ];
  await anchored(one, 1);
  await other.deposit(2);
  // Two services with one key: the second finds a root that is not its own where its batch should be.
  await until('an alarm', async () => /^log-/.test(await other.anchoring()));
  const id = await other.deposit(3);
  await sleep(LONG_MS);
  t.match(await other.view(id), { state: 'received' });
});
