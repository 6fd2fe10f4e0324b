import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { freePort } from '../../../server/adapters/evm/anvil.ts';
import { readSubject } from '../../../server/adapters/revocation/certificate.ts';
import { encodeOcspRequest } from '../../../server/adapters/revocation/ocsp.ts';
import { createRevocationSource } from '../../../server/adapters/revocation/source.ts';
import { openDoor } from '../../../server/outbox/door.ts';
import { fitsCertificate, RevocationProblem } from '../../../server/ports/revocation.ts';
import { CA, type Issued, issue, LEAF, openssl } from '../../core/read/openssl.ts';
import { startHttp } from '../../support/servers.ts';

const root = issue({ subject: '/C=CN/O=Authority/CN=Root', extensions: CA, key: 'rsa-2048' });
const otherRoot = issue({ subject: '/C=CN/O=Authority/CN=Root', extensions: CA });

/** A signer's certificate that names these places to ask. */
function signer(
  places: { readonly crl?: readonly string[]; readonly ocsp?: readonly string[] },
  more: readonly string[] = [],
) {
  const crl = places.crl && `crlDistributionPoints=${places.crl.map((url) => `URI:${url}`).join(',')}`;
  const ocsp = places.ocsp && `authorityInfoAccess=${places.ocsp.map((url) => `OCSP;URI:${url}`).join(',')}`;
  const extensions = [...LEAF, ...[crl, ocsp].filter((line) => line !== undefined), ...more];
  return issue({ subject: '/C=CN/CN=Signer', by: root, extensions, serial: '0xf0a1b2c3d4e5f60718' });
}

function sourceTo(...ports: number[]) {
  const door = openDoor({ allow: ports.map((port) => ({ host: '127.0.0.1', port })) });
  t.teardown(() => door.close());
  return createRevocationSource(door);
}

const at = (port: number, path = ''): string => `http://127.0.0.1:${port}/${path}`;
const codes = (problems: readonly Error[]) => problems.map((one) => (one as RevocationProblem).code);

/** What `openssl ca` needs to know of its certificates. */
function database(folder: string): string[] {
  const config = join(folder, 'ca.cnf');
  writeFileSync(join(folder, 'index'), '');
  writeFileSync(join(folder, 'index.attr'), 'unique_subject = no\n');
  writeFileSync(
    config,
    `[ca]\ndefault_ca = d\n[d]\ndatabase = ${folder}/index\ndefault_md = sha256\ndefault_crl_days = 7\n`,
  );
  return ['-config', config, '-cert', root.files.certificate, '-keyfile', root.files.key];
}

/** The list of the root, with this certificate on it. */
function crlWith(t: Test, revoked: Issued): Buffer {
  const folder = t.testdir();
  const options = database(folder);
  openssl(['ca', ...options, '-revoke', revoked.files.certificate]);
  openssl(['ca', ...options, '-gencrl', '-out', join(folder, 'crl.pem')]);
  return openssl(['crl', '-in', join(folder, 'crl.pem'), '-outform', 'DER']);
}

/** OpenSSL as responder for the root, in a process of its own. */
async function startResponder(t: Test, revoked?: Issued): Promise<number> {
  const folder = t.testdir();
  const options = database(folder);
  if (revoked) openssl(['ca', ...options, '-revoke', revoked.files.certificate]);
  const port = await freePort();
  const child: ChildProcess = spawn(
    'openssl',
    [
      ...['ocsp', '-port', String(port), '-index', join(folder, 'index'), '-CA', root.files.certificate],
      ...['-rsigner', root.files.certificate, '-rkey', root.files.key, '-nmin', '60'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (text) => /waiting for/.test(String(text)) && resolve());
    child.once('exit', () => reject(new Error('the responder ended')));
  });
  return port;
}

for (const hash of ['sha1', 'sha256'] as const)
  t.test(`the question to a responder is that of OpenSSL, byte by byte, with ${hash}`, async (t) => {
    const file = join(t.testdir(), 'request');
    for (const leaf of [signer({}), issue({ subject: '/CN=x', by: root, extensions: LEAF, serial: '1' })]) {
      openssl([
        ...['ocsp', `-${hash}`, '-no_nonce', '-issuer', root.files.certificate],
        ...['-cert', leaf.files.certificate, '-reqout', file],
      ]);
      const ours = encodeOcspRequest(readSubject(leaf.der), readSubject(root.der), hash);
      t.strictSame(Buffer.from(ours), readFileSync(file));
    }
  });

