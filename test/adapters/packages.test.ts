import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { openPackage as openAny } from '../../server/adapters/packages.ts';
import { MAX_CERTIFICATE_BYTES } from '../../server/core/certificate/certificate.ts';
import { FormatError } from '../../server/core/reason.ts';
import { byHand, type Entry, packed, sourceOf } from '../support/packages.ts';
import { whyNoUnzip } from '../support/unzip.ts';

t.setTimeout(240_000);

const LIMIT = 100 * 1024 * 1024;
const text = (words: string) => Buffer.from(words);
const CERTIFICATE: Entry = { name: 'certificate.json', bytes: text('{"anchors":[]}') };
const photo = randomBytes(200_000);

/** One of a certificate. */
async function openPackage(...given: Parameters<typeof openAny>) {
  const opened = await openAny(...given);
  if ('readCase' in opened) throw new Error('a case');
  return opened;
}

/** Everything that comes out. */
async function unpacked(bytes: Uint8Array, limit = LIMIT) {
  const { certificate, originals } = await openPackage(sourceOf(bytes), limit);
  const files: Record<string, Buffer> = {};
  for (const { name, unpack } of originals) {
    const pieces: Uint8Array[] = [];
    for await (const piece of unpack()) pieces.push(piece.slice());
    files[name] = Buffer.concat(pieces);
  }
  return { certificate: Buffer.from(certificate).toString(), files, originals };
}

async function refused(bytes: Uint8Array, limit?: number): Promise<string> {
  try {
    await unpacked(bytes, limit);
    return 'read';
  } catch (error) {
    if (error instanceof FormatError) return error.code;
    throw error;
  }
}

t.test('a package of ours is opened: its certificate, and its originals where they lie', async (t) => {
  const bytes = await packed([
    { name: 'README.txt', bytes: text('x') },
    { name: 'certificate.json', bytes: CERTIFICATE.bytes },
    { name: 'files/照片 𠮷.jpg', bytes: photo },
    { name: 'files/empty', bytes: text('') },
    { name: 'manifest.json', bytes: text('{}') },
  ]);
  const { certificate, files, originals } = await unpacked(bytes);
  t.equal(certificate, '{"anchors":[]}');
  t.strictSame(Object.keys(files), ['照片 𠮷.jpg', 'empty']);
  t.ok(files['照片 𠮷.jpg']!.equals(photo));
  const { offset, size } = originals[0]!.plain!;
  t.ok(bytes.subarray(offset, offset + size).equals(photo), 'not packed: it can be read without us');
});

t.test(
  'packages that other people’s tools made again are opened as well',
  { skip: whyNoUnzip() },
  async (t) => {
    const folder = t.testdir();
    mkdirSync(join(folder, 'files'));
    writeFileSync(join(folder, 'certificate.json'), CERTIFICATE.bytes);
    writeFileSync(join(folder, 'files', '清单.txt'), 'line\n'.repeat(1000));
    writeFileSync(join(folder, 'files', 'photo.jpg'), photo);
    const zip = (...args: string[]) => {
      const name = `packed${args.join('')}.zip`;
      const done = spawnSync('zip', ['-q', '-r', ...args, name, 'certificate.json', 'files'], {
        cwd: folder,
      });
      t.equal(done.status, 0);
      return readFileSync(join(folder, name));
    };
    const script = 'import shutil; shutil.make_archive("python", "zip", ".", None)';
    t.equal(spawnSync('python3', ['-c', script], { cwd: folder }).status, 0);
    for (const bytes of [zip('-9'), zip('-0'), zip('-fd'), readFileSync(join(folder, 'python.zip'))]) {
      const { certificate, files } = await unpacked(bytes);
      t.equal(certificate, '{"anchors":[]}');
      t.ok(files['photo.jpg']!.equals(photo));
      t.equal(files['清单.txt']!.length, 5000);
    }
    t.equal(await refused(zip('-P', 'word')), 'package-unreadable', 'encrypted');
  },
);

const entry = (name: string, bytes: Uint8Array, more: Partial<Entry> = {}): Entry => ({
  name,
  bytes,
  ...more,
});
const zeros = Buffer.alloc(30 * 1024 * 1024);

