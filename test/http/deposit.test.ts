import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { canonicalize, type JsonObject, parseJson } from '../../server/core/read/json.ts';
import { leafHash } from '../../server/core/tree/tree.ts';
import { body, digestOf, form, hashOnly, run } from '../support/running.ts';
import { ON_POSTGRES } from '../support/storage.ts';

const service = await run();
t.teardown(() => service.stop());

const hash = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex');
/** Batches pass through the temporary folder too, so a test waits until it has come to rest. */
const filesKept = (): string[] =>
  // With an object store, what comes in stands in the spool until it is whole.
  (
    readdirSync(join(service.dataDir, ON_POSTGRES ? 'spool' : 'blobs'), { recursive: true }) as string[]
  ).filter((name) => /files\/.*[0-9a-f]{64}|tmp\/./.test(name));

const settled = async (before: readonly string[]): Promise<void> => {
  for (let tries = 0; tries < 50 && filesKept().length > before.length; tries++)
    await new Promise((r) => setTimeout(r, 50));
};

t.test('a form with files becomes a manifest with both digests of each, in order', async (t) => {
  const bytes = [randomBytes(200_000), Buffer.from(''), Buffer.from('你好')];
  const names = ['照片 𠮷 (1).jpg', 'empty', 'شهادة.txt'];
  const evidence = {
    title: '涉嫌侵权商品页面',
    description: '第一行\n第二行',
    category: 'webpage',
    capturedFrom: '2026-11-22T15:00:00+08:00',
    capturedTo: '2026-11-22T07:00:01.5Z',
    origin: { source: 'https://shop.example/1', statement: '浏览器打开后截图' },
    right: { type: '商标', number: '第1号' },
    accused: { name: '某某商贸', uscc: '91350200MA2YJ1XR9G' },
    corroborations: [{ kind: '订单号', reference: '1' }],
  };
  const files = names.map((name, i) => ({
    name,
    bytes: bytes[i]!,
    type: i === 0 ? 'image/jpeg' : 'text/plain',
  }));
  const answer = await service.call('/v1/evidence', { method: 'POST', body: form(evidence, files) });
  t.equal(answer.status, 201);
  const made = await body(answer);
  t.equal(answer.headers.get('location'), `/v1/evidence/${made.id}`);
  t.equal(made.state, 'received');
  t.match(
    made.manifest.files,
    names.map((name, i) => ({
      name,
      digests: 'computed',
      size: bytes[i]!.length,
      sha256: hash('sha256', bytes[i]!),
      sm3: hash('sm3', bytes[i]!),
    })),
  );
  t.equal(made.manifest.evidence.capturedFrom, '2026-11-22T07:00:00.000Z');
  t.equal(made.manifest.evidence.origin.grade, 'unverified-upload');
  t.equal(made.leafHash, Buffer.from(leafHash(Buffer.from(canonicalize(made.manifest)))).toString('hex'));
  for (const [i, name] of names.entries()) {
    const file = await service.call(`/v1/evidence/${made.id}/files/${i}`);
    t.equal(file.status, 200);
    t.ok(Buffer.from(await file.arrayBuffer()).equals(bytes[i]!));
    t.equal(file.headers.get('x-content-type-options'), 'nosniff');
    t.match(
      file.headers.get('content-disposition'),
      `filename*=UTF-8''${encodeURIComponent(name).replace('(', '%28').replace(')', '%29')}`,
    );
  }
});

t.test('the stored manifest is canonical, whatever the text in it', async (t) => {
  const odd = '"\\/\u007e\u00a0𠮷😀é<>&';
  const made = await (
    await service.call('/v1/evidence', { json: hashOnly(1, { title: odd, description: `${odd}\n\t` }) })
  ).text();
  const manifest = (parseJson(Buffer.from(made)) as JsonObject)['manifest']!;
  t.ok(made.includes(canonicalize(manifest)));
});

