import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { FILES, GENESIS, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { type Filed, heldSource } from '../../server/core/container/open.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import { FormatError } from '../../server/core/reason.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { type Digested, sortFiles } from '../../server/pipeline/archive-items.ts';
import {
  type CheckDeps,
  checkMany,
  type Item,
  type ItemResult,
  NO_LIMITS,
} from '../../server/pipeline/check-many.ts';
import { blockLookUp } from '../../server/pipeline/compare.ts';
import { lineItems, linesOf, MAX_LINE_BYTES } from '../../server/pipeline/line-items.ts';
import { type Chain, ChainProblem, type ChainProblemCode } from '../../server/ports/chain.ts';

const sample = await makeSample();
const photo = FILES['photo.jpg']!;
const trust = parseTrust(utf8(JSON.stringify(trustList())));
const blocks = async () => [{ source: 'test', hash: sample.blockHash }];
const deps: CheckDeps = { trust, blocks, signatures: nodeSignatures, limits: NO_LIMITS };

const hex = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex');

async function hash(stream: AsyncIterable<Uint8Array>): Promise<Digested> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  return { sha256: hex('sha256', bytes), sm3: hex('sm3', bytes), size: bytes.length };
}

const file = (name: string, bytes: Uint8Array | string): Filed => ({
  name,
  async *unpack() {
    yield Buffer.from(bytes);
  },
});

const sorted = (files: readonly Filed[], limits = { items: 100, bytes: 1e6 }) =>
  sortFiles(files, { hash, limits });

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const all = async (items: Iterable<Item> | AsyncIterable<Item>, given = deps): Promise<ItemResult[]> =>
  collected(checkMany(items, given));

const verdictOf = (result: ItemResult): string =>
  'report' in result ? result.report.verdict : result.refused.code;

const certificate = (): Item => ({
  name: 'c',
  read: async () => ({
    certificate: sample.bytes,
    files: [{ sha256: hex('sha256', photo), basis: 'supplied' }],
  }),
});
/** The same, and tells when it is read. */
const telling = (told: () => void): Item => ({
  name: 'c',
  async read() {
    told();
    return certificate().read();
  },
});
const failing = (error: Error): Item => ({
  name: 'bad',
  read: async () => {
    throw error;
  },
});

t.test('a bad item is told in its place and touches no other', async (t) => {
  const results = await all([
    certificate(),
    failing(new FormatError('package-unreadable', { why: 'x' })),
    certificate(),
  ]);
  t.strictSame(results.map(verdictOf), ['valid', 'package-unreadable', 'valid']);
  t.strictSame(
    results.map(({ item }) => item),
    [1, 2, 3],
  );
  t.match(results[2], { sameAs: 1 });
  t.match(results[0], { sameAs: undefined, sha256: hex('sha256', sample.bytes) });
});

t.test('trouble that is no fault of an item is thrown, and ends the whole', async (t) => {
  await t.rejects(all([certificate(), failing(new TypeError('the disk is gone'))]), {
    message: 'the disk is gone',
  });
});

t.test('items are read one at a time, and none any more when nobody asks', async (t) => {
  let read = 0;
  function* items(): Generator<Item> {
    for (;;) yield telling(() => read++);
  }
  const checking = checkMany(items(), deps);
  await checking.next();
  t.equal(read, 1);
  await checking.next();
  t.equal(read, 2);
  await checking.return(undefined);
  t.equal((await checking.next()).done, true);
  t.equal(read, 2);
});

t.test(
  'one certificate that costs too many signatures is refused alone; all together, from there on',
  async (t) => {
    const limited = (limits: Partial<CheckDeps['limits']>) => ({
      ...deps,
      limits: { ...NO_LIMITS, ...limits },
    });
    const three = [certificate(), certificate(), certificate()];
    t.strictSame(
      (await all(three, limited({ signatures: 1 }))).map(verdictOf),
      Array(3).fill('verification-too-costly'),
    );
    let asked = 0;
    const counting: typeof nodeSignatures = {
      verify(request) {
        asked++;
        return nodeSignatures.verify(request);
      },
    };
    await all([certificate()], { ...deps, signatures: counting });
    const spent = await all(three, limited({ signaturesOfAll: asked }));
    t.strictSame(spent.map(verdictOf), ['valid', 'call-too-costly', 'call-too-costly']);
    const bytes = await all(three, limited({ bytesOfAll: 2 * sample.bytes.length }));
    t.strictSame(bytes.map(verdictOf), ['valid', 'valid', 'call-too-costly']);
    let read = 0;
    const last = telling(() => read++);
    await all([certificate(), certificate(), last], limited({ bytesOfAll: sample.bytes.length }));
    t.equal(read, 0, 'what comes when all is spent is not even read');
  },
);