t.test('a responder is asked about the signer, and its answer verifies', async (t) => {
  const port = await freePort();
  const leaf = signer({ ocsp: [at(port)] });
  const real = await startResponder(t, leaf);
  const front = await startHttp(t, (request, reply) => forward(real, request, reply));
  const named = signer({ ocsp: [at(front)] });
  const [result, ...more] = await sourceTo(front).collect([named.der, root.der]);
  t.strictSame(more, [], 'nobody is asked about a root');
  t.match(result, { index: 0, answer: { kind: 'ocsp' }, problems: [] });
  const file = join(t.testdir(), 'answer');
  writeFileSync(file, result!.answer!.value);
  const said = openssl([
    ...['ocsp', '-respin', file, '-CAfile', root.files.certificate, '-issuer', root.files.certificate],
    ...['-cert', named.files.certificate],
  ]).toString();
  t.match(said, ': revoked', 'it has the serial number of the one that was revoked');
});

/** OpenSSL's responder knows one connection at a time and closes it after each answer. */
const forward: (port: number, ...args: Parameters<RequestListener>) => Promise<void> = async (
  port,
  request,
  reply,
) => {
  const answer = await fetch(at(port), {
    method: 'POST',
    headers: { 'content-type': String(request.headers['content-type']) },
    body: new Uint8Array(await buffer(request)),
  });
  reply.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
  reply.end(new Uint8Array(await answer.arrayBuffer()));
};

t.test('where no responder is named, the list is fetched', async (t) => {
  const requests: string[] = [];
  const port = await startHttp(t, ({ method, url }, reply) => {
    requests.push(`${method} ${url}`);
    reply.writeHead(200, { 'content-type': 'text/plain' });
    reply.end(list);
  });
  const leaf = signer({ crl: [at(port, 'root.crl')] });
  const list = crlWith(t, leaf);
  const results = await sourceTo(port).collect([leaf.der]);
  t.match(results, [{ index: 0, answer: { kind: 'crl' }, problems: [] }]);
  t.strictSame(Buffer.from(results[0]!.answer!.value), list);
  t.strictSame(requests, ['GET /root.crl']);
});

t.test('a responder that fails is asked with the other hash, and then the list is fetched', async (t) => {
  const asked: string[] = [];
  const port = await startHttp(t, (request, reply) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.method === 'GET') return reply.end(list);
    // unauthorized: what responders say to a hash that they do not know.
    return reply
      .writeHead(200, { 'content-type': 'application/ocsp-response' })
      .end(Buffer.from('30030a0106', 'hex'));
  });
  const leaf = signer({ ocsp: [at(port, 'ocsp')], crl: [at(port, 'crl')] });
  const list = crlWith(t, leaf);
  const [result] = await sourceTo(port).collect([root.der, leaf.der]);
  t.match(result, { index: 1, answer: { kind: 'crl' } });
  t.strictSame(codes(result!.problems), ['ocsp-not-successful', 'ocsp-not-successful']);
  t.match(result!.problems[0], { detail: { status: 'unauthorized', host: '127.0.0.1' } });
  t.strictSame(asked, ['POST /ocsp', 'POST /ocsp', 'GET /crl']);
  t.match(await sourceTo(port).collect([leaf.der, root.der], { kinds: ['crl'] }), [
    { answer: { kind: 'crl' }, problems: [] },
  ]);
  t.match(await sourceTo(port).collect([leaf.der, root.der], { kinds: ['ocsp'] }), [{ answer: undefined }]);
});

t.test('one place after the other is asked, and what went wrong at each is told', async (t) => {
  const port = await startHttp(t, ({ url }, reply) => {
    if (url === '/gone') reply.writeHead(404);
    reply.end(url === '/page' ? '<html>' : Buffer.from('3000', 'hex'));
  });
  const places = [at(port, 'gone'), at(port, 'page'), 'http://10.0.0.1/crl', at(port, 'crl')];
  const [result] = await sourceTo(port).collect([signer({ crl: places }).der]);
  t.match(result!.answer, { kind: 'crl', value: Uint8Array.of(0x30, 0) });
  t.strictSame(codes(result!.problems), ['door-status-unexpected', 'revocation-not-der', 'door-not-public']);
});

