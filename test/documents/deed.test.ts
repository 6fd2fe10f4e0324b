import t from 'tap';
import { createThread } from '../../server/adapters/workers/thread.ts';
import { openPdf } from '../../server/core/container/pdf.ts';
import { assembleDeed, ranges } from '../../server/documents/deed/assemble.ts';
import { checkDeed, chineseDate, type DeedContent } from '../../server/documents/deed/content.ts';
import { prepareDeed } from '../../server/documents/deed/prepare.ts';
import { DEED_CODES } from '../../server/documents/deed/problem.ts';
import { renderDeed } from '../../server/documents/pdf/deed.ts';
import { type DeedJob, PAPER_PROGRAM, type Unsigned } from '../../server/documents/pdf/program.ts';
import { DEED_SENTENCES, DEED_WORDS, deedSentence, deedWords } from '../../server/messages/deed.ts';
import { refusal } from '../support/format-error.ts';
import { glyphsIn, opened, squeezed, whyNoPoppler } from '../support/poppler.ts';
import { checkedItem, contentOf, facts, item } from './deed-sample.ts';
import { changed } from './sample.ts';

/* What a deed says, and how other people's tools read it. */

t.setTimeout(240_000);

const skip = whyNoPoppler();
const SIGNED_MS = Date.parse('2026-11-28T16:30:00.000Z');

async function pdfOf(deed: DeedContent, attachments: Parameters<typeof renderDeed>[0]['attachments'] = []) {
  const { bytes } = await renderDeed({ deed, attachments, cmsBytes: 1_000, signedMs: SIGNED_MS });
  return { pdf: bytes, ...opened(bytes) };
}

t.test('dates are those of China, written as deeds write them', async (t) => {
  t.equal(chineseDate('2026-11-28T15:59:59.999Z'), '二〇二六年十一月二十八日');
  t.equal(chineseDate('2026-11-28T16:00:00.000Z'), '二〇二六年十一月二十九日');
  t.equal(chineseDate('2026-12-31T16:00:00.000Z'), '二〇二七年一月一日');
  t.equal(chineseDate('2030-10-10T00:00:00.000Z'), '二〇三〇年十月十日');
  t.equal(chineseDate('2028-02-19T20:00:00.000Z'), '二〇二八年二月二十日');
  t.equal(chineseDate('2026-05-31T00:00:00.000Z'), '二〇二六年五月三十一日');
});

const textOf = (more: Parameters<typeof facts>[0] = {}): string => {
  const { basics, testimony } = assembleDeed(facts(more));
  return [...basics, ...testimony].join('\n');
};

t.test('the item of the law is that of the matter', async (t) => {
  const { basics } = assembleDeed(facts({ matter: '文书的副本、影印本与原本相符', matterItem: '十' }));
  t.match(basics.join(''), '第十一条第十项受理');
  t.notMatch(basics.join(''), '第九项');
});

t.test('the text says what was asked for, done, found, certified and not certified', async (t) => {
  const text = textOf();
  for (const part of [
    '申请人上海示范商贸有限公司的委托代理人王某某（依据：授权委托书）于二〇二六年十一月二十日',
    '第十一条第九项',
    '受理日期为二〇二六年十一月二十三日',
    '共3项，含文件6个',
    '二〇二六年十一月二十七日 14:05:09（北京时间）',
    '附件所列3项均通过全部核验步骤',
    '6个文件重新计算了哈希值',
    '其中第1至3项由申请人自行上传，其在收到之前的情形未经核验',
    '仅证明上述过程与哈希值的一致性',
    '不证明附件所列文件内容的真实性、合法性',
  ])
    t.ok(text.includes(part), part);
  t.notMatch(text, /\{\w+\}/, 'every value is put in');
  t.notMatch(text, '测试链');
  t.match(textOf({ testChain: true }), '测试链，不具证据用途');
  t.notMatch(textOf({ agent: null }), '代理人');
});

t.test('what is not valid, not compared or of another origin is said by its number', async (t) => {
  const open = { verdict: 'incomplete', verdictText: '不完整', reason: '区块未经比对' } as const;
  const text = textOf({
    items: [
      checkedItem(1, { grade: 'verified-capture' }),
      checkedItem(2, { ...open, filesCompared: 0 }),
      checkedItem(3, { ...open, filesCompared: 1, grade: 'device-capture' }),
      checkedItem(4, { ...open, reason: '没有信任清单。' }),
      checkedItem(5, { grade: 'a grade of later' }),
    ],
  });
  for (const part of [
    '附件所列5项中，2项通过',
    '附件第2至3项的结论为“不完整”：区块未经比对。',
    '附件第4项的结论为“不完整”：没有信任清单。',
    '7个文件重新计算',
    '另外3个文件的原件未提交本处',
    '第1项由取证程序',
    '第3项由申请人的设备取得',
    '第2、4至5项由申请人自行上传',
  ])
    t.ok(text.includes(part), part);
  t.notMatch(text, '均通过');
});

