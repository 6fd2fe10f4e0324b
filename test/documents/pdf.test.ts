import t from 'tap';
import { ensureDocumentSigner } from '../../server/adapters/document-signer.ts';
import { certificateContent } from '../../server/documents/certificate-content.ts';
import type { Content, Value } from '../../server/documents/content.ts';
import { renderPaper } from '../../server/documents/pdf/render.ts';
import { sealed } from '../../server/documents/pdf/seal.ts';
import { paperWords } from '../../server/messages/paper.ts';
import { attachmentsOf } from '../../server/pipeline/paper.ts';
import { glyphsIn, opened, squeezed, whyNoPoppler } from '../support/poppler.ts';
import { changed, type Document, inputOf } from './sample.ts';

/* Documents as other people's tools see them. */

t.setTimeout(240_000);

const skip = whyNoPoppler();
const signer = await ensureDocumentSigner(t.testdir(), '签章者', Date.now());
const SIGNED_MS = Date.parse('2026-11-22T08:00:00.000Z');

async function jobOf(bytes: Uint8Array, more: Parameters<typeof inputOf>[1] = {}) {
  const content = certificateContent(await inputOf(bytes, more));
  return { content, attachments: attachmentsOf(bytes), cmsBytes: signer.maxBytes, signedMs: SIGNED_MS };
}

async function pdfOf(bytes: Uint8Array, more: Parameters<typeof inputOf>[1] = {}) {
  const job = await jobOf(bytes, more);
  const pdf = await sealed(await renderPaper(job), signer.sign);
  return { pdf, content: job.content, ...opened(pdf) };
}

const VALID = /Signature is Valid/;
const WHOLE = /Total document signed/;

const printed = (value: Value): string[] => {
  if (value.kind === 'words') return [value.zh, value.en];
  if (value.kind === 'time') return [value.at.replace('T', ' ').slice(0, -1)];
  return [value.kind === 'hex' ? value.prefix + value.hex : value.text];
};

/** All that the content says, text by text. */
const textsOf = ({ sections }: Content): string[] =>
  sections.flatMap(({ title, rows = [], files = [], clocks = [], notes = [] }) => [
    ...[title, ...notes].flatMap(({ zh, en }) => [zh, en]),
    ...rows.flatMap(({ label, values }) => [label.zh, label.en, ...values.flatMap(printed)]),
    ...files.flatMap(({ name, size, digests }) => [name, size, ...digests.flatMap(printed)]),
    ...clocks.flatMap(({ name, force, by }) => [name.zh, force.zh, ...printed(by)]),
  ]);

const sample = await pdfOf(changed());

t.test(
  'other people’s tools find a whole document with a valid signature over all of it',
  { skip },
  async (t) => {
    t.match(sample.check(), { status: 0, out: /No syntax or stream encoding errors/ });
    t.match(sample.signature(), VALID);
    t.match(sample.signature(), WHOLE);
    t.match(sample.signature(), 'ETSI.CAdES.detached');
    t.match(sample.signature(), '签章者 PDF');
    t.match(sample.info(), /Page size:\s+595\.\d+ x 841\.\d+ pts \(A4\)/);
    t.match(sample.info(), /Title:\s+存证证书 2026-00000001-52/);
  },
);

t.test('all that the certificate says can be read in the document', { skip }, async (t) => {
  const text = squeezed(sample.text());
  // A control character is printed by its number.
  for (const one of textsOf(sample.content))
    for (const line of one.split('\n'))
      t.ok(text.includes(squeezed(line.replace('\u0001', '⟨U+0001⟩'))), line);
});

