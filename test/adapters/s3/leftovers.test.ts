import t, { type Test } from 'tap';
import { BUCKET, type S3Front, s3Front, startS3 } from '../../support/s3-server.ts';
import { openBlobs, sleep } from './open.ts';

const server = await startS3(t);
const DAY = 86_400_000;

/** An upload that somebody began and left. */
async function begun(front: S3Front, key: string, ageMs: number): Promise<string> {
  const url = `http://127.0.0.1:${server.port}/${BUCKET}/${key}?uploads`;
  const id = /<UploadId>([^<]+)</.exec(await (await fetch(url, { method: 'POST' })).text())![1]!;
  front.openUploads.set(id, { key, initiated: new Date(Date.now() - ageMs) });
  return id;
}

async function isOpen(key: string, id: string): Promise<boolean> {
  const url = `http://127.0.0.1:${server.port}/${BUCKET}/${key}?partNumber=1&uploadId=${id}`;
  return (await fetch(url, { method: 'PUT', body: 'x' })).status === 200;
}

async function tidied(t: Test, front: S3Front, address: string): Promise<void> {
  await (await openBlobs(t, address)).close();
  t.ok(front.requests.some(({ query }) => query.has('uploads')));
}

t.test('uploads that a crash left are ended after a day, at the next start; no others', async (t) => {
  const front = await s3Front(t, server);
  const old = [
    ['ours/files/aa/1', await begun(front, 'ours/files/aa/1', DAY + 60_000)],
    ['ours/files/bb/2', await begun(front, 'ours/files/bb/2', 9 * DAY)],
    ['ours/trees/cc/3', await begun(front, 'ours/trees/cc/3', 2 * DAY)],
  ] as const;
  const others = [
    ['ours/files/dd/4', await begun(front, 'ours/files/dd/4', DAY - 60_000)],
    ['theirs/files/aa/1', await begun(front, 'theirs/files/aa/1', 9 * DAY)],
    ['ours/elsewhere', await begun(front, 'ours/elsewhere', 9 * DAY)],
  ] as const;
  await tidied(t, front, front.address.replace(BUCKET, `${BUCKET}/ours`));
  for (const [key, id] of old) t.notOk(await isOpen(key, id), key);
  for (const [key, id] of others) t.ok(await isOpen(key, id), key);
});

t.test('a store that cannot list uploads, or may not, is used all the same, and told of', async (t) => {
  for (const code of ['NotImplemented', 'AccessDenied']) {
    const front = await s3Front(t, server);
    front.fault = ({ method, query }) =>
      method === 'GET' && query.has('uploads') ? { status: 501, code } : undefined;
    const warned: object[] = [];
    const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void warned.push(fields) };
    const blobs = await openBlobs(t, front.address, { log });
    await blobs.keep('files', 'a'.repeat(64), new Uint8Array(3));
    for (let tries = 0; tries < 100 && warned.length === 0; tries++) await sleep(20);
    t.match(warned, [{ reason: new RegExp(code) }]);
  }
});
