import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { ensureIssuer } from '../../server/adapters/issuer.ts';
import { CLOCKS, manifest } from '../../server/core/entry/manifest.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, parseCanonical } from '../../server/core/read/json.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { createExpectation } from '../../server/pipeline/expectation.ts';
import {
  type Contents,
  computedFile,
  declaredFile,
  type EvidenceGiven,
  writeManifest,
} from '../../server/pipeline/manifest.ts';
import { isDue } from '../../server/pipeline/seal.ts';
import { StampsAhead, stampLateRound } from '../../server/pipeline/stamp-late.ts';
import { statedBy } from '../../server/pipeline/stated.ts';
import { describeBy, trustListOf } from '../../server/pipeline/trust-list.ts';
import { startTask } from '../../server/pipeline/worker.ts';
import type { TokenClock } from '../../server/ports/stamp.ts';
import type { Anchor } from '../../server/ports/store.ts';
import { CA, issue } from '../core/read/openssl.ts';
import { sleep } from '../support/anvil.ts';
import { until } from '../support/configured.ts';

t.test('a clock behind tokens that were given is told, and no token comes of it', async (t) => {
  const recorded: number[] = [];
  const store = {
    waitingStamps: async () => [{ firstSequence: 7, count: 1, entry: '{}', leaves: new Uint8Array(32) }],
    recordStamp: async (sequence: number) => void recorded.push(sequence),
  };
  const sign = async () => new Uint8Array(1);
  const at = (time: Awaited<ReturnType<TokenClock['next']>>) =>
    stampLateRound({ store, sign, clock: { next: async () => time } });
  await t.rejects(at('clock-behind'), new StampsAhead());
  // What the watch of the clock tells itself is no problem of this task.
  t.equal(await at('clock-in-doubt'), false);
  t.strictSame(recorded, []);
  await at(5);
  t.strictSame(recorded, [7]);
});

t.test('a batch closes when it is full or its oldest entry has waited long enough, not before', async (t) => {
  const limits = { maxAgeMs: 1_000, maxEntries: 10 };
  for (const [count, age, due] of [
    [9, 999, false],
    [10, 0, true],
    [11, 0, true],
    [1, 1_000, true],
    [1, 1_001, true],
    [1, -999, false],
    [1, -5_000, true],
  ] as const)
    t.equal(isDue(count, 50_000, 50_000 + age, limits), due, `${count} entries, ${age} ms`);
});

t.test('a certificate is never expected in the past, and sooner once its batch is sealed', async (t) => {
  const expectation = createExpectation(2_000, 10_000);
  t.equal(expectation.certificateMs(1_000, undefined, 1_000), 13_000);
  t.equal(expectation.certificateMs(1_000, 1_500, 1_500), 11_500);
  t.equal(expectation.certificateMs(1_000, 1_500, 99_000), 100_000, 'overdue: soon');
  fc.assert(
    fc.property(fc.nat(), fc.option(fc.nat(), { nil: undefined }), fc.nat(), (received, sealed, now) => {
      const ms = expectation.certificateMs(received, sealed, now);
      return Number.isSafeInteger(ms) && ms > now;
    }),
  );
});

t.test('what was observed moves the expectation, the newest most', async (t) => {
  const expectation = createExpectation(0, 10_000);
  for (let i = 0; i < 40; i++) expectation.observed(1_000);
  t.equal(expectation.certificateMs(0, 0, -100_000), 1_000);
  expectation.observed(2_000);
  t.equal(expectation.certificateMs(0, 0, -100_000), 1_300);
});

const SILENT = { fatal() {}, error() {}, warn() {}, info() {}, debug() {}, trace() {} };

function task(round: () => Promise<boolean>, everyMs = 5) {
  const said: string[] = [];
  const log = { ...SILENT };
  const record = (level: string) => (_: unknown, text?: string) => void said.push(`${level} ${text}`);
  Object.assign(log, { error: record('error'), warn: record('warn') });
  const started = startTask({
    ...{ name: 'work', round, everyMs, log: log as never, nowMs: () => Date.now() },
    explain: (error) =>
      (error as Error).message === 'known' ? { code: 'known', detail: { why: 'x' } } : undefined,
  });
  return { ...started, said };
}

t.test('a task comes again at once while there is more to do, and then at its time', async (t) => {
  let left = 50;
  const started = task(async () => --left > 0, 60_000);
  await until('all done', () => left === 0);
  await sleep(20);
  t.equal(left, 0);
  started.wake();
  await until('woken', () => left === -1);
  await started.stop();
});

