import { randomBytes, randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { openSqliteStore } from '../../server/adapters/sqlite/store.ts';
import { newId } from '../../server/journal/ids.ts';
import type { IdempotencyClaim, JournalEntry, Store } from '../../server/ports/store.ts';
import { removeFolder, temporaryFolder } from './cleanup.ts';
import { pairs, perSecond, type Row, secondsOf } from './row.ts';

/** Deposits of one run, and how many of them are under way at a time: what 64 connections keep waiting. */
const DEPOSITS = 30_000;
const OUTSTANDING = 64;
const GROUP = 32;
const BULK = 10_000;
const PAIRS = 3;

/** As long as the manifest of a deposit of one file. */
const ENTRY = JSON.stringify({ text: 'x'.repeat(790) });

type Deposit = readonly [JournalEntry, IdempotencyClaim];

function prepareDeposits(organization: string, count: number): Deposit[] {
  const random = randomFillSync(Buffer.alloc(count * 96));
  const hex = (at: number, length: number) => random.toString('hex', at, at + length);
  return Array.from({ length: count }, (_, i) => {
    const at = i * 96;
    const receivedMs = Date.now();
    const leaf = random.subarray(at, at + 32);
    const fileDigests = [hex(at + 32, 32)];
    return [
      { id: newId(receivedMs), organization, receivedMs, entry: ENTRY, leaf, fileDigests },
      { key: hex(at + 64, 16), fingerprint: hex(at + 80, 16) },
    ];
  });
}

/** Keeps as many under way as that many clients would. */
async function depositRate(store: Store, deposits: readonly Deposit[]): Promise<number> {
  let next = 0;
  const client = async () => {
    for (let one = deposits[next++]; one !== undefined; one = deposits[next++]) await store.deposit(...one);
  };
  const took = await secondsOf(() => Promise.all(Array.from({ length: OUTSTANDING }, client)));
  return deposits.length / took;
}

/** The other side: the same rows by better-sqlite3 in this thread, one table, no index, no look-up, as few commits. */
async function bareRate(dir: string, deposits: readonly Deposit[]): Promise<number> {
  const db = new Sqlite(join(dir, `bare-${randomBytes(4).toString('hex')}.sqlite`));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('create table entries (sequence integer primary key, leaf blob not null, entry text not null)');
  const insert = db.prepare('insert into entries (leaf, entry) values (?, ?)');
  const group = db.transaction((some: readonly Deposit[]) => {
    for (const [entry] of some) insert.run(entry.leaf, entry.entry);
  });
  const took = await secondsOf(() => {
    for (let at = 0; at < deposits.length; at += GROUP) group(deposits.slice(at, at + GROUP));
  });
  db.close();
  return deposits.length / took;
}

function sqliteVersion(): string {
  const file = new URL('../../node_modules/better-sqlite3/package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export async function run(): Promise<Row[]> {
  const dir = temporaryFolder();
  const clock = { nowMs: () => Date.now() };
  const store = await openSqliteStore({ path: join(dir, 'store.sqlite'), clock });
  try {
    const organization = newId(Date.now());
    await store.addOrganization({
      id: organization,
      name: 'bench',
      role: 'depositor',
      uscc: undefined,
      createdMs: Date.now(),
    });
    const single = await pairs(
      PAIRS,
      () => depositRate(store, prepareDeposits(organization, DEPOSITS)),
      () => bareRate(dir, prepareDeposits(organization, DEPOSITS)),
    );
    const bulk = await pairs(
      PAIRS,
      async () => {
        const entries = prepareDeposits(organization, BULK).map(([entry]) => entry);
        return BULK / (await secondsOf(() => store.depositMany(organization, entries)));
      },
      () => bareRate(dir, prepareDeposits(organization, BULK)),
    );
    const otherName = `better-sqlite3 ${sqliteVersion()}, one table without indexes, ${GROUP} a commit, fsynced`;
    const row = (what: string, { ours, other, ratio }: typeof single): Row => ({
      what,
      ours: perSecond(ours),
      other: perSecond(other),
      otherName,
      ratio,
    });
    return [
      row('store: single deposits, durable, random idempotency keys, 64 waiting', single),
      row(`store: bulk calls of ${BULK.toLocaleString('en')}, one commit each`, bulk),
    ];
  } finally {
    await store.close();
    removeFolder(dir);
  }
}
