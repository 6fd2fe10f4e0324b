import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import type { Blobs } from '../../server/ports/blobs.ts';
import { digest } from './sample.ts';

export interface BlobsUnderTest {
  readonly blobs: Blobs;
  /** Opened again over the same data, as after a restart. */
  reopen(): Promise<Blobs>;
}

export type OpenBlobs = (t: Test) => Promise<BlobsUnderTest>;

/** More than any adapter writes at once, and no multiple of anything. */
const LARGE = 5 * 2 ** 20 + 12_345;

/** What every adapter of the port `blobs` guarantees. */
export function blobsSuite(adapter: string, open: OpenBlobs): void {
  t.test(`${adapter}: what is kept comes back byte for byte, also after a restart`, async (t) => {
    const { blobs, reopen } = await open(t);
    for (const size of [0, 1, 65_536, LARGE]) {
      const [name, bytes] = [digest(), randomBytes(size)];
      await blobs.keep('files', name, bytes);
      const later = await reopen();
      t.equal(await later.size('files', name), size);
      t.ok((await buffer(await later.stream('files', name, 0, size))).equals(bytes));
      t.ok(bytes.equals(await later.read('files', name, 0, size)));
    }
  });

  t.test(`${adapter}: any part can be read, and a part beyond the end is refused`, async (t) => {
    const { blobs } = await open(t);
    const [name, bytes] = [digest(), randomBytes(1_000)];
    await blobs.keep('trees', name, bytes);
    for (const [start, end] of [
      [0, 1],
      [999, 1_000],
      [10, 500],
      [5, 5],
    ] as const) {
      t.ok((await buffer(await blobs.stream('trees', name, start, end))).equals(bytes.subarray(start, end)));
      t.ok(bytes.subarray(start, end).equals(await blobs.read('trees', name, start, end - start)));
    }
    await t.rejects(blobs.read('trees', name, 990, 11));
    const starts = [990, 0, 500];
    const ranges = starts.map((start) => ({ start, length: 10 }));
    const parts = await blobs.readEach('trees', name, ranges);
    for (const [i, part] of parts.entries()) t.ok(bytes.subarray(starts[i], starts[i]! + 10).equals(part));
    await t.rejects(blobs.readEach('trees', name, [ranges[1]!, { start: 991, length: 10 }]));
  });

  t.test(`${adapter}: a stream of pieces is kept whole under its name`, async (t) => {
    const { blobs } = await open(t);
    const [name, bytes] = [digest(), randomBytes(LARGE)];
    const incoming = await blobs.receive();
    for (let at = 0, size = 1; at < LARGE; at += size, size = (size * 7) % 300_007)
      await incoming.write(bytes.subarray(at, at + size));
    t.equal(await blobs.size('files', name), undefined);
    await incoming.keep('files', name);
    t.ok(bytes.equals(await blobs.read('files', name, 0, LARGE)));
    await incoming.discard();
    t.equal(await blobs.size('files', name), LARGE);
  });

  t.test(`${adapter}: what is discarded leaves nothing, and discarding twice is no error`, async (t) => {
    const { blobs } = await open(t);
    const name = digest();
    const incoming = await blobs.receive();
    await incoming.write(randomBytes(LARGE));
    await incoming.discard();
    await incoming.discard();
    t.equal(await blobs.size('files', name), undefined);
  });

  t.test(`${adapter}: rooms do not see each other, and what is not there has no size`, async (t) => {
    const { blobs } = await open(t);
    const name = digest();
    await blobs.keep('files', name, randomBytes(3));
    t.equal(await blobs.size('trees', name), undefined);
    await t.rejects(blobs.stream('trees', name, 0, 1));
    await t.rejects(blobs.read('trees', name, 0, 1));
  });

  t.test(`${adapter}: the same name may be kept again, by many at once`, async (t) => {
    const { blobs } = await open(t);
    const [name, bytes] = [digest(), randomBytes(100_000)];
    await Promise.all(Array.from({ length: 10 }, () => blobs.keep('files', name, bytes)));
    t.ok(bytes.equals(await blobs.read('files', name, 0, bytes.length)));
  });

  const names = [
    '',
    '..',
    '../x',
    'A'.repeat(64),
    `${'a'.repeat(64)}/../b`,
    'a'.repeat(63),
    `${'a'.repeat(64)}\n`,
  ];
  for (const name of names)
    t.test(`${adapter}: the name ${JSON.stringify(name)} is refused everywhere`, async (t) => {
      const { blobs } = await open(t);
      await t.rejects(blobs.keep('files', name, randomBytes(1)), TypeError);
      await t.rejects(blobs.size('files', name), TypeError);
      await t.rejects(blobs.stream('files', name, 0, 1), TypeError);
      await t.rejects(blobs.read('files', name, 0, 1), TypeError);
      const incoming = await blobs.receive();
      await t.rejects(incoming.keep('files', name), TypeError);
      await incoming.discard();
    });
}