t.test(
  'certificate and manifest come out byte for byte; the certificate stands in the file as it is, once',
  { skip },
  async (t) => {
    const bytes = changed();
    t.strictSame(sample.attachmentNames(), ['certificate-2026-00000001-52.json', 'manifest.json']);
    t.same(sample.attachment('certificate-2026-00000001-52.json'), Buffer.from(bytes));
    const manifest = JSON.parse(Buffer.from(bytes).toString('utf8')).entry;
    t.same(sample.attachment('manifest.json'), Buffer.from(JSON.stringify(manifest)), 'canonical as it was');
    const file = Buffer.from(sample.pdf);
    const at = file.indexOf('stream\n{"anchors":');
    t.ok(
      file
        .subarray(at + 'stream\n'.length)
        .subarray(0, bytes.length)
        .equals(bytes),
    );
    t.equal(file.indexOf('{"anchors":', at + 'stream\n{'.length), -1);
    const dictionary = file.subarray(file.lastIndexOf(' obj', at), at).toString('latin1');
    t.match(dictionary, `/Length ${bytes.length}\n`);
    t.notMatch(dictionary, '/Filter');
    t.match(sample.plain(), /\/AFRelationship \/Data/);
  },
);

t.test('tokens are attached as files of their own, in DER', { skip }, async (t) => {
  const token = Buffer.from('3003020101', 'hex');
  const { attachment, attachmentNames, signature } = await pdfOf(
    changed((document) => {
      document.tokens = [
        { certificates: [], token: token.toString('base64'), type: 'later/1' },
        { type: 'without/1' },
      ];
    }),
  );
  t.strictSame(attachmentNames().toSorted().at(-1), 'token-1.tsr');
  t.equal(attachmentNames().length, 3);
  t.same(attachment('token-1.tsr'), token);
  t.match(signature(), VALID);
});

t.test('the same certificate gives the same document', async (t) => {
  const job = await jobOf(changed());
  const [one, other] = [await renderPaper(job), await renderPaper(job)];
  t.ok(Buffer.from(one.bytes).equals(other.bytes));
});

t.test('a byte that is changed anywhere after signing shows', { skip }, async (t) => {
  const [from, to] = contentsOf(sample.pdf);
  const places = Array.from({ length: 40 }, (_, i) => Math.floor(((i + 0.5) * sample.pdf.length) / 40));
  const certificate = Buffer.from(sample.pdf).indexOf('{"anchors":') + 500;
  for (const at of [...places, certificate, 9, sample.pdf.length - 2]) {
    if (at >= from && at < to) continue;
    const changed = Buffer.from(sample.pdf);
    changed[at]! ^= 0x01;
    t.notMatch(opened(changed).signature(), VALID, `byte ${at}`);
  }
  const forged = Buffer.from(sample.pdf);
  // Behind the signature's end are zeros that fill its place.
  const last = forged.toString('latin1', 0, to).replace(/0+$/, '').length - 4;
  forged[last] = forged[last] === 0x61 ? 0x62 : 0x61;
  t.notMatch(opened(forged).signature(), VALID, 'the signature itself');
});

/** Where the signature's hex stands. */
function contentsOf(pdf: Uint8Array): [number, number] {
  const file = Buffer.from(pdf);
  const from = file.lastIndexOf('/Contents <');
  return [from, file.indexOf('>', from)];
}

t.test(
  'an incremental update shows: the signature is good, and not of the whole document any more',
  { skip },
  async (t) => {
    const text = Buffer.from(sample.pdf).toString('latin1');
    const [, size] = /\/Size (\d+)/.exec(text.slice(text.lastIndexOf('trailer')))!;
    const [, root] = /\/Root (\d+ 0 R)/.exec(text.slice(text.lastIndexOf('trailer')))!;
    const [, before] = /startxref\n(\d+)/.exec(text.slice(text.lastIndexOf('startxref')))!;
    const object = `${size} 0 obj\n<< /Note (added) >>\nendobj\n`;
    const xref = sample.pdf.length + object.length;
    const entry = `${String(sample.pdf.length).padStart(10, '0')} 00000 n \n`;
    const update = `${object}xref\n${size} 1\n${entry}trailer\n<< /Size ${Number(size) + 1} /Root ${root} /Prev ${before} >>\nstartxref\n${xref}\n%%EOF\n`;
    const { signature, check } = opened(Buffer.concat([sample.pdf, Buffer.from(update, 'latin1')]));
    t.match(check(), { status: 0 });
    t.match(signature(), 'Not total document signed');
    t.match(opened(Buffer.concat([sample.pdf, Buffer.from('\n')])).signature(), 'Not total document signed');
  },
);

