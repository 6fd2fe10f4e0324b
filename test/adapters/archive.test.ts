import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { openArchive } from '../../server/adapters/packages.ts';
import { FormatError } from '../../server/core/reason.ts';
import { byHand, type Entry, packed, sourceOf } from '../support/packages.ts';

t.setTimeout(240_000);

const LIMITS = { bytes: 50 * 1024 * 1024, entries: 1_000 };
const text = (words: string) => Buffer.from(words);
const entry = (name: string, bytes: Uint8Array, more: Partial<Entry> = {}): Entry => ({
  name,
  bytes,
  ...more,
});

async function contentOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}

/** Each file's content, or the code of what is wrong with it. */
async function read(bytes: Uint8Array, limits = LIMITS): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const { name, unpack } of await openArchive(sourceOf(bytes), limits))
    found[name] = await contentOf(unpack()).then(String, (error: unknown) => {
      if (error instanceof FormatError) return error.code;
      throw error;
    });
  return found;
}

async function refused(bytes: Uint8Array, limits = LIMITS): Promise<string> {
  return read(bytes, limits).then(
    () => 'read',
    (error: unknown) => {
      if (error instanceof FormatError) return error.code;
      throw error;
    },
  );
}

t.test('all files come out in the order in which they are listed, folders do not', async (t) => {
  const bytes = byHand([
    entry('b.json', text('one')),
    entry('folder/', text('')),
    entry('folder/a', text('two'), { deflated: true }),
  ]);
  t.strictSame(Object.entries(await read(bytes)), [
    ['b.json', 'one'],
    ['folder/a', 'two'],
  ]);
});

t.test('a file may be unpacked again', async (t) => {
  const [file] = await openArchive(
    sourceOf(byHand([entry('a', text('x'.repeat(99)), { deflated: true })])),
    LIMITS,
  );
  for (let i = 0; i < 3; i++) t.equal((await contentOf(file!.unpack())).length, 99);
});

t.test('what is wrong with one file is told of that one, and the others are read', async (t) => {
  const found = await read(
    byHand([
      entry('before', text('1')),
      entry('checksum', text('2'), { claimed: { crc: 7 } }),
      entry('method', text('3'), { method: 99 }),
      entry('locked', text('4'), { flags: 0x801 }),
      entry('other name', text('5'), { localName: 'other nane' }),
      entry('behind', text('6')),
    ]),
  );
  t.strictSame(found, {
    before: '1',
    checksum: 'package-unreadable',
    method: 'package-unreadable',
    locked: 'package-unreadable',
    'other name': 'package-unreadable',
    behind: '6',
  });
});

/** As Explorer of a Chinese Windows writes them: bytes of GB 18030 and no mark. */
const gb18030 = (hex: string) => Buffer.from(hex, 'hex');

t.test('names as Chinese Windows writes them are read, and others as they are marked', async (t) => {
  const named = (name: Buffer, flags: number): Buffer => {
    const place = 'x'.repeat(name.length);
    const bytes = byHand([entry(place, text('a'), { flags })]);
    for (let at = bytes.indexOf(place); at !== -1; at = bytes.indexOf(place, at + 1)) name.copy(bytes, at);
    return bytes;
  };
  const cases: readonly (readonly [Buffer, number, string])[] = [
    [gb18030('d6a4caE92e6a736f6e'.toLowerCase()), 0, '证书.json'],
    [Buffer.from('证书.json'), 0x800, '证书.json'],
    [Buffer.from('证书.json'), 0, '证书.json'],
    [Buffer.from('plain.json'), 0, 'plain.json'],
    // No GB 18030 either: as the standard says.
    [Buffer.concat([Buffer.from([0xff]), Buffer.from('a')]), 0, '\u00a0a'],
  ];
  for (const [name, flags, expected] of cases)
    t.strictSame(Object.keys(await read(named(name, flags))), [expected], expected);
});

t.test(
  'an archive is refused as a whole that is made to cost much, or that two programs read in two ways',
  async (t) => {
    const zeros = Buffer.alloc(30 * 1024 * 1024);
    const cases: Readonly<Record<string, readonly [Uint8Array, string]>> = {
      'too many entries': [
        byHand(Array.from({ length: 1_001 }, (_, i) => entry(`${i}`, text('')))),
        'package-entries-too-many',
      ],
      'a directory that fills the memory': [
        byHand(Array.from({ length: 70 }, (_, i) => entry(`${i}${'x'.repeat(65_000)}`, text('')))),
        'package-unreadable',
      ],
      'something in front': [byHand([entry('a', text('1'))], { before: text('#!') }), 'package-unreadable'],
      'something behind': [byHand([entry('a', text('1'))], { behind: text('x') }), 'package-unreadable'],
      'a way out': [byHand([entry('../a', text('1'))]), 'package-unreadable'],
      'one name twice': [byHand([entry('a', text('1')), entry('a', text('2'))]), 'package-unreadable'],
      'cut off': [byHand([entry('a', text('1'))]).subarray(0, -1), 'package-unreadable'],
      'no archive': [text('{"anchors":[]}'), 'package-unreadable'],
    };
    for (const [how, [bytes, code]] of Object.entries(cases)) t.equal(await refused(bytes), code, how);
    const files = await read(byHand([entry('zeros', zeros, { deflated: true }), entry('a', text('1'))]));
    t.strictSame(files, { zeros: 'package-packed-too-densely', a: '1' });
    const some = byHand([entry('a', randomBytes(1_000)), entry('b', randomBytes(1_000))]);
    t.strictSame((await read(some, { bytes: 1_999, entries: 2 }))['b'], 'package-too-large');
  },
);

t.test('two entries in one place: the second is not read', async (t) => {
  const bytes = byHand([entry('a', text('x')), entry('b', text('x'), { at: 0, localName: 'a' })]);
  t.match(await read(bytes), { a: 'x', b: 'package-unreadable' });
});

t.test('trouble with reading is told as what it is', async (t) => {
  const bytes = await packed([{ name: 'a', bytes: text('1') }]);
  for (const after of [0, 1, 2, 3]) {
    let reads = 0;
    const source = {
      size: bytes.length,
      read: async (offset: number, length: number) => {
        if (reads++ >= after) throw new TypeError('the disk is gone');
        return bytes.subarray(offset, offset + length);
      },
    };
    const all = async () => {
      for (const { unpack } of await openArchive(source, LIMITS)) await contentOf(unpack());
    };
    await t.rejects(all(), { name: 'TypeError', message: 'the disk is gone' });
  }
});

t.test('archives with any bytes put in never crash', async () => {
  const bytes = byHand([
    entry('a.json', text('{}')),
    entry('b', text('line\n'.repeat(50)), { deflated: true }),
  ]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1 }),
      async (changes) => {
        const changed = Buffer.from(bytes);
        for (const [at, value] of changes) changed[at] = value;
        await refused(changed);
      },
    ),
    { numRuns: 500 },
  );
});
