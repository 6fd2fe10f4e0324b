import t from 'tap';
import { makeSample, trustList } from '../../../scripts/vectors/sample.ts';
import {
  archiveKind,
  beginsAsCertificate,
  checkCertificateCount,
  createReadingCost,
  liesBeside,
  namesOurFormat,
} from '../../../server/core/container/archive.ts';
import { heldSource, upTo } from '../../../server/core/container/open.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';

const sample = await makeSample();

t.test('a name says what an entry may be, in either case of its letters', async (t) => {
  const kinds: Readonly<Record<string, readonly string[]>> = {
    certificate: ['a.json', 'a/b.JSON', '.json', '证书/一.json', 'a.pdf.json'],
    pdf: ['a.pdf', 'a/b.PDF', 'x.json.pdf'],
    package: ['a.zip', 'A.ZIP'],
    file: ['a', 'a.jpg', 'json', 'a.json.txt', 'MACOSX/x', 'a.DS_Store', ''],
    aside: ['__MACOSX/._a.json', 'x/__MACOSX/a.pdf', '.DS_Store', 'a/.DS_Store'],
  };
  for (const [kind, names] of Object.entries(kinds))
    for (const name of names) t.equal(archiveKind(name), kind, name);
});

t.test('every certificate begins as one, and what an editor saved anew does not', async (t) => {
  t.ok(beginsAsCertificate(sample.bytes));
  for (const other of ['', '{', '{"anchors"', ' {"anchors":', '\ufeff{"anchors":', '{"entry":{}}'])
    t.notOk(beginsAsCertificate(utf8(other)), other);
});

t.test(
  'documents of ours that are no certificates are known by their format, and by nothing else',
  async (t) => {
    for (const name of ['manifest', 'trust', 'renewal', 'headers']) {
      const bytes = utf8(JSON.stringify({ format: `kezheng-${name}/1` }));
      t.ok(namesOurFormat(bytes));
      t.ok(liesBeside(bytes), name);
    }
    t.ok(liesBeside(utf8(JSON.stringify(trustList()))));
    for (const other of ['kezheng-certificate/1', 'kezheng-certificate/2', 'kezheng-manifesu/1', ''])
      t.notOk(liesBeside(utf8(JSON.stringify({ format: other }))), other);
    t.notOk(liesBeside(utf8('no JSON "kezheng-manifest/1"')));
    t.notOk(namesOurFormat(utf8('{"format":"other/1"}')));
    t.notOk(liesBeside(sample.bytes));
  },
);

t.test('no certificate at all, and more than are allowed, are each refused by their code', async (t) => {
  checkCertificateCount(1, 1);
  checkCertificateCount(5, 5);
  t.throws(() => checkCertificateCount(0, 5), { code: 'archive-without-certificate' });
  t.throws(() => checkCertificateCount(6, 5), {
    code: 'archive-certificates-too-many',
    detail: { limit: 5 },
  });
});

t.test('of a stream no more is held than was asked for, and the rest is not read', async (t) => {
  let given = 0;
  async function* pieces() {
    for (; given < 10; given++) yield utf8('abc');
  }
  t.strictSame(Buffer.from(await upTo(pieces(), 4)).toString(), 'abca');
  t.equal(given, 1, 'the second piece was the last that was taken');
  t.equal((await upTo(pieces(), 1_000)).length, 27);
  t.equal((await heldSource(utf8('abc')).read(1, 5)).length, 2);
});

t.test('what is read as certificates is limited in all', async (t) => {
  const cost = createReadingCost(10);
  cost(4);
  cost(6);
  t.throws(() => cost(1), { code: 'archive-certificates-too-large', detail: { limit: 10 } });
});