t.test('a notary who fixed something himself says where, with whom and how', async (t) => {
  const extraction = {
    at: '2026-11-26T01:00:00.000Z',
    place: '本处',
    by: ['李某某', '赵某某'],
    steps: ['清洁性检查', '打开网页。'],
  };
  const text = textOf({ extraction });
  t.match(text, '09:00:00（北京时间），李某某、赵某某在本处进行了下列操作：1. 清洁性检查。2. 打开网页。');
  t.match(text, '兹证明：上述操作与核验的过程属实');
});

t.test('a case without deposits says so, and claims no check', async (t) => {
  const text = textOf({ items: [] });
  t.match(text, '没有提交已存证的证据');
  t.notMatch(text, /核验结果：|逐一核验|重新计算/);
});

t.test('numbers in a row are written as one', async (t) => {
  t.equal(ranges([1, 2, 3, 5, 7, 8]), '1至3、5、7至8');
  t.equal(ranges([4]), '4');
});

t.test(
  'every word is there in both languages; the template names one article of law and no other',
  async (t) => {
    const values = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).toSorted();
    for (const word of DEED_WORDS) {
      const { zh, en } = deedWords(word);
      t.match(zh, /[\u4e00-\u9fff，]/, word);
      // The size is said once for both.
      if (word !== 'annex-size') t.strictSame(values(zh), values(en), word);
      t.notMatch(zh, /[《》]|第[〇一二三四五六七八九十百\d]+条|依法|法院/, word);
    }
    const law = DEED_SENTENCES.flatMap((code) => [
      ...deedSentence(code, { item: '九' }).matchAll(/第[一二三四五六七八九十]+条\S{3}/g),
    ]);
    t.strictSame(
      law.map(([words]) => words),
      ['第十一条第九项'],
    );
  },
);

const wrong: Readonly<Record<string, readonly [(content: DeedContent) => unknown, string]>> = {
  'nobody applied': [() => ({ applicants: [] }), 'deed-field-empty'],
  'a hundred and one applied': [
    ({ applicants: [one] }) => ({ applicants: Array.from({ length: 101 }, () => one) }),
    'deed-field-too-long',
  ],
  'an applicant has no name': [
    ({ applicants: [one] }) => ({ applicants: [{ ...one, name: ' ' }] }),
    'deed-field-empty',
  ],
  'the number of an identity card is not masked': [
    ({ agent }) => ({ agent: { ...agent, identity: '居民身份证 310101199001011234' } }),
    'deed-id-unmasked',
  ],
  'it is hardly masked': [
    ({ agent }) => ({ agent: { ...agent, identity: '居民身份证 3101 0119 9001 0112 3*' } }),
    'deed-id-unmasked',
  ],
  'the number of a passport is not masked': [
    ({ applicants: [one] }) => ({ applicants: [{ ...one, kind: 'person', identity: '护照 E12345678' }] }),
    'deed-id-unmasked',
  ],
  'it has no number': [() => ({ number: '' }), 'deed-field-empty'],
  'it testifies nothing': [() => ({ testimony: ['', ' '] }), 'deed-field-empty'],
  'it is a book': [() => ({ testimony: ['证'.repeat(50_001)] }), 'deed-field-too-long'],
  'a name is longer than a page': [() => ({ notary: '李'.repeat(4_001) }), 'deed-field-too-long'],
  'the address to look it up is too long for a camera': [
    ({ lookUp }) => ({ lookUp: { ...lookUp, url: `https://kezheng.example/${'x'.repeat(300)}` } }),
    'deed-field-too-long',
  ],
  'its day is none': [() => ({ issuedAt: '2026-11-31T00:00:00.000Z' }), 'deed-date-invalid'],
  'its day is in another form': [() => ({ issuedAt: '2026-11-29' }), 'deed-date-invalid'],
  'a time of the annex is none': [() => ({ annex: [item(1, { provenAt: 'x' })] }), 'deed-date-invalid'],
  'a leaf is no digest': [() => ({ annex: [item(1, { leaf: 'AB'.repeat(32) })] }), 'deed-digest-invalid'],
  'an SM3 is short': [
    () => ({ annex: [item(1, { files: [{ ...item(1).files[0]!, sm3: 'ab' }] })] }),
    'deed-digest-invalid',
  ],
  'a certificate stands twice in the annex': [
    () => ({ annex: [item(1), item(1)] }),
    'deed-certificate-twice',
  ],
  'the annex has more items than anybody reads': [
    () => ({ annex: Array.from({ length: 2_001 }, (_, i) => item(i)) }),
    'deed-annex-too-long',
  ],
};
for (const [how, [change, code]] of Object.entries(wrong))
  t.test(`a deed is not drawn where ${how}`, async (t) => {
    const content = contentOf();
    t.ok((DEED_CODES as readonly string[]).includes(code));
    t.doesNotThrow(() => checkDeed(content));
    t.throws(() => checkDeed({ ...content, ...(change(content) as object) }), { code });
    const request = { certificates: new Map(), signer: new Uint8Array(), signedMs: 0, render: renderDeed };
    const refused = { ...content, ...(change(content) as object) };
    await t.rejects(prepareDeed({ content: refused, ...request }), { code });
  });

