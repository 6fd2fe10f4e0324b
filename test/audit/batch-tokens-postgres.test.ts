import process from 'node:process';
import pg from 'pg';
import t from 'tap';
import { whyNoPostgres } from '../support/postgres.ts';

/* The same as batch-tokens.test.ts over PostgreSQL: what its own queries could get wrong. */

process.env['KEZHENG_TEST_STORAGE'] = 'postgres';
const { look } = await import('./installation.ts');
const { storageFor } = await import('../support/storage.ts');
const { shortened, stampedInstallation, TOKEN_DAMAGES } = await import('./stamped.ts');

t.setTimeout(300_000);
const skip = whyNoPostgres();
if (skip !== false) t.plan(0, skip);
else {
  const { service } = await stampedInstallation(t);
  await service.pause();
  t.teardown(() => service.stop());
  const storage = await storageFor(service.dataDir);
  const TABLES = ['token_evidence', 'batch_tokens', 'authorities'];

  /** Past every rule of the schema, and back afterwards. */
  async function damaged(work: (client: pg.Client) => Promise<void>): Promise<void> {
    const client = new pg.Client(storage['KEZHENG_DATABASE_URL']!);
    await client.connect();
    try {
      await client.query('create schema kept');
      for (const table of TABLES) await client.query(`create table kept.${table} as table ${table}`);
      await client.query('set session_replication_role = replica');
      await work(client);
    } finally {
      for (const table of TABLES)
        await client.query(`delete from ${table}; insert into ${table} table kept.${table}`);
      await client.query('drop schema kept cascade');
      await client.end();
    }
  }

  t.test('nothing is wrong with what the service keeps', async (t) => {
    const { findings, told } = await look(service.dataDir, { storage });
    t.strictSame(told, [], JSON.stringify(findings));
  });

  for (const { what, damage, told } of TOKEN_DAMAGES)
    t.test(`named, and nothing else: ${what}`, (t) =>
      damaged(async (client) => {
        await damage((sql, ...values) => client.query(sql.replace('?', '$1'), values as unknown[]));
        t.strictSame(shortened((await look(service.dataDir, { storage })).told, told), [...told].sort());
      }),
    );
}
