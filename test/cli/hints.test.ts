import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FILES, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { cli, closedPort, GENESIS, honestNode, node, site } from '../support/cli.ts';

/*
 * What the command line says beside its verdict: what failed, why it may have, and what is left to do.
 */

const folder = t.testdir();
const path = (name: string) => join(folder, name);
const sample = await makeSample();
writeFileSync(path('c.json'), sample.bytes);
writeFileSync(path('photo.jpg'), FILES['photo.jpg']!);
writeFileSync(path('other.jpg'), 'something else');
writeFileSync(path('trust.json'), JSON.stringify(trustList()));
const trust = ['--trust', path('trust.json')];

const honest = honestNode(sample.blockHash);

t.test('a node that fails is named, in both languages, and the hash to compare is still told', async (t) => {
  const check = (rpc: string, ...more: string[]) =>
    cli(['verify', path('c.json'), path('photo.jpg'), ...trust, '--rpc', rpc, ...more]);
  const cases: readonly (readonly [string, string, RegExp, RegExp])[] = [
    ['refused port', await closedPort(), /无法连接节点 127[.\d:]+（ECONNREFUSED）/, /cannot be reached/],
    ['no such name', 'http://no-such-name.invalid:8545', /无法连接节点 no-such-name.invalid/, /cannot be/],
    ['web site', await site(t, 200, '<html>'), /127[.\d:]+ 不是以太坊节点/, /is not an Ethereum node/],
    ['web site without the page', await site(t, 404, 'no'), /不是以太坊节点/, /is not an Ethereum node/],
    ['web site that moved', await site(t, 301, ''), /不是以太坊节点/, /is not an Ethereum node/],
    ['some JSON', await site(t, 200, '{"status":"ok"}'), /不是以太坊节点/, /is not an Ethereum node/],
    ['a gate', await site(t, 401, 'key?'), /拒绝回答：HTTP 401/, /refused to answer: HTTP 401/],
    ['its own words', await node(t, () => new Error('no\u001b[2J')), /拒绝回答：no\\u/, /refused to/],
  ];
  for (const [what, rpc, zh, en] of cases) {
    const { code, out } = await check(rpc);
    t.equal(code, 2, what);
    t.match(out, zh, what);
    t.match(out, en, what);
    t.match(out, new RegExp(`尚待比对[\\s\\S]*${sample.blockHash}`), what);
    t.notMatch(out, '尚无已终局', `${what}: nothing is claimed of a chain that nobody saw`);
  }
  const told = JSON.parse((await check(await closedPort(), '--json')).out);
  t.match(told.hints, [{ check: 'block', code: 'node-unreachable' }]);
});

t.test('a node that has the block not yet final leaves the hash to compare', async (t) => {
  const url = await node(t, (method, params) =>
    params[0] === 'finalized' ? { number: '0x100', hash: GENESIS } : honest(method, params),
  );
  const { code, out } = await cli(['verify', path('c.json'), path('photo.jpg'), ...trust, '--rpc', url]);
  t.equal(code, 2);
  t.match(out, '尚无已终局的第 1000 块');
  t.match(out, new RegExp(`尚待比对[\\s\\S]*hash ${sample.blockHash}`));
  const noTag = await node(t, (method, params) =>
    params[0] === 'finalized' ? new Error('unknown block') : honest(method, params),
  );
  const { out: said } = await cli(['verify', path('c.json'), path('photo.jpg'), ...trust, '--rpc', noTag]);
  t.match(said, /没有给出已终局的区块.*--confirmations N/);
});

t.test('an option that is not known is said in both languages, with the one that is meant', async (t) => {
  const typo = await cli(['verify', path('c.json'), '--blockhash', sample.blockHash]);
  t.match(typo.err, '没有选项 --blockhash，是否为 --block-hash？');
  t.match(typo.err, 'there is no option --blockhash; did you mean --block-hash?');
  t.match((await cli(['verify', path('c.json'), '--xyz'])).err, '没有选项 --xyz / there is no option --xyz');
  t.match(
    (await cli(['verify', path('c.json'), '--trust'])).err,
    '选项 --trust 缺少值 / the option --trust lacks',
  );
  t.match((await cli(['verify', path('c.json'), '--json=1'])).err, '选项 --json 不带值');
});

t.test('a damaged file is told by its name, with both digests', async (t) => {
  const copies = t.testdir({ 'photo.jpg': 'damaged', 'unknown.jpg': 'something else' });
  const { code, out } = await cli(['verify', path('c.json'), join(copies, 'photo.jpg'), ...trust]);
  t.equal(code, 1);
  const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const [expected, actual] = [sha256(FILES['photo.jpg']!), sha256('damaged')];
  t.match(out, `提示 hint: photo.jpg 与清单中的同名文件内容不同：SHA-256 应为 ${expected}，实为 ${actual}`);
  t.match(out, `should be ${expected} and is ${actual}`);
  const other = await cli(['verify', path('c.json'), join(copies, 'unknown.jpg'), ...trust]);
  t.notMatch(other.out, '同名');
});

t.test('a certificate that an editor has saved is told as that, and stays invalid', async (t) => {
  const text = Buffer.from(sample.bytes).toString('utf8');
  const rewritten: Readonly<Record<string, string>> = {
    'a line end': `${text}\n`,
    indented: JSON.stringify(JSON.parse(text), undefined, 2),
    'a byte order mark': `\ufeff${text}`,
  };
  for (const [how, content] of Object.entries(rewritten)) {
    writeFileSync(path('edited.json'), content);
    const { code, out } = await cli(['verify', path('edited.json'), path('photo.jpg'), ...trust]);
    t.equal(code, 1, how);
    t.match(out, '提示 hint: 文件被编辑器改写过，请用原始下载的证书', how);
  }
  for (const content of [
    text.replace('kezheng-certificate/1', 'kezheng-certificate/9'),
    '{}\n',
    `${text}x`,
  ]) {
    writeFileSync(path('edited.json'), content);
    t.notMatch((await cli(['verify', path('edited.json')])).out, '编辑器');
  }
});

t.test('of something that is no certificate nothing is told, not even a test chain', async (t) => {
  const { code, out } = await cli(['verify', path('photo.jpg')]);
  t.equal(code, 1);
  t.match(out, '结论 verdict: 无效');
  t.notMatch(out, '测试链');
  t.notMatch(out, '编辑器');
});

t.test('the brief report has the verdict, and only what failed or is open', async (t) => {
  const brief = (...args: string[]) => cli(['verify', path('c.json'), ...args, ...trust, '--brief']);
  const valid = await brief(path('photo.jpg'), '--block-hash', sample.blockHash);
  t.equal(valid.code, 0);
  t.strictSame(valid.out.trim().split('\n').length, 2, 'the verdict and that it is a test chain');
  t.match(valid.out, /^结论 verdict: 有效 \/ valid\n注意 note: 测试链/);
  const open = await brief(path('photo.jpg'));
  t.equal(open.code, 2);
  t.match(open.out, /\? block anchors\[0\]/);
  t.match(open.out, sample.blockHash);
  t.notMatch(open.out, '✓');
  t.notMatch(open.out, '不证明');
  const failed = await brief(path('other.jpg'));
  t.equal(failed.code, 1);
  t.match(failed.out, '✗ files');
});
