import { randomBytes } from 'node:crypto';
import t from 'tap';
import { createPartMemory } from '../../../server/adapters/s3/memory.ts';
import { inParallel } from '../../../server/adapters/s3/parallel.ts';
import { digest } from '../../suites/sample.ts';
import { startS3 } from '../../support/s3-server.ts';
import { openBlobs, sleep } from './open.ts';

t.setTimeout(180_000);
const MIB = 2 ** 20;
/** `npm run test:long`: the size of a film instead of a clip. */
const TOTAL = process.env['KEZHENG_TEST_LONG'] === '1' ? 1_024 * MIB : 256 * MIB;

t.test('uploads of any size, several at once, take little memory', async (t) => {
  // In a process of its own: what the server holds does not count.
  const server = await startS3(t);
  const blobs = await openBlobs(t, server.address, { silenceMs: 60_000 });
  const block = randomBytes(MIB / 4);

  async function upload(size: number): Promise<string> {
    const name = digest();
    const incoming = await blobs.receive();
    for (let at = 0; at < size; at += block.length) await incoming.write(block);
    await incoming.keep('files', name);
    return name;
  }

  await upload(32 * MIB);
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  const names = await Promise.all([
    upload(TOTAL / 2),
    upload(TOTAL / 4),
    upload(TOTAL / 8),
    upload(TOTAL / 8),
  ]);
  clearInterval(watch);
  t.comment(`${((most - before) / MIB).toFixed(0)} MiB more for ${TOTAL / MIB} MiB`);
  t.ok(most - before < 96 * MIB, `${most - before} bytes`);
  t.equal(await blobs.size('files', names[0]!), TOTAL / 2);
  t.ok(block.equals(await blobs.read('files', names[0]!, TOTAL / 2 - block.length, block.length)));
});

t.test('memory is never given twice, waits in order, and comes back after errors', async (t) => {
  const memory = createPartMemory(100, 40);
  const order: number[] = [];
  let held = 0;
  let most = 0;
  const sizes = [40, 40, 40, 10, 500, 40, 0, 100];
  const results = await Promise.allSettled(
    sizes.map((bytes, i) =>
      memory.use(bytes, async (given) => {
        order.push(i);
        held += Math.min(bytes, 100);
        most = Math.max(most, held);
        t.equal(given.length, bytes);
        given.fill(i);
        await sleep(5);
        t.ok(given.every((byte) => byte === i));
        held -= Math.min(bytes, 100);
        if (i % 3 === 0) throw new Error('no');
      }),
    ),
  );
  t.same(
    order,
    sizes.map((_, i) => i),
  );
  t.ok(most <= 100);
  t.equal(results.filter(({ status }) => status === 'rejected').length, 3);
  await memory.use(100, async () => t.pass('all of it is free again'));
});

t.test('after a failure nothing more is begun, and what was begun has ended', async (t) => {
  let [begun, ended] = [0, 0];
  const work = async (n: number): Promise<void> => {
    begun++;
    await sleep(n === 2 ? 5 : 30);
    ended++;
    if (n === 2) throw new Error('second');
  };
  await t.rejects(inParallel([1, 2, 3, 4, 5, 6, 7, 8], 3, work), /second/);
  t.equal(begun, 3);
  t.equal(ended, 3);
  t.same(await inParallel([3, 1, 2], 2, async (n, i) => [n, i]), [
    [3, 0],
    [1, 1],
    [2, 2],
  ]);
});
