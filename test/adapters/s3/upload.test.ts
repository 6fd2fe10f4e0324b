import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { PART_BYTES } from '../../../server/adapters/s3/blobs.ts';
import { partSizeFor } from '../../../server/adapters/s3/upload.ts';
import { BlobUnavailable } from '../../../server/ports/blobs.ts';
import { digest } from '../../suites/sample.ts';
import { mountSmallDisk, whyNoSmallDisk } from '../../suites/small-disk.ts';
import { type S3Fault, type S3Front, type S3Request, s3Front, startS3 } from '../../support/s3-server.ts';
import { slowProxy } from '../../support/slow-proxy.ts';
import { openBlobs } from './open.ts';

t.setTimeout(180_000);
const server = await startS3(t);
/** Two parts, the last of them odd. */
const LARGE = PART_BYTES + 12_345;
const large = randomBytes(LARGE);

const isPart = ({ query }: S3Request): boolean => query.has('partNumber');
const isCreate = ({ method, query }: S3Request): boolean => method === 'POST' && query.has('uploads');
const isComplete = ({ method, query }: S3Request): boolean => method === 'POST' && query.has('uploadId');
const isPut = ({ method }: S3Request): boolean => method === 'PUT';
const isHead = ({ method, path }: S3Request): boolean => method === 'HEAD' && path.length > 20;

/** The first `times` requests of a kind get the fault. */
function faultOf(front: S3Front, which: (request: S3Request) => boolean, fault: S3Fault, times = 1): void {
  let left = times;
  front.fault = (request) => (which(request) && left-- > 0 ? fault : undefined);
}

async function opened(t: Test) {
  const front = await s3Front(t, server);
  return { front, blobs: await openBlobs(t, front.address) };
}

t.test('a small file is one request, under its final name', async (t) => {
  const { front, blobs } = await opened(t);
  const [name, bytes] = [digest(), randomBytes(1_000)];
  const incoming = await blobs.receive();
  await incoming.write(bytes);
  front.requests.length = 0;
  await incoming.keep('files', name);
  const lines = front.requests.filter(({ query }) => !query.has('uploads'));
  t.same(
    lines.map(({ method, path }) => `${method} ${path}`),
    [`PUT /evidence/files/${name.slice(0, 2)}/${name}`],
  );
  t.ok(bytes.equals(await blobs.read('files', name, 0, 1_000)));
});

t.test('a large file goes in parts and is an object only when it is whole', async (t) => {
  const { front, blobs } = await opened(t);
  const name = digest();
  const incoming = await blobs.receive();
  const pieces = Array.from({ length: Math.ceil(LARGE / 300_007) }, (_, i) =>
    large.subarray(i * 300_007, (i + 1) * 300_007),
  );
  await Promise.all(pieces.map((piece) => incoming.write(piece)));
  let seen: Promise<number | undefined> | undefined;
  front.fault = (request) => {
    if (isPart(request)) seen ??= blobs.size('files', name);
    return undefined;
  };
  await incoming.keep('files', name);
  t.equal(await seen, undefined);
  t.ok(large.equals(await blobs.read('files', name, 0, LARGE)));
  t.same(
    front.requests
      .filter(isPart)
      .map(({ bytes }) => bytes)
      .sort(),
    [12_345, PART_BYTES],
  );
  t.equal(front.openUploads.size, 0);
});

t.test('bytes in memory go in parts too, shared memory as well', async (t) => {
  const { blobs } = await opened(t);
  const shared = new Uint8Array(new SharedArrayBuffer(LARGE));
  shared.set(large);
  for (const bytes of [large, shared]) {
    const name = digest();
    await blobs.keep('trees', name, bytes);
    t.ok(large.equals(await blobs.read('trees', name, 0, LARGE)));
  }
  const [name, small] = [digest(), shared.subarray(0, 100)];
  await blobs.keep('trees', name, small);
  t.ok(large.subarray(0, 100).equals(await blobs.read('trees', name, 0, 100)));
});

