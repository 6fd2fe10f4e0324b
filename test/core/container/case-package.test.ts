import fc from 'fast-check';
import t from 'tap';
import { FOUR, headOf, makeEvents, nodeSays } from '../../../scripts/vectors/case-sample.ts';
import { makeSample, trustList } from '../../../scripts/vectors/sample.ts';
import { openPackage } from '../../../server/adapters/packages.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { MAX_HEAD_BYTES } from '../../../server/core/case/head.ts';
import {
  chooseCase,
  entryLimit,
  isCasePackage,
  MAX_CASE_ENTRIES,
  MAX_CASE_EVENTS,
  MAX_CASE_EVIDENCE,
} from '../../../server/core/container/case-package.ts';
import { heldSource, openContainer, openGiven } from '../../../server/core/container/open.ts';
import { MAX_PACKAGE_ENTRIES } from '../../../server/core/container/package.ts';
import { MAX_EVENT_BYTES } from '../../../server/core/entry/event.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { verifyCase } from '../../../server/core/verify/case.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';
import { byHand, packed } from '../../support/packages.ts';

const made = await makeEvents([...FOUR.slice(0, 3), { sample: null }]);
const evidence = await makeSample({ logIndex: 3, block: { number: 998 } });
const ITEMS = [
  { name: 'README.txt', bytes: utf8('x') },
  { name: 'head.json', bytes: await headOf(made[3]!) },
  ...made.flatMap(({ sample, entry, content }, i) => [
    sample
      ? { name: `events/00000${i}.certificate.json`, bytes: sample.bytes }
      : { name: `events/00000${i}.entry.json`, bytes: entry },
    { name: `contents/00000${i}.json`, bytes: content! },
  ]),
  { name: 'evidence/1/photo.certificate.json', bytes: evidence.bytes },
  { name: 'evidence/1/photo.jpg', bytes: utf8('x') },
];

const contentsOf = async (zip: Uint8Array, limit = 1e7) => {
  const opened = await openGiven(heldSource(zip), openPackage, limit);
  if (!('readCase' in opened)) throw new Error('no case');
  return opened.readCase();
};

const verdictOf = async (zip: Uint8Array) => {
  const { verdict, checks } = await verifyCase({
    ...(await contentsOf(zip)),
    trust: parseTrust(utf8(JSON.stringify(trustList()))),
    blocks: [...nodeSays(made), { source: 'by hand', hash: evidence.blockHash }],
    signatures: nodeSignatures,
  });
  const failed = checks.filter(({ status }) => status === 'failed').map(({ id }) => id);
  return [verdict, checks[0]!.status, ...new Set(failed)].join(' ');
};

t.test('the package of a case is known by its names, and everything in it is checked', async (t) => {
  t.equal(await verdictOf(await packed(ITEMS)), 'incomplete passed');
  const again = byHand(ITEMS.toReversed().map((one) => ({ ...one, deflated: true })));
  t.equal(await verdictOf(again), 'incomplete passed');
  const { events, heads, evidence: certificates } = await contentsOf(again);
  t.strictSame(
    events.map(({ place }) => place),
    [0, 1, 2, 3],
  );
  t.match(heads, [{ name: 'head.json', from: 'package' }]);
  t.match(certificates, [{ name: 'evidence/1/photo.certificate.json' }]);
});

t.test('where single certificates are checked it is refused by name, before it is unpacked', async (t) => {
  await t.rejects(openContainer(heldSource(await packed(ITEMS)), openPackage, 1e7), {
    code: 'package-of-case',
  });
});

t.test('certificate.json at the top makes it a package of a certificate', async (t) => {
  const both = await packed([...ITEMS, { name: 'certificate.json', bytes: evidence.bytes }]);
  const opened = await openContainer(heldSource(both), openPackage, 1e7);
  t.equal(opened.certificate.length, evidence.bytes.length);
  t.notOk(isCasePackage([{ name: 'event/0', isFolder: false }]));
});

t.test('what is wrong or odd about names is found, each by its name', async (t) => {
  const without = (name: string) => ITEMS.filter((one) => one.name !== name);
  const withItem = (name: string, bytes: Uint8Array = utf8('{}')) => packed([...ITEMS, { name, bytes }]);
  t.equal(await verdictOf(await withItem('events/1.certificate.json')), 'incomplete unknown');
  t.equal(await verdictOf(await withItem('files/a.jpg')), 'incomplete unknown');
  t.equal(await verdictOf(await withItem('contents/000009.json')), 'invalid failed package');
  t.equal(
    await verdictOf(await withItem('events/000003.certificate.json')),
    'invalid failed package certificate',
  );
  t.equal(await verdictOf(await withItem('events/000001.entry.json')), 'invalid failed package');
  t.equal(await verdictOf(await withItem('events/000005.entry.json')), 'invalid passed entry indices');
  t.equal(
    await verdictOf(await packed(without('events/000001.certificate.json'))),
    'invalid failed package indices head-events',
  );
  t.equal(
    await verdictOf(await packed(without('contents/000001.json'))),
    'incomplete passed',
    'a content that was erased',
  );
  t.equal(await verdictOf(await packed(without('head.json'))), 'incomplete passed');
});

