import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t, { type Test } from 'tap';
import { FILES, fileMember, makeSample, manifestOf, trustList } from '../../scripts/vectors/sample.ts';
import { zipOf } from '../../server/documents/package/zip.ts';
import { startChromium, whyNoChromium } from '../support/chromium.ts';
import { byHand, packed } from '../support/packages.ts';
import { type CheckerPage, choose, openSaved, shown } from './page.ts';

/*
 * The saved page takes a PDF or a package, with the network cut and under its own policy: no eval, no WebAssembly, no
 * worker but its own.
 */

t.setTimeout(900_000);

const skip = whyNoChromium();
const browser = skip ? undefined : await startChromium();
t.teardown(() => browser?.close());
const sample = await makeSample();
const PHOTO = FILES['photo.jpg']!;
const VECTORS = join(import.meta.dirname, '..', 'vectors');

interface Case {
  readonly name: string;
  readonly certificate: string;
  readonly trust: object | null;
  readonly blocks: readonly { readonly hash: string }[];
  readonly files: readonly { readonly file: string }[];
  readonly verdict?: string;
  readonly refused?: string;
  readonly checks?: readonly { readonly id: string; readonly at?: string; readonly status: string }[];
}
const CASES = JSON.parse(readFileSync(join(VECTORS, 'pdf-cases.json'), 'utf8')) as readonly Case[];

const open = (t: Test) => openSaved(t, browser!);

async function giveKnown(at: CheckerPage): Promise<void> {
  await choose(at, 'trust-file', ['trust.json', JSON.stringify(trustList())]);
  await at.page.fill('#block-4242-1000', sample.blockHash);
}

const filesOn = (at: CheckerPage) =>
  at.page.$$eval('.files li', (items) => items.map((item) => (item as HTMLElement).innerText.split('\n')[0]));

t.test('every document of the vectors comes out on the page as it is written', { skip }, async (t) => {
  const at = await open(t);
  const base64 = (path: string) => readFileSync(join(VECTORS, path)).toString('base64');
  for (const one of CASES) {
    const files = one.files.map(({ file }) => ({ name: file, bytes: base64(join('files', file)) }));
    await at.page.evaluate(
      async ({ document, files, trust, blocks }) => {
        const desk = window.kezheng;
        const bytesOf = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        for (const slot of desk.state.files) void desk.removeFile(slot);
        void desk.takeTrust();
        void desk.giveCertificate(new File([bytesOf(document)], 'certificate.pdf'));
        void desk.addFiles(files.map(({ name, bytes }) => new File([bytesOf(bytes)], name)));
        if (trust !== null) void desk.giveTrust(new Blob([JSON.stringify(trust)]), 'trust.json', 'person');
        for (const [i, block] of blocks.entries())
          void desk.giveBlock(`given ${i}`, { from: 'person', block: block as never });
        await desk.settled();
      },
      { document: base64(one.certificate), files, trust: one.trust, blocks: one.blocks },
    );
    const { verdict, checks } = await shown(at.page);
    if (one.refused === undefined) {
      t.equal(verdict, one.verdict, one.name);
      const order = (list: NonNullable<Case['checks']>) => list.map(({ id, status }) => `${id} ${status}`);
      t.strictSame(order(checks), order(one.checks!), one.name);
    } else if (one.refused !== 'pdf-not-one') {
      t.equal(verdict, undefined, one.name);
      t.match(await at.page.innerText('#certificate .wrong'), /PDF/, one.name);
    }
  }
  t.strictSame(at.troubles, []);
});

const ours = await packed([
  { name: 'README.txt', bytes: Buffer.from('x') },
  { name: 'certificate.json', bytes: sample.bytes },
  { name: 'files/照片.jpg', bytes: PHOTO },
]);

t.test('a package is checked with its originals by one file that is dropped', { skip }, async (t) => {
  const at = await open(t);
  await choose(at, 'certificate-file', ['package.zip', ours]);
  await giveKnown(at);
  t.equal((await shown(at.page)).verdict, 'valid');
  t.strictSame(await filesOn(at), ['照片.jpg']);
  t.strictSame(at.troubles, []);
});

t.test('packed again by other tools it is the same', { skip }, async (t) => {
  const at = await open(t);
  const again = byHand([
    { name: 'files/a.jpg', bytes: PHOTO, deflated: true },
    { name: 'certificate.json', bytes: sample.bytes, deflated: true },
  ]);
  await choose(at, 'certificate-file', ['again.zip', again]);
  await giveKnown(at);
  t.equal((await shown(at.page)).verdict, 'valid');
  t.strictSame(at.troubles, []);
});

