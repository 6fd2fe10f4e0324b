import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Wallet } from 'ethers';
import t, { type Test } from 'tap';
import { sleep, startWithContract } from '../support/anvil.ts';
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
import { body, certificateOf, form, hashOnly, type Running, run } from '../support/running.ts';

/* Backups of real services on real folders; the log that went on is on a real chain. */

t.setTimeout(300_000);

const CLI = join(import.meta.dirname, '..', '..', 'server', 'cli', 'main.ts');
const HEX = /^[0-9a-f]{64}$/;

interface Outcome {
  readonly code: number | null;
  readonly err: string;
}

function start(args: readonly string[], dataDir: string, env: Readonly<Record<string, string>> = {}) {
  const settings = { ...process.env, KEZHENG_DATA_DIR: dataDir, ...env };
  const child = spawn(process.execPath, [CLI, ...args], { env: settings });
  let err = '';
  child.stderr.on('data', (text) => (err += text));
  const ended = new Promise<Outcome>((resolve) => child.on('close', (code) => resolve({ code, err })));
  return { child, ended };
}

const backup = (folder: string, dataDir: string, ...more: readonly string[]) =>
  start(['backup', folder, ...more], dataDir).ended;
const restore = (folder: string, to: string) =>
  start(['restore', folder, '--data-dir', to], '/nowhere').ended;

/** A folder of its own, removed with the test. */
function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-backup-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const upload = async (service: Running, text: string): Promise<string> =>
  (
    await body(
      service.call('/v1/evidence', {
        method: 'POST',
        body: form({ title: text }, [{ name: 'a.txt', bytes: Buffer.from(text) }]),
      }),
    )
  ).id as string;

const original = async (service: Running, id: string): Promise<string> =>
  (await service.call(`/v1/evidence/${id}/files/0`)).text();

