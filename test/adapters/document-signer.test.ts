import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  DOCUMENT_SIGNING,
  ensureDocumentSigner,
  openDocumentSigner,
} from '../../server/adapters/document-signer.ts';
import { ensureIssuer } from '../../server/adapters/issuer.ts';
import { KeyFileError } from '../../server/adapters/key-files.ts';
import { parseCertificate } from '../../server/core/read/x509.ts';
import { programs, whyMissing } from '../support/debian.ts';

const OPENSSL = '/usr/bin/openssl';
const skip = whyMissing({ packages: ['openssl'], isThere: programs(OPENSSL) });

const folder = t.testdir({ own: {} });
const path = (name: string): string => join(folder, name);
const own = await ensureDocumentSigner(path('own'), '签章者', Date.now());
await ensureIssuer(path('own'), 'issuer', Date.now());
const files = { keyFile: path('own/pdf.key.pem'), certFile: path('own/pdf.cert.pem') };

function openssl(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(OPENSSL, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout + stderr;
}

/** A self-signed certificate of openssl's making. */
function made(name: string, key: readonly string[], extensions: readonly string[]) {
  const [keyFile, certFile] = [path(`${name}.key`), path(`${name}.pem`)];
  openssl(
    ...['req', '-x509', '-newkey', ...key, '-noenc', '-sha256', '-days', '30', '-subj', `/CN=${name}`],
    ...['-keyout', keyFile, '-out', certFile, '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...extensions.flatMap((extension) => ['-addext', extension]),
  );
  return { keyFile, certFile };
}

const EC = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const FOR_DOCUMENTS = `extendedKeyUsage=${DOCUMENT_SIGNING}`;

t.test(
  'what the first start makes signs documents and nothing else, and its key is its owner’s',
  async (t) => {
    const certificate = parseCertificate(own.certificates[0]!);
    t.strictSame(certificate.extendedKeyUsage?.purposes, ['1.3.6.1.5.5.7.3.36']);
    t.strictSame(certificate.keyUsage?.usages, ['digitalSignature']);
    t.strictSame(certificate.key, { kind: 'ec', curve: 'P-256' });
    t.equal(statSync(files.keyFile).mode & 0o777, 0o600);
    const again = await ensureDocumentSigner(path('own'), 'another name', Date.now());
    t.same(again.certificates, own.certificates, 'once');
  },
);

t.test('its signatures are CMS that openssl verifies, over just these bytes', { skip }, async (t) => {
  const rsa = made('rsa', ['rsa:3072'], [FOR_DOCUMENTS, 'keyUsage=critical,nonRepudiation']);
  for (const signer of [own, await openDocumentSigner(rsa)]) {
    const bytes = Buffer.from('what is signed');
    const cms = await signer.sign(bytes);
    t.ok(cms.length <= signer.maxBytes);
    writeFileSync(path('cms'), cms);
    writeFileSync(path('data'), bytes);
    writeFileSync(
      path('signer.pem'),
      `-----BEGIN CERTIFICATE-----\n${Buffer.from(signer.certificates[0]!).toString('base64')}\n-----END CERTIFICATE-----\n`,
    );
    const verify = [
      ...['cms', '-verify', '-cades', '-binary', '-inform', 'DER', '-in', 'cms'],
      ...['-CAfile', 'signer.pem', '-partial_chain', '-purpose', 'any', '-content'],
    ];
    t.match(openssl(...verify, 'data'), /successful/i, signer.name);
    writeFileSync(path('other'), 'what is signee');
    t.throws(() => openssl(...verify, 'other'));
    const shown = openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', 'cms');
    t.match(shown, 'id-smime-aa-signingCertificateV2');
    // ETSI EN 319 142-1 §6.3: the time stands in the document.
    t.notMatch(shown, 'signingTime');
  }
});

t.test('a chain goes along, the signer first', { skip }, async (t) => {
  mkdirSync(path('chain'));
  const { keyFile } = files;
  const certFile = path('chain/chain.pem');
  writeFileSync(
    certFile,
    readFileSync(files.certFile, 'utf8') + readFileSync(path('own/issuer.cert.pem'), 'utf8'),
  );
  const signer = await openDocumentSigner({ keyFile, certFile });
  t.equal(signer.certificates.length, 2);
  writeFileSync(path('cms'), await signer.sign(Buffer.from('x')));
  const shown = openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', 'cms');
  t.equal(shown.match(/d\.certificate:/g)?.length, 2);
});

const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
const kept = (name: string, text: string): string => {
  writeFileSync(path(name), text);
  return path(name);
};
const pem = (key: typeof p384): string => String(key.export({ type: 'pkcs8', format: 'pem' }));

const wrong: Record<string, readonly ['KEY' | 'CERT', () => Partial<typeof files>]> = {
  'the key is not there': ['KEY', () => ({ keyFile: '/nowhere' })],
  'the certificate is not there': ['CERT', () => ({ certFile: '/nowhere' })],
  'the key is of another curve': ['KEY', () => ({ keyFile: kept('p384', pem(p384)) })],
  'the RSA key is short': ['KEY', () => ({ keyFile: kept('short', pem(short)) })],
  'the certificate is of another key': ['CERT', () => ({ certFile: path('own/issuer.cert.pem') })],
  'the certificate is not for documents': [
    'CERT',
    () => ({ keyFile: path('own/issuer.key.pem'), certFile: path('own/issuer.cert.pem') }),
  ],
};
if (skip === false) {
  wrong['the certificate is for time-stamps'] = [
    'CERT',
    () => made('tsa', EC, ['extendedKeyUsage=timeStamping']),
  ];
  wrong['the certificate may not sign'] = [
    'CERT',
    () => made('ca', EC, [FOR_DOCUMENTS, 'keyUsage=keyCertSign']),
  ];
}
for (const [how, [what, change]] of Object.entries(wrong))
  t.test(`setting and file are named in both languages where ${how}`, async (t) => {
    const failed = await openDocumentSigner({ ...files, ...change() }).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    t.ok(failed instanceof KeyFileError);
    t.match(
      failed?.message,
      new RegExp(`^KEZHENG_PDF_${what}_FILE：.*[\\u4e00-\\u9fff].* / KEZHENG_PDF_${what}_FILE: `),
    );
  });
