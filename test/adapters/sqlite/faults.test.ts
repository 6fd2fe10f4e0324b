import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { Migration } from 'kysely/migration';
import t, { type Test } from 'tap';
import { startWriter } from '../../../server/adapters/sqlite/client.ts';
import { openForReading } from '../../../server/adapters/sqlite/connection.ts';
import { MIGRATIONS, migrate } from '../../../server/adapters/sqlite/migrate.ts';
import { openSqliteStore } from '../../../server/adapters/sqlite/store.ts';
import { type Store, StoreOverloaded, StoreUnavailable } from '../../../server/ports/store.ts';
import { addOrganization, DAY_MS, entryOf, fingerprintOf, NOW_MS } from '../../suites/sample.ts';
import { mountSmallDisk, whyNoSmallDisk } from '../../suites/small-disk.ts';

const skip = whyNoSmallDisk();

const clock = { nowMs: () => NOW_MS };

async function openIn(t: Test, dir: string, given: { slice?: number; mostWaiting?: number } = {}) {
  const path = join(dir, 'store.sqlite');
  const store = await openSqliteStore({ path, clock, ...given });
  t.teardown(() => store.close());
  return { store, path, organization: await addOrganization(store) };
}

/** Deposits groups until one is refused; returns the ids that were promised. */
async function depositUntilRefused(t: Test, store: Store, organization: string): Promise<string[]> {
  const promised: string[] = [];
  for (let n = 0; n < 200; n++) {
    const entries = Array.from({ length: 20 }, () =>
      entryOf(organization, { entry: `"${'x'.repeat(2_000)}"` }),
    );
    const results = await Promise.allSettled(entries.map((entry) => store.deposit(entry)));
    for (const [i, result] of results.entries()) {
      if (result.status === 'fulfilled') promised.push(entries[i]!.id);
      else t.type(result.reason, StoreUnavailable);
    }
    if (results.some((result) => result.status === 'rejected')) return promised;
  }
  t.fail('never refused');
  return promised;
}

async function holdsAll(t: Test, store: Store, organization: string, ids: readonly string[]): Promise<void> {
  const found = await Promise.all(ids.map((id) => store.evidence(organization, id)));
  t.ok(
    found.every((entry) => entry !== undefined),
    'every promise is kept',
  );
  t.same(new Set(found.map((entry) => entry?.sequence)).size, ids.length);
  const { count } = await store.pending();
  t.equal(count, ids.length, 'what was refused left nothing');
  t.equal((await store.pendingLeaves(count + 1)).leaves.length, 32 * count);
}

t.test('a full disk refuses, keeps what it promised, and goes on when there is room', { skip }, async (t) => {
  const disk = mountSmallDisk(t, 6);
  const { store, organization } = await openIn(t, disk.dir, { slice: 100 });
  disk.fill();
  const before = await depositUntilRefused(t, store, organization);
  await t.rejects(
    store.depositMany(organization, [entryOf(organization, { entry: `"${'y'.repeat(99_999)}"` })]),
  );
  t.ok(await store.listEvidence(organization, {}, { limit: 1 }), 'reading goes on');
  disk.free();
  const later = entryOf(organization);
  t.match(await store.deposit(later), { outcome: 'stored', sequence: before.length + 1 });
  await holdsAll(t, store, organization, [...before, later.id]);
});

t.test('a disk that turns read-only refuses, and goes on when it is writable again', { skip }, async (t) => {
  const disk = mountSmallDisk(t, 6);
  const path = join(disk.dir, 'store.sqlite');
  const first = await openSqliteStore({ path, clock });
  const organization = await addOrganization(first);
  await first.close();
  disk.readOnly(true);
  await t.rejects(openSqliteStore({ path, clock }));
  disk.readOnly(false);
  const store = await openSqliteStore({ path, clock });
  t.teardown(() => store.close());
  t.match(await store.deposit(entryOf(organization)), { outcome: 'stored', sequence: 1 });
});

t.test('a database that another process holds locked refuses in time, and goes on', async (t) => {
  const { store, path, organization } = await openIn(t, t.testdir());
  const other = new Sqlite(path);
  t.teardown(() => other.close());
  other.exec('begin immediate');
  await t.rejects(store.deposit(entryOf(organization)), StoreUnavailable);
  other.exec('rollback');
  t.match(await store.deposit(entryOf(organization)), { outcome: 'stored', sequence: 1 });
});

