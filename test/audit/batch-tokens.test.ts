import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { certificatesIn } from '../../server/cli/pem.ts';
import { parseTrust, type Trust } from '../../server/core/verify/trust.ts';
import { copyOf, inDatabase, look } from './installation.ts';
import { shortened, stampedInstallation, TOKEN_DAMAGES } from './stamped.ts';

/*
 * Tokens of an outside authority as a real service keeps them; each test damages a copy in one way, and fsck must name
 * that and nothing else.
 */

t.setTimeout(200_000);
const { service } = await stampedInstallation(t);
const running = await look(service.dataDir);
await service.pause();
t.teardown(() => service.stop());

t.test('beside a running service and a stopped one nothing is wrong', async (t) => {
  for (const { told, notes } of [running, await look(service.dataDir)]) {
    t.strictSame(told, []);
    // A running service is just writing one file or another.
    const lasting = notes.filter((note) => !note.startsWith('temporary-file '));
    t.strictSame(lasting, ['chain-not-asked chain/*'], 'no format is unknown');
  }
});

for (const { what, damage, told } of TOKEN_DAMAGES)
  t.test(`named, and nothing else: ${what}`, async (t) => {
    const dir = copyOf(t, service);
    inDatabase(dir, (db) => {
      void damage(async (sql, ...values) => db.prepare(sql).run(...values));
    });
    t.strictSame(shortened((await look(dir)).told, told), [...told].sort());
  });

t.test('an entry with the digest of a token belongs to nobody else', async (t) => {
  const dir = copyOf(t, service);
  inDatabase(dir, (db) => {
    const other = db.prepare("select id from organizations where role = 'depositor'").pluck().get();
    db.prepare('update entries set organization = ? where sequence = 2').run(other);
  });
  // And whatever is somebody's has a stamp.
  t.strictSame((await look(dir)).told, ['entry-column-differs entries/2', 'stamp-missing entries/2']);
});

t.test('an entry whose digest is not that of a token is an altered one', async (t) => {
  const dir = copyOf(t, service);
  inDatabase(dir, (db) => {
    const entry = db.prepare('select entry from entries where sequence = 2').pluck().get() as string;
    const altered = JSON.stringify({ ...JSON.parse(entry), sha256: '00'.repeat(32) });
    db.prepare('update entries set entry = ? where sequence = 2').run(altered);
  });
  t.strictSame([...new Set((await look(dir)).told)].sort(), [
    'batch-token-entry-differs batch_tokens/2',
    'entry-altered entries/2',
  ]);
});

t.test('a token must lead to a root that is listed for its authority, where any is', async (t) => {
  const { authorities } = parseTrust(readFileSync(join(service.dataDir, 'trust.json')));
  const [one] = authorities;
  t.equal(authorities.length, 1);
  const foreign = certificatesIn(readFileSync(join(service.dataDir, 'tsa.cert.pem'), 'utf8'));
  const told = async (given: Trust['authorities']) =>
    (await look(service.dataDir, { authorities: given })).told;
  t.strictSame(await told([{ ...one!, policies: ['1.2.3'] }]), [], 'policies are for whoever checks');
  t.strictSame(await told([{ ...one!, label: '乙', roots: foreign }]), [], 'of another authority');
  t.strictSame(await told([]), [], 'nobody knows any');
  t.strictSame(await told([{ ...one!, roots: foreign }]), ['batch-token-root-unknown batch_tokens/2']);
});

t.test(
  'batches of deposits that an authority was not asked for since its first token are noted',
  async (t) => {
    const dir = copyOf(t, service);
    inDatabase(dir, (db) => {
      // The batch of the digest holds no deposit until its entry is somebody's.
      db.exec('update authorities set next_batch = 3');
    });
    t.strictSame((await look(dir)).notes, ['chain-not-asked chain/*'], 'of digests no token is wanted');
    inDatabase(dir, (db) =>
      db.exec(`update entries set organization = (select organization from entries where sequence = 1)
      where sequence = 2`),
    );
    const { findings } = await look(dir);
    t.match(
      findings.find(({ code }) => code === 'authority-batches-skipped'),
      { severity: 'note', what: 'batches/2', found: 1 },
    );
  },
);
