import pg from 'pg';
import t, { type Test } from 'tap';
import { openPostgres, type PostgresOptions } from '../../../server/adapters/postgres/open.ts';
import { checkSession, clientConfig } from '../../../server/adapters/postgres/session.ts';
import { type Store, StoreOverloaded, StoreUnavailable } from '../../../server/ports/store.ts';
import { patientQueue } from '../../suites/patient.ts';
import { addOrganization, DAY_MS, entryOf, fingerprintOf, logOf, NOW_MS } from '../../suites/sample.ts';
import { mountSmallDisk, whyNoSmallDisk } from '../../suites/small-disk.ts';
import {
  freshDatabase,
  sharedPostgres,
  startPostgres,
  tablespaceFolder,
  whyNoPostgres,
} from '../../support/postgres.ts';
import { startProxy } from './proxy.ts';

const skip = whyNoPostgres();

/** Not kept, whether the database is away or too many wait for it by then. */
const REFUSED = /^Store(?:Unavailable|Overloaded)$/;
const clock = { nowMs: () => NOW_MS };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const claimOf = (key: string) => ({ key, fingerprint: fingerprintOf(key) });

/** On a server that keeps its promises where nothing else is said; closed with the test. */
async function open(t: Test, url: string, given: Partial<PostgresOptions> = {}) {
  const postgres = await openPostgres({ url, clock, ...given });
  t.teardown(() => postgres.close());
  return postgres;
}

/** On the shared server, whose fsync is off. */
async function openShared(t: Test, given: Partial<PostgresOptions> = {}) {
  const url = await freshDatabase();
  const patient = given.mostWaiting === undefined ? { queue: patientQueue() } : {};
  const { store } = await open(t, url, { allowUnsyncedForTests: true, ...patient, ...given });
  return { store, url, organization: await addOrganization(store) };
}

async function isDense(t: Test, store: Store, count: number): Promise<void> {
  t.equal((await store.pending()).count, count);
  const { firstSequence, leaves } = await store.pendingLeaves(count + 1);
  t.equal(firstSequence, 1);
  t.equal(leaves.length, 32 * count, 'no sequence is missing, none is there twice');
}

/** Tries until it is taken: what was away is back. */
async function eventually<T>(work: () => Promise<T>, withinMs = 15_000): Promise<T> {
  for (const began = Date.now(); ; await sleep(100)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || Date.now() - began > withinMs) throw error;
    }
  }
}

t.test(
  'whatever was answered is there after the server was killed, again and again; what was refused can be asked again',
  { skip },
  async (t) => {
    const server = await startPostgres(t, { synced: true });
    const { store } = await open(t, await server.freshDatabase());
    const organization = await addOrganization(store);
    const asked = new Map<string, ReturnType<typeof entryOf>>();
    let promised = 0;
    for (let run = 0; run < 4; run++) {
      let isDown = false;
      const answers = new Map<string, number>();
      const refused: string[] = [];
      const depositUntilDown = async (lane: number): Promise<void> => {
        for (let n = 0; !isDown; n++) {
          const key = `${run}-${lane}-${n}`;
          const entry = entryOf(organization);
          asked.set(key, entry);
          try {
            const outcome = await store.deposit(entry, claimOf(key));
            if (outcome.outcome !== 'stored') t.fail(`${key} is ${outcome.outcome}`);
            else answers.set(key, outcome.sequence);
          } catch (error) {
            if (!(error instanceof StoreUnavailable)) t.fail(String(error));
            refused.push(key);
            isDown = true;
          }
        }
      };
      const lanes = Array.from({ length: 40 }, (_, lane) => depositUntilDown(lane));
      await sleep(200 + Math.random() * 400);
      await server.kill();
      await Promise.all(lanes);
      t.ok(refused.length > 0, 'some were under way');
      await server.start();
      promised += answers.size;
      await eventually(() => store.probe());
      const kept = async ([key, sequence]: readonly [string, number]): Promise<void> => {
        const found = await store.evidence(organization, asked.get(key)!.id);
        if (found?.sequence !== sequence) t.fail(`${key} was promised and is not there`);
      };
      await Promise.all([...answers].map(kept));
      for (const key of refused) {
        const again = await eventually(() =>
          store.deposit(entryOf(organization, { id: asked.get(key)!.id }), claimOf(key)),
        );
        t.match(again.outcome, /^(?:stored|replayed)$/);
      }
    }
    await isDense(t, store, asked.size);
    t.ok(promised > 100, `${promised} promises`);
  },
);

