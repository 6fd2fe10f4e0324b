import t from 'tap';
import { CATEGORIES } from '../../server/core/entry/manifest.ts';
import { expectedBy } from '../../server/http/expected.ts';
import { schemaProblem } from '../../server/http/problem.ts';
import { zh } from '../../server/messages/zh.ts';
import { body, digestOf, form, hashOnly, run } from '../support/running.ts';

const service = await run();
t.teardown(() => service.stop());

const file = { name: 'f', size: 1, sha256: digestOf(1) };

/** What is sent, where it is refused, and the words for it in both languages. */
const refused: Readonly<Record<string, readonly [object, string, string, string]>> = {
  'a word that is not in the list': [
    { category: 'photograph' },
    'body.category',
    `应为以下之一：${CATEGORIES.join(', ')}`,
    `one of: ${CATEGORIES.join(', ')}`,
  ],
  'a member that there is not': [{ tilte: 'x' }, 'body.tilte', '没有这个成员', 'there is no such member'],
  'one inside another': [
    { origin: { who: 'x' } },
    'body.origin.who',
    '没有这个成员',
    'there is no such member',
  ],
  'another type': [{ title: 3 }, 'body.title', '应为文字', 'text'],
  'a list instead of an object': [{ origin: [] }, 'body.origin', '应为对象', 'an object'],
  'not a whole number': [
    { files: [{ ...file, size: 1.5 }] },
    'body.files.0.size',
    '应为整数',
    'a whole number',
  ],
  'a title that is missing': [{ title: undefined }, 'body', '缺少 title', 'title is missing'],
  'an empty title': [{ title: '' }, 'body.title', '至少 1 个字符', 'at least 1 characters'],
  'a long title': [{ title: 'x'.repeat(201) }, 'body.title', '至多 200 个字符', 'at most 200 characters'],
  'a bell in the title': [{ title: '\u0007' }, 'body.title', '不能含控制字符', 'no control characters'],
  'no file': [{ files: [] }, 'body.files', '至少 1 项', 'at least 1 items'],
  'many files': [{ files: Array(101).fill(file) }, 'body.files', '至多 100 项', 'at most 100 items'],
  'a size below nothing': [
    { files: [{ ...file, size: -1 }] },
    'body.files.0.size',
    '不小于 0',
    'not below 0',
  ],
  'a size above all': [
    { files: [{ ...file, size: 2 ** 53 }] },
    'body.files.0.size',
    '不大于 9007199254740991',
    'not above 9007199254740991',
  ],
  'a digest in capitals': [
    { files: [{ ...file, sha256: 'A'.repeat(64) }] },
    'body.files.0.sha256',
    '应为 64 位小写十六进制',
    '64 lower-case hex digits',
  ],
  'a path for a name': [
    { files: [{ ...file, name: 'a/b' }] },
    'body.files.0.name',
    '应为文件名',
    'a file name',
  ],
  'a media type that is none': [
    { files: [{ ...file, mediaType: 'jpeg' }] },
    'body.files.0.mediaType',
    '应为媒体类型',
    'a media type',
  ],
  'no time': [{ capturedFrom: 'yesterday' }, 'body.capturedFrom', '应为 RFC 3339 时间', 'an RFC 3339 time'],
  'a day that does not exist': [
    { capturedFrom: '2026-02-30T00:00:00Z' },
    'body.capturedFrom',
    '应为实际存在的 RFC 3339 时间',
    'an existing RFC 3339 time',
  ],
};
for (const [what, [more, at, chinese, english]] of Object.entries(refused))
  t.test(`${what} is refused with what is expected, in both languages`, async (t) => {
    const found = await body(service.call('/v1/evidence', { json: hashOnly(1, more) }));
    t.match(found, { code: 'request-invalid', status: 400, at });
    t.ok(found.expected.startsWith(english), found.expected);
    t.ok(found.title.startsWith(`请求不符合要求：${at}（${chinese}`), found.title);
    t.ok(found.titleEn.includes(`${at} (${english}`), found.titleEn);
  });

t.test('a path that names no evidence is told what an id is', async (t) => {
  t.match(await body(service.call('/v1/evidence/7')), { at: 'params.id', expected: 'a UUID in lower case' });
});

t.test('a long list of words is cut, and what no sentence is for has one all the same', async (t) => {
  const allowedValues = Array.from({ length: 100 }, (_, i) => `word${i}`);
  const [code, values] = expectedBy({ keyword: 'enum', params: { allowedValues } });
  t.equal(code, 'one-of');
  t.match(values!['list'], /^word0, .*word19, …$/);
  for (const error of [{}, { keyword: 'not' }, { keyword: 'type', params: { type: 'symbol' } }])
    t.equal(expectedBy(error)[0], 'documented');
  t.strictSame(expectedBy({ keyword: 'pattern', params: { pattern: '^x$' } }), [
    'pattern',
    { pattern: '^x$' },
  ]);
  t.match(schemaProblem([], 'body'), { detail: { at: 'body', expected: 'the documented form' } });
  for (const keyword of ['enum', 'required', 'boolean', 'minimum', 'maximum', 'minItems', 'maxItems'])
    t.ok(zh.expected[expectedBy({ keyword })[0]], keyword);
});

t.test('JSON that is none is told with its part and its place', async (t) => {
  const send = (evidence: string) =>
    body(
      service.call('/v1/evidence', {
        method: 'POST',
        body: form(evidence, [{ name: 'f', bytes: new Uint8Array(1) }]),
      }),
    );
  t.match(await send('{"title":"x",}'), {
    code: 'body-malformed',
    status: 400,
    at: 'evidence',
    position: 13,
    title: /evidence：位置 13（从 0 数）不应是 \}/,
    titleEn: /evidence: unexpected \} at 13/,
  });
  t.match(await send('{"title":"x"'), { at: 'evidence', position: 12, title: /JSON 不完整/ });
  t.match(await send("{'title':1}"), { at: 'evidence', position: 1 });
  // Refused by JSON itself behind a number that only our own formats refuse: the place is not known.
  t.match(await send('[1.5,]'), { code: 'body-malformed', at: 'evidence', position: undefined });
  t.match(await send('"\\ud800"'), { code: 'text-invalid', at: 'evidence' });
  const post = (text: string) =>
    service.call('/v1/evidence', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    });
  t.match(await body(post('{"title"}')), { code: 'body-malformed', at: 'body', position: 8 });
  t.match(await body(post(`${'['.repeat(300_000)}x`)), { code: 'body-malformed', at: 'body' });
});

t.test('the pages under /docs ask for nothing over https, and keep the rest of their policy', async (t) => {
  const answer = await service.call('/docs/', { redirect: 'follow' });
  t.equal(answer.status, 200);
  const policy = answer.headers.get('content-security-policy')!;
  t.notMatch(policy, 'upgrade-insecure-requests');
  t.match(policy, /default-src 'self'; .*script-src 'self'.*style-src 'self'/);
});

t.test('server-sent events tell a batch once, not again when its anchor is only planned', async (t) => {
  const { id } = await body(service.call('/v1/evidence', { json: hashOnly(2) }));
  const text = await (await service.call(`/v1/evidence/${id}/events`)).text();
  const views = [...text.matchAll(/^data: (.*)$/gm)].map((found) => JSON.parse(found[1]!));
  t.equal(views.filter((view) => view.state === 'batched').length, 1);
  t.equal(views.at(-1).state, 'anchored');
});
