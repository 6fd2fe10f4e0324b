import { createHash, randomBytes } from 'node:crypto';
import t from 'tap';
import { openDigests } from '../../../server/adapters/workers/digests.ts';

const digests = openDigests();
t.teardown(() => digests.close());

const expected = (bytes: Uint8Array) => ({
  sha256: createHash('sha256').update(bytes).digest('hex'),
  sm3: createHash('sm3').update(bytes).digest('hex'),
  size: bytes.length,
});

async function digestOf(bytes: Uint8Array, piece: number) {
  const stream = digests.begin();
  for (let at = 0; at < bytes.length; at += piece) {
    const chunk = Uint8Array.from(bytes.subarray(at, at + piece));
    await stream.update(chunk);
    // What was handed over is not looked at again.
    chunk.fill(0);
  }
  return stream.finish();
}

const KIB = 1024;
const SIZES = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 256 * KIB, 256 * KIB + 1, 3_000_001];

for (const size of SIZES)
  t.test(`both digests of ${size} bytes are right however they are cut`, async (t) => {
    const bytes = randomBytes(size);
    for (const piece of [1_000, 64 * KIB, 300 * KIB, size + 1])
      t.same(await digestOf(bytes, piece), expected(bytes), `pieces of ${piece}`);
  });

t.test('streams at once share the workers and do not mix', async (t) => {
  const files = Array.from({ length: 40 }, (_, i) => randomBytes(i * 37_000));
  const found = await Promise.all(files.map((bytes, i) => digestOf(bytes, 10_000 + i * 1_000)));
  t.same(found, files.map(expected));
});

t.test('a stream that is given up disturbs no other', async (t) => {
  const bytes = randomBytes(2_000_000);
  for (const size of [10, 1_000_000]) {
    const stream = digests.begin();
    await stream.update(randomBytes(size));
    stream.abandon();
    t.same(await digestOf(bytes, 65_536), expected(bytes));
  }
});

t.test('a large stream waits for its digests instead of filling the memory', async (t) => {
  const stream = digests.begin();
  const chunk = new Uint8Array(new SharedArrayBuffer(2 ** 20));
  const before = process.memoryUsage();
  for (let n = 0; n < 100; n++) await stream.update(chunk);
  const after = process.memoryUsage();
  t.ok(after.rss - before.rss < 64 * 2 ** 20, `${(after.rss - before.rss) / 2 ** 20} MiB`);
  t.equal((await stream.finish()).size, 100 * 2 ** 20);
});

t.test('when the workers end, streams that need them are refused', async (t) => {
  const own = openDigests();
  const stream = own.begin();
  await stream.update(randomBytes(600_000));
  const refused = t.rejects(stream.finish(), /worker thread ended/);
  await own.close();
  await refused;
});
