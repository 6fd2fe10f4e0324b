import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { byHand, type Entry, packed } from '../support/packages.ts';
import { body, certificateOf, digestOf, form, hashOnly, run } from '../support/running.ts';

/* POST /v1/verify/batch: what POST /v1/verify says of one, of many in one call. */

t.setTimeout(240_000);

const MIB = 1024 * 1024;
const COUNT = 1_000;
const service = await run({
  KEZHENG_MAX_UPLOAD_BYTES: String(64 * MIB),
  KEZHENG_VERIFY_PER_MINUTE: '100000',
});
t.teardown(() => service.stop());

const photo = randomBytes(300_000);
const made = await body(
  service.call('/v1/evidence', {
    method: 'POST',
    body: form({ title: '=HYPERLINK("x"),"网页"' }, [{ name: '照片.jpg', bytes: photo }]),
  }),
);
const certificate = await certificateOf(service, made.id);
const bytesOf = async (name: string) =>
  Buffer.from(await (await service.call(`/v1/evidence/${made.id}/${name}`)).arrayBuffer());
const pdf = await bytesOf('certificate.pdf');
const ours = await bytesOf('package.zip');

const records = Array.from({ length: COUNT }, (_, i) => JSON.stringify(hashOnly(i + 1))).join('\n');
const deposited = await service.call('/v1/evidence/bulk', {
  method: 'POST',
  headers: { 'content-type': 'application/x-ndjson' },
  body: records,
});
const many: Buffer[] = [];
for (const line of (await deposited.text()).trim().split('\n'))
  many.push(await certificateOf(service, JSON.parse(line).id));

const LINES = 'application/x-ndjson';
const ZIP = 'application/zip';
const post = (bytes: Uint8Array | string, type = ZIP, more: Record<string, string> = {}): Promise<Response> =>
  service.call('/v1/verify/batch', {
    method: 'POST',
    key: null,
    headers: { 'content-type': type, ...more },
    body: Buffer.from(bytes),
  });

interface Line {
  readonly item: number;
  readonly name: string;
  readonly verdict: string | null;
  readonly number: string | null;
  readonly checks: readonly { readonly id: string; readonly status: string }[];
  readonly earliest: { readonly at: string; readonly clock: string } | null;
  readonly sameAs: number | null;
  readonly problem?: { readonly code: string; readonly zh: string; readonly en: string };
}

async function linesOf(answer: Response) {
  const text = await answer.text();
  if (answer.status !== 200 || !text.endsWith('\n'))
    throw new Error(`${answer.status} ${text.slice(0, 300)}`);
  const all = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { items: all.slice(0, -1) as Line[], totals: all.at(-1) };
}

const entry = (name: string, bytes: Uint8Array | string, more: Partial<Entry> = {}): Entry => ({
  name,
  bytes: Buffer.from(bytes),
  ...more,
});

t.test('each item has the verdict and the very checks that it has alone', async (t) => {
  const damaged = Buffer.from(certificate);
  damaged[damaged.indexOf('"receivedAt"') + 16]! ^= 1;
  const items: readonly (readonly [string, Buffer])[] = [
    ['bare.json', many[0]!],
    ['whole.json', certificate],
    ['damaged.json', damaged],
    ['paper.pdf', pdf],
    ['changed.pdf', Buffer.concat([pdf, Buffer.from('\n')])],
    ['none.json', Buffer.from('{}')],
  ];
  const { items: found } = await linesOf(
    await post(
      byHand([...items.map(([name, bytes]) => entry(name, bytes)), entry('elsewhere/anything', photo)]),
    ),
  );
  t.strictSame(
    found.map(({ item, name }) => [item, name]),
    items.map(([name], i) => [i + 1, name]),
  );
  for (const [i, [name, bytes]] of items.entries()) {
    const data = new FormData();
    data.append('certificate', new Blob([new Uint8Array(bytes)]), name);
    if (!['bare.json', 'none.json'].includes(name))
      data.append('file', new Blob([photo]), 'elsewhere/anything');
    const alone = await body(service.call('/v1/verify', { method: 'POST', body: data, key: null }));
    t.strictSame(found[i]!.verdict, alone.verdict, name);
    t.strictSame(found[i]!.checks, alone.checks, name);
    t.strictSame(found[i]!.number, alone.facts?.certificate.number ?? null);
    t.strictSame(found[i]!.earliest, alone.facts?.counts ?? null);
  }
  t.strictSame(
    found.map(({ verdict }) => verdict),
    ['incomplete', 'valid', 'invalid', 'valid', 'invalid', 'invalid'],
  );
});

