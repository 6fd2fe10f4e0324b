import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import t, { type Test } from 'tap';
import { backup, blobsIn, dataWith, folderOf, restore, start, upload } from '../support/backup.ts';
import { until } from '../support/configured.ts';
import { run } from '../support/running.ts';

/* Backups that do not come to their end, and two at once: the one before them stays as it was. */

t.setTimeout(300_000);

t.test('a backup that was killed is never taken for a whole one, and the next one goes on', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  for (let n = 0; n < 150; n++) await upload(service, `file ${n}`);
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
  for (let n = 0; n < 150; n++) await upload(service, `later ${n}`);
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

/** A backup that waits in its middle until its issuer key, a named pipe, is written to. */
function heldBackup(t: Test, folder: string, dataDir: string) {
  const pipe = join(folderOf(t), 'key');
  execFileSync('mkfifo', [pipe]);
  const settings = { KEZHENG_ISSUER_KEY_FILE: pipe };
  const { ended } = start(['backup', folder], dataDir, settings);
  return {
    isHeld: () => readdirSync(folder).some((name) => existsSync(join(folder, name, 'chain', 'state.json'))),
    goOn: () => {
      writeFileSync(pipe, 'key');
      return ended;
    },
  };
}

const lockOf = (folder: string): string => join(folder, 'backup.lock');

t.test('of two backups at once the second is refused, and the first comes to its end', async (t) => {
  const dataDir = await dataWith(t, ['a file']);
  const folder = join(folderOf(t), 'backup');
  mkdirSync(folder);
  const first = heldBackup(t, folder, dataDir);
  await until('held', first.isHeld);
  t.match(await backup(folder, dataDir), { code: 64, err: /under way/ });
  t.equal((await first.goOn()).code, 0);
  t.notOk(existsSync(lockOf(folder)));
  t.equal((await restore(folder, join(folderOf(t), 'data'))).code, 0);
});

t.test('a backup whose lock was taken over does not become the backup of its folder', async (t) => {
  const dataDir = await dataWith(t, ['a file']);
  const folder = join(folderOf(t), 'backup');
  mkdirSync(folder);
  const first = heldBackup(t, folder, dataDir);
  await until('held', first.isHeld);
  // As where the two run on two machines, and neither sees the other's process.
  rmSync(lockOf(folder));
  const second = heldBackup(t, folder, dataDir);
  await until('locked', () => existsSync(lockOf(folder)));
  t.match(await first.goOn(), { code: 1, err: /taken this place over/ });
  t.ok(existsSync(lockOf(folder)), 'the lock of the other');
  t.equal((await second.goOn()).code, 0);
  t.equal((await restore(folder, join(folderOf(t), 'data'))).code, 0);
});

t.test('many backups at once beside the lock of a dead one leave a whole backup', async (t) => {
  const dataDir = await dataWith(t, ['one', 'two']);
  const folder = join(folderOf(t), 'backup');
  t.equal((await backup(folder, dataDir)).code, 0);
  for (let round = 0; round < 3; round++) {
    writeFileSync(lockOf(folder), '4194305\n');
    const all = await Promise.all(Array.from({ length: 5 }, () => backup(folder, dataDir)));
    t.ok(
      all.some(({ code }) => code === 0),
      all.map(({ code }) => code).join(),
    );
    t.ok(all.every(({ code }) => [0, 1, 64].includes(code!)));
    const target = join(folderOf(t), 'data');
    const { code, err } = await restore(folder, target);
    t.equal(code, 0, err);
    t.equal(blobsIn(target).length, blobsIn(dataDir).length);
  }
});

t.test('a lock from before the machine was started holds nothing, whoever has its number now', async (t) => {
  const dataDir = await dataWith(t, []);
  const folder = join(folderOf(t), 'backup');
  mkdirSync(folder);
  writeFileSync(lockOf(folder), `${process.pid} 00000000-0000-4000-8000-000000000000 x\n`);
  utimesSync(lockOf(folder), Date.now() / 1_000 - 120, Date.now() / 1_000 - 120);
  t.equal((await backup(folder, dataDir)).code, 0);
});

const LONG = process.env['KEZHENG_TEST_LONG'] === '1';
/** Operations between two cuts; and how many of the last ones are all tried. */
const [STEP, LAST] = LONG ? [7, 60] : [41, 16];
const POWER_CUT = join(import.meta.dirname, '..', 'support', 'power-cut.ts');

t.test('the power is cut at any moment of a backup: the one before or the new one is whole', async (t) => {
  const work = folderOf(t);
  const earlier = join(work, 'earlier');
  const dataDir = await dataWith(t, ['before']);
  t.equal((await backup(earlier, dataDir)).code, 0);
  const service = await run({}, dataDir);
  for (const text of ['later', 'latest']) await upload(service, text);
  await service.pause();
  // Rot too, so that something in the backup is replaced.
  const rotten = join(earlier, 'blobs', blobsIn(earlier)[0]!);
  const size = statSync(rotten).size;
  const before = readFileSync(join(earlier, 'backup.json'), 'utf8');

  let [old, young] = [0, 0];
  /** Whether it came to its end before the cut. */
  async function cutAt(at: number): Promise<boolean> {
    const [folder, aside, target] = ['backup', 'aside', 'data'].map((name) => join(work, name));
    await cp(earlier, folder!, { recursive: true });
    mkdirSync(aside!);
    if (at % 2 === 0) writeFileSync(rotten.replace(earlier, folder!), Buffer.alloc(size));
    const settings = {
      NODE_OPTIONS: `--import ${POWER_CUT}`,
      POWER_CUT_AT: String(at),
      POWER_CUT_ASIDE: aside!,
    };
    const { code } = await start(['backup', folder!, '--verify'], dataDir, settings).ended;
    const isOld = readFileSync(join(folder!, 'backup.json'), 'utf8') === before;
    if (isOld) old++;
    else young++;
    // Rot that was there before the cut is mended after it.
    if (isOld && at % 2 === 0) t.equal((await backup(folder!, dataDir, '--verify')).code, 0, `${at}, again`);
    const restored = await restore(folder!, target!);
    t.equal(restored.code, 0, `operation ${at}: ${restored.err}`);
    for (const path of [folder, aside, target]) await rm(path!, { recursive: true });
    return code === 0;
  }
  let end = 1;
  while (!(await cutAt(end))) end += STEP;
  // Where the new one takes the place of the old, each operation.
  for (let at = end - LAST; at < end; at++) await cutAt(at);
  t.ok(old > 5 && young > 1, `${old} before, ${young} after it counted`);
});
