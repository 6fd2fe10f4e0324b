import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import t from 'tap';
import { strangerRoot } from '../../scripts/vectors/stampers.ts';
import { signerId } from '../../server/adapters/stamping/tokens.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { cli } from '../support/cli.ts';
import { body, certificateOf, hashOnly, type Running, run } from '../support/running.ts';

t.setTimeout(240_000);

async function deposit(service: Running, n: number): Promise<void> {
  const { id } = await body(service.call('/v1/evidence', { json: hashOnly(n) }));
  await certificateOf(service, id);
}

t.test('after the stamping key was changed, stamps of the earlier one are known to fsck', async (t) => {
  const first = await run();
  await deposit(first, 1);
  await first.pause();
  const path = (name: string) => join(first.dataDir, name);
  for (const name of ['tsa.key.pem', 'tsa.cert.pem']) rmSync(path(name));
  const second = await run({}, first.dataDir);
  t.teardown(() => second.stop());
  await deposit(second, 2);
  const own = parseTrust(readFileSync(path('trust.json'))).issuers[0]!.certificates;
  t.equal(own.length, 4, 'issuer, documents, and both roots of stamps');
  const found = await cli(['fsck'], { KEZHENG_DATA_DIR: first.dataDir });
  t.equal(found.code, 0, found.out + found.err);
});

t.test('a row in the database makes nobody an operator whom the service tells others to trust', async (t) => {
  const first = await run();
  await deposit(first, 1);
  await first.pause();
  const path = (name: string) => join(first.dataDir, name);
  const before = parseTrust(readFileSync(path('trust.json'))).issuers;
  const db = new Sqlite(path('kezheng.sqlite'), { fileMustExist: true });
  const chain = JSON.stringify([Buffer.from(strangerRoot).toString('base64')]);
  db.prepare('insert into signers values (?, ?)').run(signerId(strangerRoot), chain);
  db.close();
  const second = await run({}, first.dataDir);
  t.teardown(() => second.stop());
  await deposit(second, 2);
  t.strictSame(parseTrust(readFileSync(path('trust.json'))).issuers, before);
});
