import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { backup, blobsIn, filesIn, folderOf, original, restore, upload } from '../support/backup.ts';
import { CLI, cli } from '../support/cli.ts';
import { until } from '../support/configured.ts';
import { body, certificateOf, type Running, run } from '../support/running.ts';
import { startS3 } from '../support/s3-server.ts';
import { ON_POSTGRES, storageFor } from '../support/storage.ts';

/* Old batches go from a running service to a colder place, and are proven from there. */

t.setTimeout(300_000);

interface Installation {
  readonly service: Running;
  readonly ids: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A service that knows of a cold place, with three files in as many batches at least. */
async function installation(t: Test, cold: string, count = 3): Promise<Installation> {
  const service = await run({ KEZHENG_COLD_BLOBS: cold });
  t.teardown(() => service.stop());
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    ids.push(await upload(service, `evidence ${n}`));
    await anchored(service, ids[n]!);
  }
  const env = {
    ...(await storageFor(service.dataDir)),
    KEZHENG_DATA_DIR: service.dataDir,
    KEZHENG_COLD_BLOBS: cold,
  };
  return { service, ids, env };
}

/** Without asking for its certificate: that is made out of the tree, wherever it is by then. */
const anchored = (service: Running, id: string): Promise<unknown> =>
  until('anchored', async () => (await body(service.call(`/v1/evidence/${id}`))).state === 'anchored');

const moveCold = ({ env }: Installation, ...more: readonly string[]) =>
  cli(['move-cold', '--older-than', '0', ...more], env);

/** Everything of an entry that is read out of stored files. */
async function expectProven(t: Test, { service, ids }: Installation): Promise<void> {
  for (const [n, id] of ids.entries()) {
    t.equal(await original(service, id), `evidence ${n}`);
    const certificate = JSON.parse((await certificateOf(service, id)).toString());
    t.equal(certificate.inclusion.length, 1);
    const packed = await service.call(`/v1/evidence/${id}/package.zip`);
    t.equal(packed.status, 200);
    t.ok((await packed.arrayBuffer()).byteLength > 1_000);
  }
  const leaves = await service.call('/v1/batches/1/leaves', { key: null });
  t.equal(leaves.status, 200);
  t.ok((await leaves.text()).length > 0);
}

const coldFolder = (t: Test): string => join(folderOf(t), 'cold');

const fsck = async (t: Test, { env }: Installation): Promise<void> => {
  const found = await cli(['fsck'], env);
  t.equal(found.code, 0, found.out + found.err);
};

t.test('trees and files of old batches go to a cold folder, and all is proven as before', async (t) => {
  const cold = coldFolder(t);
  const all = await installation(t, cold);
  const dry = await moveCold(all, '--dry-run');
  t.equal(dry.code, 0, dry.err);
  t.match(dry.err, /将移动 6 个文件/);
  t.same(filesIn(cold), ['kezheng-cold']);
  const moved = await moveCold(all);
  t.equal(moved.code, 0, moved.err);
  t.match(moved.err, /已移动 6 个文件/);
  if (!ON_POSTGRES) t.same(blobsIn(all.service.dataDir), []);
  t.equal(filesIn(cold).filter((name) => /[0-9a-f]{64}$/.test(name)).length, 6);
  await expectProven(t, all);
  await fsck(t, all);
  const again = await moveCold(all);
  t.match(again.err, /已移动 0 个文件、0 字节往 .*，原已在该处 6 个/);

  // The same file once more: near again, and of one name nobody loses anything.
  const same = await upload(all.service, 'evidence 1');
  await anchored(all.service, same);
  t.equal(await original(all.service, same), 'evidence 1');
  await fsck(t, all);
  t.equal((await moveCold(all)).code, 0);
  t.equal(await original(all.service, same), 'evidence 1');
  await fsck(t, all);
});

t.test('to a bucket in the same way', async (t) => {
  const server = await startS3(t);
  const all = await installation(t, server.address.replace('?', '/cold?'), 2);
  const moved = await moveCold(all);
  t.equal(moved.code, 0, moved.err);
  t.match(moved.err, /已移动 4 个文件/);
  await expectProven(t, all);
  await fsck(t, all);
  if (ON_POSTGRES) return;
  const folder = join(folderOf(t), 'backup');
  const saved = await backupOf(all, folder);
  t.equal(saved.code, 0, saved.err);
  t.match(saved.err, /冷存中的 4 个文件/);
  const target = join(folderOf(t), 'data');
  t.equal((await restore(folder, target)).code, 0);
  await t.rejects(run({}, target), /KEZHENG_COLD_BLOBS/, 'what is restored still needs the bucket');
});

