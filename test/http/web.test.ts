import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import Fastify from 'fastify';
import t from 'tap';
import { openPages } from '../../server/adapters/pages.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { lookupRoutes } from '../../server/http/lookups.ts';
import { installProblems } from '../../server/http/problem.ts';
import { validatorCompiler } from '../../server/http/validation.ts';
import { webRoutes } from '../../server/http/web.ts';
import { blockOf } from '../../server/pipeline/compare.ts';
import { type Chain, ChainProblem } from '../../server/ports/chain.ts';
import { body, certificateOf, form, run } from '../support/running.ts';

const service = await run();
t.teardown(() => service.stop());
const NAMES = ['/verify', '/verify.html'];

/** fetch() unpacks by itself: `Accept-Encoding: identity` gives the bytes that are saved. */
const get = (path: string, headers: Record<string, string> = {}, options: RequestInit = {}) =>
  service.call(path, { key: null, headers: { 'accept-encoding': 'identity', ...headers }, ...options });

t.test('each page has a strict policy, whose hashes are those of its own script and style', async (t) => {
  for (const name of NAMES) {
    const answer = await get(name);
    t.equal(answer.status, 200);
    t.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
    const html = await answer.text();
    const inside = (tag: RegExp): string => tag.exec(html)![1]!;
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const inPage = [
      "default-src 'none'",
      `script-src ${hash(inside(/<script type="module">([\s\S]*)<\/script>/))}`,
      `style-src ${hash(inside(/<style>([\s\S]*)<\/style>/))}`,
      'img-src data:',
      'worker-src blob:',
      ...(name === '/verify' ? ["connect-src 'self'"] : []),
      "base-uri 'none'",
      "form-action 'none'",
    ].join('; ');
    t.equal(inside(/http-equiv="Content-Security-Policy" content="([^"]*)"/), inPage);
    t.equal(answer.headers.get('content-security-policy'), `${inPage}; frame-ancestors 'none'`);
    t.ok(html.indexOf('http-equiv') < html.indexOf('<style'), 'the policy comes before all that it rules');
    for (const [header, value] of Object.entries({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-cache',
    }))
      t.equal(answer.headers.get(header), value, header);
  }
});