t.test(
  'while the server is away everything is refused in time, and goes on by itself',
  { skip },
  async (t) => {
    const server = await startPostgres(t);
    const { store, limits } = await open(t, await server.freshDatabase(), { allowUnsyncedForTests: true });
    const organization = await addOrganization(store);
    await server.stop();
    const began = Date.now();
    const refused = await Promise.allSettled([
      store.probe(),
      store.pending(),
      store.lastBatch(),
      store.listEvidence(organization, {}, { limit: 1 }),
      store.planAnchor(logOf(), NOW_MS),
      store.apiKey('key'),
      limits.hit('a', 1_000, NOW_MS),
      store.depositMany(organization, [entryOf(organization)]),
      ...Array.from({ length: 500 }, () => store.deposit(entryOf(organization))),
    ]);
    for (const result of refused) t.match(result, { status: 'rejected', reason: { name: REFUSED } });
    t.ok(Date.now() - began < 5_000, 'in time');
    await t.rejects(
      openPostgres({ url: `postgres://postgres@127.0.0.1:${server.port}/x`, clock }),
      StoreUnavailable,
    );
    await server.start();
    t.match(await store.deposit(entryOf(organization)), { outcome: 'stored', sequence: 1 });
    await store.probe();
    t.equal((await store.pending()).count, 1);
    t.equal(await store.planAnchor(logOf(), NOW_MS), undefined);
  },
);

t.test('a server that no longer answers is given up in time, and found again', { skip }, async (t) => {
  const { allowUnsyncedForTests, answerMs } = { allowUnsyncedForTests: true, answerMs: 500 };
  const proxy = await startProxy(t, await freshDatabase());
  const { store } = await open(t, proxy.url, { allowUnsyncedForTests, answerMs });
  const organization = await addOrganization(store);
  await store.deposit(entryOf(organization));
  proxy.isSilent = true;
  const began = Date.now();
  const refused = await Promise.allSettled([
    ...Array.from({ length: 1_000 }, () => store.deposit(entryOf(organization))),
    store.pending(),
    store.addOrganization({ id: organization, name: '', role: 'court', uscc: undefined, createdMs: 0 }),
  ]);
  for (const result of refused) t.match(result, { status: 'rejected', reason: { name: REFUSED } });
  t.ok(Date.now() - began < 8_000, 'in time, that of a new session included');
  proxy.isSilent = false;
  t.match(await eventually(() => store.deposit(entryOf(organization))), { outcome: 'stored', sequence: 2 });
  t.equal((await store.pending()).count, 2);
});

