import fc from 'fast-check';
import t from 'tap';
import { makePdf } from '../../../scripts/vectors/pdf.ts';
import { FILES, makeSample } from '../../../scripts/vectors/sample.ts';
import { openPackage } from '../../../server/adapters/packages.ts';
import { MAX_CERTIFICATE_BYTES } from '../../../server/core/certificate/certificate.ts';
import { heldSource, openContainer } from '../../../server/core/container/open.ts';
import {
  checkEntryCount,
  chooseFrom,
  containerOf,
  createMeter,
  MAX_PACKAGE_ENTRIES,
  originalName,
} from '../../../server/core/container/package.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { packed } from '../../support/packages.ts';

const sample = await makeSample();
const open = (bytes: Uint8Array) => openContainer(heldSource(bytes), openPackage, 1e6);

t.test('what it is, its first bytes say, and nothing else', async (t) => {
  t.equal(containerOf(utf8('%PDF-1.7')), 'pdf');
  t.equal(containerOf(utf8('PK\u0003\u0004....')), 'package');
  t.equal(containerOf(utf8('PK\u0005\u0006')), 'package');
  for (const other of ['', '%PDF', 'PK', 'PK\u0001\u0002', '{"anchors":', ' %PDF-'])
    t.equal(containerOf(utf8(other)), 'certificate', other);
});

t.test('the same certificate comes out of each container', async (t) => {
  const pdf = makePdf({ certificate: sample.bytes, cms: undefined });
  const zip = await packed([
    { name: 'certificate.json', bytes: sample.bytes },
    { name: 'files/photo.jpg', bytes: FILES['photo.jpg']! },
  ]);
  for (const bytes of [sample.bytes, pdf, zip]) {
    const { certificate } = await open(bytes);
    t.ok(Buffer.from(certificate).equals(Buffer.from(sample.bytes)));
  }
  t.equal((await open(sample.bytes)).pdf, undefined);
  t.equal((await open(pdf)).pdf?.bytes.length, pdf.length);
  t.strictSame((await open(pdf)).originals, []);
  t.strictSame(
    (await open(zip)).originals.map(({ name }) => name),
    ['photo.jpg'],
  );
});

t.test('what is no container is a certificate, of which one byte more than allowed is read', async (t) => {
  const { certificate } = await open(new Uint8Array(MAX_CERTIFICATE_BYTES + 100));
  t.equal(certificate.length, MAX_CERTIFICATE_BYTES + 1);
  t.equal((await open(new Uint8Array())).certificate.length, 0);
});

t.test('a container that cannot be opened is refused', async (t) => {
  await t.rejects(open(utf8('%PDF-1.7 nothing')), { code: 'pdf-without-certificate' });
  await t.rejects(open(utf8('PK\u0003\u0004 nothing')), { code: 'package-unreadable' });
});

const name = (text: string, isFolder = false) => ({ name: text, isFolder });

t.test('one certificate.json at the top decides; originals lie under files/', async (t) => {
  const entries = [
    name('files/', true),
    name('files/a.jpg'),
    name('files/b/c.jpg'),
    name('certificate.json'),
    name('Certificate.json'),
    name('files/certificate.json'),
    name('other/certificate.json'),
    name('filesx/a'),
    name('README.txt'),
  ];
  const { certificate, originals } = chooseFrom(entries);
  t.equal(certificate, entries[3]);
  t.strictSame(
    originals.map((one) => originalName(one.name)),
    ['a.jpg', 'b/c.jpg', 'certificate.json'],
  );
  t.throws(() => chooseFrom(entries.filter((one) => one !== entries[3])), {
    code: 'package-without-certificate',
  });
  t.throws(() => chooseFrom([...entries, name('certificate.json')]), {
    code: 'package-certificates-several',
    detail: { count: 2 },
  });
});

t.test('a package has no more entries than the limit', async (t) => {
  checkEntryCount(MAX_PACKAGE_ENTRIES);
  t.throws(() => checkEntryCount(MAX_PACKAGE_ENTRIES + 1), { code: 'package-entries-too-many' });
});

t.test('what comes out is counted over all entries, and for each beside what went in', async (t) => {
  const MIB = 1024 * 1024;
  const meter = createMeter(400 * MIB);
  const text = meter.entry('a', 10);
  text(MIB);
  t.throws(() => text(1), { code: 'package-packed-too-densely', detail: { name: 'a' } });
  const fine = createMeter(400 * MIB).entry('b', MIB);
  fine(200 * MIB);
  t.throws(() => fine(1), { code: 'package-packed-too-densely' });
  const both = createMeter(10);
  both.entry('a', 10)(6);
  both.entry('b', 10)(4);
  t.throws(() => both.entry('c', 10)(1), { code: 'package-too-large', detail: { limit: 10 } });
});

t.test('however the pieces fall, the sum decides', async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100)), fc.nat(2000), (pieces, limit) => {
      const count = createMeter(limit).entry('a', 1);
      let passed = 0;
      try {
        for (const piece of pieces) {
          count(piece);
          passed += piece;
        }
        return passed <= limit;
      } catch {
        return pieces.reduce((sum, piece) => sum + piece, 0) > limit;
      }
    }),
  );
});