t.test('a wake during a round is not lost', async (t) => {
  let rounds = 0;
  let finish = (): void => {};
  const started = task(async () => {
    if (++rounds === 1) await new Promise<void>((resolve) => (finish = resolve));
    return false;
  }, 60_000);
  await until('begun', () => rounds === 1);
  started.wake();
  finish();
  await until('the round after', () => rounds === 2, 2_000);
  t.equal(rounds, 2);
  await started.stop();
});

t.test(
  'a task that fails tells what is wrong once, waits longer each time, and recovers by itself',
  async (t) => {
    const at: number[] = [];
    let broken = true;
    const started = task(async () => {
      at.push(performance.now());
      if (broken) throw new Error('known');
      return false;
    }, 10);
    await until('six rounds', () => at.length >= 6);
    const problem = started.health().problem;
    t.match(problem, { code: 'known', detail: { why: 'x' } });
    const gaps = at.slice(1).map((time, i) => time - at[i]!);
    t.ok(gaps[4]! > gaps[0]! * 2, gaps.join(' '));
    t.equal(started.health().lastSuccessMs, undefined);
    broken = false;
    await until('well again', () => started.health().problem === undefined);
    t.ok(started.health().lastSuccessMs! >= problem!.sinceMs);
    t.strictSame(started.said, ['error work: known', 'warn work: known is over']);
    await started.stop();
  },
);

t.test('another problem is told anew with its own time, and a bug as nothing but a bug', async (t) => {
  let what = 'known';
  const started = task(async () => {
    throw new Error(what);
  });
  await until('the first', () => started.health().problem?.code === 'known');
  const since = started.health().problem!.sinceMs;
  await sleep(30);
  t.equal(started.health().problem!.sinceMs, since, 'since when is kept');
  what = 'secret of the database';
  await until('the second', () => started.health().problem?.code === 'internal-error');
  t.ok(started.health().problem!.sinceMs > since);
  t.strictSame(started.health().problem!.detail, {});
  await started.stop();
});

t.test('a task that is stopped ends its round and begins none', async (t) => {
  let running = 0;
  let rounds = 0;
  const started = task(async () => {
    running++;
    rounds++;
    await sleep(20);
    running--;
    return true;
  });
  await sleep(5);
  await started.stop();
  t.equal(running, 0);
  const before = rounds;
  await sleep(40);
  t.equal(rounds, before);
});

const CHAIN = { name: '某链', runBy: '某方', test: false };

t.test(
  'numbers that the operator does not have are stated as not obtained, the others as they are',
  async (t) => {
    const stated = (filings: object, uscc?: string) =>
      Object.fromEntries(
        statedBy({ name: '某某', uscc, filings, describe: () => CHAIN, url: 'https://x.example' })(7, [
          { confirmations: 12 } as Anchor,
        ]).map(({ name, value }) => [name, value]),
      );
    t.match(stated({}), {
      provider: '某某',
      'provider-uscc': '未取得',
      'filing-blockchain': '未取得',
      'filing-mlps': '未取得',
      'filing-crypto': '未取得',
      'chain-kind': 'production',
      batch: '7',
      confirmations: '12',
    });
    t.match(stated({ blockchain: 'b', mlps: 'm', crypto: 'c' }, '91X'), {
      'provider-uscc': '91X',
      'filing-blockchain': 'b',
      'filing-mlps': 'm',
      'filing-crypto': 'c',
    });
  },
);

t.test('the trust list parses, and holds every log and the root of the issuer', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-units-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const issuer = await ensureIssuer(folder, '测试 "quoted"', Date.now());
  const logs = [1, 2].map((i) => ({
    chainId: i,
    genesisHash: `0x${String(i).repeat(64)}`,
    contract: `0x${'ab'.repeat(20)}`,
    operator: `0x${'cd'.repeat(20)}`,
  }));
  const trust = parseTrust(utf8(trustListOf('测试 "quoted"', logs, describeBy(CHAIN, logs[0]!), issuer.x5c)));
  t.equal(trust.name, '测试 "quoted"');
  t.match(trust.logs, logs);
  t.match(trust.logs[0], { chain: '某链', runBy: '某方', test: false });
  t.match(
    trust.logs[1],
    { chain: 'EVM 2', runBy: 'unknown', test: true },
    'another chain never inherits the name',
  );
  t.strictSame(
    trust.issuers.flatMap((one) => one.certificates.map(({ raw }) => Buffer.from(raw))),
    [Buffer.from(issuer.x5c.at(-1)!)],
  );
  t.strictSame(parseTrust(utf8(trustListOf('x', [], () => CHAIN, issuer.x5c))).logs, []);
});

