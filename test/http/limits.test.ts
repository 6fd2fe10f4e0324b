import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openDigests } from '../../server/adapters/workers/digests.ts';
import { openTreeBuilder } from '../../server/adapters/workers/trees.ts';
import { selfTest } from '../../server/pipeline/self-test.ts';
import { nothing } from '../support/nothing.ts';
import { body, certificateOf, form, hashOnly, run } from '../support/running.ts';

t.test('checks are limited in rate and uploads in size, and both say so', async (t) => {
  const service = await run({
    KEZHENG_VERIFY_PER_MINUTE: '3',
    KEZHENG_MAX_UPLOAD_BYTES: '1000',
    KEZHENG_MAX_FILES: '2',
  });
  t.teardown(() => service.stop());
  const check = () => service.call('/v1/verify', { key: null, json: { certificate: 'x' } });
  for (let i = 0; i < 3; i++) t.equal((await check()).status, 200);
  const refused = await check();
  t.match(await body(refused), { code: 'too-many-requests', status: 429 });
  t.ok(Number(refused.headers.get('retry-after')) > 0);
  const send = (...sizes: number[]) =>
    body(
      service.call('/v1/evidence', {
        method: 'POST',
        body: form(
          { title: 'x' },
          sizes.map((size, i) => ({ name: `${i}`, bytes: Buffer.alloc(size) })),
        ),
      }),
    );
  t.equal((await send(1000)).state, 'received');
  t.match(await send(1001), { code: 'file-too-large', limit: 1000 });
  t.match(await send(600, 600), { code: 'file-too-large' }, 'the limit is of the whole upload');
  t.match(await send(1, 1, 1), { code: 'too-many-files', limit: 2 });
  t.equal(
    (await service.call('/v1/evidence', { json: hashOnly(1) })).status,
    201,
    'deposits have no such limit',
  );
});

t.test('a machine that hashes wrongly is found before anything is promised', async (t) => {
  const digests = openDigests();
  const trees = openTreeBuilder();
  t.teardown(() => Promise.all([digests.close(), trees.close()]));
  await t.resolves(selfTest(digests, trees));
  const wrong = (answer: { sha256: string; sm3: string }) => ({
    close: nothing,
    begin: () => ({ update: nothing, finish: async () => ({ ...answer, size: 1 }), abandon: () => {} }),
  });
  const right = digests.begin();
  await right.update(new Uint8Array(1024 * 1024));
  const { sha256, sm3 } = await right.finish();
  await t.rejects(selfTest(wrong({ sha256: sm3, sm3 }), trees), /, not /);
  await t.rejects(selfTest(wrong({ sha256, sm3: sha256 }), trees), /, not /);
  const otherTree = {
    close: nothing,
    build: async () => ({ root: new Uint8Array(32), nodes: new Uint8Array(32) }),
  };
  await t.rejects(selfTest(digests, otherTree), /, not /);
});

t.test('everything of a demonstration survives a restart: keys, evidence, chain, certificate', async (t) => {
  const first = await run();
  const folder = first.dataDir;
  const { id } = await body(
    first.call('/v1/evidence', { json: hashOnly(1), headers: { 'idempotency-key': 'k' } }),
  );
  const certificate = (await certificateOf(first, id)).toString();
  const trust = readFileSync(join(folder, 'trust.json'), 'utf8');
  const [key] = first.keys;
  await first.pause();
  const second = await run({}, folder);
  t.equal(second.keys[0], key);
  t.equal(await (await second.call(`/v1/evidence/${id}/certificate`)).text(), certificate);
  t.equal(readFileSync(join(folder, 'trust.json'), 'utf8'), trust);
  t.equal(
    (await body(second.call('/v1/evidence', { json: hashOnly(1), headers: { 'idempotency-key': 'k' } }))).id,
    id,
  );
  await second.pause();
  writeFileSync(join(folder, 'demo.json'), 'damaged');
  const third = await run({}, folder);
  t.not(third.keys[0], key, 'a damaged demo.json gets new keys');
  t.equal((await body(third.call(`/v1/evidence/${id}`))).id, id, 'for the same organizations');
  await third.stop();
});
