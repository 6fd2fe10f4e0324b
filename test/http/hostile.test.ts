import { connect } from 'node:net';
import t from 'tap';
import { until } from '../support/configured.ts';
import { body, hashOnly, run } from '../support/running.ts';

const service = await run();
t.teardown(() => service.stop());

const DEEP = 300_000;
/** Nested far past any recursion; the escape is what makes it be walked. */
const deep = (text: string) => `${'['.repeat(DEEP)}"${text}"${']'.repeat(DEEP)}`;

const post = (path: string, text: string | Uint8Array | undefined, type?: string) =>
  service.call(path, {
    method: 'POST',
    ...(type !== undefined && { headers: { 'content-type': type } }),
    ...(text !== undefined && { body: text as string }),
  });

const sendForm = (path: string, text: string, encoding: BufferEncoding = 'utf8') =>
  body(post(path, Buffer.from(text.replaceAll('\n', '\r\n'), encoding), 'multipart/form-data; boundary=b'));

const EVIDENCE = '--b\ncontent-disposition: form-data; name="evidence"\n\n{"title":"x"}\n';

t.test('a line nested without end fails alone', async (t) => {
  const lines = [JSON.stringify(hashOnly(1)), deep('\\u0041'), deep('A'), JSON.stringify(hashOnly(2))];
  const answer = await post('/v1/evidence/bulk', lines.join('\n'), 'application/x-ndjson');
  t.equal(answer.status, 200);
  const answers = (await answer.text()).trim().split('\n');
  t.match(
    answers.map((line) => JSON.parse(line)),
    [
      { line: 1, status: 201 },
      { line: 2, status: 400, problem: { code: 'request-invalid' } },
      { line: 3, status: 400, problem: { code: 'request-invalid' } },
      { line: 4, status: 201 },
    ],
  );
  for (const path of ['/v1/evidence', '/v1/verify'])
    t.ok((await post(path, deep('\\u0041'), 'application/json')).status < 500, path);
});

t.test('a lone surrogate is found at any place, as a value or as a name', async (t) => {
  for (const more of [
    { origin: { tool: '\ud800' } },
    { corroborations: [{ kind: '\udc00', reference: 'x' }] },
  ])
    t.match(await body(service.call('/v1/evidence', { json: hashOnly(1, more) })), { code: 'text-invalid' });
  t.match(await body(post('/v1/evidence', '{"\\ud800":1}', 'application/json')), { code: 'text-invalid' });
});

t.test('a body of another type, or none at all, is refused as that', async (t) => {
  for (const path of ['/v1/evidence', '/v1/verify', '/v1/evidence/bulk'])
    for (const [text, type] of [
      ...(path === '/v1/evidence/bulk'
        ? [['{}', 'application/json'] as const]
        : [['{}', 'application/x-ndjson'] as const]),
      [undefined, undefined],
      ['x', 'application/octet-stream'],
    ] as const) {
      const answer = await post(path, text, type);
      t.equal(answer.status, 415, `${path} ${type}`);
      t.match(await body(answer), { code: 'media-type-unsupported' });
    }
  t.match(await body(post('/v1/evidence', '{"title":""}', 'APPLICATION/JSON')), { code: 'request-invalid' });
});

t.test('a part without a name is unexpected', async (t) => {
  const nameless = '--b\ncontent-disposition: form-data; filename="f"\n\nx\n--b--\n';
  t.match(await sendForm('/v1/evidence', EVIDENCE + nameless), { code: 'part-unexpected', status: 422 });
  t.match(await sendForm('/v1/verify', nameless), { code: 'part-unexpected', status: 422 });
});

t.test('a name is taken as given or refused, never changed', async (t) => {
  const send = (name: string, encoding?: BufferEncoding) =>
    sendForm(
      '/v1/evidence',
      `${EVIDENCE}--b\ncontent-disposition: form-data; name="file"; filename="${name}"\n\nx\n--b--\n`,
      encoding,
    );
  for (const name of ['../../etc/passwd', 'C:\\x\\evil.txt', '/abs', 'a/', '..', '\ufffd'])
    t.match(await send(name), { code: 'file-name-invalid', status: 422 }, name);
  t.match(await send('caf\xe9.txt', 'latin1'), { code: 'file-name-invalid' }, 'not UTF-8');
  for (const name of ['照片 𠮷 (1).jpg', 'a;b.txt', '...x'])
    t.equal((await send(name)).manifest.files[0].name, name);
});

t.test('a form that is refused while it comes in does not stand before the next request', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const { port, host } = new URL(service.url);
  const rest = 'x'.repeat(3_000_000);
  const form = [
    ...['--b', 'content-disposition: form-data; name="evidence"', 'content-type: application/json', ''],
    ...['{}', '--b', 'content-disposition: form-data; name="file"; filename="a"', '', rest, '--b--', ''],
  ].join('\r\n');
  const socket = connect(Number(port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  let said = '';
  socket.on('data', (bytes) => (said += bytes));
  const authorization = `Bearer ${service.keys[0]}`;
  socket.write(
    `POST /v1/evidence HTTP/1.1\r\nhost: ${host}\r\nauthorization: ${authorization}\r\n` +
      `content-type: multipart/form-data; boundary=b\r\ncontent-length: ${form.length}\r\n\r\n${form}`,
  );
  await until('the refusal', () => said.startsWith('HTTP/1.1 400'));
  socket.write(`GET /health/live HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  await until('the next answer on the same connection', () => said.includes('{"status":"alive"}'), 5_000);
  t.equal(said.split('HTTP/1.1 ').length, 3, 'two answers');
});
