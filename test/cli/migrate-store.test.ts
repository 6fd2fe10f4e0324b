import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { movedTo } from '../../server/adapters/moved.ts';
import { askingOf, startAuthority } from '../support/authorities.ts';
import { signedIn } from '../support/browser.ts';
import { until } from '../support/configured.ts';
import { startPostgres, type TestPostgres, whyNoPostgres } from '../support/postgres.ts';
import { body, certificateOf, form, hashOnly, type Running, run } from '../support/running.ts';
import { startS3 } from '../support/s3-server.ts';

/* From a real service's SQLite and folder to a real PostgreSQL and a real S3 server. */

t.setTimeout(300_000);
const skip = whyNoPostgres();

const CLI = join(import.meta.dirname, '..', '..', 'server', 'cli', 'main.ts');

interface Outcome {
  readonly code: number | null;
  readonly err: string;
}

/** `onText` hears everything that was said so far. */
function migrateStore(
  dataDir: string,
  args: readonly string[],
  onText: (err: string, child: ChildProcess) => void = () => {},
): Promise<Outcome> {
  const env = { ...process.env, KEZHENG_DATA_DIR: dataDir };
  const child = spawn(process.execPath, [CLI, 'migrate-store', ...args], { env });
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
    onText(err, child);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, err })));
}

const upload = async (service: Running, text: string, key?: string): Promise<string> => {
  const answer = await service.call('/v1/evidence', {
    method: 'POST',
    body: form({ title: text }, [{ name: 'a.txt', bytes: Buffer.from(text) }]),
    ...(key && { headers: { 'idempotency-key': key } }),
  });
  if (answer.status !== 201) throw new Error(`upload: ${answer.status} ${await answer.text()}`);
  return (await body(answer)).id as string;
};

const bulk = (service: Running, count: number, key: string) =>
  service.call('/v1/evidence/bulk', {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': key },
    body: Array.from({ length: count }, (_, n) => JSON.stringify(hashOnly(n + 1))).join('\n'),
  });

let postgres: Promise<TestPostgres> | undefined;
/** A server that keeps its promises, as the command demands, for all tests. */
const freshDatabase = async (): Promise<string> => {
  postgres ??= startPostgres(t, { synced: true });
  return (await postgres).freshDatabase();
};
const sql = async <Row extends object>(url: string, text: string): Promise<Row[]> =>
  (await postgres!).sql<Row>(text, url);

/** Bulk records of the installation: several round trips' worth of rows. */
const RECORDS = 2_500;

/** A stopped installation with some of everything in it. */
async function makeInstallation() {
  const authority = await startAuthority(t, { revocation: 'crl' });
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-authorities-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const asking = askingOf(folder, [authority.entry('甲')], [authority.port]);
  const service = await run({ KEZHENG_FIXITY_EVERY_MS: '200', ...asking });
  t.teardown(() => rmSync(service.dataDir, { recursive: true, force: true }));
  const ids = [await upload(service, 'first', 'key-1'), await upload(service, 'twice')];
  ids.push(await upload(service, 'twice'));
  const lines = await (await bulk(service, RECORDS, 'bulk-1')).text();
  const last = JSON.parse(lines.trim().split('\n').at(-1)!).id;
  for (const id of [...ids, last])
    await until('stamped', async () => {
      const { batch } = await body(service.call(`/v1/evidence/${id}`));
      const { tokens } =
        batch === null ? { tokens: [] } : await body(service.call(`/v1/batches/${batch.number}`));
      return tokens[0]?.entry;
    });
  const certificates = new Map<string, Buffer>();
  for (const id of ids) certificates.set(id, await certificateOf(service, id));
  await until('checked', async () => {
    const { files } = await body(service.call(`/v1/evidence/${ids[0]}`));
    return files[0].fixity?.result === 'ok';
  });
  const hook = { url: 'https://127.0.0.1.invalid/', types: ['evidence.*'] };
  const webhook = await body(service.call('/v1/webhooks', { json: hook }));
  await service.call(`/v1/webhooks/${webhook.id}/test`, { method: 'POST' });
  await until('tried', async () => {
    const { items } = await body(service.call(`/v1/webhooks/${webhook.id}/deliveries`));
    return items[0].attempts > 0;
  });
  await service.pause();
  return { dataDir: service.dataDir, ids, certificates, lines, webhook: webhook.id };
}

let made: ReturnType<typeof makeInstallation> | undefined;

/** A copy of it for one test. */
async function installation(t: Test) {
  made ??= makeInstallation();
  const installed = await made;
  const parent = mkdtempSync(join(tmpdir(), 'kezheng-move-'));
  t.teardown(() => rmSync(parent, { recursive: true, force: true }));
  const dataDir = join(parent, 'data');
  await cp(installed.dataDir, dataDir, { recursive: true });
  return { ...installed, dataDir };
}

