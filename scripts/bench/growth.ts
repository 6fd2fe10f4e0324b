import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { openFolderBlobs } from '../../server/adapters/folder/blobs.ts';
import { inclusionHashes } from '../../server/pipeline/proof.ts';
import type { Batch } from '../../server/ports/store.ts';
import { type BenchedPostgres, postgresPrograms, startBenchedPostgres } from './postgres.ts';
import { CALL, callOf, sendCall } from './records.ts';
import { median, progress, type Row, secondsOf } from './row.ts';
import { type BenchedService, startBenchedService } from './service.ts';

/*
 * What a deposit, a proof, a certificate and each page of a list cost in a service that holds a thousand, a hundred
 * thousand and ten million records of one organization: the whole service over HTTP, on SQLite and on PostgreSQL.
 */

/** BENCH_RECORDS cuts it short: no size above it is measured. */
const SIZES = [1_000, 100_000, 10_000_000];
const MOST = Number(process.env['BENCH_RECORDS'] ?? Number.POSITIVE_INFINITY);

/** At the largest size at most so much of what it costs at the others. */
const LIMITS = [2.5, 1.5];

const ROUNDS = 5;
const UNDER_WAY = 2;
const SETTLE_MS = 900_000;

/** One call in so many is of this size at all sizes, and some of it is remembered: a token's own tree grows with the call. */
const CALLS_A_SAMPLE = 8;
const IN_A_SAMPLE = 1_000;
const SAMPLES = 300;

/** A record somewhere among all. */
interface Known {
  readonly id: string;
  readonly sha256: string;
}

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)]!;

async function fill(service: BenchedService, from: number, to: number, known: Known[]): Promise<void> {
  let at = from;
  let calls = 0;
  const client = async (): Promise<void> => {
    while (at < to) {
      const isSample = calls++ % CALLS_A_SAMPLE === 0;
      const count = Math.min(isSample ? IN_A_SAMPLE : CALL, to - at);
      at += count;
      const { body, digestOf } = callOf(count);
      const text = await sendCall(service, body, true);
      if (isSample) known.push(...sampleOf(text, count, digestOf));
      if (at % 1_000_000 < CALL) progress(`  ${at.toLocaleString('en')}`);
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, client));
}

function sampleOf(answer: string, count: number, digestOf: (i: number) => string): Known[] {
  const ids = answer.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)!;
  return Array.from({ length: SAMPLES }, () => {
    const i = Math.floor(Math.random() * count);
    return { id: ids[i]!, sha256: digestOf(i) };
  });
}

const get = (service: BenchedService, path: string): Promise<Response> =>
  fetch(service.url + path, { headers: { authorization: `Bearer ${service.key}` } });

