import { createHash } from 'node:crypto';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { FILES, makeSample, trustList } from '../../scripts/vectors/sample.ts';
import { startChromium, whyNoChromium } from '../support/chromium.ts';
import { type CheckerPage, choose, openSaved, savedPage, shown } from './page.ts';

/*
 * The saved page in a real browser with the network cut, driven through its own inputs.
 */

const skip = whyNoChromium();
const browser = skip ? undefined : await startChromium();
t.teardown(() => browser?.close());
const sample = await makeSample();
const PHOTO = FILES['photo.jpg']!;

const open = (t: Test, options: Parameters<typeof openSaved>[2] = {}) => openSaved(t, browser!, options);

const giveCertificate = (at: CheckerPage, bytes: Uint8Array = sample.bytes) =>
  choose(at, 'certificate-file', ['certificate.json', bytes]);
const giveFiles = (at: CheckerPage, ...files: (readonly [string, Uint8Array | string])[]) =>
  choose(at, 'original-files', ...files);
const giveTrust = (at: CheckerPage, list: unknown = trustList()) =>
  choose(at, 'trust-file', ['trust.json', typeof list === 'string' ? list : JSON.stringify(list)]);
const typeHash = (page: Page, hash: string = sample.blockHash) => page.fill('#block-4242-1000', hash);

/** Everything that makes the sample valid. */
async function giveAll(at: CheckerPage): Promise<void> {
  await giveCertificate(at);
  await giveFiles(at, ['照片.jpg', PHOTO]);
  await giveTrust(at);
  await typeHash(at.page);
}

const failed = (checks: Awaited<ReturnType<typeof shown>>['checks']) =>
  checks.filter(({ status }) => status === 'failed').map(({ id }) => id);

t.test('opened from a disk it asks for nothing and breaks no rule of its policy', { skip }, async (t) => {
  const at = await open(t);
  t.match(await at.page.innerText('#result'), /提交证书之后/);
  await giveAll(at);
  t.equal((await shown(at.page)).verdict, 'valid');
  t.strictSame(at.troubles, []);
});

t.test('a good certificate with its file, trust list and block hash is valid', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  const { verdict, testChain, checks, counts, text } = await shown(at.page);
  t.equal(verdict, 'valid');
  t.ok(testChain, 'and the test chain stands on it');
  t.strictSame(failed(checks), []);
  t.equal(checks.length, 16);
  t.ok(counts);
  for (const words of ['有效', 'valid', '以此为准', '不证明内容真实', '测试链', '示范权利人', 'SM3'])
    t.match(text, words);
});

t.test(
  'nothing is valid before all of it is given, and each thing that is missing is named',
  { skip },
  async (t) => {
    const at = await open(t);
    await giveCertificate(at);
    const links = () => at.page.$$eval('.todo a', (found) => found.map((one) => one.getAttribute('href')));
    t.equal((await shown(at.page)).verdict, 'incomplete');
    t.strictSame((await links()).sort(), ['#blocks', '#files', '#trust']);
    t.match(await at.page.innerText('#blocks'), /链 4242，第 1000 块/);
    await giveTrust(at);
    await shown(at.page);
    t.match(await at.page.innerText('#blocks'), /test vector chain，第 1000 块/);
    t.strictSame((await links()).sort(), ['#blocks', '#files']);
    await giveFiles(at, ['a.jpg', PHOTO]);
    await shown(at.page);
    t.strictSame(await links(), ['#blocks']);
    t.equal((await shown(at.page)).counts, null);
    await typeHash(at.page);
    t.equal((await shown(at.page)).verdict, 'valid');
  },
);

t.test('a damaged certificate is invalid, and one that an editor saved is told so', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  const text = Buffer.from(sample.bytes).toString('utf8');
  await giveCertificate(at, Buffer.from(text.replace('"revision":1', '"revision":2')));
  const changed = await shown(at.page);
  t.equal(changed.verdict, 'invalid');
  t.strictSame(failed(changed.checks), ['signature']);
  t.equal(changed.counts, null);
  await giveCertificate(at, Buffer.from(`${text}\n`));
  const edited = await shown(at.page);
  t.equal(edited.verdict, 'invalid');
  t.strictSame(failed(edited.checks), ['format']);
  t.match(edited.text, /文件被编辑器改写过/);
  await giveCertificate(at, Buffer.alloc(2_000_000, 'x'));
  t.match((await shown(at.page)).text, /文件过大（1048577 字节/);
  await giveCertificate(at);
  t.equal((await shown(at.page)).verdict, 'valid', 'and the good one again is good');
});