t.test('ranges of a file are served as asked', async (t) => {
  const bytes = randomBytes(1000);
  const { id } = await body(
    service.call('/v1/evidence', { method: 'POST', body: form({ title: 'r' }, [{ name: 'r', bytes }]) }),
  );
  const get = async (range: string) => {
    const answer = await service.call(`/v1/evidence/${id}/files/0`, { headers: { range } });
    return {
      status: answer.status,
      range: answer.headers.get('content-range'),
      bytes: Buffer.from(await answer.arrayBuffer()),
    };
  };
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=10-19', 10, 20],
    ['bytes=990-', 990, 1000],
    ['bytes=-5', 995, 1000],
    ['bytes=0-9999', 0, 1000],
  ] as const) {
    const part = await get(range);
    t.equal(part.status, 206, range);
    t.equal(part.range, `bytes ${start}-${end - 1}/1000`);
    t.ok(part.bytes.equals(bytes.subarray(start, end)));
  }
  for (const range of ['bytes=1000-', 'bytes=-0']) t.equal((await get(range)).status, 416, range);
  for (const range of ['bytes=5-1', 'lines=1-2', 'bytes=0-1,3-4', 'bytes=-'])
    t.equal((await get(range)).status, 200, range);
});

t.test('digests alone are marked as declared, and there is no file to be had', async (t) => {
  const made = await body(service.call('/v1/evidence', { json: hashOnly(7) }));
  t.match(made.manifest.files[0], { digests: 'declared', sm3: null, sha256: digestOf(7) });
  t.match(await body(service.call(`/v1/evidence/${made.id}/files/0`)), {
    code: 'file-not-stored',
    status: 404,
  });
});

t.test('a folder is deposited by the root and the size of its tree', async (t) => {
  const folder = { root: digestOf(77), size: 2 ** 32 };
  const made = await body(service.call('/v1/evidence', { json: { title: '文件夹', folder } }));
  t.match(made.manifest, { folder, files: [] });
  t.match(await body(service.call(`/v1/evidence/${made.id}`)), { manifest: { folder }, files: [] });
  t.equal((await service.call(`/v1/evidence/${made.id}/files/0`)).status, 404);
  t.equal((await service.call(`/v1/evidence/${made.id}/files/0/proof.ots`)).status, 404);
});

t.test('declaring the digest of another’s file gives no access to it', async (t) => {
  const bytes = randomBytes(100);
  await service.call('/v1/evidence', {
    method: 'POST',
    body: form({ title: 'secret' }, [{ name: 's', bytes }]),
  });
  const thief = await body(
    service.call('/v1/evidence', {
      key: service.keys[1],
      json: { title: 'x', files: [{ name: 's', size: 100, sha256: hash('sha256', bytes) }] },
    }),
  );
  t.equal((await service.call(`/v1/evidence/${thief.id}/files/0`, { key: service.keys[1] })).status, 404);
});

t.test('declared digests that differ are refused with both values, and nothing is kept', async (t) => {
  const before = filesKept().filter((name) => !name.startsWith('tmp'));
  const bytes = randomBytes(70_000);
  const send = (files: object[]) =>
    body(
      service.call('/v1/evidence', {
        method: 'POST',
        body: form({ title: 'd', files }, [{ name: 'f', bytes }]),
      }),
    );
  for (const algorithm of ['sha256', 'sm3'])
    t.match(await send([{ [algorithm]: digestOf(1) }]), {
      status: 422,
      code: 'digest-mismatch',
      algorithm,
      declared: digestOf(1),
      computed: hash(algorithm, bytes),
    });
  t.match(await send([{ size: 1 }]), { code: 'size-mismatch', declared: 1, computed: 70_000 });
  t.match(await send([{}, { size: 1 }]), { code: 'file-missing' });
  await settled(before);
  t.strictSame(filesKept(), before);
  t.equal(
    (await send([{ sha256: hash('sha256', bytes), sm3: hash('sm3', bytes), size: 70_000, name: 'f' }])).state,
    'received',
  );
});

