import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sleep } from '../support/anvil.ts';
import { backup, blobsIn, dataWith, folderOf, original, restore, start, upload } from '../support/backup.ts';
import { until } from '../support/configured.ts';
import { certificateOf, hashOnly, run } from '../support/running.ts';

/* Backups of real services on real folders. */

t.setTimeout(300_000);

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
  const made = ['issuer.key.pem', 'issuer.cert.pem', 'pdf.key.pem', 'pdf.cert.pem'];
  for (const name of [...made, 'data.keys', 'trust.json', 'mode', 'chain/operator.key'])
    t.same(readFileSync(join(target, name)), readFileSync(join(service.dataDir, name)), name);
  for (const name of ['issuer.key.pem', 'pdf.key.pem', 'data.keys'])
    t.equal(statSync(join(target, name)).mode & 0o777, 0o600);
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

t.test('a folder that cannot be made is an error, not a command that never ends', async (t) => {
  const dataDir = await dataWith(t, []);
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, dataDir)).code, 0);
  for (const { child, ended } of [
    start(['backup', '/proc/none/backup'], dataDir),
    start(['restore', folder, '--data-dir', '/proc/none/data'], dataDir),
  ]) {
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 20_000);
    t.match(await ended, { code: 1, err: /\/proc\/none/ });
    clearTimeout(tooLong);
  }
});

t.test('a backup says what is not in it', async (t) => {
  const dataDir = await dataWith(t, []);
  const folder = join(folderOf(t), 'backup');
  t.notMatch((await backup(folder, dataDir)).err, /kept elsewhere/, 'a demonstration is in it as a whole');
  writeFileSync(join(dataDir, 'mode'), 'configured');
  const told = await backup(folder, dataDir);
  t.match(told, { code: 0, err: /to be kept elsewhere[\s\S]*KEZHENG_OPERATOR_KEY_FILE/ });
  for (const which of ['ISSUER', 'PDF']) {
    t.notMatch(told.err, `KEZHENG_${which}_KEY_FILE`);
    // The key is configured, but not for this command.
    const [key, certificate] = ['key', 'cert'].map((what) => {
      const name = `${which.toLowerCase()}.${what}.pem`;
      const to = join(folderOf(t), name);
      renameSync(join(dataDir, name), to);
      return to;
    });
    const without = await backup(folder, dataDir);
    t.match(without, { code: 0, err: new RegExp(`KEZHENG_${which}_KEY_FILE`) });
    const settings = { [`KEZHENG_${which}_KEY_FILE`]: key!, [`KEZHENG_${which}_CERT_FILE`]: certificate! };
    const named = await start(['backup', folder], dataDir, settings).ended;
    t.notMatch(named.err, `KEZHENG_${which}_KEY_FILE`);
  }
});