t.test(
  'where the answer to COMMIT is lost nothing is promised, and nothing is there twice',
  { skip },
  async (t) => {
    const proxy = await startProxy(t, await freshDatabase());
    const { store } = await open(t, proxy.url, { allowUnsyncedForTests: true });
    const organization = await addOrganization(store);
    const entry = entryOf(organization);

    const lost = proxy.loseAnswerTo('deposit_group');
    await t.rejects(store.deposit(entry, claimOf('k')), StoreUnavailable);
    await lost;
    t.equal((await store.pending()).count, 1, 'it is there');
    const again = await store.deposit(entryOf(organization), claimOf('k'));
    t.match(again, { outcome: 'replayed', stored: { id: entry.id, sequence: 1 } });

    const bulk = { ...claimOf('many'), note: 'n', nowMs: NOW_MS };
    const lostBulk = proxy.loseAnswerTo('deposit_many');
    await t.rejects(store.depositMany(organization, [entryOf(organization)], bulk), StoreUnavailable);
    await lostBulk;
    t.match(await store.depositMany(organization, [], bulk), { outcome: 'replayed', note: 'n' });
    await isDense(t, store, 2);

    await store.seal({ firstSequence: 1, size: 2, root: 'aa', nowMs: NOW_MS });
    const lostCommit = proxy.loseAnswerTo('commit');
    await t.rejects(store.planAnchor(logOf(), NOW_MS), StoreUnavailable);
    await lostCommit;
    t.equal(await store.planAnchor(logOf(), NOW_MS), undefined, 'it was planned');
    t.match(await store.openAnchors(logOf()), [{ index: 0, batch: 1, state: 'planned' }]);
  },
);

t.test('sessions that the server ends are opened again', { skip }, async (t) => {
  const { store, url, organization } = await openShared(t);
  const server = await sharedPostgres();
  for (let n = 1; n <= 3; n++) {
    await store.deposit(entryOf(organization));
    await store.lastBatch();
    await server.cutSessions(url);
    await sleep(50);
    t.equal((await eventually(() => store.pending())).count, n);
  }
  // In the middle of writing.
  const writing = Promise.allSettled(
    Array.from({ length: 2_000 }, (_, n) => store.deposit(entryOf(organization), claimOf(`${n}`))),
  );
  await sleep(20);
  await server.cutSessions(url);
  const stored = (await writing).filter((result) => result.status === 'fulfilled').length;
  await Promise.all(
    Array.from({ length: 2_000 }, (_, n) =>
      eventually(() => store.deposit(entryOf(organization), claimOf(`${n}`))),
    ),
  );
  await isDense(t, store, 2_003);
  t.comment(`${stored} of 2000 were stored at first`);
});

t.test('a journal that another session holds locked refuses in time, and goes on', { skip }, async (t) => {
  const { store, url, organization } = await openShared(t);
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  t.teardown(() => other.end());
  await other.query('begin');
  await other.query('select from journal for update');
  const began = Date.now();
  const refused = await Promise.allSettled([
    ...Array.from({ length: 600 }, () => store.deposit(entryOf(organization))),
    store.probe(),
    store.seal({ firstSequence: 1, size: 1, root: 'aa', nowMs: NOW_MS }),
  ]);
  for (const result of refused) t.match(result, { status: 'rejected', reason: { name: REFUSED } });
  t.ok(Date.now() - began < 20_000, 'in time');
  t.same(await store.pending(), { count: 0, oldestMs: undefined }, 'reading goes on');
  await other.query('rollback');
  await store.probe();
  t.match(await store.deposit(entryOf(organization)), { outcome: 'stored', sequence: 1 });
});

t.test('a database that is made read-only refuses, and goes on', { skip }, async (t) => {
  const { store, url, organization } = await openShared(t);
  const server = await sharedPostgres();
  const name = new URL(url).pathname.slice(1);
  await server.sql(`alter database ${name} set default_transaction_read_only = on`);
  await server.cutSessions(url);
  await sleep(50);
  for (let n = 0; n < 3; n++) await t.rejects(store.deposit(entryOf(organization)), StoreUnavailable);
  await t.rejects(store.probe(), StoreUnavailable);
  await server.sql(`alter database ${name} reset default_transaction_read_only`);
  t.match(await eventually(() => store.deposit(entryOf(organization))), { outcome: 'stored', sequence: 1 });
});

