import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { cli, type Outcome } from '../support/cli.ts';
import { newDepositor } from '../support/depositor.ts';
import { body, run } from '../support/running.ts';

/* `kezheng deposit FILE...`, signed and not, against a whole service with a real chain. */

const service = await run();
t.teardown(() => service.stop());
const trust = join(service.dataDir, 'trust.json');
const env = { KEZHENG_URL: service.url, KEZHENG_KEY: service.keys[0] };
const folder = mkdtempSync(join(tmpdir(), 'kezheng-deposit-'));
t.teardown(() => rmSync(folder, { recursive: true }));

let made = 0;
function fileOf(text: string, name = `证据 ${++made}.png`): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const deposit = (...args: readonly string[]): Promise<Outcome> => cli(['deposit', ...args], env);
const verify = (certificate: string, ...args: readonly string[]): Promise<Outcome> =>
  cli(['verify', certificate, '--trust', trust, '--json', ...args]);
const checkIn = ({ out }: Outcome, id: string) =>
  JSON.parse(out).checks.find((one: { id: string }) => one.id === id);

const depositor = newDepositor();
const key = join(folder, 'key.pem');
writeFileSync(key, depositor.pem);

t.test('files are deposited, and the certificate beside the first of them checks', async (t) => {
  const [one, two] = [fileOf('first'), fileOf('second', 'b.txt')];
  const done = await deposit(one, two, '--title', '两个文件');
  t.equal(done.code, 0, done.err);
  t.match(done.out, `${one}.certificate.json`);
  const found = await verify(`${one}.certificate.json`, one, two);
  t.equal(JSON.parse(found.out).verdict, 'incomplete');
  t.match(checkIn(found, 'files'), { status: 'passed' });
  t.match(checkIn(found, 'digests'), { status: 'passed' });
  t.match(checkIn(found, 'statement'), { status: 'skipped' });
  const { entry } = JSON.parse(readFileSync(`${one}.certificate.json`, 'utf8'));
  t.match(entry.files, [
    { mediaType: 'image/png', digests: 'computed' },
    { mediaType: 'text/plain', name: 'b.txt' },
  ]);
  t.equal(entry.evidence.title, '两个文件');
  const again = await deposit(one);
  t.equal(again.code, 64, 'the certificate that is there is not written over');
});

t.test('signed with a key of openssl, uploaded or as digests only, with all that can be said', async (t) => {
  const own = join(folder, 'openssl.pem');
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', own]);
  const pem = execFileSync('openssl', ['pkey', '-in', own, '-pubout'], { encoding: 'utf8' });
  const der = execFileSync('openssl', ['pkey', '-in', own, '-pubout', '-outform', 'DER']);
  const fingerprint = createHash('sha256').update(der).digest('hex');
  const publicKey = join(folder, 'openssl.pub');
  writeFileSync(publicKey, pem);
  const evidence = join(folder, 'evidence.json');
  writeFileSync(
    evidence,
    JSON.stringify({
      ...{ title: '签名 "引号" 𠮷', description: '第一行\n第二行', category: 'photo', capturedBy: '张三' },
      ...{ capturedFrom: '2026-11-28T10:00:00+08:00', capturedTo: '2026-11-28T02:30:00.1239Z' },
      ...{ confidentiality: 'internal', origin: { source: 'https://shop.example/1', tool: '浏览器 1.0' } },
      ...{
        right: { type: '商标' },
        accused: { shop: '店铺' },
        corroborations: [{ kind: '订单', reference: '1' }],
      },
    }),
  );
  for (const more of [[], ['--hash-only']]) {
    const file = fileOf(`signed ${more}`);
    const done = await deposit(file, '--sign', own, '--evidence', evidence, '--json', ...more);
    t.equal(done.code, 0, done.err);
    t.match(JSON.parse(done.out), {
      signedAs: { depositor: String },
      certificate: `${file}.certificate.json`,
    });
    const certificate = `${file}.certificate.json`;
    const found = await verify(certificate, file, '--depositor-key', publicKey);
    t.match(checkIn(found, 'statement'), { status: 'passed', reason: { code: 'statement-signed-known' } });
    const unknown = await verify(certificate, file);
    t.match(checkIn(unknown, 'statement'), { status: 'passed', reason: { code: 'statement-signed' } });
    t.match(checkIn(await verify(certificate, file, '--depositor-key', fingerprint), 'statement'), {
      status: 'passed',
    });
    const other = await verify(certificate, file, '--depositor-key', depositor.fingerprint);
    t.match([other.code, checkIn(other, 'statement').status], [1, 'failed']);
    t.equal((await verify(certificate, file, '--depositor-key', fingerprint.slice(1))).code, 64);
  }
});

