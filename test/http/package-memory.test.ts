import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { body, certificateOf, form, run } from '../support/running.ts';
import { ON_POSTGRES } from '../support/storage.ts';

t.setTimeout(240_000);

const MIB = 2 ** 20;
/** `npm run test:long`: the size of a film instead of a clip. */
const SIZE = (process.env['KEZHENG_TEST_LONG'] === '1' ? 1_024 : 256) * MIB;

const service = await run();
t.teardown(() => service.stop());

/** Random, but made of one piece: what it says is of no matter here. */
const piece = randomBytes(MIB);
const film = new Blob(Array.from({ length: SIZE / MIB }, () => piece));
const data = form({ title: '录像' }, []);
data.append('file', film, 'film.mp4');
const made = await body(service.call('/v1/evidence', { method: 'POST', body: data }));
await certificateOf(service, made.id);

const download = (): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${service.keys[0]}` };
    get(`${service.url}/v1/evidence/${made.id}/package.zip`, { headers }, resolve).on('error', reject);
  });

t.test('a package is held in memory neither by a fast reader nor by a slow one', async (t) => {
  const warm = await download();
  for await (const _ of warm) break;
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 10);
  const fast = await download();
  let size = 0;
  for await (const chunk of fast) size += (chunk as Buffer).length;
  t.ok(size > SIZE, `${size}`);
  const slow = await download();
  slow.pause();
  // Whoever does not read is not sent to: what would come is not fetched.
  await wait(1_500);
  slow.destroy();
  await once(slow, 'close');
  clearInterval(watch);
  t.comment(`${((most - before) / MIB).toFixed(0)} MiB more for ${SIZE / MIB} MiB`);
  t.ok(most - before < 96 * MIB, `${most - before} bytes`);
});

t.test(
  'a reader that goes away leaves no original open',
  { skip: ON_POSTGRES ? 'originals are not files here' : false },
  async (t) => {
    const { readdirSync, readlinkSync } = await import('node:fs');
    const open = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).includes('/blobs/files');
        } catch {
          return false;
        }
      }).length;
    for (let i = 0; i < 5; i++) {
      const answer = await download();
      for await (const _ of answer) break;
      answer.destroy();
    }
    // The service looks after its files by itself now and then, but not all the time.
    let left = open();
    for (let tries = 0; tries < 100 && left > 0; tries++) {
      await wait(50);
      left = open();
    }
    t.equal(left, 0);
  },
);
