import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MAX_RENEWAL_BYTES } from '../../server/core/renewal/renewal.ts';
import { startChromium, whyNoChromium } from '../support/chromium.ts';
import { openSaved, shown } from './page.ts';

/* The saved page takes renewals among the originals, and comes to what core wrote beside the vectors. */

t.setTimeout(300_000);

interface Case {
  readonly name: string;
  readonly certificate: string;
  readonly renewals: readonly string[];
  readonly trust: unknown;
  readonly blocks: readonly { readonly source: string }[];
  readonly verdict: string;
  readonly checks: readonly { readonly id: string; readonly status: string }[];
}

const VECTORS = join(import.meta.dirname, '..', 'vectors');
const CASES = JSON.parse(readFileSync(join(VECTORS, 'renewals.json'), 'utf8')) as readonly Case[];
const base64 = (path: string): string => readFileSync(join(VECTORS, path)).toString('base64');

/** What is too long is none, and no original either. */
const isRenewal = (text: string): boolean =>
  text.includes('"format":"kezheng-renewal/1"') && text.length <= MAX_RENEWAL_BYTES;

const OF_RENEWALS = ['renewal', 'unbroken'];

t.test(
  'every renewal of the vectors comes out on the page as it is written',
  { skip: whyNoChromium() },
  async (t) => {
    const browser = await startChromium();
    t.teardown(() => browser.close());
    const { page, troubles } = await openSaved(t, browser);
    let seen = 0;
    for (const one of CASES) {
      // What is no renewal by its format is an original to the page, as everything else that it does not know.
      const formats = one.renewals.map((path) => readFileSync(join(VECTORS, path), 'latin1'));
      if (!formats.every(isRenewal)) continue;
      seen++;
      await page.evaluate(
        async ({ certificate, renewals, trust, blocks }) => {
          const desk = window.kezheng;
          const bytesOf = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          for (const slot of desk.state.files) void desk.removeFile(slot);
          for (const key of desk.state.blocks.keys()) void desk.giveBlock(key, undefined);
          void desk.takeTrust();
          void desk.giveCertificate(new File([bytesOf(certificate)], 'certificate.json'));
          const photo = new TextEncoder().encode('not really a photograph, but bytes are bytes\n');
          const files = renewals.map((text, i) => new File([bytesOf(text)], `${i}.renewal.json`));
          void desk.addFiles([new File([photo], 'photo.jpg'), ...files]);
          if (trust !== null) void desk.giveTrust(new Blob([JSON.stringify(trust)]), 'trust.json', 'person');
          for (const [i, block] of blocks.entries())
            void desk.giveBlock(`given ${i}`, { from: 'person', block: block as never });
          await desk.settled();
        },
        { ...one, certificate: base64(one.certificate), renewals: one.renewals.map(base64) },
      );
      const { verdict, checks } = await shown(page);
      t.equal(verdict, one.verdict, one.name);
      const order = (list: Case['checks']) =>
        list.filter(({ id }) => OF_RENEWALS.includes(id)).map(({ id, status }) => `${id} ${status}`);
      t.strictSame(order(checks), order(one.checks), one.name);
    }
    t.ok(seen > 40, `${seen}`);
    t.strictSame(troubles, []);
  },
);
