import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startChromium, whyNoChromium } from '../support/chromium.ts';
import { body, certificateOf, form, run } from '../support/running.ts';
import { openOnline, shown } from './page.ts';

/*
 * The page on line, from a real service with a real chain: it may ask the service, and says each time that it did.
 */

const skip = whyNoChromium();
const [browser, service] = skip ? [] : [await startChromium(), await run()];
const folder = mkdtempSync(join(tmpdir(), 'kezheng-online-'));
t.teardown(async () => {
  await browser?.close();
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const PHOTO = Buffer.from('a photo of something');
let certificate = '';
let number = '';
if (service) {
  const files = [{ name: '照片.jpg', bytes: PHOTO }];
  const made = await body(
    service.call('/v1/evidence', { method: 'POST', body: form({ title: '照片' }, files) }),
  );
  const bytes = await certificateOf(service, made.id);
  number = JSON.parse(bytes.toString('utf8')).number;
  certificate = join(folder, 'certificate.json');
  writeFileSync(certificate, bytes);
  writeFileSync(join(folder, '照片.jpg'), PHOTO);
}

t.test('the service is asked when a button says so, and the result says that it was', { skip }, async (t) => {
  const { page, troubles } = await openOnline(t, browser!, `${service!.url}/verify`);
  const asked: string[] = [];
  page.on('request', (request) => {
    const { protocol, pathname } = new URL(request.url());
    // A worker's script is a `blob:` inside the page.
    if (protocol !== 'blob:') asked.push(`${request.method()} ${pathname}`);
  });
  await page.setInputFiles('#certificate-file', certificate);
  await page.setInputFiles('#original-files', join(folder, '照片.jpg'));
  t.equal((await shown(page)).verdict, 'incomplete');
  t.strictSame(asked, [], 'nothing was asked yet');
  await page.click('#trust-service');
  await page.waitForSelector('#trust .given dl');
  t.match(await page.innerText('#trust'), /本服务 localhost:\d+（不是独立来源）/);
  t.equal((await shown(page)).verdict, 'incomplete');
  await page.click('.ask-block');
  await page.waitForSelector('.told.same');
  const { verdict, testChain, text } = await shown(page);
  t.equal(verdict, 'valid');
  t.ok(testChain);
  t.match(text, /信任清单由存证服务自己提供，不是独立取得的/);
  t.match(text, /区块哈希由存证服务自己查询，不是独立来源/);
  t.equal(asked.length, 2);
  t.equal(asked[0], 'GET /v1/trust');
  t.match(asked[1], /^GET \/v1\/blocks\/\d+\/\d+$/, 'a number is asked for, and nothing of the certificate');
  t.strictSame(troubles, []);
});

t.test('a trust list and a hash of one’s own leave no such remark', { skip }, async (t) => {
  const { page, troubles } = await openOnline(t, browser!, `${service!.url}/verify`);
  await page.setInputFiles('#certificate-file', certificate);
  await page.setInputFiles('#original-files', join(folder, '照片.jpg'));
  await page.setInputFiles('#trust-file', join(service!.dataDir, 'trust.json'));
  await shown(page);
  const { chainId, number: block } = await page.evaluate(async () => {
    const outcome = await window.kezheng.settled();
    const anchor = outcome.kind === 'checked' ? outcome.report.facts?.anchors[0] : undefined;
    return { chainId: anchor!.chainId, number: anchor!.blockNumber };
  });
  const { hash } = await body(service!.call(`/v1/blocks/${chainId}/${block}`));
  await page.fill('.hash', hash);
  const { verdict, text } = await shown(page);
  t.equal(verdict, 'valid');
  t.notMatch(text, /不是独立/);
  t.strictSame(troubles, []);
});

t.test('the page to save comes from a link, and its digest stands beside', { skip }, async (t) => {
  const { page } = await openOnline(t, browser!, `${service!.url}/verify`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('header a')]);
  const path = join(folder, 'saved.html');
  await download.saveAs(path);
  t.equal(download.suggestedFilename(), 'kezheng-verify.html');
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
  t.match(await page.innerText('header'), digest);
});

t.test('who came by a QR code sees which certificate it was, and whether this is it', { skip }, async (t) => {
  const right = await openOnline(t, browser!, `${service!.url}/c/${number}`);
  t.match(await right.page.innerText('#certificate'), `二维码所指的是证书 ${number}`);
  await right.page.setInputFiles('#certificate-file', certificate);
  await shown(right.page);
  t.notMatch(await right.page.innerText('#certificate'), '二维码');
  const other = await openOnline(t, browser!, `${service!.url}/c/2025-00000009-11`);
  await other.page.setInputFiles('#certificate-file', certificate);
  await shown(other.page);
  t.match(await other.page.innerText('#certificate .wrong'), `提交的是证书 ${number}，不是二维码所指的`);
  t.strictSame([...right.troubles, ...other.troubles], []);
});

t.test('a service that refuses or is away is told, and changes nothing', { skip }, async (t) => {
  const { page, context } = await openOnline(t, browser!, `${service!.url}/verify`);
  await page.setInputFiles('#certificate-file', certificate);
  await shown(page);
  const answers: Record<string, { status: number; body: string }> = {
    '本服务没有给出答复：请求过于频繁': {
      status: 429,
      body: JSON.stringify({ title: '请求过于频繁', titleEn: 'too many requests' }),
    },
    无法连接本服务: { status: 502, body: '<html>bad gateway' },
    '无法连接本服务 ': { status: 200, body: '{"number":"1"}' },
  };
  /** What the page says after a click; what it said before is taken away first. */
  const saidOf = async (button: string, place: string): Promise<string> => {
    await page.$$eval(`${place} .wrong`, (found) => {
      for (const one of found) one.remove();
    });
    await page.click(button);
    await page.waitForSelector(`${place} .wrong`);
    return page.innerText(`${place} .from-service`);
  };
  for (const [words, answer] of Object.entries(answers)) {
    await page.route('**/v1/**', (route) => route.fulfill(answer));
    t.match(await saidOf('.ask-block', '#blocks'), words.trim());
    if (answer.status !== 200) t.match(await saidOf('#trust-service', '#trust'), words);
    await page.unroute('**/v1/**');
  }
  await context.setOffline(true);
  t.match(await saidOf('.ask-block', '#blocks'), /无法连接本服务/);
  t.equal((await shown(page)).verdict, 'incomplete');
});