t.test('an upload that breaks off leaves nothing behind', async (t) => {
  const before = filesKept().filter((name) => !name.startsWith('tmp'));
  const { port } = new URL(service.url);
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), 'localhost', () => {
      socket.write(
        `POST /v1/evidence HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${service.keys[0]}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 10000000\r\n\r\n--b\r\ncontent-disposition: form-data; name="evidence"\r\n\r\n{"title":"x"}\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n${'x'.repeat(500_000)}`,
      );
      setTimeout(() => socket.destroy(), 300);
    });
    socket.on('close', () => resolve());
    socket.on('error', reject);
  });
  await settled(before);
  t.strictSame(filesKept(), before);
});

t.test('a form that ends early, or is in the wrong order, is refused with its reason', async (t) => {
  const before = filesKept().filter((name) => !name.startsWith('tmp'));
  const raw = (text: string) =>
    body(
      service.call('/v1/evidence', {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
        body: text.replaceAll('\n', '\r\n'),
      }),
    );
  const part = (name: string, content: string, more = '') =>
    `--b\ncontent-disposition: form-data; name="${name}"${more}\n\n${content}\n`;
  const evidence = part('evidence', '{"title":"x"}');
  const file = part('file', 'bytes', '; filename="f"');
  const cases: readonly [string, string][] = [
    [evidence + part('file', 'abc', '; filename="f"'), 'upload-broken'],
    [`${file}${evidence}--b--\n`, 'evidence-part-first'],
    [`${evidence}--b--\n`, 'file-missing'],
    [`--b--\n`, 'evidence-part-first'],
    [`${evidence}${part('other', 'x')}--b--\n`, 'part-unexpected'],
    [`${evidence}${evidence}${file}--b--\n`, 'part-unexpected'],
    [`${part('evidence', '{"title":""}')}${file}--b--\n`, 'request-invalid'],
    [`${part('evidence', '{"title":"x","role":"operator"}')}${file}--b--\n`, 'request-invalid'],
    [`${part('evidence', '{"title":')}${file}--b--\n`, 'body-malformed'],
    [`${evidence}${part('file', 'x', '; filename=".."')}--b--\n`, 'file-name-invalid'],
    [`${evidence}${part('file', 'x')}--b--\n`, 'file-name-invalid'],
  ];
  for (const [text, code] of cases) t.match(await raw(text), { code }, code);
  await settled(before);
  t.strictSame(filesKept(), before);
  t.equal((await raw(`${evidence}${file}--b--\n`)).state, 'received');
});

t.test('a name is never a path', async (t) => {
  for (const name of ['../../etc/passwd', 'a\\b', 'C:\\x\\evil.txt', '/abs', 'folder/'])
    t.match(
      await body(
        service.call('/v1/evidence', {
          method: 'POST',
          body: form({ title: 'n' }, [{ name, bytes: Buffer.from('x') }]),
        }),
      ),
      { code: 'file-name-invalid', status: 422, file: 0 },
      name,
    );
});

t.test('a hundred files are taken, a hundred and one are not', async (t) => {
  const files = (n: number) =>
    Array.from({ length: n }, (_, i) => ({ name: `f${i}`, bytes: Buffer.from(`${i}`) }));
  const send = (n: number) =>
    service.call('/v1/evidence', { method: 'POST', body: form({ title: 'many' }, files(n)) });
  t.equal((await body(send(100))).manifest.files.length, 100);
  t.match(await body(send(101)), { code: 'too-many-files' });
});

