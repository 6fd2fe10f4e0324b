import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { blocksToCompare } from '../../server/core/verify/verify.ts';
import { byHand, type Entry } from '../support/packages.ts';
import { body, certificateOf, form, run } from '../support/running.ts';

/* POST /v1/verify takes what the service itself gives out: certificate, paper and package. */

const MIB = 1024 * 1024;
const service = await run({ KEZHENG_MAX_UPLOAD_BYTES: String(8 * MIB) });
t.teardown(() => service.stop());

const photo = randomBytes(300_000);
const text = Buffer.from('line\n'.repeat(2_000));
const made = await body(
  service.call('/v1/evidence', {
    method: 'POST',
    body: form({ title: '网页' }, [
      { name: '照片.jpg', bytes: photo },
      { name: 'log.txt', bytes: text },
    ]),
  }),
);
const certificate = await certificateOf(service, made.id);
const bytesOf = async (name: string) =>
  Buffer.from(await (await service.call(`/v1/evidence/${made.id}/${name}`)).arrayBuffer());
const pdf = await bytesOf('certificate.pdf');
const zip = await bytesOf('package.zip');
const bare = await bytesOf('package.zip?originals=false');

const blob = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]);
function verify(container: Uint8Array, ...files: readonly Uint8Array[]): Promise<Response> {
  const data = new FormData();
  data.append('certificate', blob(container), 'x');
  for (const file of files) data.append('file', blob(file), 'f');
  return service.call('/v1/verify', { method: 'POST', body: data, key: null });
}
const report = (...given: Parameters<typeof verify>) => body(verify(...given));
const check = (
  of: { checks: readonly { id: string; status: string; reason: { code: string } }[] },
  id: string,
) => of.checks.find((one) => one.id === id);

t.test('the paper is valid with its originals, and its pages passed', async (t) => {
  const found = await report(pdf, photo, text);
  t.equal(found.verdict, 'valid');
  t.match(check(found, 'pdf-pages'), { status: 'passed', reason: { code: 'pdf-signed' } });
  const bareFound = await report(certificate, photo, text);
  t.equal(bareFound.verdict, 'valid');
  t.equal(check(bareFound, 'pdf-pages'), undefined, 'without a PDF there is no such check');
});

t.test('a paper that was changed or added to is invalid', async (t) => {
  const added = await report(Buffer.concat([pdf, Buffer.from('\n')]), photo, text);
  t.match(added, { verdict: 'invalid' });
  t.match(check(added, 'pdf-pages'), { status: 'failed', reason: { code: 'pdf-bytes-behind' } });
  const at = pdf.lastIndexOf('/Type /Page\n');
  const changed = Buffer.from(pdf);
  changed[at + 6]! ^= 1;
  t.match(check(await report(changed, photo, text), 'pdf-pages'), { status: 'failed' });
});

t.test('a package is valid by itself: its originals count as given, and are hashed here', async (t) => {
  const found = await report(zip);
  t.equal(found.verdict, 'valid');
  t.match(check(found, 'digests'), { reason: { code: 'digests-recomputed' } });
  t.equal(found.facts.what.files.length, 2);
});

t.test('a package without originals is incomplete, and valid with files beside it', async (t) => {
  t.equal((await report(bare)).verdict, 'incomplete');
  t.equal((await report(bare, photo, text)).verdict, 'valid');
});

const entry = (name: string, bytes: Uint8Array, more: Partial<Entry> = {}): Entry => ({
  name,
  bytes,
  ...more,
});
const top = entry('certificate.json', certificate);

t.test('packed again and deflated it is the same; with another file in it it is invalid', async (t) => {
  const again = byHand([
    top,
    entry('files/a', photo, { deflated: true }),
    entry('files/b', text, { deflated: true }),
  ]);
  t.equal((await report(again)).verdict, 'valid');
  const other = byHand([
    top,
    entry('files/a', photo),
    entry('files/b', text),
    entry('files/c', Buffer.from('x')),
  ]);
  const found = await report(other);
  t.equal(found.verdict, 'invalid');
  t.match(check(found, 'files'), { status: 'failed' });
});

t.test('what holds no certificate is an error of the request, with its reason', async (t) => {
  const zeros = Buffer.alloc(7 * MIB);
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [Buffer.from('%PDF-1.7'), 'pdf-without-certificate'],
    [Buffer.concat([pdf, pdf]), 'pdf-certificates-several'],
    [Buffer.from('PK\u0003\u0004'), 'package-unreadable'],
    [byHand([entry('files/a', photo)]), 'package-without-certificate'],
    [zip.subarray(0, zip.length - 1), 'package-unreadable'],
    [byHand([top, entry('files/zeros', zeros, { deflated: true })]), 'package-packed-too-densely'],
    [byHand([top, entry('files/a', photo, { claimed: { crc: 7 } })]), 'package-unreadable'],
    [
      byHand([
        top,
        ...Array.from({ length: 30 }, (_, i) =>
          entry(`files/${i}`, randomBytes(MIB).fill(0, 400_000), { deflated: true }),
        ),
      ]),
      'file-too-large',
    ],
    [
      byHand([
        top,
        ...Array.from({ length: 12 }, (_, i) =>
          entry(`files/${i}`, randomBytes(MIB).fill(0, 400_000), { deflated: true }),
        ),
      ]),
      'package-too-large',
    ],
  ];
  for (const [bytes, code] of cases) {
    const answer = await verify(bytes);
    const problem = await body(answer);
    if (code === 'file-too-large') t.match(problem, { status: 413, code }, code);
    else t.match(problem, { status: 422, code: 'container-unreadable', reason: code }, code);
  }
});

t.test('packages that come at once are taken a few at a time, and leave nothing on the disk', async (t) => {
  const answers = await Promise.all(Array.from({ length: 12 }, () => verify(zip)));
  const statuses = answers.map(({ status }) => status);
  t.ok(
    statuses.every((status) => status === 200 || status === 503),
    statuses.join(),
  );
  t.ok(statuses.includes(200));
  const found = await report(zip);
  t.equal(found.verdict, 'valid', 'afterwards there is room again');
  const spool = join(service.dataDir, 'spool');
  t.strictSame(existsSync(spool) ? readdirSync(spool) : [], []);
});

t.test('a package whose sender goes away gives its room back', async (t) => {
  const { hostname, port } = new URL(service.url);
  const head = [
    'POST /v1/verify HTTP/1.1',
    'host: x',
    'content-type: multipart/form-data; boundary=xxxx',
    'content-length: 1000000',
    '',
    '--xxxx',
    'content-disposition: form-data; name="certificate"; filename="p.zip"',
    '',
    '',
  ];
  for (let i = 0; i < 6; i++) {
    const socket = connect(Number(port), hostname);
    socket.write(Buffer.concat([Buffer.from(head.join('\r\n')), zip.subarray(0, 100_000)]));
    await wait(50);
    socket.destroy();
  }
  await wait(200);
  t.equal((await report(zip)).verdict, 'valid');
});

t.test('the paper of another certificate does not make these files its own', async (t) => {
  t.ok(blocksToCompare(certificate).length === 1);
  t.equal((await report(pdf, Buffer.from('something else'))).verdict, 'invalid');
});
