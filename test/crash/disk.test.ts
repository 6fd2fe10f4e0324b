import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import t from 'tap';
import { mountSmallDisk, type SmallDisk, whyNoSmallDisk } from '../suites/small-disk.ts';
import { until } from '../support/configured.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';
import { body, form, hashOnly } from '../support/running.ts';

/*
 * The whole service on a real small disk that becomes full, and beside somebody who keeps its database locked: it says
 * what is wrong, loses nothing that it promised, refuses what it cannot promise, and goes on by itself.
 */

const skip = whyNoSmallDisk();
t.setTimeout(180_000);

interface Serving {
  readonly process: ServiceProcess;
  get(path: string): Promise<Response>;
  depositHash(n: number): Promise<Response>;
  depositFile(bytes: Uint8Array): Promise<Response>;
}

async function serve(dataDir: string): Promise<Serving> {
  const process = await startProcess({ KEZHENG_DATA_DIR: dataDir, KEZHENG_BATCH_MAX_AGE_MS: '200' });
  const demo = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8'));
  const headers = { authorization: `Bearer ${demo.organizations[0].apiKey}` };
  const post = (request: RequestInit) =>
    fetch(`${process.url}/v1/evidence`, { method: 'POST', headers, ...request });
  return {
    process,
    get: (path) => fetch(process.url + path, { headers }),
    depositHash: (n) =>
      post({
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(hashOnly(n)),
      }),
    depositFile: (bytes) => post({ body: form({ title: '文件' }, [{ name: 'f.bin', bytes }]) }),
  };
}

const isCertified = async (service: Serving, id: string): Promise<boolean> => {
  const answer = await service.get(`/v1/evidence/${id}/certificate`);
  await answer.arrayBuffer();
  return answer.status === 200;
};

/** Begins it; what is returned ends it. */
type Trouble = (disk: SmallDisk, dataDir: string) => () => void;

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'a full disk'(disk) {
    disk.fill();
    return () => disk.free();
  },
  'a database that somebody else has locked'(_disk, dataDir) {
    const other = new Sqlite(join(dataDir, 'kezheng.sqlite'));
    other.exec('begin immediate');
    return () => void other.close();
  },
};

for (const [trouble, begin] of Object.entries(TROUBLES))
  t.test(
    `${trouble}: refused with 503 and named, nothing promised is lost, and it goes on`,
    { skip },
    async (t) => {
      const disk = mountSmallDisk(t, 160);
      const dataDir = join(disk.dir, 'data');
      mkdirSync(dataDir);
      const service = await serve(dataDir);
      t.teardown(async () => {
        service.process.kill('SIGKILL');
        await service.process.ended;
      });

      const promised: string[] = [];
      let n = 0;
      const deposit = async (): Promise<Response> => {
        const answer =
          ++n % 3 === 0 ? await service.depositFile(randomBytes(100_000)) : await service.depositHash(n);
        if (answer.status === 201) promised.push((await body(answer)).id);
        return answer;
      };
      for (let i = 0; i < 30; i++) t.equal((await deposit()).status, 201);
      const early = promised[0]!;
      await until('a certificate', () => isCertified(service, early), 60_000);

      const end = begin(disk, dataDir);
      // The log of the database has room from before: the first refusals come when that is used up.
      const refusal = await until(
        'a refusal',
        async () => {
          const answer = await deposit();
          return answer.status === 201 ? undefined : answer;
        },
        60_000,
      );
      t.equal(refusal.status, 503);
      t.ok(Number(refusal.headers.get('retry-after')) > 0);
      t.match(await body(refusal), { code: 'store-unavailable' });
      const file = await service.depositFile(randomBytes(300_000));
      t.equal(file.status, 503);
      await file.arrayBuffer();
      t.ok(await isCertified(service, early), 'what is there is still read');
      const health = await service.get('/health/ready');
      t.match(await body(health), { status: /unavailable|degraded/ });

      end();
      await until('deposits again', async () => (await deposit()).status === 201, 30_000);
      for (let i = 0; i < 10; i++) t.equal((await deposit()).status, 201);
      for (const id of promised)
        await until(`a certificate for ${id}`, () => isCertified(service, id), 60_000);
      await until(
        'everything ready',
        async () => (await body(service.get('/health/ready'))).status === 'ready',
        30_000,
      );
    },
  );