t.test('keeping a name again heals a damaged copy', async (t) => {
  const { blobs } = await opened(t);
  for (const bytes of [large, randomBytes(100)]) {
    const name = digest();
    await blobs.keep('files', name, Buffer.alloc(bytes.length));
    await blobs.keep('files', name, bytes);
    t.ok(bytes.equals(await blobs.read('files', name, 0, bytes.length)));
  }
});

const passing: Readonly<Record<string, readonly [(request: S3Request) => boolean, S3Fault]>> = {
  'a part is stored and its answer lost': [isPart, 'lose the answer'],
  'a part does not arrive': [isPart, 'cut'],
  'the beginning is stored and its answer lost': [isCreate, 'lose the answer'],
  'the end is stored and its answer lost': [isComplete, 'lose the answer'],
  'the end is answered with an error in a good answer': [
    isComplete,
    { status: 200, body: '<Error><Code>InternalError</Code><Message>no</Message></Error>' },
  ],
  'parts are throttled': [isPart, { status: 503, code: 'SlowDown' }],
  'a part fails inside the store': [isPart, { status: 500, code: 'InternalError' }],
};
for (const [what, [which, fault]] of Object.entries(passing))
  t.test(`a large file is kept whole although ${what}`, async (t) => {
    const { front, blobs } = await opened(t);
    const name = digest();
    faultOf(front, which, fault, 2);
    await blobs.keep('files', name, large);
    t.ok(large.equals(await blobs.read('files', name, 0, LARGE)));
  });

t.test('a large file is kept whole although connections end in the middle of parts', async (t) => {
  const proxy = await slowProxy(t, server);
  const blobs = await openBlobs(t, `s3://evidence?endpoint=http://127.0.0.1:${proxy.port}`);
  proxy.cuts.push({ way: 'up', afterBytes: 4_000_000 }, { way: 'up', afterBytes: 7_000_000 });
  const name = digest();
  const incoming = await blobs.receive();
  await incoming.write(large);
  await incoming.keep('files', name);
  t.equal(proxy.cuts.length, 0);
  t.ok(large.equals(await blobs.read('files', name, 0, LARGE)));
});

t.test('an end that the store never heard of is no end, whatever stood under the name before', async (t) => {
  const { front, blobs } = await opened(t);
  const name = digest();
  await blobs.keep('files', name, large);
  faultOf(front, isComplete, { status: 404, code: 'NoSuchUpload' }, 9);
  await t.rejects(blobs.keep('files', name, large), { name: 'BlobUnavailable', message: /NoSuchUpload/ });
});

const lasting: Readonly<Record<string, readonly [(request: S3Request) => boolean, S3Fault, RegExp]>> = {
  'parts are never taken': [isPart, { status: 503, code: 'SlowDown' }, /SlowDown \(503\), it asks for fewer/],
  'the second part is never taken': [
    (request) => request.query.get('partNumber') === '2',
    { status: 500, code: 'InternalError' },
    /InternalError \(500\)/,
  ],
  'the end is never taken': [isComplete, { status: 500, code: 'InternalError' }, /InternalError/],
  'the store keeps other bytes of a part': [
    isPart,
    {
      status: 200,
      body: '',
      headers: { etag: '"x"', 'x-amz-checksum-sha256': Buffer.alloc(32).toString('base64') },
    },
    /other bytes/,
  ],
  'the store shows another size': [isHead, { status: 200, headers: { 'content-length': '7' } }, /7 bytes/],
};
for (const [what, [which, fault, said]] of Object.entries(lasting))
  t.test(`a large file is refused where ${what}, and no upload stays open`, async (t) => {
    const { front, blobs } = await opened(t);
    const name = digest();
    faultOf(front, which, fault, 99);
    const incoming = await blobs.receive();
    await incoming.write(large);
    await t.rejects(incoming.keep('files', name), { name: 'BlobUnavailable', message: said });
    t.equal(front.openUploads.size, 0);
    front.fault = () => undefined;
    if (which !== isHead) t.equal(await blobs.size('files', name), undefined);
    // The bytes are still there: a second try needs nothing from the sender.
    await incoming.keep('files', name);
    t.ok(large.equals(await blobs.read('files', name, 0, LARGE)));
  });

