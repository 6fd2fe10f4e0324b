import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openFolderBlobs } from '../../server/adapters/folder/blobs.ts';
import { openDigests } from '../../server/adapters/workers/digests.ts';
import type { Manifest } from '../../server/core/entry/manifest.ts';
import { type FixityDeps, fixityRound, nothingChecked } from '../../server/pipeline/fixity.ts';
import { type Blobs, BlobUnavailable } from '../../server/ports/blobs.ts';
import type { Store } from '../../server/ports/store.ts';
import { addOrganization, DAY_MS, digest, entryOf, NOW_MS } from '../suites/sample.ts';
import { until } from '../support/configured.ts';
import { body, form, hashOnly, type Running, run } from '../support/running.ts';
import { databaseOf } from '../support/storage.ts';

t.setTimeout(200_000);

const MINUTE_MS = 60_000;
const digests = openDigests();
t.teardown(() => digests.close());

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const sm3 = (bytes: Uint8Array): string => createHash('sm3').update(bytes).digest('hex');

interface Bench {
  readonly store: Store;
  readonly blobs: Blobs;
  /** Where the bytes of this digest are. */
  pathOf(name: string): string;
  /** Keeps the bytes, deposits an entry that names them, seals it; the digest. */
  keep(bytes: Uint8Array, digests?: 'computed' | 'declared'): Promise<string>;
  /** One round at a time; true results by digest. */
  round(given?: Partial<FixityDeps>): Promise<void>;
  resultOf(name: string): Promise<string | undefined>;
  /** A new process over the same data. */
  restart(): void;
  nowMs: number;
  readonly said: string[];
}

async function bench(t: Test): Promise<Bench> {
  const dir = t.testdir();
  const made = { nowMs: NOW_MS };
  const clock = { nowMs: () => made.nowMs };
  const { store, close } = await databaseOf(dir, clock);
  t.teardown(close);
  const blobs = await openFolderBlobs({ dir: join(dir, 'blobs') });
  const organization = await addOrganization(store);
  const said: string[] = [];
  const say = (level: string) => (_: object, text: string) => void said.push(`${level} ${text}`);
  const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const stopping = new AbortController().signal;
  let progress = nothingChecked();
  return Object.assign(made, {
    store,
    blobs,
    said,
    pathOf: (name: string) => join(dir, 'blobs', 'files', name.slice(0, 2), name),
    async keep(bytes: Uint8Array, basis: 'computed' | 'declared' = 'computed') {
      const name = sha256(bytes);
      await blobs.keep('files', name, bytes);
      const file = { digests: basis, name: 'a', sha256: name, sm3: sm3(bytes), size: bytes.length };
      const entry = JSON.stringify({ files: [file] } as unknown as Manifest);
      await store.deposit(entryOf(organization, { entry, receivedMs: made.nowMs }));
      const { firstSequence, leaves } = await store.pendingLeaves(10);
      await store.seal({ firstSequence, size: leaves.length / 32, root: digest(), nowMs: made.nowMs });
      return name;
    },
    round: (given: Partial<FixityDeps> = {}) =>
      fixityRound({ store, blobs, digests, clock, log, stopping, maxAgeMs: 30 * DAY_MS, ...given }, progress),
    resultOf: async (name: string) => (await store.fixityOf([name]))[0]?.result,
    restart() {
      progress = nothingChecked();
    },
  });
}

t.test('a file is checked ten minutes after it came, and again when its check is old', async (t) => {
  const b = await bench(t);
  const name = await b.keep(Buffer.from('one'));
  await b.round();
  t.equal(await b.resultOf(name), undefined);
  b.nowMs += 10 * MINUTE_MS + 1;
  await b.round();
  t.match(await b.store.fixityOf([name]), [{ result: 'ok', checkedMs: b.nowMs, found: undefined }]);
  rmSync(b.pathOf(name));
  b.nowMs += 30 * DAY_MS;
  await b.round();
  t.equal(await b.resultOf(name), 'ok', 'not older than it may get');
  b.nowMs += 1;
  await b.round();
  t.equal(await b.resultOf(name), 'missing');
});

t.test('declared digests name no stored file', async (t) => {
  const b = await bench(t);
  const name = await b.keep(Buffer.from('declared'), 'declared');
  b.nowMs += DAY_MS;
  await b.round();
  t.same(await b.store.filesToCheck('unchecked', b.nowMs, 9), []);
  t.equal(await b.resultOf(name), undefined);
});

t.test('a store is asked for times in whole milliseconds, whatever the age that was set', async (t) => {
  const b = await bench(t);
  await b.keep(Buffer.from('one'));
  b.nowMs += DAY_MS;
  const asked: number[] = [];
  const store = new Proxy(b.store, {
    get: (target, name) =>
      name === 'filesToCheck'
        ? (...args: Parameters<Store['filesToCheck']>) => {
            asked.push(args[1]);
            return target.filesToCheck(...args);
          }
        : Reflect.get(target, name),
  });
  await b.round({ store, maxAgeMs: 150 });
  t.ok(asked.length > 3);
  t.ok(asked.every(Number.isInteger), asked.join());
});