t.test('a file that was not deposited makes it invalid until it is taken away', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  await giveFiles(at, ['photo.jpg', 'another photo']);
  const wrong = await shown(at.page);
  t.equal(wrong.verdict, 'invalid');
  t.strictSame(failed(wrong.checks), ['files']);
  t.match(wrong.text, /同名文件内容不同/);
  await at.page.getByRole('button', { name: '移除 photo.jpg' }).click();
  t.equal((await shown(at.page)).verdict, 'valid');
  t.equal(await at.page.evaluate(() => document.activeElement?.id), 'original-files', 'the keyboard goes on');
});

t.test('a file that is no longer there is told, and no verdict stands meanwhile', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  t.equal((await shown(at.page)).verdict, 'valid');
  // Behind a large file, so that it is still there when it is chosen and gone when its turn comes.
  writeFileSync(join(at.folder, 'large.bin'), '');
  truncateSync(join(at.folder, 'large.bin'), 64 * 1024 * 1024);
  writeFileSync(join(at.folder, 'gone.jpg'), PHOTO);
  await at.page.setInputFiles('#original-files', [join(at.folder, 'large.bin'), join(at.folder, 'gone.jpg')]);
  t.match(await at.page.innerText('#result'), /正在计算/);
  rmSync(join(at.folder, 'gone.jpg'));
  await at.page.getByRole('button', { name: '移除 large.bin' }).click();
  const { verdict, text } = await shown(at.page);
  t.equal(verdict, undefined);
  t.match(text, /有原件无法读取/);
  t.match(await at.page.innerText('#files .wrong'), /可能已被移动/);
  await at.page.getByRole('button', { name: '移除 gone.jpg' }).click();
  t.equal((await shown(at.page)).verdict, 'valid');
});

t.test('a block hash typed in decides, and half of one decides nothing', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  await typeHash(at.page, `0x${'0'.repeat(64)}`);
  const other = await shown(at.page);
  t.equal(other.verdict, 'invalid');
  t.strictSame(failed(other.checks), ['block']);
  t.match(await at.page.innerText('#block-4242-1000-told'), /不一致/);
  await typeHash(at.page, sample.blockHash.slice(0, 60));
  t.equal((await shown(at.page)).verdict, 'incomplete');
  t.equal(await at.page.getAttribute('#block-4242-1000', 'aria-invalid'), 'true');
  t.match(await at.page.innerText('#block-4242-1000-told'), /现有 60 个/);
  const { blockHash: hash } = sample;
  await typeHash(at.page, `  ${hash.slice(0, 40).toUpperCase().replace('0X', '0x')}\n${hash.slice(40)} `);
  t.equal((await shown(at.page)).verdict, 'valid', 'as it was copied from somewhere');
  await at.page.fill('#block-4242-1000-source', '某某法院的节点');
  t.match((await shown(at.page)).text, /与来源 某某法院的节点 的第 1000 块一致/);
});

t.test('a trust list that is none stops the check', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  for (const list of ['{', JSON.stringify({ ...trustList(), more: 1 }), '[]']) {
    await giveTrust(at, list);
    const { verdict, text } = await shown(at.page);
    t.equal(verdict, undefined);
    t.match(text, /尚未核验/);
    t.match(await at.page.innerText('#trust .wrong'), /此清单不能使用/);
  }
  await giveTrust(at);
  t.equal((await shown(at.page)).verdict, 'valid');
});

t.test('another trust list than the one that knows the log makes it invalid', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  await giveTrust(at, { ...trustList(), logs: [] });
  const { verdict, checks } = await shown(at.page);
  t.equal(verdict, 'invalid');
  t.strictSame(failed(checks), ['log']);
});

t.test('digests instead of files are taken as supplied, and said to be', { skip }, async (t) => {
  const at = await open(t);
  await giveCertificate(at);
  await giveTrust(at);
  await typeHash(at.page);
  await at.page.click('.digests summary');
  await at.page.fill('.digests textarea', 'abc');
  await at.page.click('.digests button');
  t.match(await at.page.innerText('.digests'), /第 1 行不是/);
  const sha256 = createHash('sha256').update(PHOTO).digest('hex');
  await at.page.fill('.digests textarea', `\n${sha256.toUpperCase()}  照片.jpg\n`);
  await at.page.click('.digests button');
  const { verdict, text } = await shown(at.page);
  t.equal(verdict, 'valid');
  t.match(text, /有文件只提供了摘要/);
});

