import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { KeyFileError } from '../../../server/adapters/key-files.ts';
import { ensureTokenIdentity, openTokenIdentity } from '../../../server/adapters/stamping/identity.ts';
import { AHEAD_MS, createReservedClock } from '../../../server/adapters/stamping/reserved-clock.ts';
import { createSerials, readClock } from '../../../server/adapters/stamping/tokens.ts';
import { parseCertificate } from '../../../server/core/read/x509.ts';
import { StoreUnavailable } from '../../../server/ports/store.ts';
import { createTimeGate } from '../../../server/ports/time-gate.ts';

const folder = mkdtempSync(join(tmpdir(), 'kezheng-stamping-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'pipe' });

t.test(
  'key and certificates are made once: a root that can sign nothing more, and a key for time stamps alone',
  async (t) => {
    const made = await ensureTokenIdentity(folder, '测试', Date.now());
    const again = await ensureTokenIdentity(folder, '别的', Date.now());
    t.same(again.chain, made.chain);
    t.ok(again.key.equals(made.key));
    t.equal(statSync(at('tsa.key.pem')).mode & 0o777, 0o600);
    const [leaf, root] = made.chain.map(parseCertificate);
    t.same(leaf!.extendedKeyUsage, { critical: true, purposes: ['1.3.6.1.5.5.7.3.8'] });
    t.same(leaf!.keyUsage, { critical: true, usages: ['digitalSignature'] });
    t.match(root!.basicConstraints, { ca: true, pathLength: 0 });
    openssl('verify', '-purpose', 'timestampsign', '-CAfile', at('tsa.cert.pem'), at('tsa.cert.pem'));
  },
);

const TEN_YEARS_MS = 10 * 365.25 * 86_400_000;

t.test('wherever a crash falls while a pair is made anew, one pair is whole', async (t) => {
  const both = t.testdir({ a: {}, b: {} });
  const [dir, beside] = [join(both, 'a'), join(both, 'b')];
  const old = await ensureTokenIdentity(dir, '测试', Date.now() - TEN_YEARS_MS);
  const fresh = await ensureTokenIdentity(beside, '测试', Date.now());
  const next = join(dir, 'tsa.cert.pem.next');
  const files = ['tsa.key.pem', 'tsa.cert.pem'] as const;
  const [oldKey, oldCert] = files.map((name) => readFileSync(join(dir, name)));
  const [newKey, newCert] = files.map((name) => readFileSync(join(beside, name)));
  const put = (key: Buffer | undefined, cert: Buffer | undefined, waiting: Buffer | undefined): void => {
    for (const [path, bytes] of [
      [join(dir, 'tsa.key.pem'), key],
      [join(dir, 'tsa.cert.pem'), cert],
      [next, waiting],
    ] as const)
      if (bytes === undefined) rmSync(path, { force: true });
      else writeFileSync(path, bytes);
  };
  // Well before the end of the old one: what is there now is what the crash has left, not what is made after it.
  const beforeTheEnd = Date.now() - TEN_YEARS_MS;
  put(oldKey, oldCert, newCert);
  t.ok((await ensureTokenIdentity(dir, '测试', beforeTheEnd)).key.equals(old.key), 'before the new key');
  t.notOk(existsSync(next));
  put(newKey, oldCert, newCert);
  const finished = await ensureTokenIdentity(dir, '测试', beforeTheEnd);
  t.ok(finished.key.equals(fresh.key), 'after it');
  t.same(finished.chain, fresh.chain);
  t.notOk(existsSync(next));
  put(undefined, undefined, newCert);
  const made = await ensureTokenIdentity(dir, '测试', Date.now());
  t.notOk(made.key.equals(fresh.key), 'the first time: made anew');
  t.notOk(existsSync(next));
});

t.test('made anew before its end is only what was made here', async (t) => {
  const dir = t.testdir();
  const past = Date.now() - TEN_YEARS_MS;
  const made = await ensureTokenIdentity(dir, '测试', past);
  t.notOk((await ensureTokenIdentity(dir, '测试', Date.now())).key.equals(made.key));
  // As a backup of a configured key is put back: its root has another name.
  const [key, cert] = [join(dir, 'tsa.key.pem'), join(dir, 'tsa.cert.pem')];
  const usage = 'extendedKeyUsage=critical,timeStamping';
  const made1 = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
  ];
  openssl(...made1, '-subj', '/CN=Issued by somebody', '-keyout', key, '-out', cert, '-addext', usage);
  const before = readFileSync(key);
  await ensureTokenIdentity(dir, '测试', Date.now());
  t.same(readFileSync(key), before, 'somebody else’s key stays, however soon it ends');
});

t.test('a configured key may be encrypted, with its pass phrase in a file', async (t) => {
  openssl(
    'pkcs8',
    '-topk8',
    '-in',
    at('tsa.key.pem'),
    '-out',
    at('locked.pem'),
    '-v2',
    'aes-256-cbc',
    '-passout',
    'pass:口令',
  );
  writeFileSync(at('phrase'), '口令\n');
  writeFileSync(at('wrong'), 'another');
  const certFile = at('tsa.cert.pem');
  const opened = await openTokenIdentity({ keyFile: at('locked.pem'), certFile, passwordFile: at('phrase') });
  t.ok(opened.key.equals((await ensureTokenIdentity(folder, '', 0)).key));
  for (const passwordFile of [undefined, at('wrong')])
    await t.rejects(openTokenIdentity({ keyFile: at('locked.pem'), certFile, passwordFile }), {
      name: 'KeyFileError',
      message: /^KEZHENG_TSA_KEY_FILE：.*KEZHENG_TSA_KEY_PASSWORD_FILE.* \/ KEZHENG_TSA_KEY_FILE: /,
    });
});

const refused: Record<string, readonly [make: () => string, setting: string]> = {
  'a certificate for another purpose': [
    () => certificate('-addext', 'extendedKeyUsage=critical,serverAuth'),
    'TSA_CERT_FILE',
  ],
  'a certificate whose purpose is not critical': [
    () => certificate('-addext', 'extendedKeyUsage=timeStamping'),
    'TSA_CERT_FILE',
  ],
  'a certificate with a second purpose': [
    () => certificate('-addext', 'extendedKeyUsage=critical,timeStamping,codeSigning'),
    'TSA_CERT_FILE',
  ],
  'a certificate without a purpose': [() => certificate(), 'TSA_CERT_FILE'],
  'no certificate': [() => 'nothing', 'TSA_CERT_FILE'],
  'a file that is not there': [() => '', 'TSA_CERT_FILE'],
};
function certificate(...more: readonly string[]): string {
  openssl('req', '-x509', '-key', at('tsa.key.pem'), '-out', at('c.pem'), '-subj', '/CN=x', ...more);
  return readFileSync(at('c.pem'), 'utf8');
}
for (const [what, [make, setting]] of Object.entries(refused))
  t.test(`refused, with the setting named: ${what}`, async (t) => {
    const text = make();
    const certFile = at(text === '' ? 'nowhere.pem' : 'refused.pem');
    if (text !== '') writeFileSync(certFile, text);
    const failed = await openTokenIdentity({ keyFile: at('tsa.key.pem'), certFile }).catch((error) => error);
    t.ok(failed instanceof KeyFileError);
    t.match(failed.message, new RegExp(`^KEZHENG_${setting}：.*[\\u4e00-\\u9fff].* / KEZHENG_${setting}: `));
  });

t.test('serial numbers of two starts differ, and those of one count up', async (t) => {
  const [one, other] = [createSerials(), createSerials()];
  const all = [one(), one(), other(), other()].map((serial) => Buffer.from(serial).toString('hex'));
  t.equal(new Set(all).size, 4);
  t.ok(all.every((serial) => serial.length === 38));
});

t.test('both clocks are read at one moment', async (t) => {
  const [first, second] = [readClock(), readClock()];
  const drift = second.wallMs - second.monotonicMs - (first.wallMs - first.monotonicMs);
  t.ok(Math.abs(drift) < 50, `${drift} ms`);
});

t.test('times are reserved ahead, once for all who ask, and not given where that fails', async (t) => {
  const gate = createTimeGate();
  gate.open({ lowMs: 0, highMs: Number.MAX_SAFE_INTEGER / 1_000, untilMs: Number.POSITIVE_INFINITY });
  const asked: number[] = [];
  const clock = createReservedClock(gate, {
    async reserveTime(throughMs) {
      asked.push(throughMs);
      return throughMs;
    },
  });
  const began = Date.now();
  const times = await Promise.all([clock.next(), clock.next(), clock.next()]);
  t.equal(asked.length, 1);
  t.ok(asked[0]! >= began + AHEAD_MS && asked[0]! <= Date.now() + AHEAD_MS);
  t.ok(times.every((time) => typeof time === 'number' && time >= began && time <= asked[0]!));
  gate.shut();
  t.equal(await clock.next(), 'clock-in-doubt');
  const another = createTimeGate();
  another.open({ lowMs: 0, highMs: Number.MAX_SAFE_INTEGER / 1_000, untilMs: Number.POSITIVE_INFINITY });
  const away = createReservedClock(another, {
    async reserveTime() {
      throw new StoreUnavailable('away');
    },
  });
  await t.rejects(away.next(), StoreUnavailable);
  await t.rejects(away.next(), StoreUnavailable, 'and it is asked again');
});