const invalid: Readonly<Record<string, [unknown, string]>> = {
  'no title': [{ files: hashOnly(1).files }, 'request-invalid'],
  'no file': [{ title: 'x', files: [] }, 'request-invalid'],
  'a digest in upper case': [
    { title: 'x', files: [{ name: 'f', size: 1, sha256: 'A'.repeat(64) }] },
    'request-invalid',
  ],
  'a negative size': [
    { title: 'x', files: [{ name: 'f', size: -1, sha256: digestOf(1) }] },
    'request-invalid',
  ],
  'a size that is no integer': [
    { title: 'x', files: [{ name: 'f', size: 1.5, sha256: digestOf(1) }] },
    'request-invalid',
  ],
  'a size above 2^53−1': [
    { title: 'x', files: [{ name: 'f', size: 2 ** 53, sha256: digestOf(1) }] },
    'request-invalid',
  ],
  'a slash in a name': [
    { title: 'x', files: [{ name: 'a/b', size: 1, sha256: digestOf(1) }] },
    'request-invalid',
  ],
  'a separator of lines in the title': [hashOnly(1, { title: 'a\u2028b' }), 'request-invalid'],
  'a separator of paragraphs in the description': [
    hashOnly(1, { description: 'a\u2029b' }),
    'request-invalid',
  ],
  'a separator of lines in the name of a file': [
    { title: 'a', files: [{ name: 'a\u2028b', size: 1, sha256: digestOf(1) }] },
    'request-invalid',
  ],
  'a control character in the title': [hashOnly(1, { title: 'a\u0007b' }), 'request-invalid'],
  'an unknown member': [hashOnly(1, { id: 'mine' }), 'request-invalid'],
  'a day that does not exist': [hashOnly(1, { capturedFrom: '2026-02-30T00:00:00Z' }), 'request-invalid'],
  'a capture that ends before it begins': [
    hashOnly(1, { capturedFrom: '2026-01-02T00:00:00Z', capturedTo: '2026-01-01T00:00:00Z' }),
    'captured-order',
  ],
  'neither files nor a folder': [{ title: 'x' }, 'request-invalid'],
  'files and a folder': [hashOnly(1, { folder: { root: digestOf(1), size: 1 } }), 'request-invalid'],
  'an empty folder': [{ title: 'x', folder: { root: digestOf(1), size: 0 } }, 'request-invalid'],
  'a folder of more files than a tree has': [
    { title: 'x', folder: { root: digestOf(1), size: 2 ** 32 + 1 } },
    'request-invalid',
  ],
  'a folder whose root is no digest': [{ title: 'x', folder: { root: '00', size: 1 } }, 'request-invalid'],
  'a folder with more than root and size': [
    { title: 'x', folder: { root: digestOf(1), size: 1, name: 'x' } },
    'request-invalid',
  ],
  'a lone surrogate': [hashOnly(1, { title: '\ud800' }), 'text-invalid'],
  'a list': [[], 'request-invalid'],
};
for (const [what, [json, code]] of Object.entries(invalid))
  t.test(`refused, with a code and both languages: ${what}`, async (t) => {
    const answer = await service.call('/v1/evidence', { json });
    const problem = await body(answer);
    t.match(answer.headers.get('content-type'), 'application/problem+json');
    t.match(problem, { code, status: answer.status, type: `urn:kezheng:problem:${code}` });
    t.match(problem.title, /[\u4e00-\u9fff]/);
    t.match(problem.titleEn, /[a-z]/);
    t.ok(answer.status >= 400 && answer.status < 500);
  });

t.test('bytes that are not UTF-8, and no JSON at all, are refused', async (t) => {
  const send = (text: Uint8Array | string, type = 'application/json') =>
    body(
      service.call('/v1/evidence', {
        method: 'POST',
        headers: { 'content-type': type },
        body: text as string,
      }),
    );
  t.match(await send(Buffer.from('{"title":"\xff"}', 'latin1')), { code: 'text-invalid' });
  t.match(await send('{"title":'), { code: 'body-malformed' });
  t.match(await send('title=x', 'application/x-www-form-urlencoded'), { code: 'media-type-unsupported' });
  t.match(await send('x'.repeat(2 * 1024 * 1024)), { code: 'body-too-large' });
});

t.test('the same key and request make one deposit, also at once', async (t) => {
  const headers = { 'idempotency-key': 'once' };
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => service.call('/v1/evidence', { json: hashOnly(50), headers })),
  );
  const made = await Promise.all(answers.map((answer) => body(answer)));
  t.equal(new Set(made.map((one) => one.id)).size, 1);
  t.ok(answers.every((answer) => answer.status === 201));
  t.equal(answers.filter((answer) => answer.headers.get('idempotent-replayed') === 'true').length, 19);
  t.strictSame(made[0].manifest, made[19].manifest);
  t.match(await body(service.call('/v1/evidence', { json: hashOnly(51), headers })), {
    status: 422,
    code: 'idempotency-key-reused',
  });
  const other = await body(
    service.call('/v1/evidence', { json: hashOnly(51), headers, key: service.keys[1] }),
  );
  t.not(other.id, made[0].id, 'keys are of one organization');
});

