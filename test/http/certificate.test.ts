import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { buildTree, rootOf } from '../../server/core/tree/tree.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../server/core/verify/verify.ts';
import { body, certificateOf, form, hashOnly, run } from '../support/running.ts';

const service = await run();
t.teardown(() => service.stop());

const photo = randomBytes(150_000);
const made = await body(
  service.call('/v1/evidence', {
    method: 'POST',
    body: form({ title: '照片' }, [{ name: 'p.jpg', bytes: photo }]),
  }),
);
const early = await service.call(`/v1/evidence/${made.id}/certificate`);
const certificate = await certificateOf(service, made.id);
const sha256 = createHash('sha256').update(photo).digest('hex');
const sm3 = createHash('sm3').update(photo).digest('hex');

const verifyForm = (cert: Uint8Array, files: readonly Uint8Array[]) => {
  const data = new FormData();
  data.append(
    'certificate',
    new Blob([cert as Uint8Array<ArrayBuffer>], { type: 'application/json' }),
    'c.json',
  );
  for (const file of files) data.append('file', new Blob([file as Uint8Array<ArrayBuffer>]), 'f');
  return service.call('/v1/verify', { method: 'POST', body: data, key: null });
};

t.test('too early is told with the state, when to come again, and nothing else', async (t) => {
  t.equal(early.status, 409);
  t.ok(Number(early.headers.get('retry-after')) >= 1);
  const problem = await body(early);
  t.match(problem, { code: 'certificate-not-ready', state: /received|batched|anchoring/ });
  t.ok(Date.parse(problem.expectedAt) > Date.now() - 60_000);
});

t.test('the certificate is the same bytes each time, and checks without the service', async (t) => {
  t.ok((await certificateOf(service, made.id)).equals(certificate));
  const trust = parseTrust(readFileSync(join(service.dataDir, 'trust.json')));
  const view = await body(service.call(`/v1/evidence/${made.id}`));
  const check = (blocks: readonly { source: string; hash: string }[]) =>
    verifyCertificate({
      certificate,
      files: [{ sha256, sm3, size: photo.length, basis: 'recomputed' }],
      trust,
      blocks,
      signatures: nodeSignatures,
    });
  t.equal((await check([])).verdict, 'incomplete');
  const report = await check([{ source: 'by hand', hash: view.anchors[0].blockHash }]);
  t.equal(report.verdict, 'valid');
  t.equal(report.testChain, true);
  t.equal(report.facts?.anchors[0]?.transactionHash, view.anchors[0].transactionHash);
});

t.test('the view tells the whole way', async (t) => {
  const view = await body(service.call(`/v1/evidence/${made.id}`));
  t.match(view, {
    id: made.id,
    state: 'anchored',
    stateText: { zh: '已上链', en: 'anchored' },
    leafHash: made.leafHash,
    manifest: made.manifest,
    batch: { number: 1, index: 0 },
    anchors: [{ state: 'final', chainId: 31337 }],
    expectedAt: null,
  });
});

t.test(
  'the page of checks answers a form with the verdict, every check in both languages, and facts',
  async (t) => {
    const answer = await body(verifyForm(certificate, [photo]));
    t.equal(answer.verdict, 'valid');
    t.equal(answer.testChain, true);
    t.match(answer.facts.what.files[0], { name: 'p.jpg', given: 'recomputed' });
    t.match(answer.facts.counts, { clock: 'block', proven: true });
    for (const check of answer.checks) {
      t.match(check.reason.zh, /[\u4e00-\u9fff]|RFC|[a-z]/, check.id);
      t.notMatch(check.reason.zh + check.reason.en, /[{}]|^[a-z0-9-]+$/, `${check.id} has sentences`);
    }
    t.ok(answer.notProven.length >= 6);
  },
);