const isUnfinished = async (t: Test, url: string): Promise<unknown> =>
  t.equal((await sql(url, 'select * from import_state')).length, 1, 'killed in time');

const viewOf = async (service: Running, id: string) => {
  const { files, ...view } = await body(service.call(`/v1/evidence/${id}`));
  return { ...view, fixity: files[0].fixity.result };
};

t.test('everything is moved, and the service goes on in the new place as it was', { skip }, async (t) => {
  const { dataDir, ids, certificates, lines, webhook } = await installation(t);
  const url = await freshDatabase();
  const s3 = await startS3(t);
  const before = await run({ KEZHENG_FIXITY_EVERY_MS: '86400000' }, dataDir);
  const views = await Promise.all(ids.map((id) => viewOf(before, id)));
  const list = await body(before.call('/v1/evidence?limit=100'));
  t.match(
    await migrateStore(dataDir, ['--to-database', url, '--to-blobs', s3.address]),
    { code: 64, err: /service is running/ },
    'not while the service runs',
  );
  await before.pause();

  const { code, err } = await migrateStore(dataDir, ['--to-database', url, '--to-blobs', s3.address]);
  t.equal(code, 0, err);
  t.match(err, /KEZHENG_DATABASE_URL=postgres:/);
  t.match(err, `KEZHENG_BLOBS=${s3.address}`);
  t.match(err, `KEZHENG_ISSUER_KEY_FILE=${join(dataDir, 'issuer.key.pem')}`);
  t.match(err, `KEZHENG_ISSUER_CERT_FILE=${join(dataDir, 'issuer.cert.pem')}`);
  t.match(err, `KEZHENG_PDF_KEY_FILE=${join(dataDir, 'pdf.key.pem')}`);
  t.match(err, `KEZHENG_PDF_CERT_FILE=${join(dataDir, 'pdf.cert.pem')}`);
  t.match(err, `KEZHENG_DATA_KEY_FILE=${join(dataDir, 'data.keys')}`);
  t.notMatch(err, 'DIFFERENT');

  // What was left behind is needed no more.
  rmSync(join(dataDir, 'blobs'), { recursive: true });
  for (const name of readdirSync(dataDir)) if (name.startsWith('kezheng.sqlite')) rmSync(join(dataDir, name));
  const env = { KEZHENG_DATABASE_URL: url, KEZHENG_BLOBS: s3.address };
  const service = await run({ ...env, KEZHENG_FIXITY_EVERY_MS: '86400000' }, dataDir);
  t.teardown(() => service.pause());
  t.same(await Promise.all(ids.map((id) => viewOf(service, id))), views);
  t.same(await body(service.call('/v1/evidence?limit=100')), list);
  for (const [id, bytes] of certificates)
    t.ok((await certificateOf(service, id)).equals(bytes), 'the same certificate');
  t.equal(await (await service.call(`/v1/evidence/${ids[0]}/files/0`)).text(), 'first');

  t.equal(
    (await (await signedIn(service, 'notary')).call('/v1/session')).status,
    200,
    'people sign in as before',
  );
  t.match(await body(service.call(`/v1/webhooks/${webhook}`)), { types: ['evidence.*'], enabled: true });
  const { items: told } = await body(service.call(`/v1/webhooks/${webhook}/deliveries`));
  const tested = told.find(({ type }: { type: string }) => type === 'webhook.test');
  const { history } = await body(service.call(`/v1/webhooks/${webhook}/deliveries/${tested.id}`));
  t.match(history[0].error.code, /^door-name-/, 'with each attempt, and a secret that still opens');

  t.equal(await upload(service, 'first', 'key-1'), ids[0], 'idempotency keys still count');
  t.equal(await (await bulk(service, RECORDS, 'bulk-1')).text(), lines);
  const next = await upload(service, 'after the move');
  const certificate = JSON.parse((await certificateOf(service, next)).toString());
  const earlier = [...certificates.values()].map((bytes) => JSON.parse(bytes.toString()).number);
  t.notOk(earlier.includes(certificate.number), 'the running numbers go on');
  t.equal((await body(service.call(`/v1/evidence/${next}`))).state, 'anchored');
});

t.test(
  'a copy that was interrupted is refused by services, and goes on where it was',
  { skip },
  async (t) => {
    const { dataDir, ids } = await installation(t);
    const url = await freshDatabase();
    const killed = await migrateStore(dataDir, ['--to-database', url], (err, child) => {
      if (err.includes('entries: ')) child.kill('SIGKILL');
    });
    t.equal(killed.code, null);
    await t.rejects(run({ KEZHENG_DATABASE_URL: url }, dataDir), /import-unfinished/);
    const copied = (await sql<{ sequence: number }>(url, 'select sequence from entries')).length;
    t.ok(copied > RECORDS);

    const again = await migrateStore(dataDir, ['--to-database', url]);
    t.equal(again.code, 0, again.err);
    t.match(again.err, /^entries: 0 /m, 'what was there was not copied again');
    const service = await run({ KEZHENG_DATABASE_URL: url }, dataDir);
    t.equal((await body(service.call(`/v1/evidence/${ids[0]}`))).state, 'anchored');
    await service.pause();
  },
);