t.test('evidence goes to the certificate that lists its digest, whatever either is called', async (t) => {
  const { items, beside } = await sorted([
    file('x/photo.jpg', 'another content'),
    file('a.json', sample.bytes),
    file('deep/er/whatever.json', photo),
  ]);
  const results = await all(items);
  t.strictSame(results.map(verdictOf), ['valid'], 'JSON that a certificate lists is evidence and no item');
  t.match(results[0], { name: 'a.json', report: { facts: { what: { files: [{ given: 'recomputed' }] } } } });
  t.equal(beside.files, 2);
  t.strictSame(beside.unmatched(), ['x/photo.jpg']);
});

t.test('what calls itself a certificate is told unless it is known to be something else', async (t) => {
  const damaged = Buffer.from(sample.bytes);
  damaged[20]! ^= 1;
  const { items, beside } = await sorted([
    file('cut.json', sample.bytes.subarray(0, 500)),
    file('flipped.json', damaged),
    file('pretty.json', JSON.stringify(JSON.parse(Buffer.from(sample.bytes).toString()), undefined, 2)),
    file('large.json', Buffer.alloc(2_000_000)),
    file('trust.json', JSON.stringify(trustList())),
    file('none.pdf', '%PDF-1.7'),
    file('not even.pdf', 'x'),
    file('package.zip', 'PK'),
    file('__MACOSX/._cut.json', 'x'),
  ]);
  t.strictSame(
    (await all(items)).map((result) => [result.name, verdictOf(result)]),
    [
      ['cut.json', 'invalid'],
      ['flipped.json', 'invalid'],
      ['pretty.json', 'invalid'],
      ['large.json', 'invalid'],
      ['none.pdf', 'pdf-without-certificate'],
      ['not even.pdf', 'pdf-not-one'],
      ['package.zip', 'package-within'],
    ],
  );
  t.strictSame(beside.aside, ['trust.json', '__MACOSX/._cut.json']);
});

t.test('a file that cannot be unpacked is an item of its own', async (t) => {
  const broken: Filed = {
    name: 'photo.jpg',
    // biome-ignore lint/correctness/useYield: what is broken gives nothing
    async *unpack() {
      throw new FormatError('package-unreadable', { why: 'crc' });
    },
  };
  const { items } = await sorted([broken, file('a.json', sample.bytes)]);
  t.strictSame((await all(items)).map(verdictOf), ['package-unreadable', 'incomplete']);
});

t.test('too many, none, and too much to read are refused as a whole', async (t) => {
  const some = [file('a.json', sample.bytes), file('b.json', '{}')];
  await t.rejects(sorted(some, { items: 1, bytes: 1e6 }), { code: 'archive-certificates-too-many' });
  await t.rejects(sorted([file('a', '1')]), { code: 'archive-without-certificate' });
  await t.rejects(sorted(some, { items: 9, bytes: 1_000 }), { code: 'archive-certificates-too-large' });
  t.equal((await sorted(some, { items: 2, bytes: sample.bytes.length })).items.length, 2);
  const evidence = Array.from({ length: 20 }, (_, i) => file(`${i}.json`, `{"x":"${'y'.repeat(1_000)}"}`));
  const few = await sorted([...evidence, ...some], { items: 99, bytes: sample.bytes.length });
  t.equal(few.items.length, 22, 'what does not begin as a certificate costs nothing to know');
});

const itemsOf = (text: string | Uint8Array) => lineItems(heldSource(Buffer.from(text)));