t.test('a bad item has a line of its own with both sentences, and the others go on', async (t) => {
  const { items, totals } = await linesOf(
    await post(
      byHand([
        entry('a.json', certificate),
        entry('package.zip', ours),
        entry('crc.json', certificate, { claimed: { crc: 1 } }),
        entry('photo.jpg', photo, { method: 99 }),
        entry('scan.pdf', '%PDF-1.7'),
        entry('again.json', certificate),
        entry('__MACOSX/._a.json', 'x'),
        entry('other.txt', 'x'),
      ]),
    ),
  );
  t.strictSame(
    items.map(({ name, verdict, problem, sameAs }) => [name, verdict, problem?.code, sameAs]),
    [
      ['a.json', 'incomplete', undefined, null],
      ['package.zip', null, 'package-within', null],
      ['crc.json', null, 'package-unreadable', null],
      ['photo.jpg', null, 'package-unreadable', null],
      ['scan.pdf', null, 'pdf-without-certificate', null],
      ['again.json', 'incomplete', undefined, 1],
    ],
  );
  for (const { problem } of items)
    if (problem !== undefined) {
      t.match(problem.zh, /[\u4e00-\u9fff]/);
      t.match(problem.en, /^[^\u4e00-\u9fff]+$/);
    }
  t.strictSame(totals, {
    ...{ total: 6, valid: 0, invalid: 0, incomplete: 2, refused: 4, repeated: 1, files: 1 },
    unmatched: { count: 1, names: ['other.txt'] },
    aside: { count: 1, names: ['__MACOSX/._a.json'] },
  });
});

t.test('a package of ours is an archive like any other, and valid by itself', async (t) => {
  const { items, totals } = await linesOf(await post(ours));
  t.strictSame(
    items.map(({ name, verdict }) => [name, verdict]),
    [
      ['certificate.json', 'valid'],
      [items[1]!.name, 'valid'],
    ],
  );
  t.strictSame(totals.aside.names, ['manifest.json', 'trust.json']);
});

t.test('a thousand real certificates, with their digests or without, in their order', async (t) => {
  const lines = many.map((bytes, i) =>
    JSON.stringify({ certificate: bytes.toString(), sha256: [digestOf(i + 1)] }),
  );
  const archive = await packed(many.map((bytes, i) => ({ name: `证书/${i}.json`, bytes })));
  await linesOf(await post(lines.slice(0, 50).join('\n'), LINES));
  for (const [bytes, type, verdict] of [
    [lines.join('\n'), LINES, 'valid'],
    [archive, ZIP, 'incomplete'],
  ] as const) {
    const before = process.memoryUsage.rss();
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 10);
    const beganMs = performance.now();
    const { items, totals } = await linesOf(await post(bytes, type));
    clearInterval(watch);
    t.comment(
      `${type}: ${Math.round(performance.now() - beganMs)} ms, ${bytes.length} bytes, +${Math.round((most - before) / MIB)} MiB, caller included`,
    );
    t.equal(items.length, COUNT);
    t.ok(items.every(({ item }, i) => item === i + 1));
    t.equal(new Set(items.map(({ number }) => number)).size, COUNT);
    t.match(totals, { total: COUNT, [verdict]: COUNT, refused: 0 });
    t.ok(most - before < 300 * MIB, `${(most - before) / MIB} MiB`);
  }
});

t.test('lines that are wrong are told one by one', async (t) => {
  const text = certificate.toString();
  const { items, totals } = await linesOf(
    await post(
      `\ufeff${text}\r\n\r\nnonsense\n{"certificate":1}\n{"certificate":"${'x'.repeat(4 * MIB)}"}\n${text}`,
      LINES,
    ),
  );
  t.strictSame(
    items.map(({ name, verdict, problem, sameAs }) => [name, verdict, problem?.code, sameAs]),
    [
      ['line 1', 'incomplete', undefined, null],
      ['line 3', 'invalid', undefined, null],
      ['line 4', null, 'line-member-wrong', null],
      ['line 5', null, 'line-too-long', null],
      ['line 6', 'incomplete', undefined, 1],
    ],
  );
  t.match(totals, { total: 5, refused: 2, repeated: 1 });
});