t.test('items may be without certificates, and several of them are', async (t) => {
  const none = { certificate: null, provenAt: null };
  t.doesNotThrow(() => checkDeed(contentOf(facts(), { annex: [item(1, none), item(2, none)], agent: null })));
});

/** Foot of a page and head of the next: paragraphs go on behind them. */
const BETWEEN_PAGES =
  /第\d+页，共\d+页page\d+of\d+（2026）沪示证内字第000123号上海市示范公证处(?:公证书NotarialDeed·（2026）沪示证内字第000123号)?/g;

t.test('all that the deed says can be read in the document', { skip }, async (t) => {
  const content = contentOf();
  const { text, info, check, pages } = await pdfOf(content);
  const all = squeezed(text()).replaceAll(BETWEEN_PAGES, '');
  const { basics, testimony, annex } = content;
  const said = [
    '公证书',
    content.number,
    content.office.name,
    content.office.uscc!,
    '王某某，居民身份证 310***********1234（依据：授权委托书）',
    '公证员：李某某',
    '二〇二六年十一月二十九日',
    content.lookUp.code,
    content.lookUp.url,
    ...basics,
    ...testimony,
    ...annex.flatMap(({ title, certificate, leaf, files }) => [
      title,
      certificate!,
      leaf,
      ...files.flatMap(({ name, size, sha256, sm3 }) => [name, String(size), sha256, sm3 ?? '']),
    ]),
  ];
  for (const one of said) t.ok(all.includes(squeezed(one)), one);
  t.match(info(), '（2026）沪示证内字第000123号');
  t.match(check(), { status: 0 });
  for (let page = 1; page <= pages(); page++) t.match(squeezed(text(page)), `第${page}页，共${pages()}页`);
  // The annex begins on a page of its own.
  const first = Array.from({ length: pages() }, (_, i) => text(i + 1)).findIndex((page) =>
    page.includes('附件：保全证据清单'),
  );
  t.notMatch(text(first + 1), '公证员：');
});

t.test('the QR code, where it is printed, leads to where the deed is looked up', { skip }, async (t) => {
  const short = await pdfOf({ ...contentOf(facts({ items: [] })), basics: [], testimony: ['兹证明。'] });
  t.equal(short.qrCode(), contentOf().lookUp.url);
});

t.test(
  'hundreds of items of any length and script: heads repeated, each digest whole',
  { skip },
  async (t) => {
    const titles = [
      '长标题'.repeat(300),
      'x'.repeat(1_000),
      'عقد توزيع (שלום) 𠮷野家 👍🏽',
      '\u202Egpj.exe\n第二行',
    ];
    const annex = Array.from({ length: 300 }, (_, i) => item(i + 1, { title: titles[i] ?? `第 ${i} 项` }));
    annex[5] = item(6, { files: [{ ...item(6).files[0]!, name: '页'.repeat(3_900) }] });
    const content = contentOf(facts({ testChain: true }), {
      annex,
      office: { name: '某某省某某市'.repeat(20), uscc: '12310000425000000X' },
      notary: 'Maximilian Alexander von und zu Hohenstein-Wittgenstein'.repeat(2),
    });
    const { text, pages, check, plain } = await pdfOf(content);
    t.match(check(), { status: 0 });
    t.ok(pages() > 40);
    const all = squeezed(text());
    for (const { leaf, files } of annex)
      for (const hex of [leaf, ...files.map(({ sha256 }) => sha256)]) if (!all.includes(hex)) t.fail(hex);
    t.match(all, '⟨U+202E⟩gpj.exe');
    const begin = Array.from({ length: pages() }, (_, i) => text(i + 1)).findIndex((page) =>
      page.includes('附件：保全证据清单'),
    );
    for (let page = begin + 1; page <= pages(); page++) {
      const one = squeezed(text(page));
      if (!one.includes('名称、证书、文件与摘要')) t.fail(`no head on page ${page}`);
      if (!one.includes('测试链，不具证据用途')) t.fail(`no mark on page ${page}`);
    }
    t.match(all, '6（续）', 'a page that goes on says with what');
    const readable = plain();
    t.equal(glyphsIn(readable).notdef, 0);
    for (const y of [...readable.matchAll(/1 0 0 1 [\d.]+ ([\d.]+) Tm/g)].map(([, y]) => Number(y)))
      if (y < 30) t.fail(`text at ${y}`);
  },
);

