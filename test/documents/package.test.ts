import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { safeName, safeNames } from '../../server/documents/package/names.ts';
import { type ReadmeInput, readme } from '../../server/documents/package/readme.ts';
import { zipOf } from '../../server/documents/package/zip.ts';

t.test('a name that every machine takes stays as it is', async (t) => {
  for (const name of ['照片 1.jpg', '𠮷.txt', 'a.tar.gz', "it's (1).pdf", 'مرحبا.txt', 'icon.png', 'com.txt'])
    t.equal(safeName(name), name);
});

const UNSAFE: Readonly<Record<string, string>> = {
  '../../etc/passwd': '___.._etc_passwd',
  'C:\\a.txt': 'C__a.txt',
  '.htaccess': '_htaccess',
  '-rf': '_rf',
  'a.': 'a_',
  'a. ': 'a__',
  '': '_',
  '..': '__',
  CON: '_CON',
  'nul.txt': '_nul.txt',
  'Com1.jpg': '_Com1.jpg',
  'lpt¹': '_lpt¹',
  'a\u202egpj.exe': 'a_gpj.exe',
  'a\u200bb': 'a_b',
  'a\nb\u0000c': 'a_b_c',
  'a\u00a0b\u3000c': 'a_b_c',
  'a\ud800': 'a_',
  'what?*"<>|': 'what______',
};
for (const [name, safe] of Object.entries(UNSAFE))
  t.test(`${JSON.stringify(name)} becomes ${safe}`, async (t) => t.equal(safeName(name), safe));

t.test('a long name keeps its end', async (t) => {
  const long = safeName(`${'照'.repeat(255)}.jpeg`);
  t.ok(Buffer.byteLength(long) <= 180 && long.endsWith('照.jpeg') && long.isWellFormed());
  t.ok(Buffer.byteLength(safeName('𠮷'.repeat(255))) <= 180);
});

t.test('any names become safe ones, each another on every file system', async () => {
  const hostile = fc.constantFrom(
    'a',
    'A',
    '/',
    '\\',
    '..',
    '\u202e',
    'CON',
    '.',
    ' ',
    'é',
    'e\u0301',
    '\0',
    '𠮷',
  );
  const name = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(hostile).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(fc.array(name, { maxLength: 12 }), (names) => {
      const safe = safeNames(names);
      const folded = new Set(safe.map((one) => one.normalize('NFC').toLowerCase().normalize('NFC')));
      return (
        folded.size === names.length &&
        safe.every(
          (one) =>
            one !== '' &&
            Buffer.byteLength(one) <= 190 &&
            one.isWellFormed() &&
            !/[\\/:*?"<>|\p{Cc}\p{Cf}]|^[.\-~ ]|[. ]$/u.test(one),
        )
      );
    }),
    { numRuns: 2000 },
  );
});

t.test('names that one file system takes for the same are numbered', async (t) => {
  t.strictSame(safeNames(['a.jpg', 'A.JPG', 'a.jpg', 'a (2).jpg', 'é', 'e\u0301', 'x', 'x']), [
    'a.jpg',
    'A (2).JPG',
    'a (3).jpg',
    'a (2) (2).jpg',
    'é',
    'e\u0301 (2)',
    'x',
    'x (2)',
  ]);
});

t.test('an original that cannot be opened or read breaks the package off', async (t) => {
  const failing = (open: () => Promise<Readable>) =>
    buffer(
      zipOf(
        [
          { name: 'a', bytes: Buffer.from('a') },
          { name: 'b', size: 10, open },
        ],
        0,
      ),
    );
  await t.rejects(
    failing(() => Promise.reject(new Error('gone'))),
    { message: 'gone' },
  );
  const broken = () => {
    const stream = new PassThrough();
    stream.write('12345');
    setTimeout(() => stream.destroy(new Error('torn')), 20);
    return Promise.resolve(stream);
  };
  await t.rejects(failing(broken), { message: 'torn' });
  await t.rejects(
    failing(async () => Readable.from([Buffer.from('123')])),
    /unexpected number of bytes/,
    'shorter than it was',
  );
});

t.test('whoever stops reading closes the original that is open, and no other is opened', async (t) => {
  const opened: Readable[] = [];
  const open = async () => {
    const stream = new Readable({
      read() {
        this.push(Buffer.alloc(65_536));
      },
    });
    opened.push(stream);
    return stream;
  };
  const item = { size: 1e9, open };
  const zip = zipOf(
    [
      { name: 'a', ...item },
      { name: 'b', ...item },
    ],
    0,
  );
  await once(zip, 'readable');
  zip.read();
  await once(zip, 'readable');
  zip.destroy();
  await setImmediate();
  await setImmediate();
  t.equal(opened.length, 1);
  t.equal(opened[0]?.destroyed, true);
});

t.test('nobody opens an original before it is its turn, nor after the reader has gone', async (t) => {
  let opened = 0;
  const open = async () => {
    opened++;
    return Readable.from([Buffer.from('x')]);
  };
  const zip = zipOf(
    [
      { name: 'a', size: 1, open },
      { name: 'b', size: 1, open },
    ],
    0,
  );
  zip.destroy();
  await setImmediate();
  t.ok(opened <= 1);
});

const INPUT: ReadmeInput = {
  number: '2026-00000001-52',
  revision: 1,
  id: '019ab1c2-0000-7000-8000-000000000002',
  testChain: false,
  isFolder: false,
  originals: [],
  leftOut: [],
  tokens: [],
  blocks: [],
  hasOts: false,
  publicUrl: 'https://kezheng.example',
  page: undefined,
};

t.test('what a depositor wrote begins no line of the README and ends none', async (t) => {
  const name = 'x\r\n$ touch owned\n> \u202e\u2028';
  const text = readme({ ...INPUT, leftOut: [{ word: 'left-declared', values: { name } }] });
  t.notMatch(text, /^[$>] ?touch/m);
  t.equal(text.split('\r\n').filter((line) => line.startsWith('$ touch')).length, 0);
  t.notMatch(text, '\u202e');
  t.notMatch(text, '测试链');
});

t.test('the README knows stamps of the operator, of others, and of strangers', async (t) => {
  const token = (base: string, by: 'operator' | 'independent' | 'unknown', label: string) => ({
    base,
    by,
    label,
    over: { file: `${base}.root.json` },
    atSeconds: 1,
  });
  const text = readme({
    ...INPUT,
    tokens: [
      token('tokens/1', 'operator', 'x'),
      token('tokens/2', 'independent', '授时中心'),
      token('tokens/3', 'unknown', 'CN=y'),
    ],
  });
  t.match(text, 'tokens/1.tsr：本服务自己的时间戳');
  t.match(text, 'tokens/2.tsr：授时中心 的时间戳');
  t.match(text, 'tokens/3.tsr：签发者 CN=y，不在本服务的信任清单中');
  t.match(text, 'openssl ts -verify -data tokens/2.root.json -in tokens/2.tsr');
});
