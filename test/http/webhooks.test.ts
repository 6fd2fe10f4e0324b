import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook as Receiver } from 'standardwebhooks';
import t from 'tap';
import { cli } from '../support/cli.ts';
import { body, type CallOptions, certificateOf, hashOnly, run } from '../support/running.ts';
import { storageFor } from '../support/storage.ts';

/* A whole service and a receiver of its own: from the deposit to the message that says that it can be proven. */

interface Got {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly text: string;
}

const got: Got[] = [];
const answers = new Map<string, number>();

const receiver = createServer(async (request, reply) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const path = request.url!;
  got.push({
    path,
    headers: request.headers as Record<string, string>,
    text: Buffer.concat(chunks).toString(),
  });
  reply.writeHead(answers.get(path) ?? 200).end();
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');
t.teardown(() => receiver.close());
const place = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
const urlOf = (path: string): string => `http://${place}${path}`;

const service = await run({ KEZHENG_EGRESS_ALLOW: place });
t.teardown(() => service.stop());

const add = (json: object, options: CallOptions = {}) => service.call('/v1/webhooks', { json, ...options });

async function added(path: string, types: readonly string[] = ['*'], key = service.keys[0]) {
  const answer = await add({ url: urlOf(path), types }, { key });
  const made = await body(answer);
  if (answer.status !== 201) throw new Error(JSON.stringify(made));
  return made as { id: string; secret: string };
}

const arrivedAt = (path: string): Got[] => got.filter((one) => one.path === path);

async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await is()) return;
    await sleep(50);
  }
  throw new Error(`never: ${what}`);
}

const deliveriesOf = async (id: string, query = '') =>
  (await body(service.call(`/v1/webhooks/${id}/deliveries${query}`))).items;

const remove = (id: string, key = service.keys[0]) =>
  service.call(`/v1/webhooks/${id}`, { method: 'DELETE', key });

t.test('who deposits is told when his evidence is in a batch and when it can be proven', async (t) => {
  const mine = await added('/mine', ['evidence.*']);
  const other = await added('/other', ['*'], service.keys[1]);
  const { id } = await body(service.call('/v1/evidence', { json: hashOnly(1) }));
  await until('both were told', () => arrivedAt('/mine').length === 2);
  const told = arrivedAt('/mine').map(({ text, headers }) => new Receiver(mine.secret).verify(text, headers));
  t.match(told, [
    { type: 'evidence.batched', sequence: 1, data: { ids: [id], state: 'batched' } },
    { type: 'evidence.certified', sequence: 2, data: { ids: [id], state: 'anchored' } },
  ]);
  const { links } = (told[1] as { data: { links: { certificate: string } } }).data;
  t.equal(new URL(links.certificate.replace('{id}', id)).pathname, `/v1/evidence/${id}/certificate`);
  t.ok((await certificateOf(service, id)).length > 0, 'as it says');
  t.notMatch(JSON.stringify(got), '仅摘要', 'nothing of the content');
  t.strictSame(arrivedAt('/other'), [], 'and nobody else is told');
  t.match(await deliveriesOf(mine.id), [
    { sequence: 2, state: 'delivered', attempts: 1 },
    { sequence: 1, state: 'delivered', nextAttemptAt: null },
  ]);
  await remove(mine.id);
  await remove(other.id, service.keys[1]);
});

t.test('a webhook is added, shown, changed and removed; its secret is shown once', async (t) => {
  const answer = await add({
    url: urlOf('/x'),
    types: ['case.*', 'case.*', 'evidence.certified'],
    description: '甲',
  });
  t.equal(answer.status, 201);
  const made = await body(answer);
  t.match(made.secret, /^whsec_/);
  const { secret, ...view } = made;
  t.match(view, {
    types: ['case.*', 'evidence.certified'],
    description: '甲',
    enabled: true,
    disabled: null,
  });
  const shown = await body(service.call(`/v1/webhooks/${made.id}`));
  t.strictSame(shown, view);
  t.notMatch(JSON.stringify(await body(service.call('/v1/webhooks'))), secret.slice(6));
  const patch = (json: object) => service.call(`/v1/webhooks/${made.id}`, { method: 'PATCH', json });
  t.match(await body(patch({ enabled: false })), {
    enabled: false,
    disabled: { why: 'by-owner', zh: /停用/, en: /disabled/ },
  });
  const refused = await service.call(`/v1/webhooks/${made.id}/test`, { method: 'POST' });
  t.equal(refused.status, 409);
  t.equal((await body(refused)).code, 'webhook-disabled');
  t.match(await body(patch({ enabled: true, types: ['*'] })), { enabled: true, types: ['*'] });
  t.equal((await patch({})).status, 400);
  t.equal((await remove(made.id)).status, 204);
  t.equal((await remove(made.id)).status, 404);
  t.equal((await service.call(`/v1/webhooks/${made.id}`)).status, 404);
});

