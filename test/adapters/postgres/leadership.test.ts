import pg from 'pg';
import t, { type Test } from 'tap';
import { DEAD_HOST } from '../../../server/adapters/postgres/leadership.ts';
import { openPostgres } from '../../../server/adapters/postgres/open.ts';
import { clientConfig } from '../../../server/adapters/postgres/session.ts';
import type { Leadership } from '../../../server/ports/leadership.ts';
import { NOW_MS } from '../../suites/sample.ts';
import { freshDatabase, sharedPostgres, startPostgres, whyNoPostgres } from '../../support/postgres.ts';
import { startProxy } from './proxy.ts';

const skip = whyNoPostgres();
const TAKE_OVER_MS = 10_000;
const HOLDER =
  "application_name = 'kezheng' and pid in (select pid from pg_locks where locktype = 'advisory')";
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function leaderAt(t: Test, url: string): Promise<Leadership> {
  const postgres = await openPostgres({ url, clock: { nowMs: () => NOW_MS }, allowUnsyncedForTests: true });
  t.teardown(() => postgres.close());
  return postgres.leadership;
}

async function leadsWithin(leadership: Leadership, ms: number): Promise<boolean> {
  for (const began = Date.now(); Date.now() - began < ms; await sleep(100))
    if (await leadership.lead()) return true;
  return false;
}

t.test('of several instances one leads, for as long as it wants, and nobody waits', { skip }, async (t) => {
  const url = await freshDatabase();
  const [a, b, c] = [await leaderAt(t, url), await leaderAt(t, url), await leaderAt(t, url)];
  const began = Date.now();
  const first = await Promise.all([a, b, c].map((one) => one.lead()));
  t.equal(first.filter(Boolean).length, 1);
  for (let n = 0; n < 3; n++) t.same(await Promise.all([a, b, c].map((one) => one.lead())), first);
  t.ok(Date.now() - began < 2_000);
  const elsewhere = await leaderAt(t, await freshDatabase());
  t.equal(await elsewhere.lead(), true, 'another database has a leader of its own');
});

t.test('many questions at once take it once', { skip }, async (t) => {
  const url = await freshDatabase();
  const [a, b] = [await leaderAt(t, url), await leaderAt(t, url)];
  t.same(await Promise.all([a.lead(), a.lead(), a.lead()]), [true, true, true]);
  await a.close();
  t.equal(await b.lead(), true);
  await t.rejects(a.lead());
});

t.test('each time that it is taken is another term', { skip }, async (t) => {
  const url = await freshDatabase();
  const [a, b] = [await leaderAt(t, url), await leaderAt(t, url)];
  const [first, second] = (await a.lead()) ? [a, b] : [b, a];
  const term = first.term();
  t.equal(await first.lead(), true);
  t.equal(first.term(), term, 'who has it asks without taking it');
  await first.resign();
  t.equal(await first.lead(), true);
  t.equal(first.term(), term + 1);
  t.equal(await second.lead(), false);
  t.equal(second.term(), 0);
});

t.test('whoever resigns lets another one lead at once, and may lead again', { skip }, async (t) => {
  const url = await freshDatabase();
  const [a, b] = [await leaderAt(t, url), await leaderAt(t, url)];
  await b.resign();
  t.equal(await a.lead(), true);
  await a.resign();
  t.equal(await b.lead(), true);
  t.equal(await a.lead(), false);
  await b.resign();
  t.equal(await a.lead(), true);
});

t.test(
  'when the session of the leader ends another one leads, and it knows that it does not',
  { skip },
  async (t) => {
    const url = await freshDatabase();
    const [a, b] = [await leaderAt(t, url), await leaderAt(t, url)];
    t.equal(await a.lead(), true);
    t.equal(await b.lead(), false);
    await (await sharedPostgres()).cutSessions(url, HOLDER);
    t.ok(await leadsWithin(b, TAKE_OVER_MS));
    t.equal(await a.lead(), false);
    t.equal(await a.lead(), false, 'nor later');
    t.equal(await b.lead(), true);
  },
);

t.test('a leader that lost its session says so before it tries again', { skip }, async (t) => {
  const url = await freshDatabase();
  const a = await leaderAt(t, url);
  t.equal(await a.lead(), true);
  await (await sharedPostgres()).cutSessions(url, HOLDER);
  await sleep(100);
  t.equal(await a.lead(), false);
  t.equal(await a.lead(), true);
});

t.test('a leader whose lock is gone does not lead, though its session goes on', { skip }, async (t) => {
  const server = await startPostgres(t);
  const url = await server.freshDatabase();
  const proxy = await startProxy(t, url);
  const a = await leaderAt(t, proxy.url);
  t.equal(await a.lead(), true);
  // As behind a pooler that gave the session's locks back: nothing else can take them away.
  proxy.rewrite = (text) => text.replaceAll("locktype = 'advisory'", "locktype = 'relation'");
  t.equal(await a.lead(), false);
});

t.test('a leader that the server cannot be asked about does not lead', { skip }, async (t) => {
  const url = await freshDatabase();
  const proxy = await startProxy(t, url);
  const [a, b] = [await leaderAt(t, proxy.url), await leaderAt(t, url)];
  t.equal(await a.lead(), true);
  proxy.isSilent = true;
  const began = Date.now();
  t.equal(await a.lead(), false);
  t.ok(Date.now() - began < 3_000, 'within the short time-out');
  // Its end of the connection is closed: the proxy has told the server as much, a dead machine would not.
  proxy.isSilent = false;
  t.ok(await leadsWithin(b, TAKE_OVER_MS));
  t.equal(await a.lead(), false);
});

t.test('the server is told to notice a machine that is gone within ten seconds', { skip }, async (t) => {
  const client = new pg.Client(clientConfig({ url: await freshDatabase() }, DEAD_HOST));
  await client.connect();
  t.teardown(() => client.end());
  // What the server reads back from the connection's own socket.
  const setting = async (name: string): Promise<number> => {
    const { rows } = await client.query<{ value: number }>(
      `select setting::int as value from pg_settings where name = '${name}'`,
    );
    return rows[0]!.value;
  };
  const idle = await setting('tcp_keepalives_idle');
  const interval = await setting('tcp_keepalives_interval');
  const count = await setting('tcp_keepalives_count');
  const unacknowledged = await setting('tcp_user_timeout');
  t.ok(idle > 0 && interval > 0 && count > 0 && idle + interval * count < TAKE_OVER_MS / 1_000);
  t.ok(unacknowledged > 0 && unacknowledged < TAKE_OVER_MS);
});

t.test('a server that comes back has a leader again', { skip }, async (t) => {
  const server = await startPostgres(t);
  const url = await server.freshDatabase();
  const [a, b] = [await leaderAt(t, url), await leaderAt(t, url)];
  t.equal(await a.lead(), true);
  await server.kill();
  t.equal(await a.lead(), false);
  await t.rejects(a.lead(), { name: 'StoreUnavailable' });
  await t.rejects(b.lead(), { name: 'StoreUnavailable' });
  await server.start();
  t.same((await Promise.all([a.lead(), b.lead()])).sort(), [false, true]);
});