t.test(
  'what somebody wrote into a title moves neither the signature nor the certificate',
  { skip },
  async (t) => {
    const title =
      '/ByteRange [0 /********** /********** /**********] /Contents <00> endstream\nendobj stream\n{"anchors":[]}';
    const bytes = changed(({ entry }) => {
      entry.evidence.title = title;
    });
    const { signature, attachment, pdf } = await pdfOf(bytes);
    t.match(signature(), VALID);
    t.match(signature(), WHOLE);
    t.same(attachment('certificate-2026-00000001-52.json'), Buffer.from(bytes));
    t.equal(Buffer.from(pdf).toString('latin1').split('stream\n{"anchors":').length, 2);
  },
);

const NAMES = {
  rare: '𠮷野家 𡃁仔 䶮 㐂',
  hebrew: 'שלום עולם',
  arabic: 'عقد توزيع',
  korean: '상표권 침해',
  latin: 'Žluťoučký Ελληνικά Кириллица Tiếng Việt',
  emoji: '👨‍👩‍👧‍👦 ❤️‍🔥 👍🏽 🇨🇳 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  hindi: 'हिन्दी',
  marks: 'á̂ ñ',
} as const;

t.test('characters of any script are printed, and no .notdef is among them', { skip }, async (t) => {
  const { text, plain, signature } = await pdfOf(
    changed(({ entry }) => {
      entry.evidence.title = Object.values(NAMES).join('，');
      entry.depositor.name = NAMES.rare;
      entry.files[0].name = `${NAMES.arabic} (${NAMES.hebrew}) 2.pdf`;
      entry.evidence.description =
        'ไทย \uE000 \u{323AF} \u202Egpj.exe\u202C a\u200Db \u200F \uFEFF \u{10FFFF} \u0378';
    }),
  );
  const all = text();
  for (const name of ['rare', 'hebrew', 'korean', 'latin'] as const)
    for (const word of NAMES[name].split(' ')) t.match(all, word, name);
  for (const picture of ['👨', '❤', '👍', '🏴']) t.match(all, picture);
  for (const point of ['0E44', 'E000', '202E', '202C', '200D', '200F', 'FEFF', '10FFFF', '0378'])
    t.match(all, `⟨U+${point}⟩`);
  t.match(all, '⟨U+202E⟩gpj.exe', 'a mark of direction turns nothing around');
  const { drawn, notdef } = glyphsIn(plain());
  t.ok(drawn > 2_000, `${drawn} glyphs`);
  t.equal(notdef, 0);
  t.match(signature(), VALID);
});

t.test(
  'what the depositor states never stands without its label, and cannot look like a section of ours',
  { skip },
  async (t) => {
    const { text, pages, check } = await pdfOf(
      changed(({ entry }) => {
        entry.evidence.description = `第一行${'\n'.repeat(70)}存证服务提供者 Provider\n某机构\u2028已核验${'\n另一行'.repeat(150)}`;
        entry.evidence.origin.statement = `来源${'\n又一行'.repeat(120)}`;
        entry.files[0].name = '\u3000';
      }),
    );
    t.match(check(), { status: 0 });
    const all = Array.from({ length: pages() }, (_, i) => squeezed(text(i + 1)));
    const long = all.filter((page) => /另一行|又一行/.test(page));
    t.ok(long.length >= 5);
    for (const page of long) {
      t.match(page, /说明|来源/);
      t.match(page, squeezed('存证人所述 as stated by the depositor'));
    }
    t.ok(all.filter((page) => page.includes(squeezed(`${paperWords('description').zh}（续）`))).length >= 2);
    t.ok(all.filter((page) => page.includes(squeezed(`${paperWords('origin').en} (continued)`))).length >= 1);
    t.match(squeezed(text()), '某机构⟨U+2028⟩已核验');
    t.match(squeezed(text()), '⟨U+3000⟩', 'a name that is nothing but a space');
    t.match(
      all.find((page) => page.includes('第一行')),
      '某机构',
      'empty lines push nothing to the next page',
    );
  },
);

