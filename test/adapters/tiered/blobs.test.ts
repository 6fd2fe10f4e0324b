import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { openFolderBlobs } from '../../../server/adapters/folder/blobs.ts';
import { openFolderInspector } from '../../../server/adapters/folder/inspect.ts';
import { openFolderRemoval } from '../../../server/adapters/folder/remove.ts';
import { openS3Removal } from '../../../server/adapters/s3/remove.ts';
import { tieredBlobs } from '../../../server/adapters/tiered/blobs.ts';
import { tieredInspector } from '../../../server/adapters/tiered/inspect.ts';
import { type Blobs, BlobUnavailable } from '../../../server/ports/blobs.ts';
import { blobsSuite } from '../../suites/blobs.suite.ts';
import { digest } from '../../suites/sample.ts';
import { startS3 } from '../../support/s3-server.ts';
import { openBlobs } from '../s3/open.ts';

async function open(t: Test) {
  const root = t.testdir();
  const [dir, farDir] = [join(root, 'near'), join(root, 'far')];
  const [near, far] = [await openFolderBlobs({ dir }), await openFolderBlobs({ dir: farDir })];
  return { dir, farDir, near, far, blobs: tieredBlobs(near, far) };
}

blobsSuite('tiered', async (t) => {
  const { blobs, dir, farDir } = await open(t);
  const reopen = async () =>
    tieredBlobs(await openFolderBlobs({ dir }), await openFolderBlobs({ dir: farDir }));
  return { blobs, reopen };
});

const server = await startS3(t);

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What is far is read in each way. */
async function readEachWay(t: Test, blobs: Blobs, name: string, bytes: Buffer): Promise<void> {
  t.equal(await blobs.size('files', name), bytes.length);
  t.ok((await buffer(await blobs.stream('files', name, 0, bytes.length))).equals(bytes));
  t.ok(bytes.subarray(10, 30).equals(await blobs.read('files', name, 10, 20)));
  const [part] = await blobs.readEach('files', name, [{ start: 5, length: 7 }]);
  t.ok(bytes.subarray(5, 12).equals(part!));
}

t.test('what is only in the far place is read in each way, and new blobs go to the near one', async (t) => {
  const { near, far, blobs } = await open(t);
  const [name, bytes] = [digest(), randomBytes(1_000)];
  await far.keep('files', name, bytes);
  await readEachWay(t, blobs, name, bytes);
  await blobs.keep('files', name, bytes);
  t.equal(await near.size('files', name), 1_000);
  await t.rejects(blobs.read('files', digest(), 0, 1));
  t.equal(await blobs.size('files', digest()), undefined);
});

t.test(
  'of two S3 stores the same, and what was removed from the near one is read from the far one',
  async (t) => {
    const at = (prefix: string): string => server.address.replace('?', `/${prefix}?`);
    const [near, far] = [await openBlobs(t, at('near')), await openBlobs(t, at('far'))];
    const blobs = tieredBlobs(near, far);
    const removal = openS3Removal(at('near'));
    t.teardown(() => removal.close());
    const [name, bytes] = [digest(), randomBytes(1_000)];
    await near.keep('files', name, bytes);
    await far.keep('files', name, bytes);
    await removal.remove('files', name);
    t.equal(await near.size('files', name), undefined);
    await readEachWay(t, blobs, name, bytes);
    await removal.remove('files', name);
  },
);

t.test('a failure of the near place is told, and not looked over in the far one', async (t) => {
  const { near, far } = await open(t);
  const name = digest();
  await far.keep('files', name, randomBytes(10));
  await near.keep('files', name, randomBytes(10));
  const failing = new BlobUnavailable('EIO: could not read a file');
  const blobs = tieredBlobs({ ...near, read: () => Promise.reject(failing) }, far);
  await t.rejects(blobs.read('files', name, 0, 10), failing);
});

t.test('the far place being away stops nothing that is near', async (t) => {
  const { near } = await open(t);
  const away = () => Promise.reject(new BlobUnavailable('S3: nothing listens at the address'));
  const far = { receive: away, keep: away, size: away, stream: away, read: away, readEach: away };
  const blobs = tieredBlobs(near, far as unknown as Blobs);
  const [name, bytes] = [digest(), randomBytes(100)];
  await blobs.keep('files', name, bytes);
  await readEachWay(t, blobs, name, bytes);
  await t.rejects(blobs.size('files', digest()), BlobUnavailable);
  await t.rejects(blobs.read('files', digest(), 0, 1), BlobUnavailable);
});

t.test(
  'an inspector of both lists each blob once, by name, and removes what is left over in either',
  async (t) => {
    const { near, far, dir, farDir } = await open(t);
    const names = Array.from({ length: 30 }, digest);
    for (const [i, name] of names.entries()) {
      if (i % 3 !== 1) await near.keep('files', name, Buffer.alloc(1));
      if (i % 3 !== 0) await far.keep('files', name, Buffer.alloc(i % 3 === 2 ? 2 : 1));
    }
    const inspector = tieredInspector(openFolderInspector({ dir }), openFolderInspector({ dir: farDir }));
    const listed = await all(inspector.list('files'));
    t.same(
      listed.map(({ name }) => name),
      names.toSorted(),
    );
    t.ok(
      listed.every(({ size }) => size === 1),
      'what is in both is the near one',
    );
    t.equal((await buffer((await inspector.stream('files', names[1]!))!)).length, 1);
    t.equal(await inspector.stream('files', digest()), undefined);
    for (const one of [dir, farDir])
      writeFileSync(join(one, 'tmp', `${process.pid}-${digest().slice(0, 24)}`), 'left');
    const left = await all(inspector.leftovers());
    t.equal(left.length, 2);
    for (const { name } of left) await inspector.removeLeftover(name);
    t.same(await all(inspector.leftovers()), []);
  },
);

t.test('a removal takes that blob and no other, and none where there is none', async (t) => {
  const { near, dir } = await open(t);
  const [kept, gone] = [digest(), digest()];
  for (const name of [kept, gone]) await near.keep('trees', name, Buffer.alloc(3));
  const removal = openFolderRemoval({ dir });
  await removal.remove('trees', gone);
  await removal.remove('trees', gone);
  t.equal(await near.size('trees', gone), undefined);
  t.equal(await near.size('trees', kept), 3);
  await t.rejects(async () => removal.remove('trees', '../../x'), TypeError);
});