t.test('a page is one file: no address in it leads anywhere but to the saved page', async (t) => {
  for (const name of NAMES) {
    const html = await (await get(name)).text();
    const links = [...html.matchAll(/\s(?:src|href|action)=["']?([^"'\s>]+)/g)].map(([, to]) => to!);
    for (const link of links) t.match(link, /^data:/, name);
    t.equal(html.match(/<script/g)?.length, 1);
    t.notMatch(html, /sourceMappingURL|@import|url\(/);
  }
});

t.test('the first load is at most 150 kB, and the packed page is the page', async (t) => {
  const pages = (await openPages())!;
  for (const name of ['verify', 'verify.html']) {
    const { identity, gzip, br } = pages.get(name)!.bodies;
    t.ok(gunzipSync(gzip).equals(identity));
    t.ok(brotliDecompressSync(br).equals(identity));
    t.ok(gzip.length <= 150_000 && br.length <= 150_000, `${br.length}, ${gzip.length} bytes`);
  }
  for (const [accepted, sent] of Object.entries({
    'gzip, deflate, br, zstd': 'br',
    'gzip;q=0.5, br;q=0': 'gzip',
    'GZIP, br ;q=0.000': 'gzip',
    'deflate, *;q=0': null,
    '': null,
  })) {
    const answer = await get('/verify', { 'accept-encoding': accepted });
    t.equal(answer.headers.get('content-encoding'), sent, accepted);
    t.equal(answer.headers.get('vary'), 'accept-encoding');
    t.equal(
      createHash('sha256')
        .update(await answer.text())
        .digest('hex'),
      pages.get('verify')!.sha256,
    );
  }
});

t.test('a page that has not changed is not sent again', async (t) => {
  const etag = (await get('/verify.html')).headers.get('etag')!;
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
    const again = await get('/verify.html', { 'if-none-match': known });
    t.equal(again.status, 304);
    t.ok(again.headers.get('content-security-policy'));
    t.equal(await again.text(), '');
  }
  t.equal((await get('/verify.html', { 'if-none-match': '"other"' })).status, 200);
  const told = await get('/verify.html', {}, { method: 'HEAD' });
  t.equal(told.status, 200);
  t.equal(told.headers.get('etag'), etag);
});

t.test('the page on line tells the digest of the one to save', async (t) => {
  const saved = Buffer.from(await (await get('/verify.html')).arrayBuffer());
  const digest = createHash('sha256').update(saved).digest('hex');
  t.match(await (await get('/verify')).text(), `<html lang="zh-CN" data-online="${digest}">`);
});

t.test('the QR code on paper leads to the page, and the number goes along', async (t) => {
  const first = await get('/', {}, { redirect: 'manual' });
  t.equal(first.headers.get('location'), '/verify', 'as the front door does');
  const answer = await get('/c/2026-00000001-52', {}, { redirect: 'manual' });
  t.equal(answer.status, 302);
  t.equal(answer.headers.get('location'), '/verify#2026-00000001-52');
  for (const number of ['x', '2026-1-52', '2026-00000001-52%0d%0ax', '..%2f', '2026-00000001-52#'])
    t.equal((await get(`/c/${number.replace('#', '%23')}`, {}, { redirect: 'manual' })).status, 404, number);
});

t.test('the trust list of the service is the one in its folder', async (t) => {
  const answer = await get('/v1/trust');
  t.equal(answer.status, 200);
  t.match(answer.headers.get('content-type'), 'application/json');
  const text = await answer.text();
  t.equal(text, readFileSync(join(service.dataDir, 'trust.json'), 'utf8'));
  t.equal(parseTrust(Buffer.from(text)).logs.length, 1);
});

t.test('a block of the service’s own chain is told by its number, with what chain it is', async (t) => {
  const photo = { name: 'p.jpg', bytes: Buffer.from('a photo') };
  const made = await body(
    service.call('/v1/evidence', { method: 'POST', body: form({ title: '照片' }, [photo]) }),
  );
  await certificateOf(service, made.id);
  const { anchors } = await body(service.call(`/v1/evidence/${made.id}`));
  const [log] = (await body(get('/v1/trust'))).logs;
  const { blockNumber: number, blockHash: hash } = anchors[0];
  const path = (n: number | string) => `/v1/blocks/${log.chainId}/${n}`;
  t.strictSame(await body(get(path(number))), {
    source: 'kezheng',
    chainId: log.chainId,
    genesisHash: log.genesisHash,
    number,
    hash,
  });
  const far = await body(get(path(2 ** 50)));
  t.equal(far.number, 2 ** 50);
  t.notOk('hash' in far, 'no final block of this number yet');
  t.equal((await get(`/v1/blocks/${log.chainId + 1}/${number}`)).status, 404);
  for (const bad of ['-1', '1.5', 'x', '9007199254740992', '0x1'])
    t.equal((await get(path(bad))).status, 400, bad);
});

t.test('what is not there yet is told as that', async (t) => {
  const app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  installProblems(app);
  webRoutes(app, { pages: undefined });
  lookupRoutes(app, {
    trustText: () => undefined,
    block: (chainId, number) => {
      if (chainId === 7) throw new RangeError('unforeseen');
      const away = { inspect: () => Promise.reject(new ChainProblem('chain-unreachable')) };
      return blockOf(chainId === 1 ? undefined : (away as unknown as Chain), chainId, number);
    },
    perMinute: 10,
  });
  t.teardown(() => app.close());
  const code = async (url: string) => {
    const { statusCode, headers, json } = await app.inject(url);
    return [statusCode, json().code, headers['retry-after']];
  };
  t.strictSame(await code('/verify'), [503, 'page-not-built', undefined]);
  t.strictSame(await code('/verify.html'), [503, 'page-not-built', undefined]);
  t.strictSame(await code('/v1/trust'), [503, 'trust-not-known', '10']);
  t.strictSame(await code('/v1/blocks/1/1'), [503, 'chain-away', '10']);
  t.strictSame(await code('/v1/blocks/2/1'), [503, 'chain-away', '10']);
  t.strictSame(await code('/v1/blocks/7/1'), [500, 'internal-error', undefined]);
  t.equal(await openPages(t.testdir()), undefined);
});

t.test('whoever asks for blocks without end is told to wait', async (t) => {
  const limited = await run({ KEZHENG_VERIFY_PER_MINUTE: '3' });
  t.teardown(() => limited.stop());
  for (const path of ['/v1/trust', '/v1/blocks/1/1']) {
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await limited.call(path, { key: null })).status);
    t.equal(statuses.at(-1), 429, path);
    t.not(statuses[0], 429);
  }
});