t.test('a server without a free session refuses, and goes on when there is one', { skip }, async (t) => {
  const server = await startPostgres(t, { settings: { max_connections: '12' } });
  const url = await server.freshDatabase();
  const { store } = await open(t, url, { allowUnsyncedForTests: true });
  const organization = await addOrganization(store);
  await server.cutSessions(url);
  await sleep(100);
  const others: pg.Client[] = [];
  for (let full = false; !full; ) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect().then(
      () => others.push(client),
      () => (full = true),
    );
  }
  await t.rejects(store.deposit(entryOf(organization)), StoreUnavailable);
  await t.rejects(store.pending(), /too many/);
  await Promise.all(others.map((client) => client.end()));
  t.match(await eventually(() => store.deposit(entryOf(organization))), { outcome: 'stored', sequence: 1 });
});

const skipDisk = skip || whyNoSmallDisk();

t.test(
  'a full disk refuses, keeps what it promised, and goes on when there is room',
  { skip: skipDisk },
  async (t) => {
    const disk = mountSmallDisk(t, 24);
    const server = await startPostgres(t);
    const folder = await tablespaceFolder(disk.dir);
    await server.sql(`create tablespace small location '${folder}'`);
    const { store } = await open(t, await server.freshDatabase({ tablespace: 'small' }), {
      allowUnsyncedForTests: true,
    });
    const organization = await addOrganization(store);
    const ids: string[] = [];
    let refused = 0;
    disk.fill();
    for (let n = 0; n < 100 && refused === 0; n++) {
      const entries = Array.from({ length: 30 }, () =>
        entryOf(organization, { entry: JSON.stringify(Buffer.alloc(1_500, n).toString('base64')) }),
      );
      const results = await Promise.allSettled(entries.map((entry) => store.deposit(entry)));
      for (const [i, result] of results.entries()) {
        if (result.status === 'fulfilled') ids.push(entries[i]!.id);
        else {
          refused++;
          t.match(result.reason, { name: 'StoreUnavailable', message: /No space left/ });
        }
      }
    }
    t.ok(refused > 0, `${ids.length} went into the pages that were there`);
    await isDense(t, store, ids.length);
    disk.free();
    t.match(await store.deposit(entryOf(organization)), { outcome: 'stored', sequence: ids.length + 1 });
    for (const id of ids) if (!(await store.evidence(organization, id))) t.fail(`${id} was promised`);
  },
);

t.test('a server that does not keep what it confirms is refused', { skip }, async (t) => {
  const url = await freshDatabase();
  await t.rejects(openPostgres({ url, clock }), { name: 'StoreUnavailable', message: /fsync = off/ });

  const server = await startPostgres(t, { synced: true, settings: { synchronous_commit: 'off' } });
  const synced = await server.freshDatabase();
  const { store } = await open(t, synced);
  t.ok(await addOrganization(store), 'a server whose default is off is told otherwise');
  for (const [settings, refused] of [
    [{}, false],
    [{ synchronous_commit: 'off' }, true],
  ] as const) {
    const client = new pg.Client(clientConfig({ url: synced }, settings));
    await client.connect();
    const checked = checkSession(client, { url: synced });
    if (refused) await t.rejects(checked, { name: 'StoreUnavailable', message: /synchronous_commit/ });
    else await checked;
    await client.end();
  }

  await server.sql("create database ascii template template0 encoding 'SQL_ASCII'");
  const ascii = `postgres://postgres@127.0.0.1:${server.port}/ascii`;
  await t.rejects(openPostgres({ url: ascii, clock }), { name: 'StoreUnavailable', message: /SQL_ASCII/ });
});

t.test('a server that stops keeping what it confirms is refused from then on', { skip }, async (t) => {
  const server = await startPostgres(t, { synced: true });
  const { store } = await open(t, await server.freshDatabase());
  const organization = await addOrganization(store);
  await store.deposit(entryOf(organization));
  for (const state of ['off', 'on']) {
    // The test's own file of settings comes last, so it is there that this stands.
    await server.sql(`alter system set fsync = ${state}`);
    await server.sql('select pg_reload_conf()');
    if (state === 'off') {
      await sleep(2_500);
      await t.rejects(store.deposit(entryOf(organization)), {
        name: 'StoreUnavailable',
        message: /fsync = off/,
      });
      await t.rejects(store.probe(), { name: 'StoreUnavailable', message: /fsync = off/ });
    }
  }
  await eventually(() => store.deposit(entryOf(organization)));
  await isDense(t, store, 2);
});