t.test(
  'a body that has several addresses is one authority of the trust list, with all their roots',
  async (t) => {
    const own = issue({ subject: '/CN=one', extensions: CA }).der;
    const other = issue({ subject: '/CN=another', extensions: CA }).der;
    const at = (label: string, n: number, policies: string[], roots: Uint8Array[]) => ({
      ...{ label, url: `http://${n}.example/`, policies, roots },
    });
    const given = [
      at('甲', 1, ['1.2'], [own]),
      at('乙', 2, ['1.3'], [own]),
      at('甲', 3, ['1.2', '1.4'], [other, own]),
    ];
    const { authorities } = parseTrust(utf8(trustListOf('x', [], () => CHAIN, [own], given)));
    t.same(
      authorities.map(({ label, policies, roots }) => [label, policies, roots.length]),
      [
        ['甲', ['1.2', '1.4'], 2],
        ['乙', ['1.3'], 1],
      ],
    );
  },
);

/** Whatever a depositor can write: control characters, quotes, emoji, separators that scripts trip over. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.string({ unit: 'binary', minLength: 1 }).filter((one) => one.isWellFormed()),
  fc.constantFrom(
    '"',
    '\\',
    '\u0000',
    '\u001f',
    '\u007f',
    '\u2028\u2029',
    '\ufeff',
    '𠮷',
    '__proto__',
    '</script>',
    'é',
    'é',
  ),
);
const digest = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
const size = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const some = <T>(values: Record<string, fc.Arbitrary<T>>) => fc.record(values, { requiredKeys: [] });
const instant = fc.integer({ min: 0, max: 4_102_444_800_000 }).map((ms) => new Date(ms).toISOString());

const given = fc.record(
  {
    title: text,
    description: text,
    category: fc.constantFrom('webpage', 'photo', 'other'),
    capturedFrom: instant,
    capturedTo: instant,
    capturedBy: text,
    confidentiality: fc.constantFrom('none', 'internal', 'trade-secret'),
    origin: some({ statement: text, source: text, method: text, tool: text, place: text, environment: text }),
    right: fc.record({ type: text, number: text, holder: text }, { requiredKeys: ['type'] }),
    accused: some({ name: text, uscc: text, shop: text, url: text }),
    corroborations: fc.array(fc.record({ reference: text, kind: text }), { maxLength: 3 }),
    statement: fc.record({ signedAt: text, signature: text, publicKey: text, format: text }),
  },
  { requiredKeys: ['title'] },
) as unknown as fc.Arbitrary<EvidenceGiven>;

const file = fc.oneof(
  fc
    .record(
      { sm3: digest, sha256: digest, size, name: text, mediaType: text },
      { requiredKeys: ['sha256', 'size', 'name'] },
    )
    .map((one) => declaredFile(one as Parameters<typeof declaredFile>[0])),
  fc
    .record({ sm3: digest, sha256: digest, size, name: text, mediaType: fc.option(text, { nil: undefined }) })
    .map(computedFile),
);

const contents: fc.Arbitrary<Contents> = fc.oneof(
  fc.array(file, { minLength: 1, maxLength: 4 }).map((files) => ({ files, folder: null })),
  fc.record({ root: digest, size }).map((folder) => ({ files: [], folder })),
);

const depositor = fc.record({ name: text, id: fc.uuid(), uscc: fc.option(text, { nil: undefined }) });

t.test(
  'whatever a depositor says, the manifest is written in its one canonical form and read back as it was',
  async (t) => {
    fc.assert(
      fc.property(
        text,
        depositor,
        given,
        contents,
        fc.integer({ min: 0, max: 4_102_444_800_000 }),
        fc.constantFrom(...CLOCKS),
        (service, who, what, { files, folder }, nowMs, clock) => {
          const { id, text: written } = writeManifest(service, who, what, { files, folder }, nowMs, clock);
          const parsed = parseCanonical(utf8(written));
          t.equal(canonicalize(parsed), written);
          const read = manifest(parsed, '');
          t.match({ ...read }, { id, service, clock });
          t.strictSame({ ...read.statement }, { ...what.statement });
          t.same(read.folder, folder);
          t.equal(read.evidence.title, what.title);
          t.equal(read.evidence.origin.grade, 'unverified-upload');
          t.equal(read.receivedAt, new Date(nowMs).toISOString());
          t.strictSame(JSON.parse(JSON.stringify(read.files)), JSON.parse(JSON.stringify(files)));
        },
      ),
      { numRuns: 300 },
    );
  },
);

t.test('two manifests of the same evidence have nothing to be linked by', async (t) => {
  const write = () =>
    writeManifest(
      's',
      { id: crypto.randomUUID(), name: 'n', uscc: undefined },
      { title: 't' },
      { files: [], folder: { root: '00'.repeat(32), size: 1 } },
      0,
      'agreed',
    ).text;
  const salts = new Set(Array.from({ length: 100 }, () => JSON.parse(write()).salt as string));
  t.equal(salts.size, 100);
  for (const salt of salts) t.match(salt, /^[0-9a-f]{32}$/);
});
