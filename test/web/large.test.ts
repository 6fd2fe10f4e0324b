import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { makeSample } from '../../scripts/vectors/sample.ts';
import { startChromium, whyNoChromium } from '../support/chromium.ts';
import { openSaved, shown } from './page.ts';

/*
 * A large file goes through the page piece by piece: its digests are right, its size is nowhere in memory, and the page
 * answers meanwhile. 2 GiB in a long run.
 */

const MIB = 1024 * 1024;
const SIZE = (process.env['KEZHENG_TEST_LONG'] ? 2048 : 256) * MIB;
/** A piece of 1 MiB for each of two workers, the workers themselves, and what the browser makes of drawing a bar. */
const MAX_GROWTH = 96 * MIB;

/** Processes below this one, by their parents in /proc. */
function descendants(): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === process.pid || isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow);
}

/** Memory of their own: what processes share is counted once, and files that the system holds are not. */
const memory = (): number =>
  descendants().reduce((sum, pid) => {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      return sum + 1024 * Number(/^Pss_Anon:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
    } catch {
      return sum;
    }
  }, 0);

/** Holes but for a mark every 64 MiB, so that no piece is like another and the disk holds little. */
function makeFile(path: string): void {
  const file = openSync(path, 'w');
  for (let at = 0; at < SIZE; at += 64 * MIB) writeSync(file, `mark ${at}`, at + 1);
  closeSync(file);
  truncateSync(path, SIZE + 1);
}

function digestsOf(path: string): { sha256: string; sm3: string } {
  const [sha256, sm3] = [createHash('sha256'), createHash('sm3')];
  for (const chunk of readChunks(path)) {
    sha256.update(chunk);
    sm3.update(chunk);
  }
  return { sha256: sha256.digest('hex'), sm3: sm3.digest('hex') };
}

function* readChunks(path: string): Iterable<Buffer> {
  const file = openSync(path, 'r');
  const chunk = Buffer.alloc(8 * MIB);
  for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk))
    yield chunk.subarray(0, length);
  closeSync(file);
}

const skip = whyNoChromium();

t.test(
  'a large file is hashed with bounded memory, and the page answers meanwhile',
  { skip, timeout: 900_000 },
  async (t) => {
    const browser = await startChromium();
    t.teardown(() => browser.close());
    const { page, folder, troubles } = await openSaved(t, browser);
    const path = join(folder, '录像.mp4');
    makeFile(path);
    const sample = await makeSample();
    await page.setInputFiles('#certificate-file', {
      name: 'certificate.json',
      mimeType: 'application/json',
      buffer: Buffer.from(sample.bytes),
    });
    await shown(page);
    const before = memory();
    let most = before;
    const watching = setInterval(() => {
      most = Math.max(most, memory());
    }, 100);
    t.teardown(() => clearInterval(watching));
    await page.setInputFiles('#original-files', path);
    await page.waitForSelector('#files progress');
    t.match(await page.innerText('#result'), /正在计算原件的摘要/, 'no verdict before the file is hashed');
    const first = await page.$eval('#files progress', (bar) => (bar as HTMLProgressElement).value);
    await page.waitForFunction((was) => {
      const bar = document.querySelector<HTMLProgressElement>('#files progress');
      return bar === null || bar.value > was;
    }, first);
    const { verdict, checks } = await shown(page);
    clearInterval(watching);
    t.equal(verdict, 'invalid', 'it is not the file of the certificate');
    t.equal(checks.find(({ id }) => id === 'files')?.status, 'failed');
    const digests = await page.$$eval('#files code', (found) => found.map((one) => one.textContent));
    const { sha256, sm3 } = digestsOf(path);
    t.strictSame(digests, [sha256, sm3]);
    t.comment(`memory grew by ${Math.round((most - before) / MIB)} MiB for a file of ${SIZE / MIB} MiB`);
    t.ok(most - before < MAX_GROWTH, `${Math.round((most - before) / MIB)} MiB`);
    t.strictSame(troubles, []);
  },
);

t.test('a file taken back while it is hashed makes room for the next at once', { skip }, async (t) => {
  const browser = await startChromium();
  t.teardown(() => browser.close());
  const { page, folder } = await openSaved(t, browser);
  const path = join(folder, 'large.bin');
  makeFile(path);
  await page.setInputFiles('#original-files', [path]);
  await page.waitForSelector('#files progress');
  await page.setInputFiles('#original-files', {
    name: 'small.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('x'),
  });
  await page.getByRole('button', { name: '移除 large.bin' }).click();
  await page.evaluate(() => window.kezheng.settled());
  const digests = await page.$$eval('#files code', (found) => found.map((one) => one.textContent));
  t.equal(digests[0], createHash('sha256').update('x').digest('hex'));
  t.equal(digests.length, 2);
});