t.test(
  'a form without the file is incomplete, with another file invalid, with garbage invalid',
  async (t) => {
    t.equal((await body(verifyForm(certificate, []))).verdict, 'incomplete');
    t.match(await body(verifyForm(certificate, [Buffer.from('other')])), { verdict: 'invalid' });
    const garbage = await verifyForm(Buffer.from('no certificate'), []);
    t.equal(garbage.status, 200);
    t.match(await body(garbage), {
      verdict: 'invalid',
      facts: null,
      checks: [{ id: 'format', status: 'failed' }],
    });
    t.match(await body(verifyForm(Buffer.alloc(1024 * 1024 + 1, 0x20), [])), { verdict: 'invalid' });
  },
);

t.test('JSON with digests says that they were supplied', async (t) => {
  const send = (json: unknown) => body(service.call('/v1/verify', { json, key: null }));
  for (const given of [certificate.toString('utf8'), JSON.parse(certificate.toString('utf8'))]) {
    const answer = await send({
      certificate: given,
      files: [{ sha256, sm3, name: 'p.jpg', size: photo.length }],
    });
    t.equal(answer.verdict, 'valid');
    t.equal(answer.facts.what.files[0].given, 'supplied');
    t.match(answer.checks.find((one: { id: string }) => one.id === 'digests').reason, {
      code: 'digests-supplied',
    });
  }
  const only = await send({ certificate: certificate.toString('utf8'), files: [{ sha256 }] });
  t.match(
    only.checks.find((one: { id: string }) => one.id === 'sm3'),
    { status: 'skipped', reason: { code: 'sm3-not-supplied' } },
  );
  t.match(
    await send({ certificate: certificate.toString('utf8'), files: [{ sha256, sm3: '0'.repeat(64) }] }),
    { verdict: 'invalid' },
  );
  t.match(await send({ certificate: 'nothing' }), { verdict: 'invalid' });
  t.match(await send({ certificate: { format: 'x' } }), { verdict: 'invalid' });
  t.match(await send({ files: [] }), { code: 'request-invalid' });
  t.match(await send({ certificate: '{}', files: [{ sha256: 'x' }] }), { code: 'request-invalid' });
  t.match(await send([]), { code: 'request-invalid' });
  const raw = (text: string) =>
    body(
      service.call('/v1/verify', {
        method: 'POST',
        key: null,
        headers: { 'content-type': 'application/json' },
        body: text,
      }),
    );
  t.match(await raw('{"certificate":'), { code: 'body-malformed' });
  t.match(await raw(`{"certificate":{"a":1,"a":1},"files":[]}`), {
    verdict: 'invalid',
    checks: [{ reason: { code: 'json-duplicate-name' } }],
  });
});

t.test('events tell each state once and end with the last', async (t) => {
  const { id } = await body(service.call('/v1/evidence', { json: hashOnly(5) }));
  const answer = await service.call(`/v1/evidence/${id}/events`);
  t.match(answer.headers.get('content-type'), 'text/event-stream');
  const text = await answer.text();
  const views = [...text.matchAll(/^event: state\ndata: (.*)$/gm)].map((found) => JSON.parse(found[1]!));
  const states = views.map((view) => view.state);
  const order = ['received', 'batched', 'anchoring', 'anchored'];
  t.strictSame(
    states,
    [...states].sort((a, b) => order.indexOf(a) - order.indexOf(b)),
  );
  t.strictSame([...new Set(states)], order);
  t.strictSame(views.at(-1), await body(service.call(`/v1/evidence/${id}`)));
  const anchoring = views.filter((view) => view.state === 'anchoring');
  t.ok(
    anchoring.every(
      (view) => view.anchoring.confirmations >= 1 && view.anchoring.required >= view.anchoring.confirmations,
    ),
  );
});

