import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { Webhook as Receiver } from 'standardwebhooks';
import t, { type Test } from 'tap';
import { openDoor } from '../../../server/outbox/door.ts';
import { PAUSES_MS } from '../../../server/outbox/webhooks/schedule.ts';
import { createDeliveries } from '../../../server/pipeline/webhooks/deliver.ts';
import type { Message } from '../../../server/ports/webhooks.ts';
import { sealing } from '../../outbox/webhooks/samples.ts';
import { addOrganization, DAY_MS, digest, NOW_MS } from '../../suites/sample.ts';
import { addWebhook, openSetting, type Setting, toldTo } from './setting.ts';

/* Real receivers on loopback, a real store, and a clock that a test turns: three days take a second. */

interface Got {
  readonly id: string;
  readonly atS: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  readonly sequence: number;
}

const log = pino({ level: 'silent' });

type Answer = (got: Got, reply: ServerResponse) => void;

interface Receiving {
  readonly url: string;
  readonly got: Got[];
  answer: Answer;
}

async function startReceiver(t: Test, answer: Answer = (_, reply) => reply.end()): Promise<Receiving> {
  const receiving: Receiving = { url: '', got: [], answer };
  const server = createServer(async (request: IncomingMessage, reply: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const headers = request.headers as Record<string, string>;
    const got = {
      id: headers['webhook-id']!,
      atS: Number(headers['webhook-timestamp']),
      headers,
      text,
      sequence: JSON.parse(text).sequence as number,
    };
    receiving.got.push(got);
    receiving.answer(got, reply);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiving, { url: `http://127.0.0.1:${port}/` });
}

const status = (code: number, headers = {}): Answer => {
  return (_, reply) => void reply.writeHead(code, headers).end();
};

const hang: Answer = () => {};

/** Deliveries as one process makes them; every receiver is listed. */
function startProcess(t: Test, setting: Setting, urls: readonly string[], totalMs = 1_000) {
  const allow = urls.map((url) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }));
  const door = openDoor({ allow, limits: { totalMs } });
  let round = async () => false;
  const deliveries = createDeliveries(
    {
      store: setting.store,
      door,
      sealing,
      clock: { nowMs: () => setting.time.nowMs },
      random: () => 0.5,
      log,
    },
    () => void round(),
  );
  ({ round } = deliveries);
  t.teardown(async () => {
    door.close();
    await deliveries.stop();
  });
  return deliveries;
}

const messageOf = (organization: string): Message => ({
  id: digest(),
  organization,
  type: 'evidence.certified',
  atMs: NOW_MS,
  data: '{"ids":[]}',
});

async function tell({ store, time }: Setting, organization: string, count = 1): Promise<void> {
  const from = await store.webhookCursor('cases');
  const messages = Array.from({ length: count }, () => messageOf(organization));
  await store.tell('cases', { from, to: from + 1, nowMs: time.nowMs }, messages);
}

async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await is()) return;
    await sleep(10);
  }
  throw new Error(`never: ${what}`);
}

const attemptsOf = async ({ store }: Setting, webhook: string): Promise<number> =>
  (await toldTo(store, webhook)).reduce((sum, { attempts }) => sum + attempts, 0);

t.test('messages arrive in their order, each once, and verify', async (t) => {
  const setting = await openSetting(t, Date.now());
  const owner = await addOrganization(setting.store);
  const receiver = await startReceiver(t);
  const { id, clear } = await addWebhook(setting.store, owner, ['*'], receiver.url);
  await tell(setting, owner, 60);
  const deliveries = startProcess(t, setting, [receiver.url]);
  await deliveries.round();
  await until('all arrived', async () => (await attemptsOf(setting, id)) === 60);
  t.strictSame(
    receiver.got.map(({ sequence }) => sequence),
    Array.from({ length: 60 }, (_, i) => i + 1),
  );
  for (const { text, headers } of receiver.got) new Receiver(clear).verify(text, headers);
  t.equal(new Set(receiver.got.map((one) => one.id)).size, 60);
  t.ok((await toldTo(setting.store, id)).every(({ state }) => state === 'delivered'));
});

