import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import t from 'tap';
import { BlobUnavailable } from '../../../server/ports/blobs.ts';
import { digest } from '../../suites/sample.ts';
import { CREDENTIALS, type S3Fault, s3Front, startS3 } from '../../support/s3-server.ts';
import { slowProxy } from '../../support/slow-proxy.ts';
import { openBlobs, took } from './open.ts';

t.setTimeout(180_000);
const server = await startS3(t);
const large = randomBytes(10_000_000);
const through = (port: number, more = '') => `s3://evidence?endpoint=http://127.0.0.1:${port}${more}`;

t.test('a server that is killed refuses what it cannot promise; started again, all goes on', async (t) => {
  const folder = t.testdir({ store: {}, spool: {} });
  const mortal = await startS3(t, { folder: join(folder, 'store') });
  let now = 1_000;
  const blobs = await openBlobs(t, mortal.address, { spoolDir: join(folder, 'spool'), nowMs: () => now });
  const before = digest();
  await blobs.keep('files', before, large);
  const incoming = await blobs.receive();
  await incoming.write(large);
  await mortal.kill();
  const refused = { name: 'BlobUnavailable', message: /ECONNREFUSED.*nothing listens/ };
  now += 60_000;
  await t.rejects(blobs.receive(), refused);
  await t.rejects(incoming.keep('files', digest()), refused);
  await t.rejects(blobs.keep('files', digest(), randomBytes(9)), refused);
  await t.rejects(blobs.size('files', before), refused);
  await t.rejects(blobs.read('files', before, 0, 9), refused);
  await mortal.start();
  now += 60_000;
  const after = digest();
  await incoming.keep('files', after);
  await (await blobs.receive()).discard();
  for (const name of [before, after]) t.ok(large.equals(await blobs.read('files', name, 0, large.length)));
});

const REFUSALS: Readonly<Record<string, readonly [S3Fault, RegExp]>> = {
  'access is denied': [{ status: 403, code: 'AccessDenied' }, /AccessDenied \(403\), access is denied/],
  'the credentials have expired': [{ status: 400, code: 'ExpiredToken' }, /ExpiredToken.*have expired/],
  'the bucket is elsewhere': [
    { status: 301, code: 'PermanentRedirect' },
    /PermanentRedirect.*another region/,
  ],
  'the clock is wrong': [{ status: 403, code: 'RequestTimeTooSkewed' }, /RequestTimeTooSkewed.*clock/],
  'the store is full': [{ status: 507, code: 'XMinioStorageFull' }, /XMinioStorageFull.*full/],
  'something in between answers in HTML': [{ status: 502, body: '<html><body>Bad</body></html>' }, /\(502\)/],
  'something in between answers nonsense': [{ status: 500, body: 'no XML <' }, /S3: /],
};
for (const [what, [fault, said]] of Object.entries(REFUSALS))
  t.test(`where ${what}, the reason is told and nothing secret`, async (t) => {
    const front = await s3Front(t, server);
    front.fault = () => fault;
    const blobs = await openBlobs(t, front.address);
    const acts: readonly (() => Promise<unknown>)[] = [
      () => blobs.receive(),
      () => blobs.keep('files', digest(), randomBytes(9)),
      () => blobs.keep('files', digest(), large),
      () => blobs.read('files', digest(), 0, 9),
      () => blobs.size('files', digest()),
    ];
    for (const act of acts) {
      const error = await act().catch((thrown: unknown) => thrown);
      t.ok(error instanceof BlobUnavailable, inspect(error));
      const shown = inspect(error, { depth: 9, showHidden: true });
      for (const secret of Object.values(CREDENTIALS).slice(0, 2)) t.notMatch(shown, secret);
      t.notMatch(shown, /Signature=/);
    }
    for (const act of acts.slice(0, 2)) await t.rejects(async () => void (await act()), { message: said });
  });

/** Opened while the environment says something else. */
async function withEnvironment<T>(
  env: Record<string, string | undefined>,
  work: () => Promise<T>,
): Promise<T> {
  const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
  const set = (values: Record<string, string | undefined>) => {
    for (const [name, value] of Object.entries(values))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  };
  set(env);
  try {
    return await work();
  } finally {
    set(before);
  }
}