t.test('a call that is none of both, or made to cost much, gets one problem and no line', async (t) => {
  const zeros = Buffer.alloc(30 * MIB);
  const slow = Buffer.from(`{"anchors":[${'[1],'.repeat(250_000)}`);
  const cases: readonly (readonly [string, Uint8Array | string, string, number, string, string?])[] = [
    ['no type at all', 'x', '', 415, 'media-type-unsupported'],
    ['another type', '{}', 'application/json', 415, 'media-type-unsupported'],
    ['a form', 'x', 'multipart/form-data; boundary=x', 415, 'media-type-unsupported'],
    ['no archive', '{"anchors":[]}', ZIP, 422, 'container-unreadable', 'package-unreadable'],
    ['an empty one', '', ZIP, 422, 'container-unreadable', 'package-unreadable'],
    ['an archive of nothing', byHand([]), ZIP, 422, 'container-unreadable', 'archive-without-certificate'],
    ['cut off', ours.subarray(0, -1), ZIP, 422, 'container-unreadable', 'package-unreadable'],
    ['no lines', '', LINES, 400, 'body-malformed'],
    ['a picture', Buffer.from([0xff, 0xd8, 10]), LINES, 400, 'body-malformed'],
    ['an archive as lines', ours, LINES, 400, 'body-malformed'],
    ['too many lines', '{}\n'.repeat(1_001), LINES, 413, 'too-many-records'],
    [
      'too many certificates',
      byHand(Array.from({ length: 1_001 }, (_, i) => entry(`${i}.json`, '{}'))),
      ...([ZIP, 422, 'container-unreadable', 'archive-certificates-too-many'] as const),
    ],
    [
      'sixty thousand names',
      byHand(Array.from({ length: 60_000 }, (_, i) => entry(`${i}`, ''))),
      ...([ZIP, 422, 'container-unreadable', 'package-entries-too-many'] as const),
    ],
    [
      'a bomb',
      byHand([entry('a.json', certificate), entry('zeros', zeros, { deflated: true })]),
      ...([ZIP, 422, 'container-unreadable', 'package-packed-too-densely'] as const),
    ],
    [
      'much that is slow to read',
      byHand(Array.from({ length: 40 }, (_, i) => entry(`${i}.json`, slow, { deflated: true }))),
      ...([ZIP, 422, 'container-unreadable', 'archive-certificates-too-large'] as const),
    ],
    [
      'more than may come out',
      byHand(
        Array.from({ length: 90 }, (_, i) =>
          entry(`${i}`, randomBytes(MIB).fill(0, 400_000), { deflated: true }),
        ),
      ),
      ...([ZIP, 422, 'container-unreadable', 'package-too-large'] as const),
    ],
    ['more than may come in', Buffer.alloc(65 * MIB), LINES, 413, 'file-too-large'],
  ];
  for (const [how, bytes, type, status, code, why] of cases) {
    const answer = await post(bytes, type);
    const problem = await body(answer);
    t.match(problem, { status, code, ...(why && { reason: why }) }, how);
    t.equal(answer.status, status);
    t.match(answer.headers.get('content-type'), 'application/problem+json');
  }
  t.match((await linesOf(await post(ours))).totals, { valid: 2 }, 'afterwards there is room again');
});

const TABLE = { accept: 'text/csv' };

