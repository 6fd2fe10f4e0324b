import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { BlobUnavailable } from '../../../server/ports/blobs.ts';
import { digest } from '../../suites/sample.ts';
import { type S3Fault, s3Front, startS3 } from '../../support/s3-server.ts';
import { slowProxy } from '../../support/slow-proxy.ts';
import { openBlobs, sleep, took } from './open.ts';

t.setTimeout(180_000);
const server = await startS3(t);
const SIZE = 3_000_000;
const bytes = randomBytes(SIZE);
const name = digest();
await (await openBlobs(t, server.address)).keep('files', name, bytes);

async function opened(t: Test) {
  const front = await s3Front(t, server);
  const blobs = await openBlobs(t, front.address);
  const fail = (fault: S3Fault, times: number) => {
    let left = times;
    front.fault = ({ method, query }) =>
      method === 'GET' && !query.has('uploads') && left-- > 0 ? fault : undefined;
  };
  return { front, blobs, fail };
}

const faults: Readonly<Record<string, S3Fault>> = {
  'is cut in the middle': 'cut the answer',
  'falls silent in the middle': 'stall the answer',
  'is cut before it begins': 'cut',
  'is refused with SlowDown': { status: 503, code: 'SlowDown' },
  'fails inside the store': { status: 500, code: 'InternalError' },
};
for (const [what, fault] of Object.entries(faults)) {
  t.test(`an answer that ${what} comes whole all the same: the rest is asked for`, async (t) => {
    const { blobs, fail } = await opened(t);
    fail(fault, 2);
    t.ok((await buffer(await blobs.stream('files', name, 5, SIZE - 7))).equals(bytes.subarray(5, SIZE - 7)));
    fail(fault, 2);
    t.ok(bytes.equals(await blobs.read('files', name, 0, SIZE)));
    fail(fault, 1);
    const ranges = Array.from({ length: 40 }, (_, i) => ({ start: i * 1_000, length: 999 }));
    const parts = await blobs.readEach('files', name, ranges);
    t.ok(parts.every((part, i) => bytes.subarray(i * 1_000, i * 1_000 + 999).equals(part)));
  });
}

t.test('an answer may be cut more often than a request is tried, as long as bytes come', async (t) => {
  const { blobs, fail } = await opened(t);
  fail('cut the answer', 6);
  t.ok(bytes.equals(await blobs.read('files', name, 0, SIZE)));
});

for (const what of ['is cut before it begins', 'is refused with SlowDown', 'fails inside the store'])
  t.test(`an answer that ${what} each time is an error in bounded time`, async (t) => {
    const { blobs, fail } = await opened(t);
    fail(faults[what]!, 99);
    const ms = await took(async () => {
      await t.rejects(blobs.read('files', name, 0, SIZE), BlobUnavailable);
      await t.rejects(blobs.stream('files', name, 0, SIZE), BlobUnavailable);
    });
    t.ok(ms < 8_000, `${ms} ms`);
  });

t.test('a server that goes away in the middle of an answer is an error, never short data', async (t) => {
  const proxy = await slowProxy(t, server);
  const blobs = await openBlobs(t, `s3://evidence?endpoint=http://127.0.0.1:${proxy.port}`);
  proxy.bytesPerSecond = 4_000_000;
  const reading = buffer(await blobs.stream('files', name, 0, SIZE));
  await sleep(100);
  await proxy.away();
  await t.rejects(reading, BlobUnavailable);
  await proxy.back();
  t.ok(bytes.equals(await blobs.read('files', name, 0, SIZE)));
});

t.test('a line on which no byte comes any more is an error in bounded time', async (t) => {
  const proxy = await slowProxy(t, server);
  const blobs = await openBlobs(t, `s3://evidence?endpoint=http://127.0.0.1:${proxy.port}`);
  const stream = await blobs.stream('files', name, 0, SIZE);
  proxy.silent = true;
  const ms = await took(() =>
    t.rejects(buffer(stream), { name: 'BlobUnavailable', message: /TimeoutError/ }),
  );
  t.ok(ms < 8_000, `${ms} ms`);
});

t.test('whoever reads slowly is not cut', async (t) => {
  const { blobs, front } = await opened(t);
  const chunks: Buffer[] = [];
  let waits = 0;
  for await (const chunk of await blobs.stream('files', name, 0, SIZE)) {
    chunks.push(chunk as Buffer);
    // Longer than a server may be silent.
    if (++waits <= 2) await sleep(1_000);
  }
  t.ok(bytes.equals(Buffer.concat(chunks)));
  t.equal(front.requests.filter(({ method, query }) => method === 'GET' && !query.has('uploads')).length, 1);
});

t.test('a stream that is given up, read or not, gives up its connection', async (t) => {
  const proxy = await slowProxy(t, server);
  proxy.bytesPerSecond = 1_000_000;
  const blobs = await openBlobs(t, `s3://evidence?endpoint=http://127.0.0.1:${proxy.port}`);
  const untouched = await blobs.stream('files', name, 0, SIZE);
  const begun = await blobs.stream('files', name, 0, SIZE);
  await once(begun, 'readable');
  t.ok(proxy.open >= 2);
  for (const stream of [untouched, begun]) stream.destroy();
  const before = proxy.carried.down;
  for (let tries = 0; tries < 100 && proxy.open > 1; tries++) await sleep(10);
  // The one of the bucket's check may stay.
  t.ok(proxy.open <= 1, `${proxy.open} connections`);
  t.ok(proxy.carried.down - before < 500_000);
});

t.test('a store that answers with other bytes than asked for is not believed', async (t) => {
  const { blobs, fail } = await opened(t);
  fail({ status: 200, body: 'x'.repeat(10), headers: { 'content-length': '10' } }, 1);
  await t.rejects(blobs.read('files', name, 5, 10), /ends before 15/);
  const headers = { 'content-range': 'bytes 0-9/100', 'content-length': '10' };
  fail({ status: 206, body: 'x'.repeat(10), headers }, 1);
  await t.rejects(blobs.read('files', name, 5, 10), /ends before 15/);
});

t.test('what is not there is told apart from a store that is not there', async (t) => {
  const { blobs, front } = await opened(t);
  const missing = digest();
  t.equal(await blobs.size('files', missing), undefined);
  const reads = [
    () => blobs.read('files', missing, 0, 1),
    () => blobs.read('files', missing, 0, 0),
    () => blobs.stream('files', missing, 0, 0),
    () => blobs.readEach('files', missing, [{ start: 0, length: 5 }]),
    () => blobs.read('files', name, SIZE, 1),
  ];
  for (const read of reads) {
    const error = await read().catch((thrown: unknown) => thrown);
    t.ok(error instanceof Error && !(error instanceof BlobUnavailable), String(error));
  }
  const nowhere = await openBlobs(t, front.address.replace('evidence', 'nowhere'));
  await t.rejects(nowhere.size('files', name), { name: 'BlobUnavailable', message: /NoSuchBucket/ });
  await t.rejects(nowhere.read('files', name, 0, 1), { name: 'BlobUnavailable', message: /NoSuchBucket/ });
});