const WRONG: Readonly<Record<string, readonly [Record<string, string | undefined>, RegExp]>> = {
  'the access key is unknown': [
    { AWS_ACCESS_KEY_ID: 'AKIANOBODY' },
    /InvalidAccessKeyId \(403\), the access/,
  ],
  'the secret key is wrong': [
    { AWS_SECRET_ACCESS_KEY: 'guessed' },
    /SignatureDoesNotMatch \(403\), the secret/,
  ],
  'there are no credentials': [
    { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, HOME: '/nonexistent' },
    /CredentialsProviderError, no credentials were found/,
  ],
};
for (const [what, [env, said]] of Object.entries(WRONG))
  t.test(`where ${what}, writing says so and nothing secret`, async (t) => {
    const front = await s3Front(t, server);
    await withEnvironment(env, async () => {
      const blobs = await openBlobs(t, front.address);
      const error = await blobs.keep('files', digest(), randomBytes(9)).catch((thrown: Error) => thrown);
      t.match(error, { name: 'BlobUnavailable', message: said });
      const shown = inspect(error, { depth: 9, showHidden: true });
      for (const [name, secret] of Object.entries(env))
        if (name.startsWith('AWS_') && secret !== undefined) t.notMatch(shown, secret);
      await t.rejects(blobs.receive(), BlobUnavailable);
      // Before the environment is as it was: what is under way has read it by then.
      await blobs.close();
    });
  });

t.test('a bucket that is not there is told when a file comes in, before its first byte', async (t) => {
  const blobs = await openBlobs(t, server.address.replace('evidence', 'nowhere'));
  await t.rejects(blobs.receive(), { name: 'BlobUnavailable', message: /NoSuchBucket.*no such bucket/ });
});

t.test('whether the bucket is there is asked once for many uploads, and again after a while', async (t) => {
  const front = await s3Front(t, server);
  let now = 0;
  const blobs = await openBlobs(t, front.address, { nowMs: () => now });
  const asked = () => front.requests.filter(({ method }) => method === 'HEAD').length;
  const crowd = () => Promise.allSettled(Array.from({ length: 50 }, () => blobs.receive()));
  const discard = async (all: Awaited<ReturnType<typeof crowd>>) => {
    for (const one of all) if (one.status === 'fulfilled') await one.value.discard();
  };
  await discard(await crowd());
  now += 4_000;
  await discard(await crowd());
  t.equal(asked(), 1);
  now += 2_000;
  front.fault = () => ({ status: 403 });
  t.ok((await crowd()).every(({ status }) => status === 'rejected'));
  t.equal(asked(), 2);
  front.fault = () => undefined;
  now += 1_001;
  await discard(await crowd());
  t.equal(asked(), 3);
});

t.test('a slow line is no silent one: late pieces and few bytes a second', async (t) => {
  const proxy = await slowProxy(t, server);
  const blobs = await openBlobs(t, through(proxy.port), { silenceMs: 2_500, attempts: 1 });
  proxy.delayMs = 150;
  const small = digest();
  await blobs.keep('files', small, large.subarray(0, 100_000));
  t.ok(large.subarray(0, 100_000).equals(await blobs.read('files', small, 0, 100_000)));
  proxy.delayMs = 0;
  proxy.bytesPerSecond = 6_000_000;
  const name = digest();
  await blobs.keep('files', name, large);
  // The answer takes longer than the server may be silent.
  proxy.bytesPerSecond = 3_000_000;
  const ms = await took(async () => t.ok(large.equals(await blobs.read('files', name, 0, large.length))));
  t.ok(ms > 2_500, `${ms} ms`);
});

t.test('a server that takes everything and says nothing is given up in bounded time', async (t) => {
  const proxy = await slowProxy(t, server);
  const blobs = await openBlobs(t, through(proxy.port));
  proxy.silent = true;
  const acts: readonly (() => Promise<unknown>)[] = [
    () => blobs.receive(),
    () => blobs.keep('files', digest(), randomBytes(9)),
    () => blobs.keep('files', digest(), large),
    () => blobs.read('files', digest(), 0, 9),
    () => blobs.size('files', digest()),
  ];
  for (const act of acts) {
    const ms = await took(() =>
      t.rejects(async () => void (await act()), { name: 'BlobUnavailable', message: /no answer in time/ }),
    );
    t.ok(ms < 6_000, `${ms} ms`);
  }
  proxy.cutAll();
  proxy.silent = false;
  await blobs.keep('files', digest(), large);
});

t.test('something that listens there and speaks another protocol is no store', async (t) => {
  const proxy = await slowProxy(t, server);
  proxy.answer = 'SSH-2.0-OpenSSH_9.2\r\n';
  const blobs = await openBlobs(t, through(proxy.port));
  await t.rejects(blobs.receive(), BlobUnavailable);
  await t.rejects(blobs.keep('files', digest(), randomBytes(9)), BlobUnavailable);
});

t.test('a temporary folder that somebody has cleared away is made again', async (t) => {
  const spoolDir = t.testdir();
  const blobs = await openBlobs(t, server.address, { spoolDir });
  rmSync(spoolDir, { recursive: true });
  const incoming = await blobs.receive();
  await incoming.write(large);
  const name = digest();
  await incoming.keep('files', name);
  t.equal(await blobs.size('files', name), large.length);
});
