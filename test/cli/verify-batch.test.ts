import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FILES, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { cli, closedPort, honestNode, node } from '../support/cli.ts';
import { byHand } from '../support/packages.ts';

/* kezheng verify-batch: many certificates, without a service. */

t.setTimeout(240_000);

const folder = t.testdir();
const path = (name: string) => join(folder, name);
const sample = await makeSample();
const photo = FILES['photo.jpg']!;
const text = Buffer.from(sample.bytes).toString();
const { sha256 } = JSON.parse(text).entry.files[0];
writeFileSync(path('trust.json'), JSON.stringify(trustList()));
const trust = ['--trust', path('trust.json')];

const written = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(path(name), bytes);
  return path(name);
};
const entries = [
  { name: 'a.json', bytes: sample.bytes },
  { name: 'deep/anything.bin', bytes: photo },
];
const archive = written('all.zip', byHand(entries));
const lines = written('all.ndjson', `${JSON.stringify({ certificate: text, sha256: [sha256] })}\n`);
const dir = path('dir');
mkdirSync(join(dir, 'deep'), { recursive: true });
for (const { name, bytes } of entries) writeFileSync(join(dir, name), bytes);
symlinkSync(path('all.zip'), join(dir, 'link.zip'));

t.test('archive, folder and lines say the same of the same, without a service', async (t) => {
  const rpc = ['--rpc', await node(t, honestNode(sample.blockHash))];
  for (const given of [archive, dir, lines]) {
    const { code, out, err } = await cli(['verify-batch', given, ...trust, ...rpc]);
    t.equal(code, 0, out + err);
    t.match(out, /^✓ 1 (?:a\.json|line 1): 有效 valid，/);
    t.match(out, /共 1 项：有效 1，无效 0，尚不完整 0，未核验 0\n1 items: 1 valid/);
  }
});

t.test('exit codes say all valid, some invalid, some open, and wrong usage', async (t) => {
  const rpc = ['--rpc', await node(t, honestNode(sample.blockHash))];
  const bad = written('bad.zip', byHand([...entries, { name: 'b.json', bytes: Buffer.from('{') }]));
  const within = written('within.zip', byHand([...entries, { name: 'b.zip', bytes: Buffer.from('PK') }]));
  const cases: readonly [number, readonly string[]][] = [
    [1, [bad, ...trust, ...rpc]],
    [2, [within, ...trust, ...rpc]],
    [2, [archive, ...trust]],
    [2, [archive, ...rpc]],
    [64, []],
    [64, [archive, lines]],
    [64, [path('missing')]],
    [64, [archive, '--rpc', 'x']],
    [64, [archive, ...rpc, '--confirmations', '0']],
    [64, [archive, '--csv', archive]],
    [64, [archive, '--nonsense']],
    [64, [written('none.zip', byHand([{ name: 'x', bytes: photo }]))]],
    [64, [written('broken.zip', byHand(entries).subarray(0, 200))]],
    [64, [written('photo.jpg', photo)]],
    [64, [path('empty')]],
  ];
  mkdirSync(path('empty'));
  for (const [code, args] of cases) {
    const done = await cli(['verify-batch', ...args]);
    t.equal(done.code, code, `${args.join(' ')}: ${done.out}${done.err}`);
    if (code !== 64) continue;
    t.equal(done.out, '');
    t.match(done.err, /[\u4e00-\u9fff].* \/ /, args.join(' '));
    t.notMatch(done.err, /\n {4}at /);
  }
});

t.test('what failed or is open is told below its item, and hides nothing', async (t) => {
  const hostile = written(
    'hostile.zip',
    byHand([
      { name: 'a\u202egnp.json', bytes: sample.bytes },
      { name: '\u001b[2J', bytes: photo },
    ]),
  );
  const { out } = await cli(['verify-batch', hostile, ...trust]);
  t.match(out, /^\? 1 a\\u\{202e\}gnp\.json: 尚不完整 incomplete/);
  t.match(out, /\n {4}block 区块哈希比对 block hash compared: 尚未比对/);
  t.notMatch(out, '\u001b');
  const json = await cli(['verify-batch', hostile, ...trust, '--json']);
  const [item, totals] = json.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(item, { item: 1, name: 'a\u202egnp.json', verdict: 'incomplete' });
  t.match(totals, { total: 1, incomplete: 1 });
  t.notMatch(json.out, /[\u202e\u001b]/);
});

t.test('the table is new and whole, or not there', async (t) => {
  const csv = path('out.csv');
  const done = await cli(['verify-batch', dir, ...trust, '--csv', csv]);
  t.equal(done.code, 2, done.err);
  const table = readFileSync(csv, 'utf8');
  t.ok(table.startsWith('\ufeff"序号 / item",'));
  t.equal(table.trimEnd().split('\r\n').length, 3);
  t.match(table, /"合计 \/ total"/);
  const again = await cli(['verify-batch', dir, ...trust, '--csv', csv]);
  t.equal(again.code, 64);
  t.match(again.err, /已存在/);
  t.equal(readFileSync(csv, 'utf8'), table);
  await cli(['verify-batch', path('empty'), '--csv', path('none.csv')]);
  t.notOk(existsSync(path('none.csv')));
});

t.test('a node is asked once about a block that many stand on, and once where it is away', async (t) => {
  const some = written(
    'many.ndjson',
    `${JSON.stringify({ certificate: text, sha256: [sha256] })}\n`.repeat(20),
  );
  const honest = honestNode(sample.blockHash);
  const asked: unknown[] = [];
  const rpc = await node(t, (method, params) => {
    if (params[0] === '0x3e8') asked.push(params);
    return honest(method, params);
  });
  t.equal((await cli(['verify-batch', some, ...trust, '--rpc', rpc])).code, 0);
  t.equal(asked.length, 1);
  const away = await cli(['verify-batch', some, ...trust, '--rpc', await closedPort()]);
  t.equal(away.code, 2);
  t.equal(away.err.match(/提示 hint/g)?.length, 1, away.err);
});

t.test('more than a service takes is checked on a machine of one’s own', async (t) => {
  const many = written('1001.ndjson', `${text}\n`.repeat(1_001));
  const { code, out } = await cli(['verify-batch', many, '--json']);
  t.equal(code, 2);
  t.match(JSON.parse(out.trimEnd().split('\n').at(-1)!), { total: 1_001, repeated: 1_000 });
});
