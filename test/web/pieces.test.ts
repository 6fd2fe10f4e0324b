import { openAsBlob, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { piecesOf } from '../../server/web/checker/pieces.ts';

const MIB = 1024 * 1024;
const bytes = Buffer.alloc(3 * MIB + 5, 'some bytes that do not repeat at a round place');

/** A browser whose streams of files read into no buffer of ours. */
class Older extends Blob {
  override stream(): ReturnType<Blob['stream']> {
    return new ReadableStream() as ReturnType<Blob['stream']>;
  }
}

async function all(file: Blob): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(file)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

t.test('the pieces of a file are the file, in old browsers and new', async (t) => {
  for (const length of [0, 1, MIB - 1, MIB, MIB + 1, bytes.length])
    for (const kind of [Blob, Older])
      t.ok((await all(new kind([bytes.subarray(0, length)]))).equals(bytes.subarray(0, length)), `${length}`);
});

t.test('each piece may lie where the one before lay', async (t) => {
  const buffers = new Set<number>();
  for await (const piece of piecesOf(new Blob([bytes]))) buffers.add(piece.byteLength);
  t.ok(Math.max(...buffers) <= MIB, 'and none is larger than the room for it');
});

t.test('a file that is no longer what it was is unreadable', async (t) => {
  const path = join(t.testdir(), 'file');
  writeFileSync(path, bytes);
  const file = await openAsBlob(path);
  writeFileSync(path, 'shorter');
  await t.rejects(all(file), { name: 'Unreadable' });
  rmSync(path);
  await t.rejects(all(file), { name: 'Unreadable' });
});

t.test('a file that ends before its size is unreadable', async (t) => {
  class Short extends Blob {
    override get size(): number {
      return super.size + 1;
    }
  }
  await t.rejects(all(new Short(['x'])), { name: 'Unreadable' });
});