t.test('a copy goes on from the middle of every table', { skip }, async (t) => {
  const { dataDir } = await installation(t);
  const url = await freshDatabase();
  await migrateStore(dataDir, ['--to-database', url], (err, child) => {
    if (err.includes('fixity: ')) child.kill('SIGKILL');
  });
  await isUnfinished(t, url);
  // As if it had been killed earlier: the later half of each table is not there yet.
  for (const [table, key] of [
    ['fixity', 'sha256'],
    ['serials', 'sequence'],
    ['certificates', 'sequence'],
    ['anchor_events', 'id'],
    ['attempts', 'id'],
    ['bulk_calls', 'key'],
    ['idempotency_keys', 'sequence'],
    ['file_digests', 'sequence, digest'],
    ['api_keys', 'id'],
  ] as const)
    await sql(
      url,
      `delete from ${table} where (${key}) in
        (select ${key} from ${table} order by ${key} offset (select count(*) / 2 from ${table}))`,
    );
  const again = await migrateStore(dataDir, ['--to-database', url]);
  t.equal(again.code, 0, again.err);
});

t.test(
  'one value that differs at the end is named by its table, and no service starts on it',
  { skip },
  async (t) => {
    const { dataDir } = await installation(t);
    for (const [table, change] of [
      ['entries', "update entries set entry = replace(entry, 'first', 'First')"],
      ['api_keys', 'update api_keys set revoked_ms = 1 where revoked_ms is null'],
      ['file_digests', 'delete from file_digests where sequence = 2'],
      [
        'certificates',
        "update certificates set bytes = overlay(bytes placing 'x'::bytea from 1) where sequence = 1",
      ],
      ['anchors', 'update anchors set block_time = block_time + 1 where id = 1'],
      ['fixity', "update fixity set result = 'damaged'"],
    ] as const) {
      const url = await freshDatabase();
      await migrateStore(dataDir, ['--to-database', url], (err, child) => {
        if (err.includes('fixity: ')) child.kill('SIGKILL');
      });
      await isUnfinished(t, url);
      await sql(url, change);
      const { code, err } = await migrateStore(dataDir, ['--to-database', url]);
      t.equal(code, 1, table);
      t.match(err, new RegExp(`^${table}: .*DIFFERENT`, 'm'));
      await t.rejects(run({ KEZHENG_DATABASE_URL: url }, dataDir), /import-unfinished/);
    }
  },
);

t.test('a target with data, and a source that changed on the way, are refused', { skip }, async (t) => {
  const { dataDir } = await installation(t);
  const url = await freshDatabase();
  await migrateStore(dataDir, ['--to-database', url], (err, child) => {
    if (err.includes('entries: ')) child.kill('SIGKILL');
  });
  const service = await run({}, dataDir);
  await upload(service, 'meanwhile');
  await service.pause();
  t.match(await migrateStore(dataDir, ['--to-database', url]), { code: 64, err: /has changed/ });

  const used = await freshDatabase();
  const other = await run({ KEZHENG_DATABASE_URL: used });
  await other.stop();
  t.match(await migrateStore(dataDir, ['--to-database', used]), { code: 64, err: /are data in the target/ });

  const wrong: readonly (readonly string[])[] = [
    [],
    ['--to-database', 'mysql://x'],
    ['--to-blobs', '/folder'],
    ['x', '--to-database', url],
  ];
  for (const args of wrong) t.equal((await migrateStore(dataDir, args)).code, 64, args.join(' '));
  const away = await migrateStore(dataDir, ['--to-database', 'postgres://postgres@127.0.0.1:1/x']);
  t.match(away, { code: 1, err: /not finished/ });
});

t.test('no file is copied where the database cannot take the rows', { skip }, async (t) => {
  const { dataDir } = await installation(t);
  const s3 = await startS3(t);
  const used = await freshDatabase();
  const other = await run({ KEZHENG_DATABASE_URL: used });
  await other.stop();
  for (const [database, code] of [
    ['postgres://postgres@127.0.0.1:1/x', 1],
    [used.replace(/[^/]*$/, 'no-such-database'), 1],
    [used, 64],
  ] as const) {
    const refused = await migrateStore(dataDir, ['--to-database', database, '--to-blobs', s3.address]);
    t.equal(refused.code, code, refused.err);
    t.notMatch(refused.err, /files are in the new place/);
  }
});