t.test('another package takes the originals of the one before with it', { skip }, async (t) => {
  const at = await open(t);
  await choose(at, 'certificate-file', ['package.zip', ours]);
  await choose(at, 'original-files', ['x.txt', 'mine']);
  const bare = byHand([{ name: 'certificate.json', bytes: sample.bytes }]);
  await choose(at, 'certificate-file', ['bare.zip', bare]);
  await shown(at.page);
  t.strictSame(await filesOn(at), ['x.txt'], 'what a person laid down stays');
});

t.test('a bomb is not unpacked, and a damaged package has no verdict', { skip }, async (t) => {
  const at = await open(t);
  const bomb = byHand([
    { name: 'certificate.json', bytes: sample.bytes },
    { name: 'files/zeros', bytes: Buffer.alloc(64 * 1024 * 1024), deflated: true },
  ]);
  for (const [bytes, words] of [
    [bomb, /压缩比超过 200 倍/],
    [ours.subarray(0, ours.length - 3), /压缩包无法读取/],
    [byHand([]), /没有 certificate\.json/],
  ] as const) {
    await choose(at, 'certificate-file', ['package.zip', bytes]);
    t.equal((await shown(at.page)).verdict, undefined);
    t.match(await at.page.innerText('#certificate .wrong'), words);
  }
  t.strictSame(at.troubles, []);
});

t.test(
  'dropped together: a certificate before a container, a container before a PDF that is an original',
  { skip },
  async (t) => {
    const together = (at: CheckerPage, files: Readonly<Record<string, Uint8Array>>) =>
      at.page.evaluate(
        async (given) => {
          const bytesOf = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          await window.kezheng.giveTogether(given.map(([name, text]) => new File([bytesOf(text!)], name!)));
        },
        Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
      );
    const at = await open(t);
    await together(at, { 'a.pdf': Buffer.from('%PDF-1.4 of somebody else'), 'package.zip': ours });
    await shown(at.page);
    t.match(await at.page.innerText('#certificate .given'), 'package.zip');
    t.strictSame((await filesOn(at)).toSorted(), ['a.pdf', '照片.jpg']);
    const fresh = await open(t);
    await together(fresh, { 'package.zip': ours, 'c.json': sample.bytes });
    await shown(fresh.page);
    t.match(await fresh.page.innerText('#certificate .given'), 'c.json');
  },
);

const MIB = 1024 * 1024;
const SIZE = (process.env['KEZHENG_TEST_LONG'] ? 2048 : 256) * MIB;

t.test('a large original is hashed where it lies in the package', { skip }, async (t) => {
  const at = await open(t);
  const path = join(at.folder, 'video.bin');
  const file = openSync(path, 'w');
  for (let offset = 0; offset < SIZE; offset += 64 * MIB) writeSync(file, randomBytes(100), 0, 100, offset);
  closeSync(file);
  truncateSync(path, SIZE);
  const hash = createHash('sha256');
  const sm3 = createHash('sm3');
  const reading = await openFile(path);
  for await (const chunk of reading.createReadStream({ highWaterMark: MIB })) {
    hash.update(chunk as Buffer);
    sm3.update(chunk as Buffer);
  }
  const video = await makeSample({
    entry: manifestOf([
      fileMember('photo.jpg', {
        sha256: hash.digest('hex'),
        sm3: sm3.digest('hex'),
        size: SIZE,
        name: 'video.bin',
      }),
    ]),
  });
  const zip = zipOf(
    [
      { name: 'certificate.json', bytes: video.bytes },
      {
        name: 'files/video.bin',
        size: SIZE,
        open: async () => Readable.from((await openFile(path)).createReadStream()),
      },
    ],
    0,
  );
  const target = await openFile(join(at.folder, 'large.zip'), 'w');
  await pipeline(zip, target.createWriteStream());
  await at.page.setInputFiles('#certificate-file', join(at.folder, 'large.zip'));
  await choose(at, 'trust-file', ['trust.json', JSON.stringify(trustList())]);
  await at.page.fill('#block-4242-1000', video.blockHash);
  const { verdict } = await shown(at.page);
  t.equal(verdict, 'valid');
  const used = await at.page.evaluate(
    () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
  );
  t.ok(used < 64 * MIB, `${used}`);
  t.strictSame(at.troubles, []);
});