const damages: Record<string, (path: string) => void> = {
  'one bit of it is another': (path) => {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
  },
  'its last byte is gone': (path) => writeFileSync(path, readFileSync(path).subarray(0, -1)),
  'a byte was added': (path) => appendFileSync(path, 'x'),
  'it is empty': (path) => writeFileSync(path, ''),
};
for (const [how, damage] of Object.entries(damages))
  t.test(`a stored file is found damaged when ${how}, and told with what it is now`, async (t) => {
    const b = await bench(t);
    const bytes = randomBytes(300_000);
    const name = await b.keep(bytes);
    damage(b.pathOf(name));
    b.nowMs += DAY_MS;
    await b.round();
    const now = readFileSync(b.pathOf(name));
    const found = { sha256: sha256(now), sm3: sm3(now), size: now.length };
    t.match(await b.store.fixityOf([name]), [{ result: 'damaged', found }]);
    t.same(b.said, ['error a stored file is damaged']);

    writeFileSync(b.pathOf(name), bytes);
    b.nowMs += 59 * MINUTE_MS;
    await b.round();
    t.equal(await b.resultOf(name), 'damaged');
    b.nowMs += 2 * MINUTE_MS;
    await b.round();
    t.equal(await b.resultOf(name), 'ok', 'a bad file is looked at again every hour');
    t.same(b.said.slice(1), ['warn a stored file is whole again']);
  });

t.test('a record that names another SM3 or size than the bytes have is no match', async (t) => {
  const b = await bench(t);
  const bytes = Buffer.from('the same SHA-256');
  const name = await b.keep(Buffer.from('other'));
  const stored = { sha256: sha256(bytes), sm3: sm3(bytes), size: bytes.length };
  await b.blobs.keep('files', stored.sha256, bytes);
  for (const [given, expected] of [
    [{ ...stored, sm3: digest() }, 'damaged'],
    [{ ...stored, size: bytes.length + 1 }, 'damaged'],
    [stored, 'ok'],
  ] as const) {
    const odd = { ...b.store, filesToCheck: async () => [given] };
    await b.store.listFiles([{ ...stored, receivedMs: NOW_MS }], 1);
    b.restart();
    await b.round({ store: odd });
    t.equal(await b.resultOf(stored.sha256), expected);
  }
  t.equal(await b.resultOf(name), undefined);
});

t.test('a large file is hashed over several rounds, and from its beginning after a restart', async (t) => {
  const b = await bench(t);
  const bytes = Buffer.alloc(70 * 2 ** 20, 'evidence');
  const name = await b.keep(bytes);
  b.nowMs += DAY_MS;
  await b.round();
  await b.round();
  t.equal(await b.resultOf(name), undefined, '64 of 70 MiB');
  b.restart();
  for (let i = 0; i < 2; i++) await b.round();
  t.equal(await b.resultOf(name), undefined);
  await b.round();
  t.equal(await b.resultOf(name), 'ok');
});

t.test('a round goes as far as it may and the next one goes on, also after a restart', async (t) => {
  const b = await bench(t);
  const names: string[] = [];
  for (let i = 0; i < 3; i++) names.push(await b.keep(Buffer.alloc(20 * 2 ** 20, `file ${i}`)));
  b.nowMs += DAY_MS;
  await b.round();
  const checked = async () => (await b.store.fixityOf(names)).filter((check) => check !== undefined).length;
  t.equal(await checked(), 1);
  b.restart();
  await b.round();
  await b.round();
  t.equal(await checked(), 3);
});

t.test('a file that cannot be read has no result, and does not hold up the others', async (t) => {
  const b = await bench(t);
  const names = [];
  for (const text of ['a', 'b', 'c']) names.push(await b.keep(Buffer.from(text)));
  b.nowMs += DAY_MS;
  const away = new Set([names[0]]);
  const failing: Blobs = {
    ...b.blobs,
    stream: async (room, name, start, end) => {
      if (away.has(name)) throw new BlobUnavailable('EIO: could not read a file');
      return b.blobs.stream(room, name, start, end);
    },
  };
  await t.rejects(b.round({ blobs: failing }), BlobUnavailable);
  await b.round({ blobs: failing });
  t.same(await Promise.all(names.map(b.resultOf)), [undefined, 'ok', 'ok']);
  away.clear();
  await b.round({ blobs: failing });
  t.equal(await b.resultOf(names[0]!), undefined, 'it is left aside for an hour');
  b.nowMs += 61 * MINUTE_MS;
  await b.round({ blobs: failing });
  t.equal(await b.resultOf(names[0]!), 'ok');
});

t.test('what a round has found is recorded although the next file ends it', async (t) => {
  const b = await bench(t);
  const first = await b.keep(Buffer.from('first'));
  b.nowMs += 1;
  const second = await b.keep(Buffer.from('second'));
  b.nowMs += DAY_MS;
  const failing: Blobs = {
    ...b.blobs,
    size: async (room, name) => {
      if (name === second) throw new BlobUnavailable('away');
      return b.blobs.size(room, name);
    },
  };
  await t.rejects(b.round({ blobs: failing }), BlobUnavailable);
  t.equal(await b.resultOf(first), 'ok');
});

