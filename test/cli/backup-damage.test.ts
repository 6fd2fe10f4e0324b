import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import t from 'tap';
import {
  backup,
  blobsIn,
  dataWith,
  filesIn,
  folderOf,
  original,
  restore,
  upload,
} from '../support/backup.ts';
import { body, certificateOf, run } from '../support/running.ts';

/* What becomes of a backup in which bytes have rotted, and of one of data that have. */

t.setTimeout(300_000);

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
  const parts = filesIn(folder).filter((name) => !name.endsWith('backup.json'));
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
    t.match(await restore(folder, target), { code: 2, err: /2 files were missing or damaged already/ });
    // Put back: the next backup has it.
    writeFileSync(lost!, 'lost');
    writeFileSync(spoilt!, 'spoilt');
    t.equal((await backup(folder, service.dataDir)).code, 0);
  },
);

// ---------------------------------------------------------------- mended

const nameOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const pathOf = (folder: string, name: string, room = 'files'): string =>
  join(folder, 'blobs', room, name.slice(0, 2), name);
const momentIn = (folder: string): string =>
  join(folder, readdirSync(folder).find((name) => /^\d{4}-.*Z$/.test(name))!);
const treesIn = (folder: string): string[] =>
  blobsIn(folder)
    .filter((one) => one.startsWith('trees/'))
    .map((one) => join(folder, 'blobs', one));

const flip = damages['has one bit changed']!;

t.test('what has rotted in a backup is copied anew by --verify, in whichever way it did', async (t) => {
  const texts = ['one', 'two', 'three', 'four'];
  const dataDir = await dataWith(t, texts);
  for (const options of [[], ['--link']]) {
    const folder = join(folderOf(t), 'backup');
    t.equal((await backup(folder, dataDir)).code, 0);
    const good = new Map(blobsIn(folder).map((name) => [name, readFileSync(join(folder, 'blobs', name))]));
    const ways = Object.values(damages);
    for (const [n, name] of [...good.keys()].entries()) ways[n % ways.length]!(join(folder, 'blobs', name));
    t.equal((await restore(folder, join(folderOf(t), 'data'))).code, 1);
    const { code, err } = await backup(folder, dataDir, '--verify', ...options);
    t.equal(code, 0, err);
    t.match(err, /were damaged and were made anew/);
    for (const [name, bytes] of good) t.same(readFileSync(join(folder, 'blobs', name)), bytes, name);
    t.same(blobsIn(folder).sort(), [...good.keys()].sort());
    const whole = await restore(folder, join(folderOf(t), 'data'));
    t.equal(whole.code, 0, whole.err);
    t.notMatch((await backup(folder, dataDir, '--verify')).err, /anew/, 'nothing is left to mend');
  }
});

t.test('a good copy in the backup is never overwritten by bad data', async (t) => {
  const dataDir = await dataWith(t, ['kept', 'other']);
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, dataDir)).code, 0);
  const good = new Map(blobsIn(folder).map((name) => [name, readFileSync(join(folder, 'blobs', name))]));
  for (const name of good.keys()) flip(join(dataDir, 'blobs', name));
  for (const options of [[], ['--verify'], ['--verify', '--link']]) {
    const { code, err } = await backup(folder, dataDir, ...options);
    t.equal(code, 0, err);
    for (const [name, bytes] of good) t.same(readFileSync(join(folder, 'blobs', name)), bytes, name);
  }
  t.equal((await restore(folder, join(folderOf(t), 'data'))).code, 0);
});