t.test(
  'the end of the text and the way to look a deed up stay with the signature on one page',
  { skip },
  async (t) => {
    for (let lines = 20; lines < 34; lines++) {
      const { text, pages } = await pdfOf({
        ...contentOf(facts({ items: [] })),
        testimony: Array.from({ length: lines }, () => '兹证明。'),
      });
      const page = Array.from({ length: pages() }, (_, i) => text(i + 1)).find((one) =>
        one.includes('公证员：李某某'),
      );
      for (const part of ['上海市示范公证处', '二〇二六年十一月二十九日', '查询码', '兹证明。'])
        if (!page?.includes(part)) t.fail(`${lines}: ${part}`);
    }
  },
);

t.test('names that take pages go on over as many', { skip }, async (t) => {
  const { text, check, plain, signature } = await pdfOf({
    ...contentOf(facts({ items: [] })),
    office: { name: '某'.repeat(4_000), uscc: '12310000425000000X' },
    notary: '名'.repeat(4_000),
    testimony: ['证'.repeat(20_000), '', ' '],
  });
  t.match(check(), { status: 0 });
  const all = text();
  t.ok(all.split('名').length > 4_000);
  t.ok(all.split('证').length > 20_000);
  t.notMatch(signature(), 'Signature is Valid', 'not signed yet');
  for (const y of [...plain().matchAll(/1 0 0 1 [\d.]+ ([\d.]+) Tm/g)].map(([, y]) => Number(y)))
    if (y < 30) t.fail(`text at ${y}`);
});

t.test('a test chain stands on every page, and a real one on none', { skip }, async (t) => {
  const test = await pdfOf(contentOf(facts({ testChain: true })));
  for (let page = 1; page <= test.pages(); page++)
    t.match(squeezed(test.text(page)), '测试链，不具证据用途·TESTCHAIN–NOEVIDENTIALVALUE');
  const large = [...test.plain().matchAll(/\/F\d+ 58 Tf/g)].length;
  t.ok(large >= test.pages());
  t.notMatch(squeezed((await pdfOf(contentOf())).text()), '不具证据用途');
});

t.test(
  'the certificates of the annex come out byte for byte, and none passes for the deed',
  { skip },
  async (t) => {
    const certificate = changed();
    const content = contentOf();
    const [first, second] = content.annex.map(({ certificate: number }) => number!);
    const prepared = await prepareDeed({
      content,
      certificates: new Map([[first!, certificate]]),
      signer: Buffer.from('3000', 'hex'),
      signedMs: SIGNED_MS,
      render: renderDeed,
    });
    const { attachmentNames, attachment, plain } = opened(prepared.pdf);
    t.strictSame(attachmentNames(), [`certificate-${first}.json`]);
    t.same(attachment(`certificate-${first}.json`), Buffer.from(certificate));
    t.match(plain(), /\/AFRelationship \/Data/);
    t.equal(
      refusal(() => openPdf(prepared.pdf)),
      'pdf-without-certificate',
    );
    const other = new Map([
      [second!, certificate],
      ['2026-99999999-99', certificate],
    ]);
    await t.rejects(
      prepareDeed({ content, certificates: other, signer: certificate, signedMs: 0, render: renderDeed }),
      { code: 'deed-attachment-surplus' },
    );
  },
);

t.test('the same deed gives the same document', async (t) => {
  const job = { deed: contentOf(), attachments: [], cmsBytes: 1_000, signedMs: SIGNED_MS };
  const [one, other] = [await renderDeed(job), await renderDeed(job)];
  t.ok(Buffer.from(one.bytes).equals(other.bytes));
  const thread = createThread<DeedJob>(PAPER_PROGRAM, undefined);
  t.teardown(() => thread.close());
  const there = await thread.ask<Unsigned>(job);
  t.ok(Buffer.from(one.bytes).equals(there.bytes), 'on another thread too');
  t.equal(there.offset, one.offset);
});

t.test('every font is embedded and can be read back', { skip }, async (t) => {
  const { fonts } = await pdfOf(contentOf());
  const lines = fonts()
    .split('\n')
    .slice(2)
    .filter((line) => line !== '');
  t.ok(lines.length >= 3);
  for (const font of lines) t.match(font, /yes\s+yes\s+yes\s+\d+\s+\d+$/);
});