t.test('four places of each kind are asked, however many a certificate names', async (t) => {
  let requests = 0;
  const port = await startHttp(t, (_, reply) => {
    requests++;
    reply.writeHead(404).end();
  });
  const many = Array.from({ length: 9 }, (_, i) => at(port, String(i)));
  const [result] = await sourceTo(port).collect([signer({ crl: many }).der]);
  t.equal(result!.answer, undefined);
  t.equal(requests, 4);
  requests = 0;
  await sourceTo(port).collect([signer({ crl: many, ocsp: many }).der, root.der, otherRoot.der]);
  t.equal(requests, 8, 'and four attempts of each kind are all');
});

t.test('an issuer that has had two keys under one name is tried with both', async (t) => {
  const leaf = signer({ ocsp: ['http://a.example'] });
  const requests: Buffer[] = [];
  const port = await startHttp(t, async (request, reply) => {
    requests.push(await buffer(request));
    reply.writeHead(404).end();
  });
  const named = signer({ ocsp: [at(port)] });
  await sourceTo(port).collect([named.der, otherRoot.der, root.der]);
  const [subject, first, second] = [leaf, otherRoot, root].map(({ der }) => readSubject(der));
  const expected = [first, second].flatMap((issuer) =>
    (['sha1', 'sha256'] as const).map((hash) => encodeOcspRequest(subject!, issuer!, hash)),
  );
  t.strictSame(
    requests,
    expected.map((bytes) => Buffer.from(bytes)),
  );
});

const missing: readonly (readonly [string, () => Issued, string])[] = [
  ['names no place', () => signer({}), 'revocation-address-missing'],
  ['names a directory only', () => signer({ crl: ['ldap://a.example/cn=x'] }), 'revocation-address-missing'],
  [
    'names a responder by name only',
    () => signer({}, ['authorityInfoAccess=OCSP;DNS:a.example']),
    'revocation-address-missing',
  ],
  ['names a file only', () => signer({ crl: ['file:///etc/passwd'] }), 'revocation-address-missing'],
  [
    'names a list for some reasons only',
    () => signer({}, partial('reasons=keyCompromise')),
    'revocation-address-missing',
  ],
  [
    'names a list of somebody else',
    () => signer({}, partial('CRLissuer=dirName:issuer')),
    'revocation-address-missing',
  ],
  [
    'has a responder, but no issuer beside it',
    () => signer({ ocsp: ['http://10.0.0.1/'] }),
    'revocation-issuer-missing',
  ],
];
function partial(line: string): string[] {
  return [
    'crlDistributionPoints=point',
    ...['[point]', 'fullname=URI:http://10.0.0.1/', line, '[issuer]', 'CN=Somebody else'],
  ];
}
for (const [how, make, code] of missing)
  t.test(`of a certificate that ${how} nothing is learnt, and that is told`, async (t) => {
    const [result] = await sourceTo().collect([make().der]);
    t.equal(result!.answer, undefined);
    t.strictSame(codes(result!.problems), [code]);
  });

const badAnswers: readonly (readonly [string, string | Buffer, string, string])[] = [
  ['is a page', '<html>', 'text/html', 'door-type-unexpected'],
  ['is no DER', 'x', 'application/ocsp-response', 'revocation-not-der'],
  ['is nothing', '', 'application/ocsp-response', 'revocation-not-der'],
  ['has no status', Buffer.from('3000', 'hex'), 'application/ocsp-response', 'revocation-not-der'],
  [
    'has no status of one byte',
    Buffer.from('30040a020000', 'hex'),
    'application/ocsp-response',
    'revocation-not-der',
  ],
  [
    'says that it failed',
    Buffer.from('30030a0102', 'hex'),
    'application/ocsp-response',
    'ocsp-not-successful',
  ],
  [
    'says something unheard of',
    Buffer.from('30030a0163', 'hex'),
    'application/ocsp-response',
    'ocsp-not-successful',
  ],
  ['is too long', Buffer.alloc(65_537), 'application/ocsp-response', 'door-answer-too-large'],
];
t.test('an answer of a responder is refused where it is none', async (t) => {
  let said: readonly [type: string, body: string | Buffer];
  const port = await startHttp(t, (_, reply) =>
    reply.writeHead(200, { 'content-type': said[0] }).end(said[1]),
  );
  const leaf = signer({ ocsp: [at(port)] });
  for (const [how, body, type, code] of badAnswers) {
    said = [type, body];
    const [result] = await sourceTo(port).collect([leaf.der, root.der]);
    t.equal(result!.answer, undefined, how);
    t.strictSame(codes(result!.problems), [code, code], how);
  }
});

