import t from 'tap';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { verifyCertificate } from '../../server/core/verify/verify.ts';
import { newDepositor } from '../support/depositor.ts';
import { body, certificateOf, digestOf, form, run } from '../support/running.ts';

/* The depositor's own signature on its way in: what is not over the deposit is refused, and nothing is kept. */

const service = await run();
t.teardown(() => service.stop());

const me = await body(service.call('/v1/me'));

const EVIDENCE = {
  ...{ accused: null, capturedBy: null, capturedFrom: null, capturedTo: null, category: 'photo' },
  ...{ confidentiality: 'none', corroborations: [], description: null, right: null, title: '已签名' },
  origin: {
    ...{ environment: null, grade: 'unverified-upload', method: null, place: null },
    ...{ source: 'https://shop.example/1', statement: null, tool: null },
  },
};
const GIVEN = { title: '已签名', category: 'photo', origin: { source: 'https://shop.example/1' } };
const FILE = {
  mediaType: 'image/png',
  name: 'a.png',
  role: 'evidence',
  sha256: digestOf(1),
  size: 3,
  sm3: digestOf(2),
};
const { role: _role, ...DECLARED } = FILE;
const stated = (changes: object = {}) => ({
  ...me,
  evidence: EVIDENCE,
  files: [FILE],
  folder: null,
  ...changes,
});

const post = (statement: unknown, more: object = {}) =>
  service.call('/v1/evidence', { json: { ...GIVEN, files: [DECLARED], statement, ...more } });

const depositor = newDepositor();

t.test('who calls learns the names that the manifest will have', async (t) => {
  t.match(me, { depositor: { id: /^[0-9a-f-]{36}$/, name: String }, service: String });
  t.equal((await service.call('/v1/me', { key: null })).status, 401);
});

t.test(
  'a signed deposit has the statement in its manifest, and its certificate passes the check',
  async (t) => {
    const statement = depositor.sign(stated());
    const answer = await post(statement);
    t.equal(answer.status, 201);
    const { id, manifest } = await body(answer);
    t.strictSame(manifest.statement, statement);
    const certificate = await certificateOf(service, id);
    const report = await verifyCertificate({
      ...{ certificate, files: [], trust: undefined, blocks: [], signatures: nodeSignatures },
      depositorKeys: [depositor.fingerprint],
    });
    t.match(
      report.checks.find(({ id }) => id === 'statement'),
      {
        status: 'passed',
        reason: { code: 'statement-signed-known' },
      },
    );
  },
);

t.test('an uploaded file is signed by the digests that the service will compute', async (t) => {
  const { createHash } = await import('node:crypto');
  const bytes = Buffer.from('原件');
  const [sha256, sm3] = ['sha256', 'sm3'].map((name) => createHash(name).update(bytes).digest('hex'));
  const file = { mediaType: 'text/plain', name: 'a.txt', role: 'evidence', sha256, size: bytes.length, sm3 };
  const upload = (statement: unknown) =>
    service.call('/v1/evidence', {
      method: 'POST',
      body: form({ ...GIVEN, statement }, [{ name: 'a.txt', bytes, type: 'text/plain' }]),
    });
  t.equal((await upload(depositor.sign(stated({ files: [file] })))).status, 201);
  const wrong = await upload(depositor.sign(stated({ files: [{ ...file, name: 'b.txt' }] })));
  t.equal(wrong.status, 422);
  t.match(await body(wrong), { code: 'statement-signature-wrong', toSign: /"name":"a.txt"/ });
});

t.test('a folder is signed by its root', async (t) => {
  const folder = { root: 'ab'.repeat(32), size: 7 };
  const json = (of: object) => ({
    ...GIVEN,
    folder,
    statement: depositor.sign(stated({ files: [], folder: of })),
  });
  t.equal((await service.call('/v1/evidence', { json: json(folder) })).status, 201);
  t.equal((await service.call('/v1/evidence', { json: json({ ...folder, size: 8 }) })).status, 422);
});

t.test('what is not signed as it stands is refused with a code, and nothing is kept', async (t) => {
  const count = async () => (await body(service.call('/v1/evidence?limit=100'))).items.length;
  const before = await count();
  const good = depositor.sign(stated());
  const wrong: Readonly<Record<string, readonly [unknown, string]>> = {
    'another title': [
      depositor.sign(stated({ evidence: { ...EVIDENCE, title: '另一个' } })),
      'statement-signature-wrong',
    ],
    'another depositor': [
      depositor.sign(stated({ depositor: { ...me.depositor, name: '他人' } })),
      'statement-signature-wrong',
    ],
    'another service': [depositor.sign(stated({ service: 'elsewhere' })), 'statement-signature-wrong'],
    'another key': [
      { ...good, publicKey: newDepositor().spki.toString('base64') },
      'statement-signature-wrong',
    ],
    'a key that is none': [{ ...good, publicKey: 'AAAA' }, 'statement-malformed'],
    'a signature that is none': [{ ...good, signature: '%%' }, 'statement-malformed'],
    'a time of another form': [{ ...good, signedAt: '2026-11-22T07:00:00Z' }, 'statement-malformed'],
    'a time to come': [
      depositor.sign(stated(), new Date(Date.now() + 3_600_000).toISOString()),
      'statement-in-future',
    ],
    'a member too many': [{ ...good, keyId: 'x' }, 'request-invalid'],
    'another format': [{ ...good, format: 'kezheng-statement/2' }, 'request-invalid'],
  };
  for (const [what, [statement, code]] of Object.entries(wrong)) {
    const answer = await post(statement);
    t.equal((await body(answer)).code, code, what);
    t.equal(answer.status, code === 'request-invalid' ? 400 : 422, what);
  }
  t.equal(await count(), before);
});

t.test('the same signed deposit again under its key is the same deposit', async (t) => {
  const statement = depositor.sign(stated());
  const send = () =>
    service.call('/v1/evidence', {
      json: { ...GIVEN, files: [DECLARED], statement },
      headers: { 'idempotency-key': 'signed-1' },
    });
  const [first, second] = [await body(send()), await body(send())];
  t.equal(first.id, second.id);
});

t.test('a line of a bulk call has no statement', async (t) => {
  const answer = await service.call('/v1/evidence/bulk', {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: `${JSON.stringify({ ...GIVEN, files: [DECLARED], statement: depositor.sign(stated()) })}\n`,
  });
  t.match(await answer.text(), /request-invalid/);
});