t.test('a small file of which the store keeps other bytes is refused', async (t) => {
  const { front, blobs } = await opened(t);
  const headers = { 'x-amz-checksum-sha256': Buffer.alloc(32).toString('base64') };
  faultOf(front, isPut, { status: 200, body: '', headers });
  await t.rejects(blobs.keep('files', digest(), randomBytes(9)), /other bytes/);
});

t.test('a store without checksums is asked for the size of what it has kept', async (t) => {
  const { front, blobs } = await opened(t);
  front.withoutChecksums = true;
  const name = digest();
  await blobs.keep('files', name, large.subarray(0, 100));
  t.equal(front.requests.filter(isHead).length, 1);
  await blobs.keep('files', digest(), large);
  front.fault = (request) => (isHead(request) ? { status: 404 } : undefined);
  await t.rejects(blobs.keep('files', digest(), randomBytes(9)), BlobUnavailable);
});

t.test('every write asks for the encryption that the address names', async (t) => {
  const front = await s3Front(t, server);
  const kms = { 'x-amz-server-side-encryption': 'aws:kms' };
  const key = { ...kms, 'x-amz-server-side-encryption-aws-kms-key-id': 'alias/evidence' };
  const sent = {
    '': { 'x-amz-server-side-encryption': undefined },
    '&sse=AES256': { 'x-amz-server-side-encryption': 'AES256' },
    '&sse=aws:kms': { ...kms, 'x-amz-server-side-encryption-aws-kms-key-id': undefined },
    '&sse=aws:kms&kmsKeyId=alias/evidence': key,
  };
  for (const [more, headers] of Object.entries(sent)) {
    const blobs = await openBlobs(t, front.address + more);
    front.requests.length = 0;
    await blobs.keep('files', digest(), randomBytes(9));
    await blobs.keep('files', digest(), large);
    const writes = front.requests.filter(
      (request) => isCreate(request) || (isPut(request) && !isPart(request)),
    );
    t.equal(writes.length, 2);
    for (const write of writes) t.match(write.headers, headers, more);
  }
});

t.test('what is coming in has no name on this machine, so a crash leaves nothing of it', async (t) => {
  const spoolDir = t.testdir();
  const blobs = await openBlobs(t, (await s3Front(t, server)).address, { spoolDir });
  const incoming = await blobs.receive();
  await incoming.write(large);
  t.same(readdirSync(spoolDir), []);
  await incoming.discard();
  await t.rejects(incoming.write(large));
});

t.test(
  'a full disk of this machine refuses, and takes again when there is room',
  { skip: whyNoSmallDisk() },
  async (t) => {
    const disk = mountSmallDisk(t, 4);
    const blobs = await openBlobs(t, (await s3Front(t, server)).address, { spoolDir: disk.dir });
    disk.fill();
    const incoming = await blobs.receive();
    await t.rejects(incoming.write(large), { name: 'BlobUnavailable', message: /ENOSPC/ });
    await t.rejects(incoming.keep('files', digest()), BlobUnavailable);
    await incoming.discard();
    disk.free();
    const [name, another] = [digest(), await blobs.receive()];
    await another.write(large.subarray(0, 100_000));
    await another.keep('files', name);
    t.equal(await blobs.size('files', name), 100_000);
  },
);

t.test('parts are of one size and never more than a store takes', async (t) => {
  t.equal(partSizeFor(1, PART_BYTES), PART_BYTES);
  for (const size of [80 * 2 ** 30, 5 * 2 ** 40]) {
    const part = partSizeFor(size, PART_BYTES);
    t.equal(part % PART_BYTES, 0);
    t.ok(Math.ceil(size / part) <= 10_000);
    t.ok(Math.ceil(size / (part - PART_BYTES)) > 10_000 || part === PART_BYTES);
  }
});
