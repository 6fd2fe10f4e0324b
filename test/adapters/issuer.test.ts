import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ensureIssuer, openIssuer } from '../../server/adapters/issuer.ts';
import { KeyFileError } from '../../server/adapters/key-files.ts';

const folder = t.testdir({ one: {}, other: {} });
await ensureIssuer(join(folder, 'one'), 'one', Date.now());
await ensureIssuer(join(folder, 'other'), 'other', Date.now());
const keyFile = join(folder, 'one', 'issuer.key.pem');
const certFile = join(folder, 'one', 'issuer.cert.pem');

const kept = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const encrypted = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  ...{ type: 'pkcs8', format: 'pem' },
  ...{ cipher: 'aes-256-cbc', passphrase: 's3cret' },
});
const certificate = readFileSync(certFile, 'utf8');

const wrong: Record<string, readonly ['KEY' | 'CERT', object]> = {
  'the key is not there': ['KEY', { keyFile: '/nowhere' }],
  'the certificate is not there': ['CERT', { certFile: '/nowhere' }],
  'the key is a certificate': ['KEY', { keyFile: certFile }],
  'the key is encrypted': ['KEY', { keyFile: kept('encrypted', String(encrypted)) }],
  'the key is of another curve': [
    'KEY',
    { keyFile: kept('p384', String(p384.export({ type: 'pkcs8', format: 'pem' }))) },
  ],
  'the certificate is of another key': ['CERT', { certFile: join(folder, 'other', 'issuer.cert.pem') }],
  'there is no certificate in the file': ['CERT', { certFile: kept('empty', '') }],
  'there are five': ['CERT', { certFile: kept('five', certificate.repeat(5)) }],
  'the certificate is the key': ['CERT', { certFile: keyFile }],
  'the certificate is cut off': [
    'CERT',
    { certFile: kept('cut', certificate.replace(/\n[^\n]+\n[^\n]+\n-----END/, '\n-----END')) },
  ],
};
for (const [how, [what, files]] of Object.entries(wrong))
  t.test(`setting and file are named in both languages where ${how}`, async (t) => {
    const failed = await openIssuer({ keyFile, certFile, ...files }).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    t.ok(failed instanceof KeyFileError);
    t.match(
      failed?.message,
      new RegExp(`^KEZHENG_ISSUER_${what}_FILE：.*[\\u4e00-\\u9fff].* / KEZHENG_ISSUER_${what}_FILE: `),
    );
    t.match(failed?.message, Object.values(files)[0]);
  });

t.test('key and certificate that belong together are taken', async (t) => {
  t.match(await openIssuer({ keyFile, certFile }), { name: 'CN=one' });
});