t.test('what cannot be a webhook is refused, with a reason in both languages', async (t) => {
  const refused: readonly (readonly [object, number, object])[] = [
    [
      { url: 'http://a.example/', types: ['*'] },
      422,
      { code: 'webhook-address-refused', reason: 'door-not-secure' },
    ],
    [
      { url: 'https://127.0.0.1/', types: ['*'] },
      422,
      { reason: 'door-not-public', title: /公网/, titleEn: /public/ },
    ],
    [{ url: 'https://u:p@a.example/', types: ['*'] }, 422, { reason: 'door-userinfo-refused' }],
    [{ url: 'https://a.example/#f', types: ['*'] }, 422, { reason: 'door-fragment-refused' }],
    [{ url: `https://a.example/${'x'.repeat(2_000)}`, types: ['*'] }, 400, { code: 'request-invalid' }],
    [{ url: 'https://a.example/', types: [] }, 400, { code: 'request-invalid' }],
    [
      { url: 'https://a.example/', types: ['webhook.test'] },
      400,
      { title: /消息类型/, titleEn: /type of message/ },
    ],
    [{ url: 'https://a.example/', types: ['case.A'] }, 400, { code: 'request-invalid' }],
    [{ url: 'https://a.example/' }, 400, { code: 'request-invalid' }],
    [{ url: 'https://a.example/', types: ['*'], organization: 'x' }, 400, { at: 'body.organization' }],
    [{ url: 'https://a.example/', types: ['*'], secret: 'whsec_AAAA' }, 400, { at: 'body.secret' }],
  ];
  for (const [json, status, problem] of refused) {
    const answer = await add(json);
    t.equal(answer.status, status, JSON.stringify(json).slice(0, 80));
    t.match(await body(answer), problem);
  }
  t.strictSame((await body(service.call('/v1/webhooks'))).items, []);
});

t.test('webhooks of another organization are not there, whoever asks how', async (t) => {
  const { id } = await added('/tenant');
  await service.call(`/v1/webhooks/${id}/test`, { method: 'POST' });
  await until('delivered', async () => (await deliveriesOf(id))[0]?.state === 'delivered');
  const [{ id: delivery }] = await deliveriesOf(id);
  const ways: readonly (readonly [string, CallOptions])[] = [
    [`/v1/webhooks/${id}`, {}],
    [`/v1/webhooks/${id}`, { method: 'PATCH', json: { url: 'https://mine.example/' } }],
    [`/v1/webhooks/${id}`, { method: 'DELETE' }],
    [`/v1/webhooks/${id}/test`, { method: 'POST' }],
    [`/v1/webhooks/${id}/secret/rotate`, { method: 'POST' }],
    [`/v1/webhooks/${id}/deliveries`, {}],
    [`/v1/webhooks/${id}/deliveries/${delivery}`, {}],
    [`/v1/webhooks/${id}/deliveries/${delivery}/replay`, { method: 'POST' }],
    [`/v1/webhooks/${id}/replay-failed`, { json: { since: '2020-01-01T00:00:00Z' } }],
  ];
  const before = await body(service.call(`/v1/webhooks/${id}`));
  const own = await added('/own', ['*'], service.keys[1]);
  for (const [path, options] of ways) {
    const foreign = await service.call(path, { ...options, key: service.keys[1] });
    t.equal(foreign.status, 404, path);
    t.equal((await service.call(path, { ...options, key: null })).status, 401, path);
  }
  const through = await service.call(`/v1/webhooks/${own.id}/deliveries/${delivery}`, {
    key: service.keys[1],
  });
  t.equal(through.status, 404, 'nor through a webhook of one’s own');
  t.strictSame(await body(service.call(`/v1/webhooks/${id}`)), before);
  t.equal(arrivedAt('/tenant').length, 1);
  await remove(id);
  await remove(own.id, service.keys[1]);
});