t.test('a line is a certificate, or an object with it and the digests of its files', async (t) => {
  const text = Buffer.from(sample.bytes).toString();
  const [sha256, sm3] = [[hex('sha256', photo)], [hex('sm3', photo)]];
  const wrapped = (more: object) => JSON.stringify({ certificate: text, ...more });
  const lines: readonly (readonly [string, string])[] = [
    [text, 'incomplete'],
    [wrapped({}), 'incomplete'],
    [wrapped({ sha256 }), 'valid'],
    [wrapped({ sha256, sm3 }), 'valid'],
    [wrapped({ sha256, sm3: [null] }), 'valid'],
    [JSON.stringify({ certificate: JSON.parse(text), sha256 }), 'valid'],
    [wrapped({ sha256: [hex('sha256', utf8('x'))] }), 'invalid'],
    [wrapped({ sha256, sm3: [hex('sm3', utf8('x'))] }), 'invalid'],
    [`${text} `, 'invalid'],
    ['nonsense', 'invalid'],
    ['[]', 'invalid'],
    ['{"x":1}', 'invalid'],
    ...[
      { certificate: 1 },
      { sha256: 'x' },
      { sha256: ['X'] },
      { sha256: Array(1_001).fill(sha256[0]) },
      { sm3 },
      { sha256, sm3: [] },
      { sha256, sm3: [1] },
      { sha256, files: [] },
      { sha256, ['__proto__']: 1 },
      { sha256, constructor: 1 },
    ].map((more) => [wrapped(more), 'line-member-wrong'] as const),
    [`{"certificate":"${'x'.repeat(MAX_LINE_BYTES)}"}`, 'line-too-long'],
    [text, 'incomplete'],
  ];
  const results = await all(itemsOf(lines.map(([line]) => line).join('\n')));
  for (const [i, [line, expected]] of lines.entries())
    t.equal(verdictOf(results[i]!), expected, `${i} ${line.slice(-150)}`);
  t.equal(results.at(-1)!.name, `line ${lines.length}`, 'after what was too long the next is found');
});

t.test('lines come out as they went in, whoever ended them and wherever they are cut', async () => {
  const line = fc.string({ unit: fc.constantFrom('a', '证', '\r', ' ', '𠮷', '{') });
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      async (lines, end, ended) => {
        const text = lines.join(end) + (ended ? end : '');
        const bytes = Buffer.from(text);
        // A source that gives few at once.
        const source = {
          size: bytes.length,
          read: async (at: number, n: number) => bytes.subarray(at, at + n),
        };
        const found = (await collected(linesOf(source))).map(({ number, bytes }) => [number, String(bytes)]);
        const wanted = text
          .split('\n')
          .map((one, i) => [i + 1, one.endsWith('\r') ? one.slice(0, -1) : one] as const)
          .filter(([, one]) => one !== '');
        return JSON.stringify(found) === JSON.stringify(wanted);
      },
    ),
  );
});

t.test('a file of lines that begins with a mark is read behind it', async (t) => {
  const [result] = await all(
    itemsOf(Buffer.concat([Buffer.from('\ufeff'), sample.bytes, Buffer.from('\r\n')])),
  );
  t.equal(verdictOf(result!), 'incomplete');
});

/** Counts what it is asked. */
function counted(fail?: ChainProblemCode | ((number: number) => ChainProblemCode | undefined)) {
  const asked = { inspect: 0, blocks: [] as number[] };
  const code = (number: number) => (typeof fail === 'function' ? fail(number) : undefined);
  const chain = {
    async inspect() {
      asked.inspect++;
      if (typeof fail === 'string') throw new ChainProblem(fail);
      return { chainId: 4242, genesisHash: GENESIS, contract: '', operator: '' };
    },
    async finalBlockHash(number: number) {
      asked.blocks.push(number);
      const problem = code(number);
      if (problem !== undefined) throw new ChainProblem(problem);
      return sample.blockHash;
    },
  } as unknown as Chain;
  return { asked, chain };
}

t.test('a block is looked up once, in however many certificates it stands', async (t) => {
  const { asked, chain } = counted();
  const look = blockLookUp(chain, trust);
  const results = await all(Array.from({ length: 20 }, certificate), { ...deps, blocks: look });
  t.strictSame(new Set(results.map(verdictOf)), new Set(['valid']));
  t.strictSame(asked, { inspect: 1, blocks: [1000] });
  t.strictSame(await blockLookUp(chain, undefined)(sample.bytes), [], 'without trust nothing is asked');
  t.strictSame(await blockLookUp(undefined, trust)(sample.bytes), []);
  t.strictSame(await look(utf8('x')), []);
});

t.test(
  'a node that is away is asked once, and one that knows nothing of a block is asked once about it',
  async (t) => {
    for (const fail of ['chain-unreachable', 'chain-id-wrong'] as const) {
      const { asked, chain } = counted(fail);
      const look = blockLookUp(chain, trust);
      for (let i = 0; i < 3; i++) t.strictSame(await look(sample.bytes), []);
      t.equal(asked.inspect, 1);
    }
    for (const code of ['chain-unreachable', 'chain-nodes-disagree'] as const) {
      const { asked, chain } = counted(() => code);
      const look = blockLookUp(chain, trust);
      for (let i = 0; i < 3; i++) t.strictSame(await look(sample.bytes), []);
      t.strictSame(asked, { inspect: 1, blocks: [1000] });
    }
    const broken = { inspect: async () => Promise.reject(new TypeError('a bug')) } as unknown as Chain;
    await t.rejects(blockLookUp(broken, trust)(sample.bytes), { message: 'a bug' });
  },
);