const name = (text: string, isFolder = false) => ({ name: text, isFolder });
const codes = (names: readonly { name: string; isFolder: boolean }[]) =>
  chooseCase(names).findings.map(({ status, reason }) => `${status} ${reason.code}`);

t.test('a name that stands there twice is told, and the first counts', async (t) => {
  const twice = [name('events/000000.entry.json'), name('events/000000.entry.json')];
  t.strictSame(codes(twice), ['failed case-name-twice']);
  t.equal(chooseCase(twice).events[0]!.file, twice[0]);
  t.strictSame(codes([name('events/', true), name('events/', true), name('odd/', true)]), []);
});

t.test('of more events or certificates than may be the rest is left', async (t) => {
  const many = Array.from({ length: MAX_CASE_EVENTS + 2 }, (_, i) =>
    name(`events/${String(i).padStart(6, '0')}.entry.json`),
  );
  t.equal(chooseCase(many).events.length, MAX_CASE_EVENTS);
  t.strictSame(codes(many), ['failed case-events-too-many']);
  const pieces = Array.from({ length: MAX_CASE_EVIDENCE + 1 }, (_, i) =>
    name(`evidence/${i}/certificate.json`),
  );
  t.equal(chooseCase(pieces).evidence.length, MAX_CASE_EVIDENCE);
  t.strictSame(codes(pieces), ['failed case-evidence-too-many']);
  t.equal(entryLimit('events/x'), MAX_CASE_ENTRIES);
  t.equal(entryLimit('files/x'), MAX_PACKAGE_ENTRIES);
});

t.test('a package of a case may list more than others, and not without end', async (t) => {
  const listing = (count: number, first: string) =>
    byHand(
      [first, ...Array.from({ length: count - 1 }, (_, i) => `x${i}`)].map((one) => ({
        name: one,
        bytes: new Uint8Array(),
      })),
    );
  const open = (zip: Uint8Array) => openGiven(heldSource(zip), openPackage, 1e6);
  await open(listing(MAX_PACKAGE_ENTRIES + 1, 'events/000000.entry.json'));
  await t.rejects(open(listing(MAX_PACKAGE_ENTRIES + 1, 'files/x')), { code: 'package-entries-too-many' });
  await t.rejects(open(listing(MAX_CASE_ENTRIES + 1, 'events/000000.entry.json')), {
    code: 'package-entries-too-many',
  });
  const both = [name('events/x'), name('certificate.json')].map((one) => ({
    name: one.name,
    bytes: new Uint8Array(),
  }));
  const more = Array.from({ length: MAX_PACKAGE_ENTRIES }, (_, i) => ({
    name: `x${i}`,
    bytes: new Uint8Array(),
  }));
  await t.rejects(open(byHand([...both, ...more])), { code: 'package-entries-too-many' });
});

t.test(
  'of each file no more is taken than shows that it is too large, and of all no more than allowed',
  async (t) => {
    const large = byHand([
      { name: 'events/000000.entry.json', bytes: new Uint8Array(2 * MAX_EVENT_BYTES), deflated: true },
      { name: 'head.json', bytes: new Uint8Array(2 * MAX_HEAD_BYTES), deflated: true },
    ]);
    const { events, heads } = await contentsOf(large);
    t.match(events, [{ entry: { length: MAX_EVENT_BYTES + 1 } }]);
    t.equal(heads[0]!.bytes.length, MAX_HEAD_BYTES + 1);
    await t.rejects(contentsOf(await packed(ITEMS), 5_000), { code: 'package-too-large' });
    await t.rejects(
      contentsOf(byHand([{ name: 'events/000000.entry.json', bytes: utf8('x'), claimed: { crc: 1 } }])),
      { code: 'package-unreadable' },
    );
  },
);

const anyName = fc.oneof(
  fc.constantFrom(
    'events/000000.certificate.json',
    'events/000000.entry.json',
    'contents/000000.json',
    'head.json',
  ),
  fc.constantFrom(
    'events/999999.entry.json',
    'evidence/1/certificate.json',
    'evidence/../certificate.json',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }).map((tail) => `events/${tail}`),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

t.test(
  'whatever names a package has, each event has one place and nothing is lost without a word',
  async () => {
    fc.assert(
      fc.property(fc.array(fc.record({ name: anyName, isFolder: fc.boolean() })), (names) => {
        const { events, heads, evidence: pieces, findings } = chooseCase(names);
        const places = events.map(({ place }) => place);
        if (places.some((place, i) => i > 0 && place <= places[i - 1]!)) return false;
        const used = events.flatMap(({ file, content }) => (content ? [file, content] : [file]));
        const taken = new Set([...used, ...heads, ...pieces]);
        const left = names.filter((one) => !one.isFolder && !taken.has(one) && !/^evidence\//.test(one.name));
        return left.length === 0 || findings.length > 0;
      }),
    );
  },
);