t.test('the QR code leads to the page of this certificate', { skip }, async (t) => {
  t.equal(sample.qrCode(), 'https://kezheng.example/c/2026-00000001-52');
});

t.test('every font is embedded and can be read back', { skip }, async (t) => {
  const fonts = sample
    .fonts()
    .split('\n')
    .slice(2)
    .filter((line) => line !== '');
  t.ok(fonts.length >= 3);
  // The last columns: embedded, subset, to Unicode.
  for (const font of fonts) t.match(font, /yes\s+yes\s+yes\s+\d+\s+\d+$/);
});

t.test(
  'a hundred files with names of any length: numbered pages, repeated heads, each digest whole',
  { skip },
  async (t) => {
    const digest = (i: number) => i.toString(16).padStart(2, '0').repeat(32);
    const names = [
      'x'.repeat(255),
      '长'.repeat(85),
      `${'a b '.repeat(60)}c`,
      'https://例子.example/'.repeat(12),
    ];
    const bytes = changed(({ entry }: Document) => {
      const [file] = entry.files;
      entry.files = Array.from({ length: 100 }, (_, i) => ({
        ...file,
        name: i < names.length ? names[i] : `照片 ${i}.jpg`,
        sha256: digest(i),
      }));
      entry.depositor.name = '某'.repeat(300);
    });
    const { text, pages, plain, check, signature } = await pdfOf(bytes);
    t.ok(pages() > 8);
    t.match(check(), { status: 0 });
    t.match(signature(), VALID);
    const all = squeezed(text());
    for (let i = 0; i < 100; i++) t.ok(all.includes(digest(i)), `file ${i}`);
    t.equal(all.split('x').length - 1 >= 255, true);
    for (let page = 1; page <= pages(); page++) {
      const one = squeezed(text(page));
      t.match(one, `第${page}页，共${pages()}页`);
      t.match(one, `page${page}of${pages()}`);
      t.match(one, '2026-00000001-52');
      if (/SM3[0-9a-f]{64}/.test(one)) t.match(one, '文件名、格式', `head on page ${page}`);
    }
    t.equal(glyphsIn(plain()).notdef, 0);
  },
);

t.test(
  'a name or a description that is longer than a page goes on over as many as it takes',
  { skip },
  async (t) => {
    const { text, pages, check, plain } = await pdfOf(
      changed(({ entry }) => {
        entry.files[0].name = '页'.repeat(4_000);
        entry.evidence.description = '述'.repeat(6_000);
      }),
    );
    t.match(check(), { status: 0 });
    const all = text();
    t.ok(all.split('页').length > 4_000);
    t.ok(all.split('述').length > 6_000);
    // Nothing is drawn below the line above the page number.
    for (let page = 1; page <= pages(); page++)
      t.match(text(page).trimEnd().split('\n').slice(-14).join(), `page ${page} of`);
    for (const y of [...plain().matchAll(/1 0 0 1 [\d.]+ ([\d.]+) Tm/g)].map(([, y]) => Number(y)))
      if (y < 30) t.fail(`text at ${y}`);
  },
);

t.test('a test chain stands on every page, large, and a real one on none', { skip }, async (t) => {
  for (let page = 1; page <= sample.pages(); page++) {
    const text = squeezed(sample.text(page));
    t.match(text, '测试链，不具证据用途·TESTCHAIN–NOEVIDENTIALVALUE');
  }
  const large = [...sample.plain().matchAll(/\/F\d+ 58 Tf/g)].length;
  t.ok(large >= sample.pages(), `${large} large marks on ${sample.pages()} pages`);
  const real = await pdfOf(changed(), { real: true });
  t.notMatch(squeezed(real.text()), '不具证据用途');
});

t.test('a signature that does not fit its place is refused', async (t) => {
  const unsigned = await renderPaper({ ...(await jobOf(changed())), cmsBytes: 16 });
  await t.rejects(sealed(unsigned, signer.sign), /room for 16/);
});