t.test('what fails is tried for three days under one id, then given up for all to see', async (t) => {
  const setting = await openSetting(t);
  const { time } = setting;
  const owner = await addOrganization(setting.store);
  const receiver = await startReceiver(t, status(500));
  const { id, clear } = await addWebhook(setting.store, owner, ['*'], receiver.url);
  await tell(setting, owner);
  const deliveries = startProcess(t, setting, [receiver.url]);
  const times: number[] = [];
  for (let tries = 1; tries <= PAUSES_MS.length + 1; tries++) {
    const [before] = await toldTo(setting.store, id);
    time.nowMs = before!.dueMs! - 1;
    await deliveries.round();
    await sleep(20);
    t.equal(receiver.got.length, tries - 1, 'not before its time');
    time.nowMs++;
    times.push(time.nowMs);
    await deliveries.round();
    await until('it was tried', async () => (await attemptsOf(setting, id)) === tries);
  }
  t.strictSame(
    times.slice(1).map((ms, i) => ms - times[i]!),
    PAUSES_MS,
  );
  t.ok(Math.abs(times.at(-1)! - times[0]! - 3 * DAY_MS) < 600_000);
  t.equal(new Set(receiver.got.map((got) => `${got.id} ${got.text}`)).size, 1, 'the same, each time');
  for (const [i, { id: messageId, atS, text, headers }] of receiver.got.entries()) {
    t.equal(atS, Math.floor(times[i]! / 1_000), 'with the time of the attempt');
    t.equal(headers['webhook-signature'], new Receiver(clear).sign(messageId, new Date(atS * 1_000), text));
  }
  const [failed] = await toldTo(setting.store, id);
  t.match(failed, { state: 'failed', dueMs: undefined });
  const { attempts } = (await setting.store.delivery(id, failed!.id))!;
  t.strictSame(
    attempts.map(({ atMs, status }) => [atMs, status]),
    times.map((ms) => [ms, 500]),
  );
  t.equal((await setting.store.webhook(owner, id))!.disabled, undefined, 'three days are not five');
  time.nowMs += 30 * DAY_MS;
  await deliveries.round();
  await sleep(20);
  t.equal(receiver.got.length, PAUSES_MS.length + 1);

  receiver.answer = status(200);
  await setting.store.replayDelivery(id, failed!.id, time.nowMs);
  await deliveries.round();
  await until('replayed', async () => (await toldTo(setting.store, id))[0]!.state === 'delivered');
  t.equal(receiver.got.at(-1)!.id, failed!.id);
});

t.test('a webhook that fails for five days is disabled, and the others are told', async (t) => {
  const setting = await openSetting(t);
  const { store, time } = setting;
  const owner = await addOrganization(store);
  const [dead, alive] = [await startReceiver(t, status(500)), await startReceiver(t)];
  const { id } = await addWebhook(store, owner, ['evidence.*'], dead.url);
  const other = await addWebhook(store, owner, ['webhook.disabled'], alive.url);
  const deliveries = startProcess(t, setting, [dead.url, alive.url]);
  const tryNow = async (count: number) => {
    await tell(setting, owner);
    await deliveries.round();
    await until('tried', async () => (await attemptsOf(setting, id)) >= count);
  };
  await tryNow(1);
  time.nowMs += 5 * DAY_MS - 1_000;
  await tryNow(2);
  t.equal((await store.webhook(owner, id))!.disabled, undefined);
  time.nowMs += 120_000;
  await tryNow(3);
  await until('disabled', async () => (await store.webhook(owner, id))!.disabled !== undefined);
  t.match((await store.webhook(owner, id))!.disabled, { why: 'failing' });
  const before = dead.got.length;
  await tell(setting, owner);
  await deliveries.round();
  await until('told', () => alive.got.length === 1);
  t.match(JSON.parse(alive.got[0]!.text), {
    type: 'webhook.disabled',
    data: { ids: [id], state: 'disabled', why: 'failing' },
  });
  t.equal(dead.got.length, before, 'and nobody calls there any more');
  t.equal((await toldTo(store, other.id)).length, 1);
});

t.test('410 disables at once', async (t) => {
  const setting = await openSetting(t);
  const owner = await addOrganization(setting.store);
  const receiver = await startReceiver(t, status(410));
  const { id } = await addWebhook(setting.store, owner, ['*'], receiver.url);
  await tell(setting, owner, 3);
  const deliveries = startProcess(t, setting, [receiver.url]);
  await deliveries.round();
  await until('disabled', async () => (await setting.store.webhook(owner, id))!.disabled !== undefined);
  await deliveries.round();
  await sleep(30);
  t.equal(receiver.got.length, 1);
  t.match(await setting.store.webhook(owner, id), { disabled: { why: 'gone' } });
});

t.test('Retry-After is kept to, for all messages of the webhook', async (t) => {
  const setting = await openSetting(t);
  const owner = await addOrganization(setting.store);
  const receiver = await startReceiver(t, status(429, { 'retry-after': '100' }));
  const { id } = await addWebhook(setting.store, owner, ['*'], receiver.url);
  await tell(setting, owner, 2);
  const deliveries = startProcess(t, setting, [receiver.url]);
  await deliveries.round();
  await until('tried', async () => (await attemptsOf(setting, id)) === 1);
  receiver.answer = status(200);
  setting.time.nowMs += 99_999;
  await deliveries.round();
  await sleep(30);
  t.equal(receiver.got.length, 1);
  setting.time.nowMs++;
  await deliveries.round();
  await until('both arrived', async () => (await attemptsOf(setting, id)) === 3);
});

