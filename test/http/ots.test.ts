import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { localNodeFile } from '../../server/adapters/local-node.ts';
import { inDatabase } from '../audit/installation.ts';
import { deploy, startAnvil } from '../support/anvil.ts';
import { cli } from '../support/cli.ts';
import { configured, untilCertified } from '../support/configured.ts';
import { type Blocks, judge, whyNoOpenTimestamps } from '../support/opentimestamps.ts';
import { rpc } from '../support/rpc-proxy.ts';
import { body, certificateOf, form, hashOnly, run } from '../support/running.ts';
import { ON_POSTGRES } from '../support/storage.ts';

const skip = whyNoOpenTimestamps();
const service = await run();
t.teardown(() => service.stop());

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const NAMES = ['照片 "一" 𠮷😀.jpg', "it's 100% (final).pdf", 'مرحبا.txt'];
const FILES = NAMES.map((name) => ({ name, bytes: Buffer.from(`bytes of ${name}`) }));

// Declared without SM3: SHA-256 is all that this form needs.
const files = FILES.map(({ name, bytes }) => ({ name, size: bytes.length, sha256: digestOf(bytes) }));
const made = await body(service.call('/v1/evidence', { json: { title: '"sha256":"', files } }));
const url = (n: number | string, id = made.id) => `/v1/evidence/${id}/files/${n}/proof.ots`;
const early = await service.call(url(0));
const certificate = await certificateOf(service, made.id);
const folder = t.testdir();
const path = (name: string) => join(folder, name);
writeFileSync(path('c.json'), certificate);

/** What a node says of the block that the answer names. */
async function blocksOf(node: string, answer: Response): Promise<Blocks> {
  const number = Number(answer.headers.get('kezheng-block-number'));
  return {
    [number]: await rpc<Blocks[string]>(node, 'eth_getBlockByNumber', `0x${number.toString(16)}`, false),
  };
}

t.test('too early is told with when to come again, as for the certificate', async (t) => {
  t.equal(early.status, 409);
  t.ok(Number(early.headers.get('retry-after')) >= 1);
  t.match(await body(early), {
    code: 'certificate-not-ready',
    state: /received|batched|anchoring/,
    expectedAt: String,
  });
});

t.test('each file has its proof, which holds on the chain of the service', { skip }, async (t) => {
  const node = readFileSync(localNodeFile(service.dataDir), 'utf8').trim();
  const upload = form({ title: '上传' }, [{ name: 'p.jpg', bytes: Buffer.from('a photograph') }]);
  const { id } = await body(service.call('/v1/evidence', { method: 'POST', body: upload }));
  await certificateOf(service, id);
  const wanted = [
    ...FILES.map(({ bytes }, n) => [url(n), bytes] as const),
    [url(0, id), Buffer.from('a photograph')] as const,
  ];
  for (const [place, bytes] of wanted) {
    const answer = await service.call(place);
    t.equal(answer.status, 200);
    const ots = Buffer.from(await answer.arrayBuffer());
    t.equal(Number(answer.headers.get('content-length')), ots.length);
    const blocks = await blocksOf(node, answer);
    const [block] = Object.values(blocks);
    t.equal(answer.headers.get('kezheng-transactions-root'), block!.transactionsRoot);
    t.strictSame(judge([{ ots, digest: digestOf(bytes), blocks }]), [
      { timestamp: block!.timestamp, canonical: true },
    ]);
    const again = Buffer.from(await (await service.call(place)).arrayBuffer());
    t.ok(again.equals(ots), 'the same bytes each time');
  }
});

t.test('off the main chain, name and headers say which chain it is', async (t) => {
  const { headers } = await service.call(url(0), { method: 'HEAD' });
  t.equal(headers.get('content-type'), 'application/vnd.opentimestamps.v1');
  t.equal(headers.get('kezheng-chain-id'), '31337');
  t.match(headers.get('kezheng-note'), /no chain id.*chain 31337/);
  t.equal(
    headers.get('content-disposition'),
    `attachment; filename="__ ___ ____.jpg.chain-31337.ots"; filename*=UTF-8''${encodeURIComponent(`${FILES[0]!.name}.chain-31337.ots`)}`,
  );
  t.equal(headers.get('cache-control'), 'no-store');
});

t.test('on Ethereum’s main chain the proof has the plain name, and no note', { skip }, async (t) => {
  const anvil = await startAnvil(t, '--chain-id', '1', '--block-time', '1');
  await deploy(anvil.url, 1);
  const main = await configured(t, { rpcUrl: anvil.url, env: { KEZHENG_CHAIN_ID: '1' } });
  const id = await main.deposit(5);
  await untilCertified(main, id);
  const answer = await main.call(url(0, id));
  t.equal(answer.headers.get('kezheng-chain-id'), '1');
  t.equal(answer.headers.get('kezheng-note'), null);
  t.match(answer.headers.get('content-disposition'), 'filename="f5.bin.ots"');
  const blocks = await blocksOf(anvil.url, answer);
  const ots = Buffer.from(await answer.arrayBuffer());
  t.match(judge([{ ots, digest: (5).toString(16).padStart(64, '0'), blocks }]), [{ canonical: true }]);
});