/** Every file of a folder, by its path in it. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => relative(folder, join(one.parentPath, one.name)));

const blobsIn = (folder: string): string[] =>
  filesIn(join(folder, 'blobs')).filter((name) => HEX.test(name.split('/').at(-1)!));

t.test('a backup of a service that is written to holds every deposit that was answered before', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const folder = join(folderOf(t), 'backup');
  const before: string[] = [];
  for (let n = 0; n < 5; n++) before.push(await upload(service, `before ${n}`));
  await certificateOf(service, before[0]!);

  let isOver = false;
  const writing = (async () => {
    for (let n = 0; !isOver; n++) {
      await upload(service, `meanwhile ${n}`);
      await service.call('/v1/evidence', { json: hashOnly(n + 1) });
    }
  })();
  await sleep(300);
  const last = await upload(service, 'last');
  const { code, err } = await backup(folder, service.dataDir);
  isOver = true;
  await writing;
  t.equal(code, 0, err);
  t.equal(statSync(folder).mode & 0o777, 0o700, 'keys are in it');
  t.notOk(existsSync(join(folder, 'backup.lock')));

  const target = join(folderOf(t), 'data');
  const restored = await restore(folder, target);
  t.equal(restored.code, 0, restored.err);
  for (const name of ['issuer.key.pem', 'issuer.cert.pem', 'trust.json', 'mode', 'chain/operator.key'])
    t.same(readFileSync(join(target, name)), readFileSync(join(service.dataDir, name)), name);
  t.equal(statSync(join(target, 'issuer.key.pem')).mode & 0o777, 0o600);
  t.ok(existsSync(join(target, 'restored.json')));

  const again = await run({}, target);
  t.teardown(() => again.stop());
  for (const [n, id] of before.entries()) t.equal(await original(again, id), `before ${n}`);
  t.equal(await original(again, last), 'last');
  await certificateOf(again, last);
  await certificateOf(again, await upload(again, 'after'));
  await until('compared', () => !existsSync(join(target, 'restored.json')));
});

t.test('a second backup into the same folder copies only what is new', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const folder = join(folderOf(t), 'backup');
  const first = await upload(service, 'first');
  await certificateOf(service, first);
  t.equal((await backup(folder, service.dataDir)).code, 0);
  const early = new Map(
    blobsIn(folder).map((name) => [name, statSync(join(folder, 'blobs', name)).ino] as const),
  );
  t.ok(early.size >= 2, 'a file and a tree');
  await certificateOf(service, await upload(service, 'second'));
  t.equal((await backup(folder, service.dataDir)).code, 0);
  for (const [name, ino] of early) t.equal(statSync(join(folder, 'blobs', name)).ino, ino, name);
  t.ok(blobsIn(folder).length > early.size);
  const moments = readdirSync(folder).filter((name) => name !== 'blobs');
  t.equal(moments.length, 2, 'one moment and its description');
  const target = join(folderOf(t), 'data');
  t.equal((await restore(folder, target)).code, 0);
  t.same(blobsIn(target).sort(), blobsIn(service.dataDir).sort());
});

t.test(
  'with --link no bytes are copied, and a file that is deleted afterwards is still in the backup',
  async (t) => {
    const service = await run();
    t.teardown(() => service.stop());
    await certificateOf(service, await upload(service, 'linked'));
    const folder = join(folderOf(t), 'backup');
    t.equal((await backup(folder, service.dataDir, '--link')).code, 0);
    for (const name of blobsIn(folder))
      t.equal(
        statSync(join(folder, 'blobs', name)).ino,
        statSync(join(service.dataDir, 'blobs', name)).ino,
        name,
      );
    rmSync(join(service.dataDir, 'blobs', 'files'), { recursive: true });
    t.equal((await restore(folder, join(folderOf(t), 'data'))).code, 0);
  },
);

t.test('a backup that was killed is never taken for a whole one, and the next one goes on', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  for (let n = 0; n < 20; n++) await upload(service, `file ${n}`);
  const folder = join(folderOf(t), 'backup');
  const target = join(folderOf(t), 'data');
  const hasBlobs = () => existsSync(join(folder, 'blobs', 'files')) && blobsIn(folder).length > 3;

  const killed = start(['backup', folder], service.dataDir);
  await until('some blobs', hasBlobs);
  killed.child.kill('SIGKILL');
  await killed.ended;
  t.notOk(existsSync(join(folder, 'backup.json')), 'killed in time');
  t.equal((await restore(folder, target)).code, 64);
  t.notOk(existsSync(target));

  t.equal((await backup(folder, service.dataDir)).code, 0, 'the lock of a dead process is no lock');
  const whole = await restore(folder, target);
  t.equal(whole.code, 0, whole.err);

  // And killed on top of a whole one: that one is still there.
  for (let n = 0; n < 20; n++) await upload(service, `later ${n}`);
  const count = blobsIn(folder).length;
  const again = start(['backup', folder], service.dataDir);
  await until('more blobs', () => blobsIn(folder).length > count);
  again.child.kill('SIGKILL');
  await again.ended;
  t.equal((await restore(folder, join(folderOf(t), 'data'))).code, 0);
});

t.test('one backup at a time', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const folder = join(folderOf(t), 'backup');
  mkdirSync(folder);
  writeFileSync(join(folder, 'backup.lock'), `${process.pid}\n`);
  t.match(await backup(folder, service.dataDir), { code: 64, err: /under way/ });
});

const damages: Record<string, (path: string) => void> = {
  'has one bit changed': (path) => {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
  },
  'lost its last byte': (path) => truncateSync(path, statSync(path).size - 1),
  'has one byte more': (path) => appendFileSync(path, '\n'),
  'is gone': (path) => rmSync(path),
};

t.test('a backup of which any part is damaged is refused by its name, and nothing is restored', async (t) => {
  const service = await run();
  const work = folderOf(t);
  const folder = join(work, 'backup');
  await certificateOf(service, await upload(service, 'kept'));
  t.equal((await backup(folder, service.dataDir)).code, 0);
  await service.stop();
  const parts = filesIn(folder).filter((name) => name !== 'backup.json');
  t.ok(parts.length >= 12, 'database, list, keys, chain, file and tree');
  const ways = Object.entries(damages);
  for (const [i, part] of parts.entries()) {
    // Every part in one way each, the database in all.
    const chosen = part.endsWith('.sqlite') ? ways : [ways[i % ways.length]!];
    for (const [how, damage] of chosen) {
      const [copy, target] = [join(work, 'copy'), join(work, 'data')];
      await cp(folder, copy, { recursive: true });
      damage(join(copy, part));
      const { code, err } = await restore(copy, target);
      t.equal(code, 1, `${part} ${how}`);
      t.match(
        err,
        part
          .replace(/^blobs\//, '')
          .replace(/^(files|trees)\/../, '$1')
          .replace(/^.*Z\//, ''),
      );
      t.same(readdirSync(target), []);
      await rm(copy, { recursive: true });
      await rm(target, { recursive: true });
    }
  }
  for (const text of ['', '{}', readFileSync(join(folder, 'backup.json'), 'utf8').replace('/1', '/2')]) {
    writeFileSync(join(folder, 'backup.json'), text);
    t.equal((await restore(folder, join(work, 'data'))).code, 64, 'its description');
  }
});

t.test('a list that is shorter than it was is noticed although its hash was made to fit', async (t) => {
  const service = await run();
  const folder = join(folderOf(t), 'backup');
  for (const text of ['a', 'b']) await upload(service, text);
  t.equal((await backup(folder, service.dataDir)).code, 0);
  await service.stop();
  const manifest = JSON.parse(readFileSync(join(folder, 'backup.json'), 'utf8'));
  manifest.blobs.count++;
  writeFileSync(join(folder, 'backup.json'), JSON.stringify(manifest));
  t.match(await restore(folder, join(folderOf(t), 'data')), { code: 1, err: /blobs\.list/ });
});

t.test(
  'what the installation itself has lost is named, and does not keep the rest from being saved',
  async (t) => {
    const service = await run();
    t.teardown(() => service.stop());
    for (const text of ['kept', 'lost', 'spoilt']) await upload(service, text);
    const [lost, spoilt] = ['lost', 'spoilt'].map((text) => {
      const name = blobsIn(service.dataDir).find(
        (one) => readFileSync(join(service.dataDir, 'blobs', one), 'utf8') === text,
      )!;
      return join(service.dataDir, 'blobs', name);
    });
    rmSync(lost!);
    writeFileSync(spoilt!, 'spoils');
    const folder = join(folderOf(t), 'backup');
    const { code, err } = await backup(folder, service.dataDir);
    t.equal(code, 2);
    t.match(err, `missing  files/${lost!.split('/').at(-1)}`);
    t.match(err, `damaged  files/${spoilt!.split('/').at(-1)}`);
    const target = join(folderOf(t), 'data');
    t.match(await restore(folder, target), { code: 0, err: /2 files were missing or damaged already/ });
    // Put back: the next backup has it.
    writeFileSync(lost!, 'lost');
    writeFileSync(spoilt!, 'spoilt');
    t.equal((await backup(folder, service.dataDir)).code, 0);
  },
);

t.test('nothing is restored over what is there, and no backup made of or into the wrong place', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const work = folderOf(t);
  const folder = join(work, 'backup');
  t.equal((await backup(folder, service.dataDir)).code, 0);
  t.match(await restore(folder, service.dataDir), { code: 64, err: /not empty/ });
  t.match(await restore(work, join(work, 'x')), { code: 64, err: /no whole backup/ });
  const wrong: readonly [readonly string[], Readonly<Record<string, string>>][] = [
    [[service.dataDir], {}],
    [[join(service.dataDir, 'backup')], {}],
    [[work], {}],
    [[], {}],
    [['a', 'b'], {}],
    [[join(work, 'other')], { KEZHENG_DATABASE_URL: 'postgres://localhost/x' }],
    [[join(work, 'other')], { KEZHENG_BLOBS: 's3://bucket' }],
  ];
  for (const [args, env] of wrong)
    t.equal((await start(['backup', ...args], service.dataDir, env).ended).code, 64, args.join());
  t.equal((await start(['backup', join(work, 'other')], join(work, 'none')).ended).code, 64);
  t.equal((await start(['restore', folder], service.dataDir).ended).code, 64);
  // What a killed restore has gathered is begun anew.
  const target = join(work, 'data');
  mkdirSync(join(target, '.restoring'), { recursive: true });
  writeFileSync(join(target, '.restoring', 'half'), 'x');
  t.equal((await restore(folder, target)).code, 0);
  t.notOk(existsSync(join(target, 'half')));
});

// ---------------------------------------------------------------- a log that went on

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