t.test(
  'more waiting deposits than the bound are refused at once, and nothing of them is stored',
  async (t) => {
    const { store, organization } = await openIn(t, t.testdir(), { mostWaiting: 100 });
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

t.test('what another process adds counts at once', async (t) => {
  const { store, path, organization } = await openIn(t, t.testdir());
  const other = await openSqliteStore({ path, clock });
  t.teardown(() => other.close());
  const added = await addOrganization(other);
  t.equal((await store.organization(added))?.id, added);
  t.match(await store.deposit(entryOf(added)), { outcome: 'stored', sequence: 1 });
  t.match(await other.deposit(entryOf(organization)), { outcome: 'stored', sequence: 2 });
  t.match(await store.deposit(entryOf(organization)), { outcome: 'stored', sequence: 3 });
});

t.test('keys and bulk calls of days ago are forgotten, newer ones are not', async (t) => {
  const path = join(t.testdir(), 'store.sqlite');
  const claim = (key: string) => ({ key, fingerprint: fingerprintOf('a') });
  const opened = await openSqliteStore({ path, clock, slice: 1 });
  const organization = await addOrganization(opened);
  for (const [key, receivedMs] of [
    ['old', NOW_MS - 4 * DAY_MS],
    ['new', NOW_MS - 1],
  ] as const) {
    await opened.deposit(entryOf(organization, { receivedMs }), claim(key));
    await opened.depositMany(organization, [], { ...claim(`${key} bulk`), note: '', nowMs: receivedMs });
  }
  for (let n = 0; n < 5; n++) await opened.deposit(entryOf(organization));
  await opened.close();
  const store = await openSqliteStore({ path, clock, slice: 1 });
  t.match(await store.deposit(entryOf(organization), claim('new')), { outcome: 'replayed' });
  await store.close();
  const db = new Sqlite(path, { readonly: true });
  t.equal(db.prepare('select count(distinct bucket) from lookup where kind = 0').pluck().get(), 1);
  t.same(db.prepare('select key from bulk_calls').pluck().all(), ['new bulk']);
  db.close();
});

t.test('a writer that dies refuses what waits for it, and another one takes its place', async (t) => {
  const program = new URL('./dying-writer.ts', import.meta.url);
  const writer = startWriter({ path: 'unused', slice: undefined }, program);
  t.teardown(() => writer.close());
  for (let life = 0; life < 2; life++) {
    t.equal(await writer.call('forget', [0]), 'answered' as never);
    const waiting = await Promise.allSettled([writer.call('forget', [0]), writer.call('forget', [0])]);
    for (const result of waiting)
      t.match(result, { status: 'rejected', reason: { name: 'StoreUnavailable' } });
  }
});

t.test('after close everything is refused', async (t) => {
  const { store, organization } = await openIn(t, t.testdir());
  await store.close();
  await store.close();
  await t.rejects(store.deposit(entryOf(organization)), StoreUnavailable);
  await t.rejects(store.addOrganization(undefined as never));
});

/** The exit code of another program that does nothing else. */
async function migrateInProcess(path: string): Promise<number> {
  const module = new URL('../../../server/adapters/sqlite/migrate.ts', import.meta.url);
  const program = `import('${module}').then(({ migrate }) => migrate(${JSON.stringify(path)}))`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

t.test('a migration that fails leaves the older version whole', async (t) => {
  const path = join(t.testdir(), 'store.sqlite');
  await migrate(path);
  const half: Migration = {
    async up(db) {
      await db.schema.createTable('half').addColumn('a', 'integer').execute();
      throw new Error('failed in the middle');
    },
  };
  await t.rejects(migrate(path, { ...MIGRATIONS, '9998-half': half }), /failed in the middle/);
  const db = openForReading(path);
  t.teardown(() => db.close());
  t.same(db.prepare("select name from sqlite_schema where name = 'half'").all(), []);
  await (await openSqliteStore({ path, clock })).close();
});

t.test('programs that start at once migrate once, and a newer database is refused', async (t) => {
  const path = join(t.testdir(), 'store.sqlite');
  t.same(await Promise.all([1, 2, 3, 4].map(() => migrateInProcess(path))), [0, 0, 0, 0]);
  await migrate(path, { ...MIGRATIONS, '9999-later': { up: async () => {} } });
  await t.rejects(openSqliteStore({ path, clock }), /9999-later/);
});