t.test('what is damaged in the backup and in the data is named until it is put back', async (t) => {
  const dataDir = await dataWith(t, ['lost', 'kept']);
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, dataDir)).code, 0);
  const name = nameOf('lost');
  flip(pathOf(folder, name));
  flip(pathOf(dataDir, name));
  for (const options of [['--verify'], [], ['--link', '--verify']])
    t.match(await backup(folder, dataDir, ...options), { code: 2, err: `damaged  files/${name}` });
  t.ok(existsSync(`${pathOf(folder, name)}.damaged`), 'what is left of it is there still');
  const target = join(folderOf(t), 'data');
  t.equal((await restore(folder, target)).code, 2, 'the rest');
  t.equal(readFileSync(pathOf(target, nameOf('kept')), 'utf8'), 'kept');
  writeFileSync(pathOf(dataDir, name), 'lost');
  t.equal((await backup(folder, dataDir)).code, 0);
  t.equal((await restore(folder, join(folderOf(t), 'data'))).code, 0);
});

t.test('ordinary backups find rot by and by, a tenth each time', async (t) => {
  const dataDir = await dataWith(t, ['first', 'second', 'third']);
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, dataDir)).code, 0);
  const names = blobsIn(folder);
  for (const name of names) flip(join(folder, 'blobs', name));
  const anew: number[] = [];
  for (let n = 0; n < names.length && (await restore(folder, join(folderOf(t), 'data'))).code !== 0; n++)
    anew.push(Number(/备份中 (\d+) 个文件已损坏/.exec((await backup(folder, dataDir)).err)?.[1]));
  t.equal(
    anew.reduce((sum, one) => sum + one, 0),
    names.length,
    'every one',
  );
  t.ok(anew.length >= 3, `not at once: ${anew}`);
});

t.test('a tree that became shorter in the backup is not taken for a whole one', async (t) => {
  const dataDir = await dataWith(t, ['with a tree']);
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, dataDir)).code, 0);
  const [tree] = treesIn(folder);
  const bytes = readFileSync(tree!);
  truncateSync(tree!, bytes.length - 1);
  t.equal((await backup(folder, dataDir)).code, 0);
  t.same(readFileSync(tree!), bytes);
});

for (const [how, damage] of Object.entries(damages))
  t.test(`the next backup is whole where the list or the description of the last ${how}`, async (t) => {
    const dataDir = await dataWith(t, ['a file']);
    const folder = join(folderOf(t), 'backup');
    t.equal((await backup(folder, dataDir)).code, 0);
    damage(join(momentIn(folder), 'blobs.list'));
    const { code, err } = await backup(folder, dataDir);
    t.equal(code, 0, err);
    t.equal((await restore(folder, join(folderOf(t), 'data'))).code, 0);

    writeFileSync(join(folder, 'backup.json'), '{}');
    damage(join(momentIn(folder), 'backup.json'));
    t.match(await backup(folder, dataDir), { code: 64, err: /--verify makes it anew/ });
    const [tree] = treesIn(folder);
    flip(tree!);
    t.equal((await backup(folder, dataDir, '--verify')).code, 0);
    const target = join(folderOf(t), 'data');
    t.equal((await restore(folder, target)).code, 0);
    t.same(readFileSync(treesIn(target)[0]!), readFileSync(treesIn(dataDir)[0]!), 'the tree too');
  });

// ---------------------------------------------------------------- what is whole

t.test('with --incomplete everything that is whole is restored, and the rest is named', async (t) => {
  const texts = ['gone', 'rotten', 'unreadable', 'whole'];
  const dataDir = await dataWith(t, texts);
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, dataDir)).code, 0);
  const [gone, rotten, unreadable] = texts.map((text) => pathOf(folder, nameOf(text)));
  rmSync(gone!);
  flip(rotten!);
  // Reading a folder fails as reading a bad block does.
  rmSync(unreadable!);
  mkdirSync(unreadable!);
  const tree = treesIn(folder)[0]!;
  flip(tree);
  const target = join(folderOf(t), 'data');
  const refused = await restore(folder, target);
  t.match(refused, { code: 1, err: /--incomplete restores everything else/ });
  t.same(readdirSync(target), []);

  const { code, err } = await restore(folder, target, '--incomplete');
  t.equal(code, 3, err);
  const named = [
    `missing  files/${nameOf('gone')}`,
    `damaged  files/${nameOf('rotten')}`,
    `damaged  files/${nameOf('unreadable')}`,
    `damaged  trees/${basename(tree)}`,
  ];
  for (const line of named) t.match(err, line);
  const written = readFileSync(join(target, 'not-restored.txt'), 'utf8');
  t.same(written.trim().split('\n').sort(), [...named].sort());
  t.equal(readFileSync(pathOf(target, nameOf('whole')), 'utf8'), 'whole');
  t.equal(blobsIn(target).length, blobsIn(dataDir).length - named.length);

  const service = await run({}, target);
  t.teardown(() => service.stop());
  const { items } = await body(service.call('/v1/evidence'));
  const whole = items.find((one: { title: string }) => one.title === 'whole');
  t.equal(await original(service, whole.id), 'whole');
});

