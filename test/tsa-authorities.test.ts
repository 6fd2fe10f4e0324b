import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readConfig } from '../server/config.ts';
import { PROMISE_POLICY } from '../server/core/token/policies.ts';
import { MAX_AUTHORITIES_BYTES, parseAuthorities } from '../server/tsa-authorities.ts';
import { CA, issue } from './core/read/openssl.ts';
import { pem } from './support/servers.ts';

const root = issue({ subject: '/C=CN/CN=Root of an authority', extensions: CA });
const PEM = pem(root);

const good = {
  label: '某某时间戳中心',
  url: 'https://tsa.example.cn/tsr',
  policies: ['1.3.6.1.4.1.13762.3'],
  roots: [PEM, Buffer.from(root.der).toString('base64')],
};
const parse = (value: unknown, allow = [{ host: 'tsa.internal', port: 3161 }]) =>
  parseAuthorities(Buffer.from(JSON.stringify(value)), allow);
const parseText = (text: string | Buffer) => parseAuthorities(Buffer.from(text), []).wrong;

t.test('authorities are read with their roots in PEM or base64, and several may share a label', async (t) => {
  const other = { ...good, url: 'http://tsa.internal:3161/', roots: [PEM] };
  const { authorities, wrong } = parse([good, other]);
  t.strictSame(wrong, []);
  t.strictSame(authorities, [
    { ...good, roots: [root.der, root.der] },
    { ...other, roots: [root.der] },
  ]);
  for (const value of [authorities, ...authorities, authorities[0]!.policies, authorities[0]!.roots])
    t.ok(Object.isFrozen(value));
});

const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
const withRoot = (value: unknown) => ({ ...good, roots: [PEM, value] });
const damaged = Buffer.from(root.der).fill(0, 20, 40).toString('base64');
const wrongs: readonly (readonly [string, unknown, RegExp])[] = [
  ['has no label', without('label'), /缺少 \[0\]\.label$/],
  ['has no url', without('url'), /缺少 \[0\]\.url$/],
  ['has no policies', without('policies'), /缺少 \[0\]\.policies$/],
  ['has no roots', without('roots'), /缺少 \[0\]\.roots$/],
  ['has a member that there is not', { ...good, password: 'x' }, /不应有 \[0\]\.password$/],
  ['is no object', 'https://tsa.example.cn', /\[0\] 应为 object$/],
  ['is a list', [], /\[0\] 应为 object$/],
  ['has an empty label', { ...good, label: '' }, /\[0\]\.label 的值/],
  ['has a label with space around it', { ...good, label: ' x' }, /\[0\]\.label 的值/],
  ['has a label with hidden characters', { ...good, label: 'a\u200bb' }, /\[0\]\.label 的值/],
  ['has a label without end', { ...good, label: 'x'.repeat(101) }, /\[0\]\.label 的值/],
  ['has a label that is no text', { ...good, label: 7 }, /\[0\]\.label 应为 text/],
  ['has an address of another scheme', { ...good, url: 'ldap://tsa.example.cn' }, /\[0\]\.url：只能用 http/],
  ['has an address that is none', { ...good, url: 'tsa.example.cn' }, /\[0\]\.url：网址的写法有误/],
  ['has a password in its address', { ...good, url: 'https://a:b@tsa.example.cn' }, /\[0\]\.url：.*口令/],
  ['has a port that is not listed', { ...good, url: 'http://tsa.example.cn:3161' }, /EGRESS_ALLOW/],
  ['has an internal address that is not listed', { ...good, url: 'http://127.0.0.1' }, /EGRESS_ALLOW/],
  ['has no policy', { ...good, policies: [] }, /\[0\]\.policies 的值/],
  ['has a policy that is no identifier', { ...good, policies: ['1.3.06'] }, /\[0\]\.policies\[0\] 的值/],
  [
    'has the policy of promises',
    { ...good, policies: ['1.2.3', PROMISE_POLICY] },
    /\[0\]\.policies\[1\] 的值不符合规定：≠ 2\.25/,
  ],
  ['has a policy of one arc', { ...good, policies: ['1'] }, /\[0\]\.policies\[0\] 的值/],
  ['has a policy below 1.40', { ...good, policies: ['1.40.1'] }, /\[0\]\.policies\[0\] 的值/],
  ['has a policy that is no text', { ...good, policies: [1] }, /\[0\]\.policies\[0\] 应为 text/],
  ['has policies that are no list', { ...good, policies: '1.2' }, /\[0\]\.policies 应为 list/],
  ['has no root', { ...good, roots: [] }, /\[0\]\.roots 的值/],
  ['has a root that is no text', withRoot(null), /\[0\]\.roots\[1\] 应为 text/],
  ['has a root that is no base64', withRoot('?'), /^\[0\]\.roots\[1\]：Base64/],
  ['has a root that is no certificate', withRoot(damaged), /^\[0\]\.roots\[1\]：/],
  ['has two roots in one PEM', withRoot(PEM + PEM), /^\[0\]\.roots\[1\] .*PEM of one certificate/],
  ['has a private key for a root', withRoot(root.key), /^\[0\]\.roots\[1\] .*PEM of one certificate/],
];
for (const [how, entry, sentence] of wrongs)
  t.test(`an authority is refused, and the place told, when it ${how}`, async (t) => {
    const { authorities, wrong } = parse([entry]);
    t.strictSame(authorities, []);
    t.equal(wrong.length, 1);
    t.match(wrong[0]!.zh, sentence);
    t.match(wrong[0]!.en, /[a-z]/);
    t.notMatch(wrong[0]!.en, /[\u4e00-\u9fff]/);
  });