t.test('PDF and package are told apart from certificates, whatever their name', { skip }, async (t) => {
  const at = await open(t);
  for (const [start, words] of [
    ['%PDF-1.7\n', /PDF 中没有内嵌的存证证书/],
    ['PK\u0003\u0004', /压缩包无法读取/],
  ] as const) {
    await choose(at, 'certificate-file', ['certificate.json', start]);
    t.equal((await shown(at.page)).verdict, undefined);
    t.match(await at.page.innerText('#certificate .wrong'), words);
  }
  await giveCertificate(at);
  t.equal((await shown(at.page)).verdict, 'incomplete');
});

/** Drops files on an element, as from a file manager. */
const drop = (page: Page, selector: string, files: readonly { name: string; text: string }[]) =>
  page.evaluate(
    ([selector, files]) => {
      const transfer = new DataTransfer();
      for (const { name, text } of files) transfer.items.add(new File([text], name));
      for (const type of ['dragover', 'drop']) {
        const event = new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
        document.querySelector(selector)!.dispatchEvent(event);
        if (!event.defaultPrevented) throw new Error(`${type}: the browser would open the file`);
      }
    },
    [selector, files] as const,
  );

t.test('certificate and files dropped together are sorted, wherever they land', { skip }, async (t) => {
  const certificate = { name: 'c.json', text: Buffer.from(sample.bytes).toString('utf8') };
  const photo = { name: 'p.jpg', text: 'a photo' };
  for (const place of ['#certificate .zone', 'footer']) {
    const at = await open(t);
    await drop(at.page, place, [photo, certificate]);
    await at.page.waitForFunction(() => document.querySelectorAll('.files li').length === 1);
    const { verdict } = await shown(at.page);
    t.ok(verdict, place);
    t.match(await at.page.innerText('#certificate'), /c\.json/);
    await drop(at.page, 'footer', [{ name: 'x.txt', text: 'x' }]);
    await at.page.waitForFunction(() => document.querySelectorAll('.files li').length === 2);
    t.equal((await shown(at.page)).verdict, 'invalid', 'the next one is a file');
  }
});

t.test('what others wrote is shown as text, and what hides in it is made visible', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  const name = '<img src=x onerror=alert(1)> \u202etxt.exe';
  await giveTrust(at, { ...trustList(), name });
  await giveFiles(at, ['<b>\u202e.jpg', PHOTO]);
  await shown(at.page);
  t.match(await at.page.innerText('#trust'), '<img src=x onerror=alert(1)> \\u{202e}txt.exe');
  t.match(await at.page.innerText('#files'), '<b>\\u{202e}.jpg');
  t.equal(await at.page.locator('img, b').count(), 0);
  t.strictSame(at.troubles, []);
});

t.test('a browser without WebCrypto, or of 2022, comes to the same', { skip }, async (t) => {
  const without: Record<string, () => void> = {
    WebCrypto: () => Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined }),
    'functions of 2023': () => {
      delete (Array.prototype as { toSorted?: unknown }).toSorted;
      delete (String.prototype as { isWellFormed?: unknown }).isWellFormed;
    },
  };
  for (const [what, before] of Object.entries(without)) {
    const at = await open(t, { before });
    await giveAll(at);
    t.equal((await shown(at.page)).verdict, 'valid', what);
    const text = Buffer.from(sample.bytes).toString('utf8');
    await giveCertificate(at, Buffer.from(text.replace('"revision":1', '"revision":2')));
    const damaged = await shown(at.page);
    t.strictSame(failed(damaged.checks), ['signature'], what);
    await giveCertificate(at, Buffer.from(text.replace('涉嫌', '\\ud800')));
    t.strictSame(failed((await shown(at.page)).checks), ['format'], what);
  }
});

t.test('a browser without workers says that it cannot compare files', { skip }, async (t) => {
  const before = () => {
    window.Worker = class {
      constructor() {
        throw new Error('no workers');
      }
    } as unknown as typeof Worker;
  };
  const at = await open(t, { before });
  await giveAll(at);
  t.equal((await shown(at.page)).verdict, undefined);
  t.match(await at.page.innerText('#files'), /不允许本页在后台计算摘要/);
});

t.test('an error that nobody foresaw leaves no verdict standing', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  t.equal((await shown(at.page)).verdict, 'valid');
  await at.page.evaluate(() => void Promise.reject(new RangeError('unforeseen')));
  await at.page.waitForSelector('.broken');
  t.match(await at.page.innerText('#result'), /内部错误.*RangeError: unforeseen/);
  t.equal(await at.page.locator('.verdict').count(), 0);
});