t.test('with --incomplete a backup that is whole is restored as without it', async (t) => {
  const dataDir = await dataWith(t, ['all']);
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, dataDir)).code, 0);
  const target = join(folderOf(t), 'data');
  t.equal((await restore(folder, target, '--incomplete')).code, 0);
  t.notOk(existsSync(join(target, 'not-restored.txt')));
});

for (const [how, damage] of Object.entries(damages)) {
  t.test(`nothing is restored, with --incomplete neither, where the database ${how}`, async (t) => {
    const dataDir = await dataWith(t, ['a file']);
    const folder = join(folderOf(t), 'backup');
    t.equal((await backup(folder, dataDir)).code, 0);
    damage(join(momentIn(folder), 'kezheng.sqlite'));
    const target = join(folderOf(t), 'data');
    t.match(await restore(folder, target, '--incomplete'), { code: 1, err: /database itself is damaged/ });
    t.same(readdirSync(target), []);
  });

  t.test(`with --incomplete all is restored where the list and backup.json ${how}`, async (t) => {
    const dataDir = await dataWith(t, ['good', 'bad']);
    const folder = join(folderOf(t), 'backup');
    t.equal((await backup(folder, dataDir)).code, 0);
    damage(join(momentIn(folder), 'blobs.list'));
    writeFileSync(join(folder, 'backup.json'), '{');
    flip(pathOf(folder, nameOf('bad')));
    t.match(await restore(folder, join(folderOf(t), 'x')), {
      code: 64,
      err: /--incomplete goes by its copy/,
    });
    const target = join(folderOf(t), 'data');
    const { code, err } = await restore(folder, target, '--incomplete');
    t.equal(code, 3, err);
    t.match(err, `damaged  files/${nameOf('bad')}`);
    t.match(err, /(?:damaged|missing) {2}blobs\.list/);
    t.match(err, /unchecked {2}trees\//);
    t.equal(readFileSync(pathOf(target, nameOf('good')), 'utf8'), 'good');
    t.notOk(existsSync(pathOf(target, nameOf('bad'))));
    t.equal(treesIn(target).length, treesIn(dataDir).length);
  });
}

t.test(
  'a part that is of no use without one that is lost is left out, and no demonstration begins',
  async (t) => {
    const dataDir = await dataWith(t, ['a file']);
    const folder = join(folderOf(t), 'backup');
    t.equal((await backup(folder, dataDir)).code, 0);
    const lost = ['issuer.cert.pem', 'pdf.key.pem', 'chain/genesis.json', 'mode'];
    for (const name of lost) flip(join(momentIn(folder), name));
    const target = join(folderOf(t), 'data');
    const { code, err } = await restore(folder, target, '--incomplete');
    t.equal(code, 3, err);
    t.match(err, /left-out {2}issuer\.key\.pem/);
    t.match(err, /left-out {2}pdf\.cert\.pem/);
    t.match(err, /left-out {2}chain\/state\.json/);
    t.notOk(existsSync(join(target, 'issuer.key.pem')), 'the service would write over it');
    t.ok(existsSync(join(target, 'chain', 'operator.key')));
    await t.rejects(run({}, target), /RPC_URL/);
  },
);