t.test(
  'run again after its end it compares, changes nothing and says that it is done',
  { skip },
  async (t) => {
    const { dataDir } = await installation(t);
    const url = await freshDatabase();
    t.equal((await migrateStore(dataDir, ['--to-database', url])).code, 0);
    const mark = readFileSync(join(dataDir, 'moved.json'), 'utf8');
    const again = await migrateStore(dataDir, ['--to-database', url]);
    t.match(again, { code: 0, err: /already done, and both sides are equal/ });
    t.equal(readFileSync(join(dataDir, 'moved.json'), 'utf8'), mark);

    // As if the end had come between the last row and the mark.
    rmSync(join(dataDir, 'moved.json'));
    t.equal((await migrateStore(dataDir, ['--to-database', url])).code, 0);
    t.equal((await movedTo(dataDir))?.database, JSON.parse(mark).database);

    const service = await run({ KEZHENG_DATABASE_URL: url }, dataDir);
    await certificateOf(service, await upload(service, 'in the new place'));
    await service.pause();
    t.match(await migrateStore(dataDir, ['--to-database', url]), { code: 0, err: /a service has gone on/ });

    await sql(url, "update entries set entry = replace(entry, 'first', 'First')");
    t.match(await migrateStore(dataDir, ['--to-database', url]), {
      code: 1,
      err: /not all there any more: entries/,
    });
  },
);

t.test('a source that changed after it was moved is told from one that is done', { skip }, async (t) => {
  const { dataDir } = await installation(t);
  const url = await freshDatabase();
  t.equal((await migrateStore(dataDir, ['--to-database', url])).code, 0);
  rmSync(join(dataDir, 'moved.json'));
  const service = await run({}, dataDir);
  await upload(service, 'in the old place');
  await service.pause();
  t.match(await migrateStore(dataDir, ['--to-database', url]), { code: 64, err: /before they changed/ });
});

t.test(
  'the old folder says where its data went, without user and password, and is used no more',
  { skip },
  async (t) => {
    const { dataDir } = await installation(t);
    const url = await freshDatabase();
    t.equal(await movedTo(dataDir), undefined);
    const secret = url.replace(/postgres:\/\/[^@/]*@?/, 'postgres://postgres:s3cret@');
    const { code, err } = await migrateStore(dataDir, ['--to-database', secret]);
    t.equal(code, 0, err);
    const { host, pathname } = new URL(url);
    t.match(await movedTo(dataDir), { database: `postgres://${host}${pathname}`, blobs: null });
    t.notMatch(err + readFileSync(join(dataDir, 'moved.json'), 'utf8'), 's3cret');
    const env = { ...process.env, KEZHENG_DATA_DIR: dataDir };
    const added = spawnSync(process.execPath, [CLI, 'orgs', 'add', '某所'], { env, encoding: 'utf8' });
    t.match(added, { status: 64, stderr: /KEZHENG_DATABASE_URL/ });
    await t.rejects(run({}, dataDir), { name: 'ConfigError', message: /KEZHENG_DATABASE_URL/ });

    writeFileSync(join(dataDir, 'moved.json'), '{"dat');
    t.ok(await movedTo(dataDir), 'a spoilt mark is a mark');
  },
);

t.test(
  'files alone are moved too; a damaged and a missing one are named, the rest is there',
  { skip },
  async (t) => {
    const { dataDir, ids } = await installation(t);
    const s3 = await startS3(t);
    const service = await run({}, dataDir);
    const [lost, spoilt] = [await upload(service, 'lost'), await upload(service, 'spoilt')];
    const paths = await Promise.all(
      [lost, spoilt].map(async (id) => {
        const { sha256 } = (await body(service.call(`/v1/evidence/${id}`))).files[0];
        return [join(dataDir, 'blobs', 'files', sha256.slice(0, 2), sha256), sha256] as const;
      }),
    );
    await service.pause();
    rmSync(paths[0]![0]);
    writeFileSync(paths[1]![0], 'spoils');
    const { code, err } = await migrateStore(dataDir, ['--to-blobs', s3.address]);
    t.equal(code, 2);
    t.match(err, `missing  files/${paths[0]![1]}`);
    t.match(err, `damaged  files/${paths[1]![1]}`);
    writeFileSync(paths[0]![0], 'lost');
    writeFileSync(paths[1]![0], 'spoilt');
    const again = await migrateStore(dataDir, ['--to-blobs', s3.address]);
    t.equal(again.code, 0, again.err);
    rmSync(join(dataDir, 'blobs'), { recursive: true });
    const moved = await run({ KEZHENG_BLOBS: s3.address }, dataDir);
    for (const [id, text] of [
      [ids[0], 'first'],
      [lost, 'lost'],
      [spoilt, 'spoilt'],
    ])
      t.equal(await (await moved.call(`/v1/evidence/${id}/files/0`)).text(), text);
    await moved.pause();
  },
);