t.test('a key without the scope manages no webhooks', async (t) => {
  const env = { KEZHENG_DATA_DIR: service.dataDir, ...(await storageFor(service.dataDir)) };
  const { depositor } = await body(service.call('/v1/me'));
  const scopes = 'evidence:write,evidence:read,cases:write,cases:read';
  const { out } = await cli(['keys', 'create', depositor.id, '--label', 'x', '--scopes', scopes], env);
  const answer = await add({ url: urlOf('/x'), types: ['*'] }, { key: out.trim() });
  t.equal(answer.status, 403);
  t.match(await body(answer), { code: 'scope-missing', scope: 'webhooks:write' });
});

t.test('twenty webhooks and no more', async (t) => {
  const all = await Promise.all(
    Array.from({ length: 25 }, () => add({ url: urlOf('/n'), types: ['case.*'] })),
  );
  t.equal(all.filter(({ status }) => status === 201).length, 20);
  const over = all.find(({ status }) => status === 422)!;
  t.match(await body(over), { code: 'too-many-webhooks', limit: 20 });
  for (const { id } of (await body(service.call('/v1/webhooks'))).items) await remove(id);
});

t.test('what failed is seen with each attempt, and replayed when its receiver is well again', async (t) => {
  const { id, secret } = await added('/ill');
  answers.set('/ill', 302);
  const made = await service.call(`/v1/webhooks/${id}/test`, { method: 'POST' });
  t.equal(made.status, 202);
  const { id: delivery } = await body(made);
  await until('it was tried', () => arrivedAt('/ill').length === 1);
  const whole = async () => body(service.call(`/v1/webhooks/${id}/deliveries/${delivery}`));
  await until('it was recorded', async () => (await whole()).attempts === 1);
  t.match(await whole(), {
    id: delivery,
    state: 'waiting',
    nextAttemptAt: /Z$/,
    payload: { type: 'webhook.test', sequence: 1, data: { ids: [id] } },
    history: [{ status: 302, error: null }],
  });
  t.match(await body(service.call(`/v1/webhooks/${id}`)), { failingSince: /Z$/ });
  answers.delete('/ill');
  const again = await service.call(`/v1/webhooks/${id}/deliveries/${delivery}/replay`, { method: 'POST' });
  t.equal(again.status, 202);
  await until('it arrived', async () => (await whole()).state === 'delivered');
  t.match(await whole(), { attempts: 2, history: [{ status: 302 }, { status: 200 }] });
  const [first, second] = arrivedAt('/ill');
  t.equal(first!.headers['webhook-id'], second!.headers['webhook-id']);
  new Receiver(secret).verify(second!.text, second!.headers);
  t.match(await body(service.call(`/v1/webhooks/${id}`)), { failingSince: null });
  t.strictSame(await deliveriesOf(id, '?state=failed'), []);
  t.equal((await deliveriesOf(id, '?state=delivered&limit=1')).length, 1);
  t.equal((await service.call(`/v1/webhooks/${id}/deliveries?state=odd`)).status, 400);
  t.equal((await service.call(`/v1/webhooks/${id}/deliveries/msg_${'0'.repeat(32)}`)).status, 404);
  await remove(id);
});

