import t from 'tap';
import { MAX_STREAMS } from '../../server/http/events.ts';
import { createApiKey } from '../../server/identity/api-keys.ts';
import type { Scope } from '../../server/identity/permissions.ts';
import { body, hashOnly, run } from '../support/running.ts';
import { databaseOf } from '../support/storage.ts';

// Nothing is sealed while this runs: a stream has no reason of its own to end.
const service = await run({ KEZHENG_BATCH_MAX_AGE_MS: '600000' });
const database = await databaseOf(service.dataDir);
const { store } = database;
t.teardown(async () => {
  await database.close();
  await service.stop();
});

const { id } = await body(service.call('/v1/evidence', { json: hashOnly(1) }));
const [, hex] = /^kz_([0-9a-f]{32})/.exec(service.keys[0])!;
const demoKey = await store.apiKey(hex!.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));

const newKey = (more: { scopes?: readonly Scope[]; expiresMs?: number } = {}) =>
  createApiKey(
    store,
    {
      organization: demoKey!.organization,
      label: 'x',
      scopes: more.scopes ?? ['evidence:read'],
      expiresMs: more.expiresMs,
    },
    Date.now(),
  );

const events = (key: string, signal?: AbortSignal) =>
  service.call(`/v1/evidence/${id}/events`, { key, ...(signal && { signal }) });

/** Resolves when the stream ends, rejects when it is still open after five seconds. */
const ended = async (answer: Response): Promise<string> => {
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error('still open')), 5_000).unref(),
  );
  return Promise.race([answer.text(), late]);
};

t.test('a stream ends when its key is revoked', async (t) => {
  const { id: keyId, clear } = await newKey();
  const answer = await events(clear);
  t.equal(answer.status, 200);
  t.ok(await store.revokeApiKey(keyId, Date.now()));
  t.match(await ended(answer), /"state":"received"/);
  t.equal((await events(clear)).status, 401);
});

t.test('a stream ends when its key expires', async (t) => {
  const { clear } = await newKey({ expiresMs: Date.now() + 1_500 });
  const answer = await events(clear);
  t.equal(answer.status, 200);
  await t.resolves(ended(answer));
});

t.test('one key has so many streams open and no more, and a place that is left is free again', async (t) => {
  const { clear } = await newKey();
  const { clear: other } = await newKey();
  const stop = new AbortController();
  const first = new AbortController();
  const one = await events(clear, first.signal);
  t.equal(one.status, 200);
  const rest = await Promise.all(Array.from({ length: MAX_STREAMS - 1 }, () => events(clear, stop.signal)));
  t.ok(rest.every(({ status }) => status === 200));
  const refused = await events(clear);
  t.equal(refused.status, 429);
  t.ok(Number(refused.headers.get('retry-after')) > 0);
  t.match(await body(refused), { code: 'too-many-requests' });
  t.equal((await events(other, stop.signal)).status, 200, 'another key has places of its own');
  first.abort();
  let status = 429;
  for (let tries = 0; tries < 50 && status === 429; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    status = (await events(clear, stop.signal)).status;
  }
  t.equal(status, 200);
  stop.abort();
});

t.test('a stream has no headers to be asked for alone', async (t) => {
  const answer = await service.call(`/v1/evidence/${id}/events`, {
    method: 'HEAD',
    signal: AbortSignal.timeout(3_000),
  });
  t.equal(answer.status, 404);
});