const backupOf = ({ env, service }: Installation, folder: string) =>
  cli(['backup', folder], { ...env, KEZHENG_DATA_DIR: service.dataDir });

t.test('only one of the rooms, and only what is old enough', async (t) => {
  const cold = coldFolder(t);
  const all = await installation(t, cold, 1);
  t.match((await cli(['move-cold', '--older-than', '1'], all.env)).err, /0 个批次，已移动 0 个/);
  t.match((await moveCold(all, '--only', 'trees')).err, /已移动 1 个/);
  t.ok(filesIn(cold).every((name) => !name.startsWith('files/')));
  t.match((await moveCold(all, '--only', 'files')).err, /已移动 1 个/);
  await expectProven(t, all);
  for (const args of [
    ['--older-than', '-1'],
    ['--older-than', 'x'],
    [],
    ['--older-than', '1', '--only', 'certificates'],
    ['--older-than', '1', 'more'],
  ])
    t.equal((await cli(['move-cold', ...args], all.env)).code, 64, args.join(' '));
});

t.test(
  'what is damaged or missing is named and stays where it is',
  { skip: ON_POSTGRES && 'in a bucket' },
  async (t) => {
    const cold = coldFolder(t);
    const all = await installation(t, cold);
    const near = join(all.service.dataDir, 'blobs');
    const [damaged, missing] = blobsIn(all.service.dataDir).filter((name) => name.startsWith('files/'));
    writeFileSync(join(near, damaged!), 'somebody else');
    rmSync(join(near, missing!));
    const moved = await moveCold(all);
    t.equal(moved.code, 2, moved.err);
    t.match(moved.err, `damaged  files/${damaged!.split('/').at(-1)}`);
    t.match(moved.err, `missing  files/${missing!.split('/').at(-1)}`);
    t.equal(readFileSync(join(near, damaged!), 'utf8'), 'somebody else');
    t.notOk(existsSync(join(cold, damaged!)));
  },
);

t.test(
  'a copy that is wrong in the cold place is made anew, and only then the near one goes',
  { skip: ON_POSTGRES && 'in a bucket' },
  async (t) => {
    const cold = coldFolder(t);
    const all = await installation(t, cold, 1);
    const [file] = blobsIn(all.service.dataDir).filter((name) => name.startsWith('files/'));
    const [path, near] = [join(cold, file!), join(all.service.dataDir, 'blobs', file!)];
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'half');
    t.equal((await moveCold(all)).code, 0);
    t.equal(readFileSync(path, 'utf8'), 'evidence 0');
    t.notOk(existsSync(near));
  },
);

t.test(
  'a backup holds what went to a cold folder, and brings all of it back',
  { skip: ON_POSTGRES && 'of a data folder' },
  async (t) => {
    const cold = coldFolder(t);
    const all = await installation(t, cold);
    t.equal((await moveCold(all)).code, 0);
    const folder = join(folderOf(t), 'backup');
    const saved = await backupOf(all, folder);
    t.equal(saved.code, 0, saved.err);
    t.equal((await cli(['backup', folder, '--verify'], all.env)).code, 0);
    const without = await backup(folder, all.service.dataDir);
    t.equal(without.code, 64, 'nobody backs up half of it');
    t.match(without.err, /KEZHENG_COLD_BLOBS/);
    const target = join(folderOf(t), 'data');
    t.equal((await restore(folder, target)).code, 0);
    await all.service.pause();
    const restored = await run({}, target);
    t.teardown(() => restored.stop());
    await expectProven(t, { ...all, service: restored });
  },
);

