import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { ensureDataKeys } from '../../server/adapters/data-keys.ts';
import { ensureDocumentSigner } from '../../server/adapters/document-signer.ts';
import { ensureIssuer } from '../../server/adapters/issuer.ts';
import { ensureTokenIdentity } from '../../server/adapters/stamping/identity.ts';
import { openDatabase } from '../../server/adapters/storage.ts';
import { createApiKey, newIdentity } from '../../server/identity/api-keys.ts';
import { SCOPES } from '../../server/identity/permissions.ts';
import { CHAIN_ID, KEY, OPERATOR, sleep, startWithContract } from '../support/anvil.ts';
import { appendsOf, until, verdictOf } from '../support/configured.ts';
import { startPostgres } from '../support/postgres.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';
import { body, form, hashOnly } from '../support/running.ts';
import { startS3 } from '../support/s3-server.ts';

/*
 * Three instances on one PostgreSQL, one object store and one chain, while deposits stream in; one is killed again and
 * again, the one that leads more often than not. KEZHENG_TEST_LONG=1: every ten seconds, for minutes.
 */

const LONG = process.env['KEZHENG_TEST_LONG'] === '1';
const KILLS = LONG ? 18 : 4;
const BETWEEN_MS = LONG ? 10_000 : 2_500;
const CLIENTS = 6;
/** Between two deposits of a client, at most: every one of them has to be judged afterwards. */
const MAX_PAUSE_MS = 100;
t.setTimeout(LONG ? 1_800_000 : 240_000);