t.test('an upload is replayed by what was in it, not by how it was cut into parts', async (t) => {
  const headers = { 'idempotency-key': 'upload' };
  const send = (text: string) =>
    body(
      service.call('/v1/evidence', {
        method: 'POST',
        headers,
        body: form({ title: 'u' }, [{ name: 'u', bytes: Buffer.from(text) }]),
      }),
    );
  const first = await send('same');
  t.equal((await send('same')).id, first.id);
  t.match(await send('other'), { code: 'idempotency-key-reused' });
  for (const key of ['', 'a b', 'x'.repeat(256)])
    t.match(
      await body(service.call('/v1/evidence', { json: hashOnly(1), headers: { 'idempotency-key': key } })),
      { code: 'idempotency-key-invalid' },
    );
});

t.test('without a good key nothing is told', async (t) => {
  const [key] = service.keys;
  const wrong = key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A');
  for (const bad of [null, 'x', wrong, key.replace('kz_', 'kz_0').slice(0, key.length)]) {
    const answer = await service.call('/v1/evidence', { json: hashOnly(1), key: bad });
    t.equal(answer.status, 401);
    t.match(answer.headers.get('www-authenticate'), 'Bearer');
    t.match(await body(answer), { code: 'not-authenticated' });
  }
  t.equal(
    (await service.call('/v1/evidence', { headers: { authorization: `bearer ${key}` }, key: null })).status,
    200,
  );
});

t.test('another organization’s evidence and none at all look the same', async (t) => {
  const { id } = await body(service.call('/v1/evidence', { json: hashOnly(3) }));
  for (const path of ['', '/files/0', '/certificate', '/events']) {
    const [foreign, none] = await Promise.all(
      [id, id.replace(/.$/, (c: string) => (c === '0' ? '1' : '0'))].map(async (one) => {
        const answer = await service.call(`/v1/evidence/${one}${path}`, { key: service.keys[1] });
        return { status: answer.status, body: await answer.text() };
      }),
    );
    t.strictSame(foreign, none, path);
    t.equal(foreign!.status, 404);
  }
});

t.test('the list goes through all of one’s own, newest first, and filters', async (t) => {
  const key = service.keys[1];
  const made: string[] = [];
  for (let i = 0; i < 7; i++)
    made.unshift(
      (await body(service.call('/v1/evidence', { key, json: hashOnly(900 + i, { title: `列表 ${i}` }) }))).id,
    );
  const collect = async (query: string) => {
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: { id: string }[]; next: string | null } = await body(
        service.call(`/v1/evidence?limit=3&${query}${cursor ? `&cursor=${cursor}` : ''}`, { key }),
      );
      ids.push(...page.items.map((item) => item.id));
      cursor = page.next;
    }
    return ids;
  };
  const all = await collect('');
  t.strictSame(all.slice(0, 7), made);
  t.strictSame(all, [...all].sort().reverse());
  t.strictSame(await collect(`sha256=${digestOf(903)}`), [made[3]]);
  t.strictSame(await collect(`text=${encodeURIComponent('列表 5')}`), [made[1]]);
  t.strictSame(await collect(`sha256=${digestOf(50)}`), [], 'another organization’s digest is not found');
  t.strictSame(await collect('to=2026-01-01T00:00:00Z'), []);
  t.ok((await collect('from=2026-01-01T00:00:00%2B08:00')).length >= 7);
  t.match(await body(service.call('/v1/evidence?state=done')), { code: 'request-invalid' });
  t.match(await body(service.call('/v1/evidence?from=yesterday')), { code: 'request-invalid' });
  t.match(await body(service.call('/v1/evidence?limit=0')), { code: 'request-invalid' });
});