t.test('a key with a password asks for it', async (t) => {
  const locked = join(folder, 'locked.pem');
  execFileSync('openssl', [
    'pkcs8',
    '-topk8',
    '-in',
    key,
    '-out',
    locked,
    '-v2',
    'aes256',
    '-passout',
    'pass:秘密',
  ]);
  const password = join(folder, 'password');
  writeFileSync(password, '秘密\n');
  const file = fileOf('locked');
  t.equal((await deposit(file, '--sign', locked)).code, 64);
  const done = await deposit(file, '--sign', locked, '--sign-password-file', password, '--no-wait');
  t.equal(done.code, 0, done.err);
  t.notOk(existsSync(`${file}.certificate.json`), 'not waited for');
});

t.test('a folder is signed as a whole, and each of its files is under the signature', async (t) => {
  const dir = join(folder, '文件夹');
  mkdirSync(dir);
  for (const n of [1, 2, 3]) writeFileSync(join(dir, `${n}.txt`), `file ${n}`);
  const first = await deposit('--folder', dir, '--sign', key, '--no-wait');
  t.equal(first.code, 0, first.err);
  t.match(first.out, /已签名 signed: 存证人 depositor/);
  t.equal((await deposit('--folder', dir, '--sign', key)).code, 0, 'again: the same deposit');
  const otherKey = join(folder, 'other.pem');
  writeFileSync(otherKey, newDepositor().pem);
  t.match(await deposit('--folder', dir, '--sign', otherKey), { code: 64, err: /由另一密钥签名/ });
  // As where the answer to the first was lost: what was stored then bears the first key, and nobody else's is told of it.
  const index = `${dir}.kezheng-index`;
  const whole = readFileSync(index, 'utf8');
  const receiptless = whole
    .split('\n')
    .filter((line) => !line.includes('kezheng-folder-receipt/') && !line.includes('kezheng-certificate/'));
  writeFileSync(index, receiptless.join('\n'));
  const lost = await deposit('--folder', dir, '--sign', otherKey, '--no-wait');
  t.equal(lost.code, 1);
  t.match(lost.err, /manifest.statement.publicKey/);
  t.equal((await deposit('--folder', dir, '--sign', key, '--no-wait')).code, 0);
  writeFileSync(index, whole);
  const plain = join(folder, '未签名');
  mkdirSync(plain);
  writeFileSync(join(plain, 'x'), 'x');
  t.equal((await deposit('--folder', plain, '--no-wait')).code, 0);
  t.match(await deposit('--folder', plain, '--sign', key), { code: 64, err: /没有签名/ });
  const out = join(folder, 'out');
  mkdirSync(out);
  t.equal((await cli(['cut', `${dir}.kezheng-index`, '2.txt', '--out', out])).code, 0);
  const file = join(dir, '2.txt');
  const certificate = join(out, '2.txt.certificate.json');
  const found = await verify(certificate, file, '--depositor-key', depositor.fingerprint);
  t.match(checkIn(found, 'statement'), { status: 'passed', reason: { code: 'statement-signed-known' } });
  t.match(checkIn(found, 'files'), { status: 'passed' });
  const { items } = await body(service.call('/v1/evidence?limit=100'));
  t.equal(items.filter((one: { title: string }) => one.title === '文件夹').length, 1);
});

t.test('what cannot be is said before anything is sent', async (t) => {
  const file = fileOf('x');
  const wrong = join(folder, 'p384.pem');
  execFileSync('openssl', ['ecparam', '-name', 'secp384r1', '-genkey', '-noout', '-out', wrong]);
  for (const [args, told] of [
    [[], /FILE\.\.\./],
    [[file, '--sign', wrong], /P-256/],
    [[file, '--sign', file], /私钥/],
    [[file, '--sign', join(folder, 'nowhere')], /nowhere/],
    [[join(folder, 'nowhere.png')], /nowhere/],
    [['--folder', folder, '--hash-only'], /--folder DIR/],
    [[file, '--index', 'x'], /FILE\.\.\./],
  ] as const) {
    const { code, err } = await deposit(...args);
    t.equal(code, 64, args.join(' '));
    t.match(err, told);
  }
  t.match(await deposit(folder), { code: 64, err: /deposit --folder/ });
  const asOther = await deposit(file, '--sign', key, '--as', '别的公司');
  t.equal(asOther.code, 1);
  t.match(asOther.err, /没有签名/);
  t.equal((await deposit(file, '--sign', key, '--as', '示范权利人甲有限公司', '--no-wait')).code, 0);
  const unsigned = fileOf('unsigned');
  t.equal((await deposit(unsigned)).code, 0);
  const asked = await verify(
    `${unsigned}.certificate.json`,
    unsigned,
    '--depositor-key',
    depositor.fingerprint,
  );
  t.equal(asked.code, 1, 'whoever asks for a signature is not told «valid» without one');
  const stranger = await cli(['deposit', file, '--sign', key], { ...env, KEZHENG_KEY: 'kz_wrong' });
  t.equal(stranger.code, 1);
  t.match(stranger.err, /密钥/);
});