t.test('one address stands once, however it is spelt', async (t) => {
  for (const url of [good.url, 'https://TSA.example.cn:443/tsr', 'https://tsa.example.cn./tsr#x'])
    t.match(parse([{ ...good, url: 'https://other.example.cn' }, good, { ...good, url }]).wrong, [
      { zh: '[2].url：与 [1].url 相同', en: '[2].url: is the same as [1].url' },
    ]);
});

t.test('what is no list of authorities is refused as a whole', async (t) => {
  for (const text of ['', '{}', '[]', '[1', '"x"', '[{"label":"a","label":"b"}]', Buffer.from([0xff])])
    t.equal(parseText(text).length, 1, String(text));
  t.equal(parse(Array(33).fill(good)).wrong.length, 1);
  t.equal(parseText(Buffer.alloc(MAX_AUTHORITIES_BYTES + 1, ' ')).length, 1);
});

t.test('a service does not start with a file that is wrong somewhere, and is told all that is', async (t) => {
  const file = join(t.testdir(), 'authorities.json');
  const env = { KEZHENG_TSA_AUTHORITIES_FILE: file };
  t.throws(() => readConfig(env), /KEZHENG_TSA_AUTHORITIES_FILE：无法读取 .*ENOENT/);
  t.throws(() => readConfig({ KEZHENG_TSA_AUTHORITIES_FILE: t.testdirName }), /KEZHENG_TSA_AUTHORITIES_FILE/);
  writeFileSync(file, JSON.stringify([{ ...good, label: '', policies: [] }, good, good]));
  try {
    readConfig(env);
    t.fail('it starts');
  } catch (error) {
    const lines = (error as Error).message.split('\n');
    t.equal(lines.length, 4);
    for (const [i, place] of ['[0].label', '[0].policies', '[1].url', '[2].url'].entries()) {
      t.match(lines[i], `KEZHENG_TSA_AUTHORITIES_FILE：${file} 中 `);
      t.ok(lines[i]!.includes(place));
    }
  }
  writeFileSync(file, Buffer.alloc(MAX_AUTHORITIES_BYTES + 1, ' '));
  t.throws(() => readConfig(env), /EFBIG/);
  writeFileSync(file, JSON.stringify([good]));
  t.match(readConfig(env).tsaAuthorities, [{ label: good.label, url: good.url }]);
  t.strictSame(readConfig({}).tsaAuthorities, []);
});

t.test('what may be reached is listed by name or address, each with its port', async (t) => {
  const given =
    ' TSA.internal:8080, 10.0.0.1:443,[FD00::1]:80, 时间.中国.:3161,0x7f.1:9,[::ffff:127.0.0.1]:1';
  const { egressAllow } = readConfig({ KEZHENG_EGRESS_ALLOW: given });
  t.strictSame(egressAllow, [
    { host: 'tsa.internal', port: 8080 },
    { host: '10.0.0.1', port: 443 },
    { host: 'fd00::1', port: 80 },
    { host: 'xn--ehv518h.xn--fiqs8s', port: 3161 },
    { host: '127.0.0.1', port: 9 },
    { host: '::ffff:7f00:1', port: 1 },
  ]);
  t.ok(Object.isFrozen(egressAllow) && Object.isFrozen(egressAllow[0]));
});

const noDestinations = [
  ...[
    'host',
    'host:',
    ':80',
    'host:0',
    'host:65536',
    'host:8o',
    'host:-1',
    '*.host:80',
    '*:80',
    'http://host:80',
  ],
  ...[
    'a@host:80',
    'host:80/',
    '10.0.0.0/8:80',
    'fd00::1:80',
    '[fe80::1%25eth0]:80',
    '[::1]:80:443',
    'a:1:80',
  ],
  ...[
    'a:80:443',
    '1.2.3.4.5:80',
    '256.1.1.1:80',
    '-a:80',
    'a..b:80',
    '.:80',
    `${'a'.repeat(64)}:80`,
    'a b:80',
  ],
];
for (const item of noDestinations)
  t.test(`an exception that is none stops the start: ${item}`, async (t) => {
    t.throws(() => readConfig({ KEZHENG_EGRESS_ALLOW: `ok:80, ${item}` }), {
      message: `KEZHENG_EGRESS_ALLOW：${item} 应为`,
    });
  });