t.test('a file that goes away between two looks is missing, and no error', async (t) => {
  const b = await bench(t);
  const name = await b.keep(Buffer.from('going'));
  b.nowMs += DAY_MS;
  const going: Blobs = {
    ...b.blobs,
    stream: (room, of, start, end) => {
      rmSync(b.pathOf(of), { force: true });
      return b.blobs.stream(room, of, start, end);
    },
  };
  await b.round({ blobs: going });
  t.equal(await b.resultOf(name), 'missing');
});

t.test('a round that is asked to stop ends without a result', async (t) => {
  const b = await bench(t);
  const name = await b.keep(Buffer.alloc(2 ** 20, 1));
  b.nowMs += DAY_MS;
  const stop = new AbortController();
  const slow: Blobs = {
    ...b.blobs,
    stream: (room, of, start, end) => {
      stop.abort();
      return b.blobs.stream(room, of, start, end);
    },
  };
  await b.round({ blobs: slow, stopping: stop.signal });
  t.equal(await b.resultOf(name), undefined);
});

// ---------------------------------------------------------------- the service

/** Files in a folder whatever else is configured: it is they that are damaged here. */
const EVERY = { KEZHENG_FIXITY_EVERY_MS: '150', KEZHENG_BLOBS: '' };
const PHOTO = Buffer.from('a photograph');
const pathIn = (service: Running, name: string) =>
  join(service.dataDir, 'blobs', 'files', name.slice(0, 2), name);

const upload = async (service: Running, bytes: Uint8Array) =>
  (
    await body(
      service.call('/v1/evidence', {
        method: 'POST',
        body: form({ title: '照片' }, [{ name: '照片.jpg', bytes }]),
      }),
    )
  ).id as string;

const filesOf = async (service: Running, id: string) =>
  (await body(service.call(`/v1/evidence/${id}`))).files as {
    name: string;
    sha256: string;
    fixity: { checkedAt: string; result: string } | null;
  }[];

const untilResult = (service: Running, id: string, result: string) =>
  until(`result ${result}`, async () => (await filesOf(service, id))[0]!.fixity?.result === result);

const healthOf = async (service: Running) => {
  const answer = await service.call('/health/ready', { key: null });
  return { code: answer.status, ...(await body(answer)) };
};

t.test(
  'the record and the health page tell of a damaged file, of a missing one, and of its repair',
  async (t) => {
    const service = await run(EVERY);
    t.teardown(() => service.stop());
    const id = await upload(service, PHOTO);
    await untilResult(service, id, 'ok');
    const [file] = await filesOf(service, id);
    t.match(file, { name: '照片.jpg', sha256: sha256(PHOTO) });
    t.match(await healthOf(service), { code: 200, parts: { fixity: { status: 'ready' } } });

    writeFileSync(pathIn(service, sha256(PHOTO)), 'a photogroph');
    await untilResult(service, id, 'damaged');
    const damaged = await until('health', async () => {
      const health = await healthOf(service);
      return health.parts.fixity.status === 'problem' && health;
    });
    t.match(damaged, {
      code: 200,
      status: 'degraded',
      parts: { fixity: { code: 'stored-files-bad', detail: { missing: 0, damaged: 1 } } },
    });
    t.equal((await service.call('/v1/evidence', { json: hashOnly(1) })).status, 201, 'deposits are taken');

    rmSync(pathIn(service, sha256(PHOTO)));
    await untilResult(service, id, 'missing');
    // Handing it in again puts it back.
    await upload(service, PHOTO);
    await untilResult(service, id, 'ok');
    await until('well again', async () => (await healthOf(service)).parts.fixity.status === 'ready');
  },
);

t.test('a service that was stopped tells the last result, and goes on', async (t) => {
  const first = await run(EVERY);
  const id = await upload(first, PHOTO);
  await untilResult(first, id, 'ok');
  await first.pause();
  // So rarely that this run only tells.
  const second = await run({ KEZHENG_FIXITY_EVERY_MS: '86400000' }, first.dataDir);
  const before = (await filesOf(second, id))[0]!.fixity!;
  t.equal(before.result, 'ok');
  await second.pause();
  const third = await run(EVERY, first.dataDir);
  t.teardown(() => third.stop());
  await until(
    'a later check',
    async () => (await filesOf(third, id))[0]!.fixity!.checkedAt > before.checkedAt,
  );
});

t.test('of a file whose digests were declared nothing is told, though another has it stored', async (t) => {
  const service = await run(EVERY);
  t.teardown(() => service.stop());
  await untilResult(service, await upload(service, PHOTO), 'ok');
  const declared = { title: '仅摘要', files: [{ name: 'p', size: PHOTO.length, sha256: sha256(PHOTO) }] };
  const answer = await body(service.call('/v1/evidence', { json: declared, key: service.keys[1] }));
  const view = await body(service.call(`/v1/evidence/${answer.id}`, { key: service.keys[1] }));
  t.same(view.files, [{ name: 'p', sha256: sha256(PHOTO), fixity: null }]);
});
