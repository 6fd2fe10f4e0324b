import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FOUR, headOf, makeEvents, nodeSays } from '../../scripts/vectors/case-sample.ts';
import { trustList } from '../../scripts/vectors/sample.ts';
import { startChromium, whyNoChromium } from '../support/chromium.ts';
import { packed } from '../support/packages.ts';
import { choose, openSaved, shown } from './page.ts';

/* The saved page takes the package of a case with a head that somebody kept, and an event with its content. */

t.setTimeout(900_000);

const skip = whyNoChromium();
const browser = skip ? undefined : await startChromium();
t.teardown(() => browser?.close());
const open = (t: Test) => openSaved(t, browser!);
const VECTORS = join(import.meta.dirname, '..', 'vectors');
const base64 = (path: string) => readFileSync(join(VECTORS, path)).toString('base64');

interface Case {
  readonly name: string;
  readonly events: readonly { place: number; certificate?: string; entry?: string; content: string | null }[];
  readonly heads: readonly { file: string; from: 'package' | 'holder' }[];
  readonly evidence: readonly string[];
  readonly trust: object | null;
  readonly blocks: readonly object[];
  readonly verdict: string;
  readonly checks: readonly { readonly id: string; readonly at?: string; readonly status: string }[];
}
const CASES = JSON.parse(readFileSync(join(VECTORS, 'case-cases.json'), 'utf8')) as readonly Case[];

/** The page puts its heads behind those of the package, and knows a head by its format. */
const fits = ({ heads, events }: Case): boolean => {
  const places = events.map(({ place }) => place);
  const formats = heads.map(({ file }) => readFileSync(join(VECTORS, file), 'latin1'));
  return (
    new Set(places).size === places.length &&
    heads.filter(({ from }) => from === 'package').length < 2 &&
    !heads.some(({ from }, i) => from === 'package' && i > 0) &&
    formats.every((text) => text.includes('"format":"kezheng-case-head/1"') && text.length < 60_000) &&
    events.length > 0
  );
};

async function packageOf({ events, heads, evidence }: Case): Promise<string> {
  const read = (path: string) => readFileSync(join(VECTORS, path));
  const items = [
    ...events.flatMap(({ place, certificate, entry, content }) => {
      const name = String(place).padStart(6, '0');
      const kind = certificate === undefined ? 'entry' : 'certificate';
      return [
        { name: `events/${name}.${kind}.json`, bytes: read((certificate ?? entry)!) },
        ...(content === null ? [] : [{ name: `contents/${name}.json`, bytes: read(content) }]),
      ];
    }),
    ...heads
      .filter(({ from }) => from === 'package')
      .map(({ file }) => ({ name: 'head.json', bytes: read(file) })),
    ...evidence.map((path, i) => ({ name: `evidence/${i}/certificate.json`, bytes: read(path) })),
  ];
  return (await packed(items)).toString('base64');
}

t.test('every case of the vectors comes out on the page as it is written', { skip }, async (t) => {
  const at = await open(t);
  let seen = 0;
  for (const one of CASES.filter(fits)) {
    seen++;
    const kept = one.heads.filter(({ from }) => from === 'holder').map(({ file }) => base64(file));
    await at.page.evaluate(
      async ({ zip, heads, trust, blocks }) => {
        const desk = window.kezheng;
        const bytesOf = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        for (const slot of desk.state.files) void desk.removeFile(slot);
        for (const key of desk.state.blocks.keys()) void desk.giveBlock(key, undefined);
        void desk.takeTrust();
        await desk.giveCertificate(new File([bytesOf(zip)], 'case.zip'));
        await desk.addFiles(heads.map((text, i) => new File([bytesOf(text)], `${i}.json`)));
        if (trust !== null) void desk.giveTrust(new Blob([JSON.stringify(trust)]), 'trust.json', 'person');
        for (const [i, block] of blocks.entries())
          void desk.giveBlock(`given ${i}`, { from: 'person', block: block as never });
        await desk.settled();
      },
      { zip: await packageOf(one), heads: kept, trust: one.trust, blocks: one.blocks },
    );
    const { verdict, checks } = await shown(at.page);
    t.equal(verdict, one.verdict, one.name);
    const order = (list: Case['checks']) =>
      list.map(({ id, at: place, status }) => `${id} ${place} ${status}`).sort();
    t.strictSame(order(checks.slice(1)), order(one.checks), one.name);
    t.equal(checks[0]!.id, 'package');
  }
  t.ok(seen > 60, `${seen}`);
  t.strictSame(at.troubles, []);
});

const made = await makeEvents([...FOUR]);
const zipOf = async (events: typeof made) =>
  packed([
    ...events.map(({ sample }, i) => ({ name: `events/00000${i}.certificate.json`, bytes: sample!.bytes })),
    { name: 'head.json', bytes: await headOf(events.at(-1)!) },
  ]);

t.test('a clerk sees the history, and a cut tail by the head that he has kept', { skip }, async (t) => {
  const at = await open(t);
  await choose(at, 'certificate-file', ['case.zip', await zipOf(made.slice(0, 3))]);
  await choose(at, 'trust-file', ['trust.json', JSON.stringify(trustList())]);
  for (const { number, hash } of nodeSays(made).slice(0, 3))
    await at.page.fill(`#block-4242-${number}`, hash!);
  const alone = await shown(at.page);
  t.equal(alone.verdict, 'valid', alone.text);
  t.equal(await at.page.locator('[data-event]').count(), 3);
  t.match(alone.text, 'request-correction');
  t.match(await at.page.innerText('.todo'), '案卷凭证');
  await choose(at, 'original-files', ['kept.json', await headOf(made[3]!)]);
  const held = await shown(at.page);
  t.equal(held.verdict, 'invalid');
  t.match(await at.page.innerText('.why'), '末尾被截去 1 个');
  t.match(await at.page.title(), made[0]!.event.case);
  t.strictSame(at.troubles, []);
});

t.test('beside a case lies nothing but heads, and a certificate takes its place', { skip }, async (t) => {
  const at = await open(t);
  await choose(at, 'certificate-file', ['case.zip', await zipOf(made)]);
  await choose(at, 'original-files', ['x.txt', 'mine']);
  t.equal((await shown(at.page)).verdict, undefined);
  t.match(await at.page.innerText('#result'), '案卷凭证');
  await choose(at, 'certificate-file', ['certificate.json', made[0]!.sample!.bytes]);
  t.equal((await shown(at.page)).verdict, 'invalid', 'now it is a file that the event does not list');
  t.strictSame(at.troubles, []);
});

t.test('an event is checked with its content, whatever that file is called', { skip }, async (t) => {
  const at = await open(t);
  await choose(at, 'certificate-file', ['certificate.json', made[0]!.sample!.bytes]);
  await choose(at, 'trust-file', ['trust.json', JSON.stringify(trustList())]);
  await at.page.fill('#block-4242-1000', nodeSays(made)[0]!.hash!);
  const status = async () => (await shown(at.page)).checks.find(({ id }) => id === 'content')?.status;
  t.equal(await status(), 'unknown');
  t.equal((await shown(at.page)).verdict, 'valid');
  await choose(at, 'original-files', ['any.bin', made[0]!.content!]);
  t.equal(await status(), 'passed');
  t.equal((await shown(at.page)).verdict, 'valid');
  t.strictSame(at.troubles, []);
});