const HOSTILE: Readonly<Record<string, readonly [() => Uint8Array, string]>> = {
  'is empty': [() => byHand([]), 'package-without-certificate'],
  'has no certificate at the top': [
    () => byHand([entry('files/certificate.json', text('{}')), entry('a/certificate.json', text('{}'))]),
    'package-without-certificate',
  ],
  'has two certificates': [() => byHand([CERTIFICATE, CERTIFICATE]), 'package-unreadable'],
  'has a folder for a certificate': [
    () => byHand([entry('certificate.json/', text(''))]),
    'package-without-certificate',
  ],
  'is a bomb': [
    () => byHand([CERTIFICATE, entry('files/zeros', zeros, { deflated: true })]),
    'package-packed-too-densely',
  ],
  'is a bomb that calls itself small': [
    () => byHand([CERTIFICATE, entry('files/zeros', zeros, { deflated: true, claimed: { size: 100 } })]),
    'package-unreadable',
  ],
  'has a certificate that is a bomb': [
    () => byHand([entry('certificate.json', zeros, { deflated: true })]),
    'read',
  ],
  'says another checksum': [
    () => byHand([CERTIFICATE, entry('files/a', photo, { claimed: { crc: 1 } })]),
    'package-unreadable',
  ],
  'says another size': [
    () => byHand([CERTIFICATE, entry('files/a', photo, { claimed: { size: 5 } })]),
    'package-unreadable',
  ],
  'says more bytes than there are': [
    () => byHand([CERTIFICATE, entry('files/a', photo, { claimed: { size: 1e9, packed: 1e9 } })]),
    'package-unreadable',
  ],
  'has an entry with two names': [
    () => byHand([entry('certificate.json', text('{}'), { localName: 'certificatf.json' })]),
    'package-unreadable',
  ],
  'has two entries in one place': [
    () =>
      byHand([
        CERTIFICATE,
        entry('files/a', photo),
        entry('files/b', photo, { at: 1, localName: 'files/a' }),
      ]),
    'package-unreadable',
  ],
  'names a way that it does not know': [
    () => byHand([CERTIFICATE, entry('files/a', photo, { method: 99 })]),
    'package-unreadable',
  ],
  'is said to be encrypted': [
    () => byHand([CERTIFICATE, entry('files/a', photo, { flags: 0x801 })]),
    'package-unreadable',
  ],
  'climbs out of its folder': [
    () => byHand([CERTIFICATE, entry('files/../../etc/passwd', text('x'))]),
    'package-unreadable',
  ],
  'has something in front': [
    () => byHand([CERTIFICATE], { before: text('#!/bin/sh') }),
    'package-unreadable',
  ],
  'has something behind': [() => byHand([CERTIFICATE], { behind: text('more') }), 'package-unreadable'],
  'has too many entries': [
    () => byHand([CERTIFICATE, ...Array.from({ length: 1_000 }, (_, i) => entry(`x${i}`, text('')))]),
    'package-entries-too-many',
  ],
  'has a directory that fills the memory': [
    () => byHand(Array.from({ length: 70 }, (_, i) => entry(`${i}${'x'.repeat(65_000)}`, text('')))),
    'package-unreadable',
  ],
};

for (const [how, [make, code]] of Object.entries(HOSTILE))
  t.test(`a package is not believed that ${how}`, async (t) => t.equal(await refused(make()), code));

t.test('all that comes out is limited, however it is spread', async (t) => {
  const some = byHand([CERTIFICATE, entry('files/a', photo), entry('files/b', photo)]);
  t.equal(await refused(some, 2 * photo.length + 14), 'read');
  t.equal(await refused(some, 2 * photo.length + 13), 'package-too-large');
});

t.test('of a certificate no more is taken than shows that it is too large', async (t) => {
  const large = byHand([
    entry('certificate.json', randomBytes(3 * MAX_CERTIFICATE_BYTES), { deflated: true }),
  ]);
  const { certificate } = await openPackage(sourceOf(large), LIMIT);
  t.equal(certificate.length, MAX_CERTIFICATE_BYTES + 1);
});

t.test('trouble with reading is told as what it is', async (t) => {
  const bytes = byHand([CERTIFICATE, entry('files/a', photo)]);
  for (const after of [0, 1, 2, 3]) {
    let reads = 0;
    const source = {
      size: bytes.length,
      read: async (offset: number, length: number) => {
        if (reads++ >= after) throw new TypeError('the disk is gone');
        return bytes.subarray(offset, offset + length);
      },
    };
    await t.rejects(openPackage(source, LIMIT), { name: 'TypeError', message: 'the disk is gone' });
  }
});

t.test('whoever stops reading an original stops the work', async (t) => {
  const { originals } = await openPackage(
    sourceOf(byHand([CERTIFICATE, entry('files/a', randomBytes(5_000_000))])),
    LIMIT,
  );
  for await (const piece of originals[0]!.unpack()) {
    t.ok(piece.length > 0);
    break;
  }
});

t.test('a package cut off or changed anywhere is refused or read, and never crashes', async (t) => {
  const bytes = byHand([
    CERTIFICATE,
    entry('files/a.txt', text('line\n'.repeat(50)), { deflated: true }),
    entry('files/b.bin', randomBytes(50)),
  ]);
  for (let length = 0; length < bytes.length; length++)
    t.not(await refused(bytes.subarray(0, length)), 'read', `cut at ${length}`);
  const whole = await unpacked(bytes);
  let changedNothing = 0;
  for (let bit = 0; bit < bytes.length * 8; bit += 3) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    if ((await refused(changed)) !== 'read') continue;
    // What is not looked at: times, versions, names of what does not count.
    const { files } = await unpacked(changed);
    for (const [name, content] of Object.entries(files))
      t.ok(
        Object.values(whole.files).some((known) => known.equals(content)),
        `${bit}: ${name}`,
      );
    changedNothing++;
  }
  t.ok(changedNothing < (bytes.length * 8) / 6);
});

t.test('thousands of packages with any bytes put in never crash', async () => {
  const bytes = byHand([CERTIFICATE, entry('files/a.txt', text('line\n'.repeat(50)), { deflated: true })]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1 }),
      async (changes) => {
        const changed = Buffer.from(bytes);
        for (const [at, value] of changes) changed[at] = value;
        await refused(changed);
      },
    ),
    { numRuns: 1500 },
  );
});