t.test('nobody else gets it, and what is not there is not found', async (t) => {
  t.equal((await service.call(url(0), { key: service.keys[1] })).status, 404);
  t.equal((await service.call(url(0), { key: null })).status, 401);
  t.match(await body(service.call(url(FILES.length))), { status: 404, code: 'not-found' });
  t.equal((await service.call(url(0, '019ab1c0-0000-7000-8000-000000000001'))).status, 404);
  for (const n of ['100', '-1', 'x', '1.5']) t.equal((await service.call(url(n))).status, 400, n);
});

const onFolder: typeof t.test = ON_POSTGRES ? ((() => {}) as never) : t.test.bind(t);

onFolder('an entry that names no files, as those of a later version, has none', async (t) => {
  const { id } = await body(service.call('/v1/evidence', { json: { title: '无', files } }));
  inDatabase(service.dataDir, (db) => {
    const uuid = Buffer.from(id.replaceAll('-', ''), 'hex');
    const sql = `update entries set entry = '{"format":"kezheng-later/1"}' where id = ?`;
    t.equal(db.prepare(sql).run(uuid).changes, 1);
  });
  t.match(await body(service.call(url(0, id))), { status: 404, code: 'not-found' });
});

t.test('a manifest too large for the form is told at once, with both sizes', async (t) => {
  const files = Array.from({ length: 100 }, (_, i) => ({
    name: `${i}.bin`,
    size: i,
    sha256: digestOf(Buffer.of(i)),
  }));
  const { id, manifest } = await body(service.call('/v1/evidence', { json: { title: '一百个文件', files } }));
  const answer = await service.call(url(99, id));
  t.equal(answer.status, 422);
  const problem = await body(answer);
  t.match(problem, {
    code: 'ots-manifest-too-large',
    limit: 4095,
    title: /清单有 \d+ 字节/,
    titleEn: /at most 4095/,
  });
  t.ok(problem.actual >= JSON.stringify(manifest).length);
  t.equal((await service.call(url(100, id))).status, 400);
  await certificateOf(service, id);
  t.equal((await service.call(url(99, id))).status, 422, 'afterwards too');
  writeFileSync(path('large.json'), await certificateOf(service, id));
  const done = await cli(['ots', path('large.json'), '0', path('large.ots')]);
  t.equal(done.code, 1);
  t.match(done.err, /ots-manifest-too-large：清单有 \d+ 字节.* \/ the manifest has \d+ bytes/);
  t.notOk(existsSync(path('large.ots')));
  const small = await body(service.call('/v1/evidence', { json: hashOnly(9) }));
  t.equal((await service.call(url(0, small.id))).status, 409, 'one that fits is only too early');
});

t.test('the command line makes the same bytes from the certificate alone', async (t) => {
  for (const n of FILES.keys()) {
    const done = await cli(['ots', path('c.json'), String(n), path(`${n}.ots`)]);
    t.equal(done.code, 0, done.err);
    t.match(done.out, `文件 file: ${FILES[n]!.name}，SHA-256 ${digestOf(FILES[n]!.bytes)}\n`);
    t.match(done.out, /链 chain: 31337（不是以太坊主网.*the format holds no chain id/);
    t.match(done.out, /transactionsRoot: 0x[0-9a-f]{64}\n/);
    const served = Buffer.from(await (await service.call(url(n))).arrayBuffer());
    t.ok(readFileSync(path(`${n}.ots`)).equals(served));
  }
});

t.test('the command line says what it was not given rightly, and writes over nothing', async (t) => {
  writeFileSync(path('there'), 'an original');
  writeFileSync(path('broken.json'), certificate.subarray(1));
  const cases: readonly [number, readonly string[], RegExp][] = [
    [64, ['ots'], /应为 kezheng ots/],
    [64, ['ots', path('c.json')], /应为 kezheng ots/],
    [64, ['ots', path('c.json'), '0'], /应为 kezheng ots/],
    [64, ['ots', path('c.json'), '0', path('a'), path('b')], /应为 kezheng ots/],
    [64, ['ots', path('c.json'), '-1', path('a')], /-1/],
    [64, ['ots', path('c.json'), '1.5', path('a')], /N 应为/],
    [64, ['ots', path('c.json'), '01', path('a')], /N 应为/],
    [64, ['ots', path('none.json'), '0', path('a')], /无法读取/],
    [64, ['ots', path('c.json'), '0', path('there')], /无法写入.*EEXIST/],
    [64, ['ots', path('c.json'), '0', path('no/folder')], /无法写入/],
    [1, ['ots', path('c.json'), '3', path('a')], /ots-file-missing.*3/],
    [1, ['ots', path('broken.json'), '0', path('a')], /json-/],
    [1, ['ots', path('there'), '0', path('a')], /json-/],
  ];
  for (const [code, args, words] of cases) {
    const done = await cli(args);
    t.equal(done.code, code, `${args.slice(2)}: ${done.err}`);
    t.match(done.err, words);
    t.notMatch(done.err, /\n {4}at /);
  }
  t.notOk(existsSync(path('a')));
  t.equal(readFileSync(path('there'), 'utf8'), 'an original');
});

t.test('the interface describes it', async (t) => {
  const api = await body(service.call('/openapi.json', { key: null }));
  t.ok(api.paths['/v1/evidence/{id}/files/{n}/proof.ots'].get);
});