const folder = await mkdtemp(join(tmpdir(), 'kezheng-instances-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));

const chain = await startWithContract(t, '--block-time', '1');
const postgres = await startPostgres(t, { synced: true });
const database = await postgres.freshDatabase();
const store = await startS3(t);

const clock = { nowMs: () => Date.now() };

/** What an operator sets up once for all instances: the operator's key, the issuer, a depositor with a key. */
async function prepare(): Promise<{ settings: Record<string, string>; apiKey: string }> {
  await ensureIssuer(folder, '多实例测试', clock.nowMs());
  await ensureTokenIdentity(folder, '多实例测试', clock.nowMs());
  await ensureDocumentSigner(folder, '多实例测试', clock.nowMs());
  await ensureDataKeys(folder);
  await writeFile(join(folder, 'operator.key'), `${KEY}\n`);
  const opened = await openDatabase({ dataDir: folder, databaseUrl: database, blobs: undefined }, clock);
  const id = newIdentity(clock.nowMs());
  const organization = { id, name: '测试权利人', role: 'depositor', uscc: undefined } as const;
  await opened.store.addOrganization({ ...organization, createdMs: clock.nowMs() });
  const key = { organization: id, label: 'test', scopes: SCOPES, expiresMs: undefined };
  const { clear } = await createApiKey(opened.store, key, clock.nowMs());
  await opened.close();
  const settings = {
    KEZHENG_DATABASE_URL: database,
    KEZHENG_BLOBS: store.address,
    KEZHENG_RPC_URL: chain.url,
    KEZHENG_CHAIN_ID: String(CHAIN_ID),
    KEZHENG_OPERATOR_KEY_FILE: join(folder, 'operator.key'),
    KEZHENG_ISSUER_KEY_FILE: join(folder, 'issuer.key.pem'),
    KEZHENG_ISSUER_CERT_FILE: join(folder, 'issuer.cert.pem'),
    KEZHENG_TSA_KEY_FILE: join(folder, 'tsa.key.pem'),
    KEZHENG_TSA_CERT_FILE: join(folder, 'tsa.cert.pem'),
    KEZHENG_PDF_KEY_FILE: join(folder, 'pdf.key.pem'),
    KEZHENG_PDF_CERT_FILE: join(folder, 'pdf.cert.pem'),
    KEZHENG_DATA_KEY_FILE: join(folder, 'data.keys'),
    KEZHENG_BATCH_MAX_AGE_MS: '1500',
  };
  return { settings, apiKey: clear };
}

interface Instance {
  readonly name: string;
  readonly dataDir: string;
  process: ServiceProcess | undefined;
}

interface Promised {
  readonly n: number;
  readonly key: string;
  readonly id: string;
  readonly leafHash: string;
}

const { settings, apiKey } = await prepare();
const instances: Instance[] = ['a', 'b', 'c'].map((name) => ({
  name,
  dataDir: join(folder, name),
  process: undefined,
}));
t.teardown(async () => {
  for (const { process: running } of instances) running?.kill('SIGKILL');
  await Promise.all(instances.map(({ process: running }) => running?.ended));
});

async function start(instance: Instance): Promise<void> {
  instance.process = await startProcess({
    ...settings,
    KEZHENG_DATA_DIR: instance.dataDir,
    ...store.env,
  });
}

const running = (): Instance[] => instances.filter((one) => one.process !== undefined);
const any = (): Instance => running()[Math.floor(Math.random() * running().length)]!;
const headers = { authorization: `Bearer ${apiKey}` };
const get = (instance: Instance, path: string) => fetch(instance.process!.url + path, { headers });

const promises: Promised[] = [];
let next = 0;

/** What a balancer does with a client that repeats: the same request goes to whoever is there. */
async function depositSomewhere(n: number, key: string, over: () => boolean): Promise<void> {
  while (!over()) {
    const { process: to } = any();
    try {
      const request =
        n % 7 === 0
          ? {
              body: form({ title: `文件 ${n}` }, [
                { name: `${n}.bin`, bytes: randomBytes(1 + (n % 90_000)) },
              ]),
            }
          : { body: JSON.stringify(hashOnly(n)), type: { 'content-type': 'application/json' } };
      const answer = await fetch(`${to!.url}/v1/evidence`, {
        method: 'POST',
        headers: { ...headers, 'idempotency-key': key, ...request.type },
        body: request.body,
        signal: AbortSignal.timeout(20_000),
      });
      if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
      const { id, leafHash } = await body(answer);
      promises.push({ n, key, id, leafHash });
      return;
    } catch {
      // A form with other bytes would be another request: it gets another key.
      if (n % 7 === 0) return;
      await sleep(50);
    }
  }
}

async function client(over: () => boolean): Promise<void> {
  while (!over()) {
    const n = ++next;
    await depositSomewhere(n, `instances-${n}`, over);
    await sleep(Math.random() * MAX_PAUSE_MS);
  }
}

async function leader(): Promise<Instance | undefined> {
  for (const instance of running()) {
    const answer = await get(instance, '/health/ready').catch(() => undefined);
    if (answer !== undefined && (await body(answer)).leading === true) return instance;
  }
  return undefined;
}

const lastBatch = async (): Promise<number> => {
  const root = await appendsOf(chain.url, OPERATOR);
  return root.length;
};

t.test('of three instances one is killed again and again: nothing promised is lost', async (t) => {
  await Promise.all(instances.map(start));
  const takeOvers: number[] = [];
  let over = false;
  const clients = Array.from({ length: CLIENTS }, () => client(() => over));
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(BETWEEN_MS);
    const led = await leader();
    const victim = kill % 3 === 2 || led === undefined ? any() : led;
    const victims = victim.process!;
    victims.kill('SIGKILL');
    victim.process = undefined;
    const killedMs = Date.now();
    await victims.ended;
    if (victim === led) {
      await until('another leader', async () => (await leader()) !== undefined, 20_000);
      takeOvers.push(Date.now() - killedMs);
    }
    await start(victim);
  }
  over = true;
  await Promise.all(clients);
  t.ok(promises.length > 10 * KILLS, `${promises.length} promised`);
  for (const ms of takeOvers) t.ok(ms < 10_000, `taken over after ${ms} ms`);
  t.equal(new Set(promises.map(({ id }) => id)).size, promises.length, 'no id was given twice');
});

t.test('every 201 has one certificate, the same on each instance, and it is valid', async (t) => {
  const certificates = new Map<string, Buffer>();
  await until(
    'a certificate for every promise',
    async () => {
      const missing = promises.filter((one) => !certificates.has(one.id)).values();
      const fetchSome = async (): Promise<boolean> => {
        for (const { id } of missing) {
          const answer = await get(any(), `/v1/evidence/${id}/certificate`);
          if (answer.status === 404) throw new Error(`${id} was promised and is not there`);
          const bytes = Buffer.from(await answer.arrayBuffer());
          if (answer.status !== 200) return false;
          certificates.set(id, bytes);
        }
        return true;
      };
      return (await Promise.all(Array.from({ length: CLIENTS }, fetchSome))).every((done) => done);
    },
    LONG ? 1_200_000 : 120_000,
  );
  const numbers = new Set<string>();
  for (const { id, leafHash } of promises) {
    const { number, entry } = JSON.parse(certificates.get(id)!.toString());
    t.equal(entry.id, id);
    t.ok(leafHash);
    numbers.add(number);
  }
  t.equal(numbers.size, promises.length, 'each certificate has a number of its own');
  for (const { id, n } of promises.filter((_, i) => i % Math.ceil(promises.length / 40) === 0)) {
    for (const instance of instances) {
      const answer = await get(instance, `/v1/evidence/${id}/certificate`);
      t.ok(
        Buffer.from(await answer.arrayBuffer()).equals(certificates.get(id)!),
        `as instance ${instance.name} has it`,
      );
    }
    if (n % 7 !== 0) t.equal(await verdictOf(certificates.get(id)!, instances[0]!, chain.url, n), 'valid');
  }
});

t.test('each index of the log was used once, each for the batch with its root', async (t) => {
  const appends = await appendsOf(chain.url, OPERATOR);
  t.strictSame(
    appends.map(({ index }) => index),
    appends.map((_, i) => i),
  );
  t.equal(new Set(appends.map(({ root }) => root)).size, appends.length, 'no root twice');
  for (const { index, root, size } of appends)
    t.match(await body(get(any(), `/v1/batches/${index + 1}`)), { root, size, anchors: [{ index }] });
});

t.test('limits on rates and idempotency hold over all instances', async (t) => {
  const request = { method: 'POST', body: JSON.stringify(hashOnly(1_000_000)) };
  const keyed = { ...headers, 'content-type': 'application/json', 'idempotency-key': 'everywhere' };
  const answers = await Promise.all(
    [...instances, ...instances].map(({ process: to }) =>
      fetch(`${to!.url}/v1/evidence`, { ...request, headers: keyed }).then(body),
    ),
  );
  t.equal(new Set(answers.map(({ id }) => id)).size, 1, 'one request, one id');
  t.ok((await lastBatch()) > 0);
});