async function json<T>(service: BenchedService, path: string): Promise<T> {
  const answer = await get(service, path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(body)}`);
  return body as T;
}

interface View {
  readonly state: string;
  readonly batch: { readonly number: number; readonly index: number } | null;
}

/** Until the newest record is anchored, so that nothing of the filling is left to do. */
async function settle(service: BenchedService): Promise<void> {
  const { items } = await json<{ items: readonly { id: string }[] }>(service, '/v1/evidence?limit=1');
  for (const began = Date.now(); ; await sleep(500)) {
    if ((await json<View>(service, `/v1/evidence/${items[0]!.id}`)).state === 'anchored') break;
    if (Date.now() - began > SETTLE_MS) throw new Error('what was filled in is not anchored');
  }
  // Checkpoints, merging and autovacuum of what is done.
  await sleep(5_000);
}

type Work = (service: BenchedService, known: readonly Known[]) => Promise<void>;

async function each(count: number, work: () => Promise<void>): Promise<number> {
  return (
    ((await secondsOf(async () => {
      for (let i = 0; i < count; i++) await work();
    })) /
      count) *
    1_000
  );
}

async function deposits(service: BenchedService, count: number): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    while (next++ < count) {
      const answer = await fetch(`${service.url}/v1/evidence`, {
        method: 'POST',
        body: new Uint8Array(callOf(1).body),
        headers: {
          authorization: `Bearer ${service.key}`,
          'content-type': 'application/json',
          'idempotency-key': crypto.randomUUID(),
        },
      });
      if (answer.status !== 201) throw new Error(`deposit: ${answer.status} ${await answer.text()}`);
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
}

const page =
  (query: (known: readonly Known[]) => string): Work =>
  async (service, known) => {
    const { items } = await json<{ items: readonly unknown[] }>(
      service,
      `/v1/evidence?limit=20&${query(known)}`,
    );
    if (items.length === 0) throw new Error(`an empty page: ${query(known)}`);
  };

const timeOf = (id: string): string =>
  new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toISOString();

/** Each record once: a certificate that was issued already is only sent. */
const issued = new Set<Known>();

async function certificate(service: BenchedService, known: readonly Known[]): Promise<void> {
  let one = pick(known);
  while (issued.has(one)) one = pick(known);
  issued.add(one);
  const answer = await get(service, `/v1/evidence/${one.id}/certificate`);
  if (answer.status !== 200) throw new Error(`certificate: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

const WORKS: Readonly<Record<string, { readonly work: Work; readonly count: number }>> = {
  'a certificate': { work: certificate, count: 40 },
  'a record': {
    work: async (service, known) => void (await json(service, `/v1/evidence/${pick(known).id}`)),
    count: 60,
  },
  'the newest page of the list': { work: page(() => ''), count: 30 },
  'a page from anywhere in it': { work: page((known) => `cursor=${pick(known).id}`), count: 30 },
  'a page of a moment': { work: page((known) => `from=${timeOf(pick(known).id)}`), count: 30 },
  'a page by state': { work: page(() => 'state=anchored'), count: 30 },
  'a page by digest': { work: page((known) => `sha256=${pick(known).sha256}`), count: 30 },
  'a page by text': { work: page(() => `text=${encodeURIComponent('监测记录')}`), count: 30 },
};

/** Milliseconds of each work: medians of rounds in which all come by turns. */
async function measure(service: BenchedService, known: readonly Known[]): Promise<Map<string, number>> {
  const blobs = await openFolderBlobs({ dir: join(service.folder, 'blobs') });
  const proof = async (): Promise<number> => {
    const wanted: { batch: Batch; index: number }[] = [];
    for (let i = 0; i < 40; i++) {
      const { batch } = await json<View>(service, `/v1/evidence/${pick(known).id}`);
      const { number, root, size } = await json<Batch>(service, `/v1/batches/${batch!.number}`);
      wanted.push({ batch: { number, root, size } as Batch, index: batch!.index });
    }
    return each(1, async () => {
      for (const { batch, index } of wanted) await inclusionHashes(blobs, batch, index);
    }).then((ms) => ms / wanted.length);
  };
  const found = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round++) {
    const times: [string, number][] = [
      ['a deposit', (await each(1, () => deposits(service, 800))) / 800],
      ['a proof', await proof()],
    ];
    for (const [name, { work, count }] of Object.entries(WORKS))
      times.push([name, await each(count, () => work(service, known))]);
    // The first round warms up.
    if (round > 0) for (const [name, ms] of times) found.set(name, [...(found.get(name) ?? []), ms]);
  }
  return new Map([...found].map(([name, times]) => [name, median(times)]));
}

export interface Grown {
  readonly engine: string;
  /** milliseconds at each size, by what is done */
  readonly costs: ReadonlyMap<string, readonly number[]>;
  readonly sizes: readonly number[];
}

/** Fewer are there in no time. */
const MANY = 1_000_000;

async function grow(
  engine: string,
  settings: Readonly<Record<string, string>>,
  filling: (work: () => Promise<void>) => Promise<void> = (work) => work(),
): Promise<Grown> {
  const service = await startBenchedService(settings);
  try {
    const sizes = SIZES.filter((size) => size <= MOST);
    const costs = new Map<string, number[]>();
    const known: Known[] = [];
    let size = 0;
    for (const next of sizes) {
      progress(`  ${engine}: ${next.toLocaleString('en')}`);
      const work = (): Promise<void> => fill(service, size, next, known);
      await (next - size > MANY ? filling(work) : work());
      size = next;
      await settle(service);
      for (const [name, ms] of await measure(service, known))
        costs.set(name, [...(costs.get(name) ?? []), ms]);
    }
    return { engine, costs, sizes };
  } finally {
    await service.stop();
  }
}

export async function measureGrowth(): Promise<readonly Grown[]> {
  const grown = [await grow('SQLite', {})];
  if (postgresPrograms() === undefined) {
    progress('  没有 PostgreSQL，略过 / no PostgreSQL here: left out');
    return grown;
  }
  const postgres: BenchedPostgres = await startBenchedPostgres();
  try {
    const settings = { KEZHENG_DATABASE_URL: postgres.url };
    return [...grown, await grow(`PostgreSQL ${postgres.version}`, settings, postgres.filling)];
  } finally {
    await postgres.stop();
  }
}

const ms = (value: number): string => `${value.toFixed(2)} ms`;
const records = (size: number): string => size.toLocaleString('en');

export async function run(): Promise<Row[]> {
  return (await measureGrowth()).flatMap(({ engine, costs, sizes }) =>
    [...costs].flatMap(([name, times]) =>
      sizes.slice(0, -1).map(
        (size, i): Row => ({
          what: `growth, ${engine}: ${name}, with ${records(sizes.at(-1)!)} records`,
          ours: ms(times.at(-1)!),
          other: ms(times[i]!),
          otherName: `the same with ${records(size)}`,
          ratio: times.at(-1)! / times[i]!,
          limit: LIMITS[i + 3 - sizes.length]!,
          ...(i === 0 && {
            points: sizes.map((at, n) => ({ engine, what: name, size: at, ms: times[n]! })),
          }),
        }),
      ),
    ),
  );
}
