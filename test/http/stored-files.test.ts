import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { until } from '../support/configured.ts';
import { body, form, run } from '../support/running.ts';

/* Files in a folder whatever else is configured: it is they that are lost here. */

const PHOTO = Buffer.from('a photograph');
const SHA256 = createHash('sha256').update(PHOTO).digest('hex');

/** A service with one uploaded file; `fixityEveryMs` is so long that checks are not in the way where none is wanted. */
async function withPhoto(t: Test, fixityEveryMs: number) {
  const service = await run({ KEZHENG_FIXITY_EVERY_MS: String(fixityEveryMs), KEZHENG_BLOBS: '' });
  t.teardown(() => service.stop());
  const made = await body(
    service.call('/v1/evidence', {
      method: 'POST',
      body: form({ title: '照片' }, [{ name: '照片.jpg', bytes: PHOTO }]),
    }),
  );
  const record = `/v1/evidence/${made.id}`;
  const fixity = async () => (await body(service.call(record))).files[0].fixity?.result;
  const path = join(service.dataDir, 'blobs', 'files', SHA256.slice(0, 2), SHA256);
  return { service, url: `${record}/files/0`, path, fixity };
}

const NEVER_MS = 86_400_000;

t.test(
  'a stored file that is gone is told as our loss, and not as one that was never deposited',
  async (t) => {
    const { service, url, path } = await withPhoto(t, NEVER_MS);
    t.equal((await service.call(url)).status, 200);
    rmSync(path);
    const answer = await service.call(url);
    t.equal(answer.headers.get('etag'), null);
    t.match(await body(answer), {
      status: 500,
      code: 'stored-file-missing',
      title: /曾由服务保存/,
      titleEn: /was stored/,
    });
    t.equal((await service.call(url, { method: 'HEAD' })).status, 500);
    writeFileSync(path, PHOTO);
    t.equal(await (await service.call(url)).text(), 'a photograph', 'once it is back it is served');
  },
);

t.test('bytes that the last check found damaged are not sent under the digest of the file', async (t) => {
  const { service, url, path, fixity } = await withPhoto(t, 150);
  // As long as the file was: only hashing tells.
  writeFileSync(path, 'a photogroph');
  await until('found damaged', async () => (await fixity()) === 'damaged');
  for (const range of [undefined, 'bytes=0-3']) {
    const answer = await service.call(url, { headers: { ...(range && { range }) } });
    t.equal(answer.headers.get('etag'), null);
    t.match(await body(answer), { status: 500, code: 'stored-file-damaged', title: /已损坏/ });
  }
  writeFileSync(path, PHOTO);
  await until('found whole', async () => (await fixity()) === 'ok');
  t.equal(await (await service.call(url)).text(), 'a photograph');
});

t.test('a stored file of another length is damaged before any check says so', async (t) => {
  const { service, url, path } = await withPhoto(t, NEVER_MS);
  for (const bytes of ['a photograp', 'a photographs', '']) {
    writeFileSync(path, bytes);
    t.match(await body(service.call(url)), { status: 500, code: 'stored-file-damaged' }, bytes);
  }
});