t.test('a bulk call whose entries are not those of its organization is not replayed', { skip }, async (t) => {
  const { store, url, organization } = await openShared(t);
  const other = await addOrganization(store);
  await store.depositMany(other, [entryOf(other), entryOf(other)]);
  const claim = { ...claimOf('k'), note: '', nowMs: NOW_MS };
  await store.depositMany(organization, [entryOf(organization)], claim);
  const { sql } = await sharedPostgres();
  await sql('update bulk_calls set first_sequence = 1', url);
  await t.rejects(store.depositMany(organization, [], claim), { message: /bulk call of 1 entries has 0/ });
});

t.test(
  'more waiting deposits than the bound are refused at once, and nothing of them is stored',
  { skip },
  async (t) => {
    const { store, organization } = await openShared(t, { mostWaiting: 100 });
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, () => store.deposit(entryOf(organization))),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    t.equal(refused.length, 200);
    for (const { reason } of refused) t.type(reason, StoreOverloaded);
    t.equal((await store.pending()).count, 100);
    t.match(await store.deposit(entryOf(organization)), { outcome: 'stored' });
  },
);

t.test('keys and bulk calls of days ago are forgotten, newer ones are not', { skip }, async (t) => {
  const { store, url, organization } = await openShared(t);
  for (const [key, receivedMs] of [
    ['old', NOW_MS - 3 * DAY_MS],
    ['new', NOW_MS - 1],
  ] as const) {
    await store.deposit(entryOf(organization, { receivedMs }), claimOf(key));
    await store.depositMany(organization, [], { ...claimOf(`${key} bulk`), note: '', nowMs: receivedMs });
  }
  await store.depositMany(
    organization,
    Array.from({ length: 5_000 }, () => entryOf(organization)),
  );
  const server = await sharedPostgres();
  await server.sql(
    `insert into idempotency_keys select organization, 'old ' || n, n, fingerprint, created_ms
     from idempotency_keys, generate_series(1, 5000) as n where key = 'old'`,
    url,
  );
  const later = await open(t, url, { allowUnsyncedForTests: true });
  const left = () =>
    server.sql<{ key: string }>('select key from idempotency_keys union select key from bulk_calls', url);
  for (let tries = 0; tries < 100 && (await left()).length > 2; tries++) await sleep(50);
  t.same((await left()).map((row) => row.key).sort(), ['new', 'new bulk']);
  t.match(await later.store.deposit(entryOf(organization), claimOf('new')), { outcome: 'replayed' });
});

t.test('a missing entry stops the sealing of those behind it', { skip }, async (t) => {
  const { store, url, organization } = await openShared(t);
  for (let n = 0; n < 3; n++) await store.deposit(entryOf(organization));
  await (await sharedPostgres()).sql('delete from entries where sequence = 2', url);
  await t.rejects(store.pendingLeaves(10), /only 2 are there/);
});

t.test('after close everything is refused', { skip }, async (t) => {
  const { store, organization } = await openShared(t);
  const waiting = store.deposit(entryOf(organization));
  await sleep(5);
  await store.close();
  await store.close();
  t.match(await waiting, { outcome: 'stored' }, 'what was under way is answered');
  await t.rejects(store.deposit(entryOf(organization)), StoreUnavailable);
  await t.rejects(store.pending(), StoreUnavailable);
  await t.rejects(store.probe(), StoreUnavailable);
  await t.rejects(store.addOrganization(undefined as never));
});
