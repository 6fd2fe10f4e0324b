import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t from 'tap';
import { startChromium, whyNoChromium } from '../support/chromium.ts';
import { openSaved, shown } from './page.ts';

/*
 * The saved page comes to the same verdict, and shows the same status for each check, as core on every test vector: the
 * expected results were written by core and are compared with the other checkers elsewhere.
 */

interface Case {
  readonly name: string;
  readonly certificate: string;
  readonly files: readonly ({ readonly file: string } | { readonly sha256: string })[];
  readonly trust: unknown;
  readonly blocks: readonly { readonly source: string }[];
  readonly verdict: string;
  readonly testChain: boolean;
  readonly checks: readonly { readonly id: string; readonly at?: string; readonly status: string }[];
  readonly counts: string | null;
}

const FOLDER = join(import.meta.dirname, '..', 'vectors');
const ALL = JSON.parse(readFileSync(join(FOLDER, 'cases.json'), 'utf8')) as readonly Case[];
/** The page has no place for keys of the depositor: whose a key is, its reader compares himself. */
const CASES = ALL.filter((one) => !('depositorKeys' in one));
const base64 = (path: string): string => readFileSync(join(FOLDER, path)).toString('base64');

/** Lays a case on the desk as the inputs of the page do, each file as a file. */
function give(page: Page, one: Case): Promise<void> {
  const files = one.files.flatMap((given) =>
    'file' in given ? [{ name: given.file, bytes: base64(join('files', given.file)) }] : [],
  );
  const digests = one.files.filter((given) => !('file' in given)) as { sha256: string }[];
  const trust = one.trust === null ? undefined : JSON.stringify(one.trust);
  const { blocks } = one;
  return page.evaluate(
    async ({ certificate, files, digests, trust, blocks }) => {
      const desk = window.kezheng;
      const bytesOf = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      for (const slot of desk.state.files) void desk.removeFile(slot);
      for (const key of desk.state.blocks.keys()) void desk.giveBlock(key, undefined);
      void desk.takeTrust();
      void desk.giveCertificate(new File([bytesOf(certificate)], 'certificate.json'));
      void desk.addFiles(files.map(({ name, bytes }) => new File([bytesOf(bytes)], name)));
      void desk.addDigests(digests);
      if (trust !== undefined) void desk.giveTrust(new Blob([trust]), 'trust.json', 'person');
      for (const [i, block] of blocks.entries()) void desk.giveBlock(`given ${i}`, { from: 'person', block });
      await desk.settled();
    },
    { certificate: base64(one.certificate), files, digests, trust, blocks },
  );
}

const skip = whyNoChromium();
t.test('the page agrees with core on every test vector', { skip }, async (t) => {
  const browser = await startChromium();
  t.teardown(() => browser.close());
  const { page, troubles } = await openSaved(t, browser);
  t.ok(CASES.length > 180);
  const verdicts = new Set<string>();
  for (const one of CASES) {
    await give(page, one);
    const { verdict, testChain, checks, counts } = await shown(page);
    verdicts.add(one.verdict);
    t.equal(verdict, one.verdict, one.name);
    // Where nothing could be read, nothing is said about its chain.
    t.equal(testChain, one.testChain && one.checks[0]!.status === 'passed', one.name);
    const order = (list: Case['checks']) => list.map(({ id, at, status }) => `${at ?? ''} ${id} ${status}`);
    t.strictSame(order(checks), order(one.checks), one.name);
    t.equal(counts, one.counts, one.name);
  }
  t.equal(verdicts.size, 3);
  t.strictSame(troubles, []);
});
