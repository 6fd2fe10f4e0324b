import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Wallet } from 'ethers';
import t from 'tap';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { blocksToCompare, verifyCertificate } from '../../server/core/verify/verify.ts';
import { sleep } from '../support/anvil.ts';
import { appendsOf, until } from '../support/configured.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';
import { rpc } from '../support/rpc-proxy.ts';
import { body, digestOf, form, hashOnly } from '../support/running.ts';
import { ON_POSTGRES, type Servers, servers, storageFor } from '../support/storage.ts';

/*
 * The real process, killed with SIGKILL while deposits stream in, and begun anew on the same data: again and again. Its
 * chain, and where it has them PostgreSQL and the object store, are killed at moments of their own.
 * KEZHENG_TEST_LONG=1 does it for minutes. KEZHENG_TEST_SEED repeats the moments of a run, as far as a machine can.
 */

const LONG = process.env['KEZHENG_TEST_LONG'] === '1';
const ROUNDS = LONG ? 60 : 6;
const CONNECTIONS = 4;
/** Between two deposits of a connection, at most: every one of them has to be judged afterwards. */
const MAX_PAUSE_MS = 80;
const MIN_LIFE_MS = 150;
const MAX_LIFE_MS = 2_200;
/** A server that was killed is away for so long, at most. */
const MAX_AWAY_MS = 1_500;
const SEED = Number(process.env['KEZHENG_TEST_SEED'] ?? randomBytes(4).readUInt32LE());
t.setTimeout(LONG ? 1_800_000 : 220_000);

/** mulberry32: moments that can be had again from a seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomOf(SEED);
/** What happened when, for the one who has to find out why. */
const diary: string[] = [`seed ${SEED}`];
const begun = Date.now();
const note = (line: string): void => void diary.push(`${Date.now() - begun} ms ${line}`);

const dataDir = await mkdtemp(join(tmpdir(), 'kezheng-kill-'));
let child: ChildProcess | undefined;
t.teardown(async () => {
  child?.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

interface Process extends ServiceProcess {
  readonly apiKey: string;
}

async function start(): Promise<Process> {
  const started = await startProcess({
    KEZHENG_DATA_DIR: dataDir,
    KEZHENG_BATCH_MAX_AGE_MS: '100',
    ...(await storageFor(dataDir)),
  });
  child = started.child;
  const demo = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8')) as {
    organizations: [{ apiKey: string }];
  };
  return { ...started, apiKey: demo.organizations[0].apiKey };
}

/** The processes that a process started, and that are no longer than it needs them. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(parent) === pid ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
}

interface Request {
  readonly n: number;
  readonly key: string;
  /** undefined: hash-only */
  readonly bytes: Uint8Array | undefined;
}

interface Promised extends Request {
  readonly id: string;
  readonly leafHash: string;
}

const promises: Promised[] = [];
/** Sent, and the process died before it answered: it may or may not be there. */
const open: Request[] = [];
let next = 0;

function send({ url, apiKey }: Process, { n, key, bytes }: Request): Promise<Response> {
  const headers = { authorization: `Bearer ${apiKey}`, 'idempotency-key': key };
  if (bytes !== undefined)
    return fetch(`${url}/v1/evidence`, {
      method: 'POST',
      headers,
      body: form({ title: `文件 ${n}` }, [{ name: `${n}.bin`, bytes }]),
    });
  return fetch(`${url}/v1/evidence`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(hashOnly(n)),
  });
}

/** One connection: deposits one after the other until the process is gone; every fifth with bytes. */
async function stream(to: Process, over: () => boolean): Promise<void> {
  while (!over()) {
    await sleep(random() * MAX_PAUSE_MS);
    const n = ++next;
    const bytes = n % 5 === 0 ? randomBytes(1 + Math.floor(random() * 200_000)) : undefined;
    const request = { n, key: `kill-${SEED}-${n}`, bytes };
    try {
      const answer = await send(to, request);
      if (answer.status !== 201) throw new Error(`${answer.status}`);
      const { id, leafHash } = await body(answer);
      promises.push({ ...request, id, leafHash });
    } catch {
      open.push(request);
      if (!over()) await sleep(5);
    }
  }
}