t.test(
  'nobody loses sight of the cold place: forgotten, not mounted, or never told to the service',
  async (t) => {
    const cold = coldFolder(t);
    const other = mkdtempSync(join(tmpdir(), 'kezheng-cold-'));
    t.teardown(() => rmSync(other, { recursive: true }));
    const all = await installation(t, cold, 1);
    t.equal((await moveCold(all)).code, 0);
    const elsewhere = await cli(['move-cold', '--older-than', '0'], {
      ...all.env,
      KEZHENG_COLD_BLOBS: other,
    });
    t.equal(elsewhere.code, 64);
    await all.service.pause();
    const { dataDir } = all.service;
    await t.rejects(run({}, dataDir), /KEZHENG_COLD_BLOBS：旧批次/);
    await t.rejects(run({ KEZHENG_COLD_BLOBS: other }, dataDir), /kezheng-cold/);
    writeFileSync(join(other, 'kezheng-cold'), 'somebody\n');
    await t.rejects(run({ KEZHENG_COLD_BLOBS: other }, dataDir), /另一处数据的冷存/);
    rmSync(join(other, 'kezheng-cold'));
    await t.rejects(run({ KEZHENG_COLD_BLOBS: 's3://elsewhere' }, dataDir), /此处数据的冷存是/);
    renameSync(cold, `${cold}.away`);
    await t.rejects(run({ KEZHENG_COLD_BLOBS: cold }, dataDir), /没有挂载/);
    const env = { ...all.env, KEZHENG_COLD_BLOBS: '' };
    t.equal((await cli(['fsck'], env)).code, 64);
    // Moved as a whole to another disk: its own mark says that it is the one.
    const again = await run({ KEZHENG_COLD_BLOBS: `${cold}.away` }, dataDir);
    t.teardown(() => again.stop());
    await expectProven(t, { ...all, service: again });
    t.same(readdirSync(other), []);
  },
);

t.test(
  'a cold place that is the near one by another name takes nothing away',
  { skip: ON_POSTGRES && 'in a bucket' },
  async (t) => {
    const link = join(folderOf(t), 'link');
    const all = await installation(t, coldFolder(t), 1);
    await all.service.pause();
    const { dataDir } = all.service;
    rmSync(join(dataDir, 'cold.json'));
    const before = blobsIn(dataDir);
    symlinkSync(join(dataDir, 'blobs'), link);
    const again = await run({ KEZHENG_COLD_BLOBS: link }, dataDir);
    t.teardown(() => again.stop());
    const done = await cli(['move-cold', '--older-than', '0'], { ...all.env, KEZHENG_COLD_BLOBS: link });
    t.equal(done.code, 64);
    t.match(done.err, /是同一处/);
    t.same(blobsIn(dataDir), before);
    await expectProven(t, { ...all, service: again });
  },
);

t.test(
  'a tree that is damaged is not moved, and no good one is written over',
  { skip: ON_POSTGRES && 'in a bucket' },
  async (t) => {
    const cold = coldFolder(t);
    const all = await installation(t, cold, 1);
    const [tree] = blobsIn(all.service.dataDir).filter((name) => name.startsWith('trees/'));
    const near = join(all.service.dataDir, 'blobs', tree!);
    const good = readFileSync(near);
    mkdirSync(dirname(join(cold, tree!)), { recursive: true });
    writeFileSync(join(cold, tree!), good);
    writeFileSync(near, Buffer.from(good.map((byte) => byte ^ 1)));
    const done = await moveCold(all, '--only', 'trees');
    t.equal(done.code, 2);
    t.match(done.err, `damaged  trees/${tree!.split('/').at(-1)}`);
    t.ok(readFileSync(join(cold, tree!)).equals(good));
    t.ok(existsSync(near));
  },
);

t.test('a cold place that is the near one, or in it, is refused at the start', async (t) => {
  const dir = folderOf(t);
  for (const cold of [dir, join(dir, 'blobs'), join(dir, 'x', '..', 'blobs'), 's3://x'])
    await t.rejects(run({ KEZHENG_COLD_BLOBS: cold }, dir), /KEZHENG_COLD_BLOBS：/, cold);
  const bucket = 's3://evidence/a?endpoint=http://127.0.0.1:1';
  await t.rejects(
    run({ KEZHENG_COLD_BLOBS: bucket, KEZHENG_BLOBS: bucket }, dir),
    /KEZHENG_COLD_BLOBS：与 KEZHENG_BLOBS 是同一处/,
  );
});

t.test('a move that is killed again and again ends with everything in its place', async (t) => {
  const cold = coldFolder(t);
  const all = await installation(t, cold, 6);
  for (let ms = 150; ms < 1_500; ms += 300) {
    const env = { ...process.env, ...all.env };
    const child = spawn(process.execPath, [CLI, 'move-cold', '--older-than', '0'], { env, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    setTimeout(() => child.kill('SIGKILL'), ms);
    await ended;
    await expectProven(t, all);
  }
  t.equal((await moveCold(all)).code, 0);
  if (!ON_POSTGRES) t.same(blobsIn(all.service.dataDir), []);
  await fsck(t, all);
});