t.test('a page whose script was changed does not run', { skip }, async (t) => {
  const html = savedPage();
  const place = html.indexOf('<script type="module">') + 22;
  const at = await open(t, { rewrite: () => `${html.slice(0, place)};${html.slice(place)}` });
  t.match(await at.page.innerText('#page'), /若一直只看到这句话/);
  t.match(at.troubles.join('\n'), /policy: script-src/);
});

t.test('nothing that is put into the page later runs, and nothing is sent', { skip }, async (t) => {
  const at = await open(t);
  await at.page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    const image = document.createElement('img');
    image.src = 'https://example.org/x.png';
    document.body.append(image);
    await fetch('https://example.org/').catch(() => {});
  });
  await at.page.waitForTimeout(200);
  t.equal(await at.page.evaluate(() => 'ran' in window), false);
  for (const directive of ['script-src', 'img-src', 'connect-src'])
    t.match(at.troubles.join('\n'), `policy: ${directive}`);
  t.notMatch(at.troubles.join('\n'), 'asked for', 'the policy refused it before any request');
});

t.test('every field has its name, and the keyboard reaches all of them in order', { skip }, async (t) => {
  const at = await open(t);
  await giveCertificate(at);
  await shown(at.page);
  const nameless = await at.page.$$eval('input, textarea, button', (fields) =>
    fields
      .filter((one) => {
        const labels = (one as HTMLInputElement).labels;
        const name = one.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? one.textContent;
        return one.checkVisibility() && !name?.trim();
      })
      .map((one) => one.outerHTML),
  );
  t.strictSame(nameless, []);
  const reached: string[] = [];
  for (let i = 0; i < 8; i++) {
    await at.page.keyboard.press('Tab');
    reached.push(await at.page.evaluate(() => document.activeElement!.id || document.activeElement!.tagName));
  }
  t.strictSame(reached.slice(0, 6), [
    'certificate-file',
    'original-files',
    'SUMMARY',
    'trust-file',
    'block-4242-1000',
    'block-4242-1000-source',
  ]);
  const sizes = await at.page.$$eval('.zone input', (fields) =>
    fields.map((one) => one.getBoundingClientRect().height),
  );
  for (const height of sizes) t.ok(height >= 44, 'a place that a finger can hit (WCAG 2.5.5)');
  t.equal(await at.page.getAttribute('html', 'lang'), 'zh-CN');
  t.ok((await at.page.locator('#result [role=status]').innerText()).includes('尚不完整'), 'a voice is told');
});

t.test('on paper there are the record and the report, and no fields', { skip }, async (t) => {
  const at = await open(t);
  await giveAll(at);
  await shown(at.page);
  await at.page.emulateMedia({ media: 'print' });
  for (const hidden of ['.steps', 'header', '.print'])
    t.equal(await at.page.locator(hidden).first().isVisible(), false, hidden);
  const text = await at.page.innerText('.result');
  t.match(text, /核验记录/);
  t.match(text, createHash('sha256').update(sample.bytes).digest('hex'), 'which file it was');
  t.match(text, sample.blockHash);
  t.match(text, /核验人/);
  t.ok(await at.page.locator('.across').isVisible(), 'a test chain stands across each page');
  t.match(await at.page.title(), /^有效 2026-00000001-52 /, 'and the file is named after it');
  t.match((await at.page.pdf({ preferCSSPageSize: true })).subarray(0, 5).toString(), '%PDF-');
});

t.test(
  'hundreds of files by mistake keep the page alive, and each is read to its end',
  { skip },
  async (t) => {
    const at = await open(t);
    await giveCertificate(at);
    const count = 1_200;
    await at.page.evaluate((count) => {
      // Large enough to be read as streams, of which many were collected while they were waited for.
      const content = new Blob([new Uint8Array(65_537)]);
      const files = Array.from({ length: count }, (_, i) => new File([content, `file ${i}`], `${i}.txt`));
      void window.kezheng.addFiles(files);
    }, count);
    const { verdict, text } = await shown(at.page);
    t.equal(verdict, 'invalid');
    t.match(text, `此类共 ${count} 个`);
  },
);

t.test('nothing is wider than a narrow screen', { skip }, async (t) => {
  const at = await open(t, { width: 360 });
  await giveAll(at);
  await shown(at.page);
  const width = await at.page.evaluate(() => document.documentElement.scrollWidth);
  t.ok(width <= 360, String(width));
});