t.test('a message that fails holds up none behind it', async (t) => {
  const setting = await openSetting(t);
  const owner = await addOrganization(setting.store);
  const receiver = await startReceiver(t, (got, reply) => status(got.sequence === 2 ? 500 : 200)(got, reply));
  const { id } = await addWebhook(setting.store, owner, ['*'], receiver.url);
  await tell(setting, owner, 5);
  const deliveries = startProcess(t, setting, [receiver.url]);
  await deliveries.round();
  await until('all were tried', async () => (await attemptsOf(setting, id)) === 5);
  t.strictSame(
    receiver.got.map(({ sequence }) => sequence),
    [1, 2, 3, 4, 5],
  );
  const told = await toldTo(setting.store, id);
  t.strictSame(
    told.map(({ state }) => state),
    ['delivered', 'waiting', 'delivered', 'delivered', 'delivered'],
  );
});

t.test('receivers that hang delay nobody else, not even forty of them', async (t) => {
  const setting = await openSetting(t);
  const { store } = setting;
  const hanging = await startReceiver(t, hang);
  const quick = await startReceiver(t);
  const hung: string[] = [];
  for (let i = 0; i < 10; i++) {
    const organization = await addOrganization(store);
    for (let n = 0; n < 4; n++) hung.push((await addWebhook(store, organization, ['*'], hanging.url)).id);
    await tell(setting, organization);
  }
  const owner = await addOrganization(store);
  const mine = await addWebhook(store, owner, ['*'], hanging.url);
  const good = await addWebhook(store, owner, ['*'], quick.url);
  const deliveries = startProcess(t, setting, [hanging.url, quick.url], 60_000);
  await deliveries.round();
  await until('they hang', () => hanging.got.length === 40);
  await tell(setting, owner, 10);
  await deliveries.round();
  await until('the quick one has all', async () => (await attemptsOf(setting, good.id)) === 10);
  t.equal(await attemptsOf(setting, mine.id), 0, 'also where one of the same organization hangs');
  t.equal(await attemptsOf(setting, hung[0]!), 0);
});

t.test('one at a time of one webhook, and a few of one organization', async (t) => {
  const setting = await openSetting(t);
  const owner = await addOrganization(setting.store);
  const receiver = await startReceiver(t, hang);
  for (let i = 0; i < 6; i++) await addWebhook(setting.store, owner, ['*'], receiver.url);
  await tell(setting, owner, 3);
  const deliveries = startProcess(t, setting, [receiver.url], 60_000);
  for (let i = 0; i < 3; i++) await deliveries.round();
  await until('four', () => receiver.got.length === 4);
  await sleep(50);
  t.strictSame(
    receiver.got.map(({ sequence }) => sequence),
    [1, 1, 1, 1],
  );
});

t.test('a process that ends between sending and recording sends again, under the same id', async (t) => {
  const setting = await openSetting(t);
  const owner = await addOrganization(setting.store);
  const receiver = await startReceiver(t, hang);
  const { id } = await addWebhook(setting.store, owner, ['*'], receiver.url);
  await tell(setting, owner, 2);
  const first = startProcess(t, setting, [receiver.url], 60_000);
  await first.round();
  await until('it was sent', () => receiver.got.length === 1);
  await first.stop();
  t.equal(await attemptsOf(setting, id), 0, 'what we stopped is no failure of the receiver');
  await setting.reopen();
  receiver.answer = status(200);
  const second = startProcess(t, setting, [receiver.url]);
  await second.round();
  await until('both arrived', async () => (await attemptsOf(setting, id)) === 2);
  t.strictSame(
    receiver.got.map(({ sequence }) => sequence),
    [1, 1, 2],
  );
  t.equal(receiver.got[0]!.id, receiver.got[1]!.id);
});

t.test('two processes that deliver at once record each attempt once', async (t) => {
  const setting = await openSetting(t);
  const owner = await addOrganization(setting.store);
  const receiver = await startReceiver(t, (_, reply) => void setTimeout(() => reply.end(), 20));
  const { id } = await addWebhook(setting.store, owner, ['*'], receiver.url);
  await tell(setting, owner, 5);
  const both = [startProcess(t, setting, [receiver.url]), startProcess(t, setting, [receiver.url])];
  await Promise.all(both.map((one) => one.round()));
  await until('all delivered', async () =>
    (await toldTo(setting.store, id)).every(({ state }) => state === 'delivered'),
  );
  t.equal(await attemptsOf(setting, id), 5);
});
