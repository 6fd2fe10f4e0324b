import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openFolderBlobs } from '../../../server/adapters/folder/blobs.ts';
import { BlobUnavailable } from '../../../server/ports/blobs.ts';
import { digest } from '../../suites/sample.ts';
import { mountSmallDisk, whyNoSmallDisk } from '../../suites/small-disk.ts';

const skip = whyNoSmallDisk();

t.test(
  'what a crash left behind is gone after the next start, what a running process writes is not',
  async (t) => {
    const dir = t.testdir();
    mkdirSync(join(dir, 'tmp'));
    const gone = ['leftover', `${process.pid}-aa`, '999999999-bb'];
    const running = `${process.ppid}-cc`;
    for (const name of [...gone, running]) writeFileSync(join(dir, 'tmp', name), 'x');
    await openFolderBlobs({ dir });
    t.same(readdirSync(join(dir, 'tmp')), [running]);
  },
);

t.test('nothing stays in the temporary folder, whether kept or discarded', async (t) => {
  const dir = t.testdir();
  const blobs = await openFolderBlobs({ dir });
  await blobs.keep('files', digest(), randomBytes(10));
  const incoming = await blobs.receive();
  t.equal(readdirSync(join(dir, 'tmp')).length, 1);
  await incoming.discard();
  t.same(readdirSync(join(dir, 'tmp')), []);
});

t.test('a file is whole whichever way its pieces go to the disk, several at once', async (t) => {
  const blobs = await openFolderBlobs({ dir: t.testdir() });
  const memories = {
    'memory that begins at a page': pageAligned(PIECE),
    'memory that begins anywhere': new Uint8Array(PIECE + 8).subarray(8),
    'shared memory': new Uint8Array(new SharedArrayBuffer(PIECE)),
  };
  for (const [what, memory] of Object.entries(memories)) {
    for (const tail of [0, 1, 4_096, 70_000]) {
      const bytes = randomBytes(3 * PIECE + tail);
      const incoming = await blobs.receive();
      memory.set(bytes.subarray(0, PIECE));
      await incoming.write(memory);
      const rest = [
        bytes.subarray(PIECE, 2 * PIECE),
        bytes.subarray(2 * PIECE, 3 * PIECE),
        bytes.subarray(3 * PIECE),
      ];
      await Promise.all(rest.map((piece) => incoming.write(piece)));
      const name = digest();
      await incoming.keep('files', name);
      t.ok(bytes.equals(await blobs.read('files', name, 0, bytes.length)), `${what}, ${tail}`);
    }
  }
});

const PIECE = 256 * 1024;

/** A WebAssembly memory begins at a page. */
function pageAligned(length: number): Uint8Array {
  const { Memory } = (
    globalThis as unknown as { WebAssembly: { Memory: new (size: object) => { buffer: ArrayBuffer } } }
  ).WebAssembly;
  return new Uint8Array(new Memory({ initial: length / 65_536 }).buffer);
}

t.test('keeping a name again heals a damaged copy', async (t) => {
  const dir = t.testdir();
  const blobs = await openFolderBlobs({ dir });
  const [name, bytes] = [digest(), randomBytes(100)];
  await blobs.keep('files', name, bytes);
  writeFileSync(join(dir, 'files', name.slice(0, 2), name), 'damaged');
  await blobs.keep('files', name, bytes);
  t.ok(bytes.equals(await blobs.read('files', name, 0, 100)));
});

t.test(
  'a full disk refuses, leaves nothing behind, and takes again when there is room',
  { skip },
  async (t) => {
    const disk = mountSmallDisk(t, 4);
    const blobs = await openFolderBlobs({ dir: disk.dir });
    const [name, bytes] = [digest(), randomBytes(3 * 2 ** 20)];
    disk.fill();
    await t.rejects(blobs.keep('files', name, bytes), BlobUnavailable);
    const incoming = await blobs.receive();
    await t.rejects(async () => {
      await incoming.write(bytes);
      await incoming.keep('files', name);
    }, BlobUnavailable);
    await incoming.discard();
    t.same(readdirSync(join(disk.dir, 'tmp')), []);
    t.equal(await blobs.size('files', name), undefined);
    disk.free();
    await blobs.keep('files', name, bytes);
    t.ok(bytes.equals(await blobs.read('files', name, 0, bytes.length)));
  },
);

t.test('a read-only disk refuses with the reason, and reading goes on', { skip }, async (t) => {
  const disk = mountSmallDisk(t, 4);
  const blobs = await openFolderBlobs({ dir: disk.dir });
  const name = digest();
  await blobs.keep('files', name, randomBytes(9));
  disk.readOnly(true);
  await t.rejects(blobs.receive(), { name: 'BlobUnavailable', message: /EROFS/ });
  t.equal((await blobs.read('files', name, 0, 9)).length, 9);
  disk.readOnly(false);
  await blobs.keep('files', digest(), randomBytes(9));
  t.ok(existsSync(join(disk.dir, 'files')));
});