t.test('a receiver that is gone disables its webhook; all that failed is replayed at once', async (t) => {
  const { id } = await added('/gone');
  answers.set('/gone', 410);
  await service.call(`/v1/webhooks/${id}/test`, { method: 'POST' });
  await until('disabled', async () => !(await body(service.call(`/v1/webhooks/${id}`))).enabled);
  t.match(await body(service.call(`/v1/webhooks/${id}`)), { disabled: { why: 'gone', zh: /410/ } });
  const replay = () =>
    service.call(`/v1/webhooks/${id}/replay-failed`, { json: { since: '2020-01-01T00:00:00Z' } });
  t.equal((await replay()).status, 409);
  answers.delete('/gone');
  await service.call(`/v1/webhooks/${id}`, { method: 'PATCH', json: { enabled: true } });
  t.strictSame(await body(replay()), { replayed: 1 });
  await until('arrived', async () => (await deliveriesOf(id))[0].state === 'delivered');
  t.equal(
    (await service.call(`/v1/webhooks/${id}/replay-failed`, { json: { since: 'yesterday' } })).status,
    400,
  );
  await remove(id);
});

t.test('after a rotation both secrets verify', async (t) => {
  const { id, secret } = await added('/rotating');
  const rotated = await body(service.call(`/v1/webhooks/${id}/secret/rotate`, { method: 'POST' }));
  t.not(rotated.secret, secret);
  t.match(rotated.previousSecretUntil, /Z$/);
  await service.call(`/v1/webhooks/${id}/test`, { method: 'POST' });
  await until('arrived', () => arrivedAt('/rotating').length === 1);
  const [{ text, headers }] = arrivedAt('/rotating') as [Got];
  for (const one of [secret, rotated.secret]) new Receiver(one).verify(text, headers);
  t.equal(headers['webhook-signature']!.split(' ').length, 2);
  await remove(id);
});

t.test('/openapi.json documents each route', async (t) => {
  const { paths } = await body(service.call('/openapi.json', { key: null }));
  const routes = Object.entries(paths)
    .filter(([path]) => path.startsWith('/v1/webhooks'))
    .flatMap(([path, verbs]) => Object.keys(verbs as object).map((verb) => `${verb} ${path}`));
  t.strictSame(routes.toSorted(), [
    'delete /v1/webhooks/{id}',
    'get /v1/webhooks',
    'get /v1/webhooks/{id}',
    'get /v1/webhooks/{id}/deliveries',
    'get /v1/webhooks/{id}/deliveries/{delivery}',
    'patch /v1/webhooks/{id}',
    'post /v1/webhooks',
    'post /v1/webhooks/{id}/deliveries/{delivery}/replay',
    'post /v1/webhooks/{id}/replay-failed',
    'post /v1/webhooks/{id}/secret/rotate',
    'post /v1/webhooks/{id}/test',
  ]);
});

t.test('the command line adds, lists and tests webhooks, and tells how deliveries went', async (t) => {
  const env = { KEZHENG_DATA_DIR: service.dataDir, KEZHENG_URL: service.url, KEZHENG_KEY: service.keys[0] };
  const webhooks = (...args: readonly string[]) => cli(['webhooks', ...args], env);
  const made = await webhooks('add', urlOf('/cli'), '--types', 'case.*,evidence.certified');
  t.equal(made.code, 0, made.err);
  t.match(made.out, /^whsec_[A-Za-z0-9+/=]{44}\n$/, 'the secret alone, for a program');
  const listed = await webhooks('list');
  const [id] = listed.out.split('  ');
  t.match(listed.out, 'case.*,evidence.certified');
  t.notMatch(listed.out + made.err, made.out.trim().slice(6));
  const tested = await webhooks('test', id!);
  t.match(tested.out, /^msg_[0-9a-f]{32}\n$/);
  await until('arrived', async () => (await deliveriesOf(id!))[0].state === 'delivered');
  const [{ text, headers }] = arrivedAt('/cli') as [Got];
  new Receiver(made.out.trim()).verify(text, headers);
  t.match((await webhooks('deliveries', id!)).out, `1  ${tested.out.trim()}  webhook.test  delivered  1`);
  t.equal((await webhooks('deliveries', id!, '--state', 'failed')).out, '');
  const refused = await webhooks('add', 'http://a.example/');
  t.equal(refused.code, 1);
  t.match(refused.err, /webhook-address-refused/);
  for (const args of [[], ['add'], ['list', 'x'], ['odd', 'x'], ['test', 'x', 'y']])
    t.equal((await webhooks(...args)).code, 64, args.join(' '));
  await remove(id!);
});