t.test('as a table it is read by Python, in Chinese first, and reckons with nothing', async (t) => {
  const archive = byHand([
    entry('=1+1.json', certificate),
    entry('照片', photo),
    entry('b.zip', 'PK'),
    entry('坏,"的".json', '{'),
    entry('left.txt', 'x'),
  ]);
  const answer = await post(archive, ZIP, TABLE);
  t.match(answer.headers.get('content-type'), /^text\/csv; charset=utf-8/);
  t.match(answer.headers.get('content-disposition'), /^attachment/);
  const bytes = Buffer.from(await answer.arrayBuffer());
  t.strictSame([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf], 'the mark by which Excel knows UTF-8');
  const script =
    'import csv, io, json, sys\n' +
    'text = sys.stdin.buffer.read().decode("utf-8-sig")\n' +
    'print(json.dumps(list(csv.reader(io.StringIO(text, newline=""), strict=True))))';
  const done = spawnSync('python3', ['-c', script], { input: bytes, encoding: 'utf8' });
  t.equal(done.status, 0, done.stderr);
  const [titles, ...rows] = JSON.parse(done.stdout) as string[][];
  t.ok(titles!.every((title) => /^[^a-z]*[\u4e00-\u9fff]/.test(title)));
  t.ok(rows.every((row) => row.length === titles!.length));
  t.strictSame(
    rows.map(([item]) => item),
    ['1', '2', '3', '合计 / total'],
  );
  const [first, second, third, totals] = rows;
  t.strictSame(first!.slice(1, 5), [
    "'=1+1.json",
    '有效 / valid',
    JSON.parse(certificate.toString()).number,
    `'=HYPERLINK("x"),"网页"`,
  ]);
  t.match(first, /\d{4}-\d\d-\d\dT/);
  t.match(second, /未核验 \/ not checked/);
  t.match(third!.join(), '坏,"的".json');
  t.match(
    totals!.join(),
    /共 3 项：有效 1，无效 1，尚不完整 0，未核验 1；1 个文件不在任何证书的清单中：left\.txt/,
  );
  for (const cell of rows.flat()) t.notMatch(cell, /^[=+\-@\t\r]/);
  for (const accept of ['text/csv;q=0.9, */*', 'application/json, text/csv'])
    t.match((await post(archive, ZIP, { accept })).headers.get('content-type'), 'text/csv');
  for (const accept of ['*/*', 'application/x-ndjson', 'text/csvx'])
    t.match((await post(archive, ZIP, { accept })).headers.get('content-type'), LINES);
});

/** An answer as it comes, and the way to stop listening. */
function listening(bytes: Buffer, type: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': bytes.length };
    const asked = httpRequest(`${service.url}/v1/verify/batch`, { method: 'POST', headers }, resolve);
    asked.on('error', reject);
    asked.end(bytes);
  });
}

const heavy = Buffer.from(many.map((bytes) => bytes.toString()).join('\n'));

async function checkedSoFar(): Promise<number> {
  const text = await (await service.call('/metrics', { key: null })).text();
  return [...text.matchAll(/^kezheng_verif\w*\{[^}]*\} (\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
}

t.test('results come while others are still being made', async (t) => {
  const before = await checkedSoFar();
  const answer = await listening(heavy, LINES);
  for await (const chunk of answer) {
    t.match(String(chunk), /^\{"item":1,/);
    break;
  }
  const checked = (await checkedSoFar()) - before;
  t.ok(checked > 0 && checked < COUNT, `${checked} when the first was here`);
});

t.test('whoever does not read is not checked for, and whoever goes away stops the work', async (t) => {
  const before = await checkedSoFar();
  const answer = await listening(heavy, LINES);
  answer.pause();
  let [last, checked] = [-1, 0];
  // The lines between us fill up; then nothing is made any more.
  while (last !== checked) {
    last = checked;
    await wait(1_000);
    checked = (await checkedSoFar()) - before;
  }
  t.ok(checked > 0 && checked < COUNT, `${checked} made for nobody`);
  answer.destroy();
  await wait(1_000);
  t.ok((await checkedSoFar()) - before <= checked + 1);
});

t.test('places are few from one address, and come back however a call ends', async (t) => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => listening(heavy, LINES)));
  const statuses = answers.map(({ statusCode }) => statusCode);
  t.ok(statuses.includes(200) && statuses.includes(503), statuses.join());
  for (const answer of answers) answer.destroy();
  const { hostname, port } = new URL(service.url);
  for (let i = 0; i < 6; i++) {
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /v1/verify/batch HTTP/1.1\r\nhost: x\r\ncontent-type: ${ZIP}\r\ncontent-length: 100000\r\n\r\n`,
    );
    socket.write(ours.subarray(0, 50_000));
    await wait(50);
    socket.destroy();
  }
  await wait(500);
  for (let i = 0; i < 5; i++) t.match((await linesOf(await post(ours))).totals, { valid: 2 });
});

t.test('/openapi.json tells of both bodies and both answers', async (t) => {
  const { paths } = await body(service.call('/openapi.json'));
  const answer = await post(ours);
  t.equal(answer.headers.get('x-ratelimit-limit'), '100000', 'calls are limited as those of /v1/verify are');
  await answer.text();
  const { requestBody, responses } = paths['/v1/verify/batch'].post;
  t.strictSame(Object.keys(requestBody.content).toSorted(), [LINES, ZIP].toSorted());
  t.ok(responses['422'] && responses['503']);
});
