import process from 'node:process';
import pg from 'pg';
import t from 'tap';
import { openInspection } from '../../server/adapters/inspection.ts';
import { openS3Blobs } from '../../server/adapters/s3/blobs.ts';
import { whyNoPostgres } from '../support/postgres.ts';

/* The same as fsck.test.ts, in short, over PostgreSQL and an object store: what their own queries could get wrong. */

process.env['KEZHENG_TEST_STORAGE'] = 'postgres';
const { install, look } = await import('./installation.ts');
const { storageFor } = await import('../support/storage.ts');

t.setTimeout(300_000);
const skip = whyNoPostgres();
if (skip !== false) t.plan(0, skip);
else {
  const made = await install(t);
  const rpcUrl = made.anvil.url;
  const storage = await storageFor(made.dataDir);
  const url = storage['KEZHENG_DATABASE_URL']!;
  const running = await look(made.dataDir, { rpcUrl, storage });
  await made.service.stop();
  const year = new Date().getUTCFullYear();

  /** Past every rule of the schema, and back afterwards. */
  async function damaged(statements: readonly string[], work: () => Promise<void>): Promise<void> {
    const client = new pg.Client(url);
    await client.connect();
    try {
      await client.query('create schema kept');
      for (const table of TABLES) await client.query(`create table kept.${table} as table ${table}`);
      await client.query('set session_replication_role = replica');
      for (const statement of statements) await client.query(statement);
      await work();
    } finally {
      for (const table of TABLES) {
        await client.query(`delete from ${table}`);
        await client.query(`insert into ${table} overriding system value table kept.${table}`);
      }
      await client.query('drop schema kept cascade');
      await client.end();
    }
  }
  const TABLES = [
    'organizations',
    'api_keys',
    'entries',
    'bulk_calls',
    'file_digests',
    'idempotency_keys',
    'batches',
    'logs',
    'anchors',
    'attempts',
    'anchor_events',
    'certificates',
    'serials',
    'stamps',
    'signers',
    'stamp_state',
  ];

  t.test('beside a running service nothing is wrong', async (t) => {
    t.strictSame([running.told, running.notes, running.unreadParts], [[], [], []]);
  });

  const DAMAGES: Readonly<Record<string, readonly [statements: readonly string[], told: readonly string[]]>> =
    {
      'a byte of an entry': [
        [`update entries set entry = replace(entry, '仅摘要', '仅篡改') where sequence = 4`],
        ['entry-altered entries/4', 'stamp-wrong stamps/2'],
      ],
      'a leaf': [
        [`update entries set leaf = decode(repeat('00', 32), 'hex') where sequence = 4`],
        ['leaf-differs entries/4'],
      ],
      'an entry that is gone': [
        ['delete from entries where sequence = 4'],
        [
          'entry-missing entries/4',
          'batch-entries-missing batches/2',
          'lookup-surplus lookup/',
          'stamp-place-wrong stamps/2',
        ],
      ],
      'a token': [
        [`update stamps set token = set_byte(token, length(token) - 1, 0) where first_sequence = 7`],
        ['stamp-wrong stamps/7'],
      ],
      'where tokens began': [
        ['update stamp_state set stamped_from = 3'],
        ['stamp-state-differs stamp_state/*'],
      ],
      'times that were never reserved': [
        ['update stamp_state set reserved_ms = 1'],
        ['stamp-state-differs stamp_state/*'],
      ],
      'a stamp that is gone': [['delete from stamps where first_sequence = 7'], ['stamp-missing entries/7']],
      'a batch that is gone': [
        ['delete from batches where number = 2'],
        ['batch-number-gap batches/2', 'anchor-batch-missing anchors/1:1'],
      ],
      'the index of an anchor': [
        ['update anchors set log_index = 9 where log_index = 3'],
        [
          'anchor-index-gap anchors/1:3–8',
          'anchor-order-differs anchors/1:9',
          'anchor-column-differs anchors/1:9',
          'anchor-not-on-chain anchors/1:9',
          'anchor-unrecorded anchors/1:3',
          'attempt-invalid attempts/4',
        ],
      ],
      'a certificate': [
        [`update certificates set bytes = '\\x7b' where sequence = 3`],
        ['certificate-unreadable certificates/3:1'],
      ],
      'a number that was given': [
        ['update serials set serial = 900 where sequence = 3'],
        [
          'certificate-number-differs certificates/3:1',
          `serial-gap serials/${year}-2`,
          `serial-gap serials/${year}-4–899`,
        ],
      ],
      'a digest that is not found': [
        ['delete from file_digests where sequence = 3'],
        ['lookup-missing lookup/'],
      ],
      'a digest that leads elsewhere': [
        ['update file_digests set sequence = 4 where sequence = 3'],
        ['lookup-missing lookup/', 'lookup-surplus lookup/'],
      ],
      'a key that leads to nobody': [
        ['update idempotency_keys set sequence = 77'],
        ['lookup-surplus lookup/'],
      ],
      'a history of no anchor': [
        ['update anchor_events set anchor = 77 where id = 1'],
        ['event-invalid anchor_events/1', 'event-order-differs anchors/1:0'],
      ],
      'a history that is a year too old': [
        ['update anchor_events set at_ms = at_ms - 31536000000 where anchor = 2'],
        ['event-time-differs anchors/1:1', 'event-detail-differs anchors/1:1'],
      ],
      'a signed transaction that is gone': [
        ['delete from attempts where anchor = 2'],
        ['attempt-event-differs anchors/1:1'],
      ],
      'a seal before its entries came': [
        ['update batches set sealed_ms = sealed_ms - 3600000 where number = 2'],
        ['batch-sealed-early batches/2'],
      ],
      'a certificate that is gone with its number': [
        ['delete from certificates where sequence = 3', 'delete from serials where sequence = 3'],
        [`serial-gap serials/${year}-2`],
      ],
      'a bulk call that leads elsewhere': [
        [
          `insert into bulk_calls select organization, k, '\\x00', '', 2, n, received_ms from entries,
            (values ('right', 5), ('wrong', 500)) as calls (k, n) where sequence = 2`,
        ],
        ['bulk-call-differs bulk_calls/'],
      ],
      'every record of the chain': [
        [
          'delete from attempts',
          'delete from anchor_events',
          'delete from certificates',
          'delete from serials',
          'delete from anchors',
          'delete from logs',
          'update batches set progress = 1',
        ],
        ['log-unrecorded log/', ...[0, 1, 2, 3].map((index) => `anchor-unrecorded log/:${index}`)],
      ],
    };

  for (const [what, [statements, expected]] of Object.entries(DAMAGES))
    t.test(`named, and nothing else: ${what}`, (t) =>
      damaged(statements, async () => {
        const { told } = await look(made.dataDir, { rpcUrl, storage });
        const short = told.map((one) =>
          one.replace(/^((?:lookup-\w+ lookup|bulk-call-differs bulk_calls)\/).*|0x[0-9a-f]{40}/, '$1'),
        );
        t.strictSame([...new Set(short)].sort(), [...expected].sort());
      }),
    );

  t.test('--repair records an anchor that the chain has, and makes rows of the look-up again', (t) =>
    damaged(
      [
        'delete from attempts where anchor = 4',
        'delete from anchor_events where anchor = 4',
        'delete from anchors where log_index = 3',
        'update batches set progress = 1 where number = 4',
        'delete from file_digests where sequence = 3',
      ],
      async () => {
        const { repairs } = await look(made.dataDir, { rpcUrl, storage, repair: true });
        t.strictSame(
          repairs.map((one) => one.replace(/^(lookup-\w+).*/, '$1')),
          ['lookup-missing', 'anchor-unrecorded anchors/1:3'],
        );
        const again = await look(made.dataDir, { rpcUrl, storage, repair: true });
        t.strictSame([again.told, again.notes, again.repairs], [[], [], []]);
      },
    ),
  );

  t.test(
    'objects of the bucket: what is there, what is missing, and nothing is changed by looking',
    async (t) => {
      const inspection = await openInspection({
        dataDir: made.dataDir,
        databaseUrl: url,
        blobs: storage['KEZHENG_BLOBS'],
      });
      t.teardown(() => inspection.close());
      const files: string[] = [];
      for await (const { name } of inspection.blobs.list('files')) files.push(name);
      t.equal(files.length, 2);
      t.equal(await inspection.blobs.size('files', 'ab'.repeat(32)), undefined);
      t.equal(await inspection.blobs.stream('files', 'ab'.repeat(32)), undefined);
      const blobs = await openS3Blobs(storage['KEZHENG_BLOBS']!, { spoolDir: made.dataDir });
      t.teardown(() => blobs.close());
      await blobs.keep('files', 'ab'.repeat(32), Buffer.from('other'));
      const extra = await look(made.dataDir, { rpcUrl, storage });
      t.strictSame(extra.notes, [`blob-unreferenced files/${'ab'.repeat(32)}`]);
      const [victim] = files.filter((name) => name !== 'ab'.repeat(32));
      const { size } = { size: (await inspection.blobs.size('files', victim!))! };
      await blobs.keep('files', victim!, Buffer.alloc(size, 0x78));
      const { told } = await look(made.dataDir, { rpcUrl, storage });
      t.ok(told.length > 0 && told.every((one) => one === `file-differs files/${victim}`));
    },
  );

  t.test('a database that is away cannot be looked at', async (t) => {
    const gone = { ...storage, KEZHENG_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' };
    await t.rejects(look(made.dataDir, { storage: gone }), { name: 'InspectionFailed' });
  });
}