const temporaryFiles = (): string[] =>
  readdirSync(join(dataDir, ...(ON_POSTGRES ? ['spool'] : ['blobs', 'tmp'])));

/** What a process that is gone has left half-made; the one that runs now may be writing a tree at this moment. */
const leftovers = (): string[] => temporaryFiles().filter((name) => !name.startsWith(`${child!.pid}-`));

/** What the service stands on dies alone, at moments within its life; the result waits until all is back. */
async function killParts(round: number, lifeMs: number): Promise<() => Promise<unknown>> {
  const behind = await servers();
  const chain = async (): Promise<void> => {
    // The service starts it again.
    for (const pid of childrenOf(child!.pid!)) process.kill(pid, 'SIGKILL');
  };
  const killAndStart = (server: Pick<Servers['s3'], 'kill' | 'start'>) => async (): Promise<void> => {
    await server.kill();
    await sleep(random() * MAX_AWAY_MS);
    await server.start();
  };
  const parts: Readonly<Record<string, () => Promise<void>>> = {
    chain,
    ...(behind && { PostgreSQL: killAndStart(behind.postgres), S3: killAndStart(behind.s3) }),
  };
  const victims = Object.entries(parts).filter(
    (_, i) => round % 3 === 2 || (behind && (round + i) % 2 === 0),
  );
  const deaths = victims.map(async ([name, kill]) => {
    await sleep(random() * lifeMs);
    note(`${name} killed`);
    await kill();
    note(`${name} is back`);
  });
  return () => Promise.all(deaths);
}

async function oneRound(round: number): Promise<void> {
  const service = await start();
  note(`round ${round}: ready`);
  t.strictSame(leftovers(), [], 'nothing half-uploaded is left after a start');
  let over = false;
  const streams = Array.from({ length: CONNECTIONS }, () => stream(service, () => over));
  const lifeMs = MIN_LIFE_MS + random() * (MAX_LIFE_MS - MIN_LIFE_MS);
  const back = await killParts(round, lifeMs);
  await sleep(lifeMs);
  // Every other time it has to go on by itself, with what it has opened.
  if (round % 2 === 1) {
    await back();
    const before = promises.length;
    await until('a promise after all was back', () => promises.length > before);
  }
  service.kill('SIGKILL');
  over = true;
  note(`killed after ${Math.round(lifeMs)} ms, ${promises.length} promised`);
  await service.ended;
  await Promise.all([...streams, back()]);
}

async function fileOf({ n, bytes }: Request) {
  if (bytes === undefined) return { sha256: digestOf(n), size: n, basis: 'supplied' as const };
  const digest = (name: string) => createHash(name).update(bytes).digest('hex');
  return {
    ...{ sha256: digest('sha256'), sm3: digest('sm3'), size: bytes.length, basis: 'recomputed' as const },
  };
}

