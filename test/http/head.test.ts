import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import Fastify from 'fastify';
import t from 'tap';
import { batchRoutes } from '../../server/http/batches.ts';
import { evidenceRoutes } from '../../server/http/evidence.ts';
import { validatorCompiler } from '../../server/http/validation.ts';
import { body, certificateOf, form, run } from '../support/running.ts';

const service = await run();
t.teardown(() => service.stop());

/** fetch() normalizes some paths; this sends them as they are. */
const raw = (path: string): Promise<{ status: number; type: string; text: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(service.url);
    request({ hostname, port, path }, async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      resolve({ status: answer.statusCode!, type: answer.headers['content-type'] ?? '', text });
    })
      .on('error', reject)
      .end();
  });

t.test('HEAD tells of a file and of leaves what GET would', async (t) => {
  const bytes = randomBytes(100_000);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { id } = await body(
    service.call('/v1/evidence', { method: 'POST', body: form({ title: 'h' }, [{ name: 'h', bytes }]) }),
  );
  await certificateOf(service, id);
  const { number, size } = (await body(service.call(`/v1/evidence/${id}`))).batch;
  const paths = [`/v1/evidence/${id}/files/0`, `/v1/batches/${number}/leaves`];
  const headers = async (method: string, path: string, more = {}) => {
    const answer = await service.call(path, { method, headers: more });
    const text = Buffer.from(await answer.arrayBuffer());
    // What fetch() itself asks of the connection differs.
    const { date: _, connection: _c, 'keep-alive': _k, ...rest } = Object.fromEntries(answer.headers);
    return { status: answer.status, rest, length: text.length };
  };
  for (const path of paths) {
    const got = await headers('GET', path);
    const told = await headers('HEAD', path);
    t.equal(told.length, 0);
    t.strictSame({ ...told, length: got.length }, got, path);
  }
  const file = await headers('HEAD', paths[0]!, { range: 'bytes=0-9' });
  t.match(file, {
    status: 200,
    rest: { 'content-length': '100000', etag: `"${sha256}"`, 'accept-ranges': 'bytes' },
  });
  t.equal((await headers('HEAD', paths[1]!)).rest['content-length'], String(32 * size));
  t.equal((await headers('HEAD', `/v1/evidence/${id}/files/1`)).status, 404);
  t.equal((await service.call(paths[0]!, { method: 'HEAD', key: null })).status, 401);
});

t.test('HEAD opens no file', async (t) => {
  let opened = 0;
  const blobs = {
    size: async () => 10,
    stream: async () => {
      opened++;
      return Readable.from([Buffer.alloc(10)]);
    },
  };
  const manifest = { files: [{ name: 'f', sha256: 'a'.repeat(64), size: 10, digests: 'computed' }] };
  const store = {
    evidence: async () => ({ entry: JSON.stringify(manifest) }),
    batch: async () => ({ size: 2, root: 'b'.repeat(64) }),
    fixityOf: async () => [undefined],
  };
  const caller = { keyId: 'k', organization: { id: 'o' }, scopes: ['evidence:read'] };
  const app = Fastify();
  t.teardown(() => app.close());
  app.setValidatorCompiler(validatorCompiler);
  const deps = { store, blobs, checkKey: () => caller };
  evidenceRoutes(app, deps as never);
  batchRoutes(app, deps as never);
  const ask = (method: 'GET' | 'HEAD', url: string) =>
    app.inject({ method, url, headers: { authorization: 'Bearer x' } });
  for (const url of ['/v1/evidence/01234567-0123-7123-8123-0123456789ab/files/0', '/v1/batches/1/leaves']) {
    t.equal((await ask('HEAD', url)).statusCode, 200);
    t.equal(opened, 0);
    t.equal((await ask('GET', url)).statusCode, 200);
    t.equal(opened, 1);
    opened = 0;
  }
});

t.test('a path that cannot be decoded, or is too long, is a problem like any other', async (t) => {
  const cases = [
    ['/v1/evidence/%ff', 400, 'request-invalid'],
    [`/v1/evidence/${'x'.repeat(500)}`, 404, 'not-found'],
    ['/nowhere', 404, 'not-found'],
  ] as const;
  for (const [path, status, code] of cases) {
    const answer = await raw(path);
    t.equal(answer.status, status, path);
    t.match(answer.type, 'application/problem+json');
    t.match(JSON.parse(answer.text), { code, status, title: /[\u4e00-\u9fff]/ });
  }
});

t.test('the times of a list are RFC 3339 and a page has at most a hundred', async (t) => {
  const list = async (query: string) => (await service.call(`/v1/evidence?${query}`)).status;
  for (const time of ['2026-01-01', 'Jan 1 2026', '2026-01-01T00:00:00', '1', '2026-02-30T00:00:00Z'])
    for (const name of ['from', 'to'])
      t.equal(await list(`${name}=${encodeURIComponent(time)}`), 400, `${name} ${time}`);
  t.equal(await list('from=2026-01-01T00:00:00%2B08:00&to=2030-01-01T00:00:00Z&limit=100'), 200);
  t.equal(await list('limit=101'), 400);
});