t.test('anybody can recompute the root of a batch from its leaves', async (t) => {
  const ids = (
    await Promise.all(
      Array.from({ length: 9 }, (_, i) => body(service.call('/v1/evidence', { json: hashOnly(100 + i) }))),
    )
  ).map((one) => one.id);
  await certificateOf(service, ids.at(-1)!);
  const { batch } = await body(service.call(`/v1/evidence/${ids.at(-1)}`));
  const open = { key: null };
  const shown = await body(service.call(`/v1/batches/${batch.number}`, open));
  const leaves = Buffer.from(
    await (await service.call(`/v1/batches/${batch.number}/leaves`, open)).arrayBuffer(),
  );
  t.equal(leaves.length, 32 * shown.size);
  t.equal(Buffer.from(rootOf(buildTree(leaves))).toString('hex'), shown.root);
  t.match(shown, { state: 'anchored', anchors: [{ state: 'final' }] });
  t.match(
    shown.history.map((one: { event: string }) => one.event),
    ['planned', 'sent', 'mined', 'final'],
  );
  for (const number of ['0', '999999', '-1', 'x', '1.5'])
    t.ok([400, 404].includes((await service.call(`/v1/batches/${number}`, open)).status), number);
});

t.test('a bulk call answers each line in order, and a bad line fails alone', async (t) => {
  const lines = [
    hashOnly(200),
    { title: '' },
    hashOnly(202),
    'no json',
    hashOnly(204, { capturedFrom: '2026-02-30T00:00:00Z' }),
    { title: '文件夹', folder: { root: '0a'.repeat(32), size: 3 } },
    { title: 'neither' },
  ];
  const send = (text: string, headers: Record<string, string> = {}) =>
    service.call('/v1/evidence/bulk', {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/x-ndjson', ...headers },
    });
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\r\n');
  const answer = await send(text);
  t.equal(answer.status, 200);
  const told = (await answer.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(told, [
    { line: 1, status: 201, id: String, leafHash: String },
    { line: 2, status: 400, problem: { code: 'request-invalid' } },
    { line: 3, status: 201 },
    { line: 4, status: 400, problem: { code: 'body-malformed' } },
    { line: 5, status: 400 },
    { line: 6, status: 201 },
    { line: 7, status: 400, problem: { code: 'request-invalid' } },
  ]);
  t.equal((await body(service.call(`/v1/evidence/${told[2].id}`))).leafHash, told[2].leafHash);
  const keyed = { 'idempotency-key': 'bulk-1' };
  const [first, second] = await Promise.all([send(text, keyed), send(text, keyed)]);
  t.equal(await first!.text(), await second!.text());
  t.match(await body(send(`${text}\n${text}`, keyed)), { code: 'idempotency-key-reused' });
  const many = (n: number) =>
    Array.from({ length: n }, (_, i) => JSON.stringify(hashOnly(10_000 + i))).join('\n');
  const all = (await (await send(many(10_000))).text()).trim().split('\n');
  t.equal(all.length, 10_000);
  t.ok(all.every((line, i) => line.startsWith(`{"line":${i + 1},"status":201,`)));
  t.match(await body(send(many(10_001))), { code: 'too-many-records' });
  t.match(await body(send('')), { code: 'body-malformed' });
  t.match(await body(service.call('/v1/evidence/bulk', { json: {} })), { code: 'media-type-unsupported' });
  const last = JSON.parse(all.at(-1)!).id;
  const report = await verifyCertificate({
    certificate: await certificateOf(service, last),
    files: [],
    trust: undefined,
    blocks: [],
    signatures: nodeSignatures,
  });
  t.equal(report.verdict, 'incomplete');
});

t.test('the interface describes itself, and says how it is', async (t) => {
  const api = await body(service.call('/openapi.json', { key: null }));
  for (const path of [
    '/v1/evidence',
    '/v1/evidence/bulk',
    '/v1/evidence/{id}',
    '/v1/evidence/{id}/files/{n}',
    '/v1/evidence/{id}/certificate',
    '/v1/evidence/{id}/events',
    '/v1/batches/{number}',
    '/v1/batches/{number}/leaves',
    '/v1/verify',
  ])
    t.ok(api.paths[path], path);
  t.equal((await service.call('/docs', { key: null })).status, 200);
  t.match(await body(service.call('/health/live', { key: null })), { status: 'alive' });
  t.match(await body(service.call('/health/ready', { key: null })), { status: 'ready' });
  t.match(await body(service.call('/nowhere', { key: null })), { code: 'not-found', status: 404 });
});