t.test(
  'whenever it is killed, every 201 gets its certificate, and each log index is used once',
  async (t) => {
    try {
      for (let round = 0; round < ROUNDS; round++) await oneRound(round);
      const service = await start();
      note('last start');
      t.ok(promises.length > ROUNDS, `${promises.length} promised, ${open.length} without an answer`);

      await t.test('a request that is sent again gets the id that it got, or one for good', async (t) => {
        const sample = promises.filter((_, i) => i % Math.ceil(promises.length / 100) === 0);
        for (const promise of sample) {
          const again = await send(service, promise);
          t.equal(again.status, 201);
          t.match(await body(again), { id: promise.id, leafHash: promise.leafHash });
        }
        for (const request of open.splice(0)) {
          const answers = [await body(send(service, request)), await body(send(service, request))];
          t.equal(answers[0].id, answers[1].id);
          promises.push({ ...request, ...answers[0] });
        }
        t.equal(new Set(promises.map(({ id }) => id)).size, promises.length, 'no id was given twice');
      });

      const authorization = { authorization: `Bearer ${service.apiKey}` };
      const get = (path: string) => fetch(service.url + path, { headers: authorization });
      const certificates = new Map<string, Buffer>();
      await until(
        'a certificate for every promise',
        async () => {
          const missing = promises.filter((one) => !certificates.has(one.id)).values();
          const fetchSome = async (): Promise<boolean> => {
            for (const { id } of missing) {
              const answer = await get(`/v1/evidence/${id}/certificate`);
              const bytes = Buffer.from(await answer.arrayBuffer());
              if (answer.status === 404) throw new Error(`${id} was promised and is not there`);
              if (answer.status !== 200) return false;
              certificates.set(id, bytes);
            }
            return true;
          };
          return (await Promise.all(Array.from({ length: CONNECTIONS }, fetchSome))).every((done) => done);
        },
        LONG ? 1_200_000 : 90_000,
      );
      note('all certified');

      const rpcUrl = localChainUrl();
      const trust = parseTrust(readFileSync(join(dataDir, 'trust.json')));
      t.equal(trust.logs.length, 1, 'it was one chain and one log all the time');
      const hashes = new Map<number, string>();
      const hashAt = async (number: number): Promise<string> => {
        const known = hashes.get(number);
        if (known !== undefined) return known;
        const block = await rpc<{ hash: string }>(
          rpcUrl,
          'eth_getBlockByNumber',
          `0x${number.toString(16)}`,
          false,
        );
        hashes.set(number, block.hash);
        return block.hash;
      };
      const wrong: string[] = [];
      for (const promise of promises) {
        const certificate = certificates.get(promise.id)!;
        const blocks = [];
        for (const { number } of blocksToCompare(certificate))
          blocks.push({ source: 'the chain', number, hash: await hashAt(number) });
        const files = [await fileOf(promise)];
        const report = await verifyCertificate({
          ...{ certificate, files, trust, blocks, signatures: nodeSignatures },
        });
        if (report.verdict !== 'valid')
          wrong.push(`${promise.n} ${report.verdict}: ${JSON.stringify(report.checks)}`);
        if (JSON.parse(certificate.toString()).entry.id !== promise.id)
          wrong.push(`${promise.n} another entry`);
      }
      t.strictSame(wrong, [], 'every certificate is valid');

      const operator = new Wallet(readFileSync(join(dataDir, 'chain', 'operator.key'), 'utf8').trim())
        .address;
      const appends = await appendsOf(rpcUrl, operator.toLowerCase());
      t.strictSame(
        appends.map(({ index }) => index),
        appends.map((_, i) => i),
        'each index once, in order',
      );
      for (const { index, root, size } of appends)
        t.match(await body(get(`/v1/batches/${index + 1}`)), {
          root,
          size,
          anchors: [{ index, state: 'final' }],
        });
      t.equal((await get(`/v1/batches/${appends.length + 1}`)).status, 404, 'no batch without an anchor');
      t.match(await body(get('/health/ready')), { status: 'ready' });
      service.kill('SIGTERM');
      await service.ended;
      t.strictSame(temporaryFiles(), []);
      note('done');
    } catch (error) {
      t.fail((error as Error).message, { diary });
    }
    if (!t.passing()) t.comment(diary.join('\n'));
    t.comment(`${promises.length} deposits, ${ROUNDS} kills, ${Date.now() - begun} ms, seed ${SEED}`);
  },
);

/** The local chain says nowhere where it listens: its command line does. */
function localChainUrl(): string {
  const commands = childrenOf(child!.pid!).map((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'),
  );
  const args = commands.find((words) => words.includes('--port'))!;
  return `http://127.0.0.1:${args[args.indexOf('--port') + 1]}`;
}