const lists: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['has one byte of length', Buffer.from('308101ff', 'hex'), undefined],
  [
    'has four bytes of length',
    Buffer.concat([Buffer.from('308400000003', 'hex'), Buffer.alloc(3)]),
    undefined,
  ],
  ['is of the longest length', sequenceOf(8 * 1_024 * 1_024), undefined],
  ['is longer than the longest', sequenceOf(8 * 1_024 * 1_024 + 1), 'door-answer-too-large'],
  ['is nothing', Buffer.alloc(0), 'revocation-not-der'],
  ['is cut', Buffer.from('30820003ffff', 'hex'), 'revocation-not-der'],
  ['has something behind it', Buffer.from('300000', 'hex'), 'revocation-not-der'],
  ['is no sequence', Buffer.from('3100', 'hex'), 'revocation-not-der'],
  ['has a length without end', Buffer.from('30850000000000', 'hex'), 'revocation-not-der'],
  ['has an indefinite length', sequenceOf(130, 0x80), 'revocation-not-der'],
  ['has no length', Buffer.from('30', 'hex'), 'revocation-not-der'],
  ['is PEM', Buffer.from('-----BEGIN X509 CRL-----'), 'revocation-not-der'],
];
function sequenceOf(length: number, form = 0x84): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16BE(0x3000 + form);
  bytes.writeUInt32BE(length - 6, 2);
  return bytes;
}
t.test('a list is kept as it came where it is one', async (t) => {
  let said: Buffer;
  const port = await startHttp(t, (_, reply) => reply.end(said));
  const leaf = signer({ crl: [at(port)] });
  for (const [how, body, code] of lists) {
    said = body;
    const [result] = await sourceTo(port).collect([leaf.der]);
    t.strictSame(codes(result!.problems), code === undefined ? [] : [code], how);
    t.equal(result!.answer && body.equals(result!.answer.value), code === undefined || undefined, how);
  }
});

t.test('a certificate that cannot be read stops nothing, whatever its bytes are', async (t) => {
  const good = signer({ crl: ['http://10.0.0.1/'] });
  const results = await sourceTo().collect([Buffer.from('x'), good.der, Buffer.alloc(9_000, 0x30)]);
  t.match(
    results.map(({ index, problems }) => [index, ...codes(problems)]),
    [
      [0, 'revocation-certificate-unreadable'],
      [1, 'door-not-public'],
      [2, 'revocation-certificate-unreadable'],
    ],
  );
  const place = fc.nat(good.der.length - 1);
  fc.assert(
    fc.property(place, fc.nat(255), fc.nat(good.der.length), (i, byte, end) => {
      const damaged = Uint8Array.from(good.der).subarray(0, end > i ? end : good.der.length);
      damaged[i] = byte;
      try {
        readSubject(damaged);
      } catch (error) {
        if (!(error instanceof RevocationProblem)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});

t.test('an answer stands in a certificate up to 64 KiB', async (t) => {
  const of = (length: number) => fitsCertificate({ kind: 'crl', value: new Uint8Array(length) });
  t.strictSame([of(65_536), of(65_537)], [true, false]);
});

t.test('not more than sixteen certificates are looked at', async (t) => {
  const results = await sourceTo().collect(Array(40).fill(signer({}).der));
  t.equal(results.length, 16);
});

t.test('whoever asked can stop asking, and then nobody else is asked', async (t) => {
  let requests = 0;
  const port = await startHttp(t, () => void requests++);
  const leaf = signer({ crl: [at(port, '1'), at(port, '2')] });
  const signal = AbortSignal.timeout(100);
  await t.rejects(sourceTo(port).collect([leaf.der], { signal }), { code: 'door-stopped' });
  t.equal(requests, 1);
});
