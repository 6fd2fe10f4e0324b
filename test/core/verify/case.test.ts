import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { verifyCaseVector } from '../../../scripts/vectors/case-files.ts';
import {
  type CaseVector,
  FOUR,
  given,
  headOf,
  makeEvents,
  nodeSays,
} from '../../../scripts/vectors/case-sample.ts';
import type { GivenCase } from '../../../scripts/vectors/cases.ts';
import { makeSample, trustList } from '../../../scripts/vectors/sample.ts';
import { givenFile } from '../../../scripts/vectors.ts';
import { webCryptoSignatures } from '../../../server/adapters/signatures.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { attempt, FormatError } from '../../../server/core/reason.ts';
import { type CaseEvent, verifyCase } from '../../../server/core/verify/case.ts';
import { CASE_CHECK_IDS } from '../../../server/core/verify/case-report.ts';
import { contentNamedIn } from '../../../server/core/verify/content.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../../server/core/verify/verify.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'vectors');
const file = (path: string) => new Uint8Array(readFileSync(join(FOLDER, path)));
const json = <T>(path: string): readonly T[] => JSON.parse(readFileSync(join(FOLDER, path), 'utf8'));

interface Case {
  readonly name: string;
  readonly events: readonly {
    readonly place: number;
    readonly certificate?: string;
    readonly entry?: string;
    readonly content: string | null;
  }[];
  readonly heads: readonly { readonly file: string; readonly from: 'package' | 'holder' }[];
  readonly evidence: readonly string[];
  readonly trust: CaseVector['trust'] | null;
  readonly blocks: CaseVector['blocks'];
  readonly verdict: string;
  readonly testChain: boolean;
  readonly checks: readonly { readonly id: string; readonly at?: string; readonly status: string }[];
  readonly counts: readonly (string | null)[];
  readonly held: number;
}

const cases = json<Case>('case-cases.json');

const vectorOf = ({ events, heads, evidence, trust, blocks }: Case) => ({
  events: events.map(({ place, certificate, entry, content }) => ({
    place,
    ...(certificate && { certificate: file(certificate) }),
    ...(entry && { entry: file(entry) }),
    content: content === null ? undefined : file(content),
  })),
  heads: heads.map(({ file: path, from }) => ({ bytes: file(path), from })),
  evidence: evidence.map(file),
  trust: trust ?? undefined,
  blocks,
});

for (const [primitives, signatures] of [
  ['node:crypto', nodeSignatures],
  ['WebCrypto', webCryptoSignatures(globalThis.crypto.subtle)],
] as const)
  t.test(`every case among the vectors comes out as written, with ${primitives}`, async (t) => {
    for (const one of cases) {
      const report = await verifyCaseVector(vectorOf(one), signatures);
      const found = {
        verdict: report.verdict,
        testChain: report.testChain,
        checks: report.checks.map(({ id, at, status }) => ({ id, ...(at !== undefined && { at }), status })),
        counts: report.facts?.events.map(({ counts }) => counts?.at ?? null) ?? [],
        held: report.facts?.held ?? 0,
      };
      const { verdict, testChain, checks, counts, held } = one;
      t.strictSame(found, { verdict, testChain, checks, counts, held }, one.name);
    }
  });

t.test(
  'every check is failed by some vector, and each but the end by one that fails nothing else',
  async (t) => {
    const failedBy = cases.map(({ checks }) => [
      ...new Set(checks.filter(({ status }) => status === 'failed').map(({ id }) => id)),
    ]);
    for (const id of CASE_CHECK_IDS.filter((one) => one !== 'tail' && one !== 'package'))
      t.ok(
        failedBy.some((failed) => failed.length === 1 && failed[0] === id),
        id,
      );
  },
);

interface Single {
  readonly name: string;
  readonly certificate: string;
  readonly content: string | null;
  readonly files: readonly GivenCase[];
  readonly trust: object;
  readonly blocks: CaseVector['blocks'];
  readonly verdict: string;
  readonly checks: readonly object[];
  readonly counts: string | null;
}

t.test('every certificate of one event among the vectors comes out as written', async (t) => {
  for (const one of json<Single>('event-cases.json')) {
    const report = await verifyCertificate({
      certificate: file(one.certificate),
      files: one.files.map(givenFile),
      content: one.content === null ? undefined : file(one.content),
      trust: parseTrust(utf8(JSON.stringify(one.trust))),
      blocks: one.blocks,
      signatures: nodeSignatures,
    });
    t.equal(report.verdict, one.verdict, one.name);
    t.strictSame(
      report.checks.map(({ id, at, status }) => ({ id, ...(at !== undefined && { at }), status })),
      one.checks,
      one.name,
    );
    t.equal(report.facts?.counts?.at ?? null, one.counts, one.name);
  }
});

const trust = parseTrust(utf8(JSON.stringify(trustList())));

t.test('what the certificate of an event says is told, and what it does not prove', async (t) => {
  const [made] = await makeEvents([{}]);
  const check = { files: [], trust, blocks: nodeSays([made!]), signatures: nodeSignatures };
  const { facts, notProven, remaining } = await verifyCertificate({
    ...check,
    certificate: made!.sample!.bytes,
  });
  t.match(facts, {
    what: undefined,
    event: { ...made!.event, leaf: Buffer.from(made!.leaf).toString('hex') },
    when: [{ clock: 'server', at: made!.event.at, proven: false }, {}, {}],
  });
  t.strictSame(notProven, ['truth', 'legality', 'actors', 'event-alone']);
  t.match(remaining, [{ what: 'content', detail: { sha256: made!.event.content } }]);
});

t.test('the content that an event names is known by its certificate', async (t) => {
  const [made, bare] = await makeEvents([{}, { content: null }]);
  t.equal(contentNamedIn(made!.sample!.bytes), made!.event.content);
  t.equal(contentNamedIn(bare!.sample!.bytes), undefined);
  t.equal(contentNamedIn((await makeSample()).bytes), undefined);
  t.equal(contentNamedIn(utf8('{}')), undefined);
});

t.test('trouble that is no fault of the bytes is not taken for a refusal', async (t) => {
  t.equal(
    attempt(() => 1),
    1,
  );
  const refusal = new FormatError('case-empty');
  t.equal(
    attempt(() => {
      throw refusal;
    }),
    refusal,
  );
  t.throws(
    () =>
      attempt(() => {
        throw new TypeError('broken');
      }),
    { name: 'TypeError' },
  );
});

t.test('a content beside a certificate of evidence is told, not passed over', async (t) => {
  const sample = await makeSample();
  const report = await verifyCertificate({
    certificate: sample.bytes,
    content: utf8('{}'),
    files: [],
    trust,
    blocks: [],
    signatures: nodeSignatures,
  });
  t.match(
    report.checks.find(({ id }) => id === 'content'),
    { status: 'failed', reason: { code: 'content-without-event' } },
  );
});

const six = await makeEvents([...FOUR, {}, {}].map(() => ({})));
const blocks = nodeSays(six);
const check = async (
  events: readonly CaseEvent[],
  heads: readonly { bytes: Uint8Array; from: 'package' | 'holder' }[] = [],
) =>
  verifyCase({
    events,
    heads: heads.map((head) => ({ ...head, name: 'head' })),
    trust,
    blocks,
    signatures: nodeSignatures,
  });
const all = given(six) as readonly CaseEvent[];

t.test('the package’s own head proves nothing about a cut tail; the holder’s own does', async (t) => {
  const five = all.slice(0, 5);
  const own = { bytes: await headOf(six[4]!), from: 'package' } as const;
  const kept = { bytes: await headOf(six[5]!), from: 'holder' } as const;
  const cut = await check(five, [own]);
  t.equal(cut.verdict, 'valid');
  t.match(
    cut.checks.find(({ id }) => id === 'tail'),
    { status: 'unknown', reason: { code: 'tail-package-only' } },
  );
  t.match(cut.remaining, [{ what: 'case-head' }]);
  t.equal(cut.facts?.held, 0);
  const found = await check(five, [own, kept]);
  t.equal(found.verdict, 'invalid');
  t.match(
    found.checks.filter(({ status }) => status === 'failed'),
    [{ id: 'head-events', at: 'heads[1]', reason: { code: 'tail-missing', detail: { missing: 1 } } }],
  );
  const whole = await check(all, [kept]);
  t.equal(whole.facts?.held, 6);
  t.strictSame(whole.remaining, []);
});

t.test('a head says nothing of its own without a trust list', async (t) => {
  const report = await verifyCase({
    events: all,
    heads: [{ bytes: await headOf(six[5]!), name: 'kept', from: 'holder' }],
    trust: undefined,
    blocks,
    signatures: nodeSignatures,
  });
  t.equal(report.verdict, 'incomplete');
  t.equal(report.facts?.held, 0);
  t.match(report.remaining[0], { what: 'trust-list' });
});

t.test('a head is compared with nothing where no event can be read', async (t) => {
  const broken: CaseEvent = { place: 0, entry: utf8('{}') };
  const report = await check([broken], [{ bytes: await headOf(six[0]!), from: 'holder' }]);
  t.equal(report.verdict, 'invalid');
  t.equal(report.facts, undefined);
  t.match(
    report.checks.filter(({ id }) => ['case', 'head-case', 'head-events'].includes(id)),
    [{ status: 'skipped' }, { status: 'skipped' }, { status: 'skipped' }],
  );
});

t.test('where only the event of the head cannot be read, the head says nothing', async (t) => {
  const events = all.map((one) => (one.place === 2 ? { place: 2, entry: utf8('{}') } : one));
  const report = await check(events, [{ bytes: await headOf(six[2]!), from: 'holder' }]);
  t.match(
    report.checks.find(({ id }) => id === 'head-events'),
    { status: 'skipped' },
  );
});

t.test('names of a package are a check of their own', async (t) => {
  const names = async (...findings: readonly ('failed' | 'unknown')[]) =>
    (
      await verifyCase({
        events: all.slice(0, 1),
        heads: [],
        names: findings.map((status, i) => ({
          status,
          reason: { code: 'case-name-odd', detail: { name: `${i}`, count: 1 } },
        })),
        trust,
        blocks,
        signatures: nodeSignatures,
      })
    ).checks[0];
  t.match(await names(), { id: 'package', status: 'passed' });
  t.match(await names('unknown', 'unknown'), { status: 'unknown', reason: { detail: { name: '0' } } });
  t.match(await names('unknown', 'failed'), { status: 'failed', reason: { detail: { name: '1' } } });
});

t.test('the order in which events are handed over does not matter: their places do', async (t) => {
  t.strictSame(await check(all.toReversed()), await check(all));
});

const branch = await makeEvents([
  { draft: { salt: '99'.repeat(16) }, sample: { block: { number: 2_000 }, logIndex: 7 } },
  ...FOUR.map((_, i) => ({ sample: { block: { number: 2_001 + i } } })),
]);

/** What somebody can do to a case without the issuer's key. */
type Change = (events: readonly CaseEvent[]) => readonly CaseEvent[];
const place = (events: readonly CaseEvent[]) => events.map((one, i) => ({ ...one, place: i }));
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 0, maxLength: 6 }).map(
    (order): Change =>
      (events) =>
        place(order.map((i) => events[i]!)),
  ),
  fc.tuple(fc.nat(5), fc.nat(5)).map(
    ([from, to]): Change =>
      (events) =>
        place(events.toSpliced(to, 0, events[from]!)),
  ),
  fc.tuple(fc.nat(4), fc.nat(6), fc.boolean()).map(
    ([from, to, instead]): Change =>
      (events) =>
        place(events.toSpliced(to, instead ? 1 : 0, given(branch)[from] as CaseEvent)),
  ),
  fc.tuple(fc.nat(5), fc.nat(5)).map(
    ([at, other]): Change =>
      (events) =>
        events.map((one, i) => (i === at ? { ...one, content: events[other]!.content } : one)),
  ),
);

t.test(
  'any removal, exchange or insertion is found by who holds the head',
  { timeout: 240_000 },
  async (t) => {
    const head = { bytes: await headOf(six[5]!), from: 'holder' } as const;
    t.equal((await check(all, [head])).verdict, 'valid');
    const same = (events: readonly CaseEvent[]) =>
      events.length === all.length &&
      events.every(
        (one, i) =>
          one.place === i &&
          'certificate' in one &&
          one.certificate === six[i]!.sample!.bytes &&
          one.content === six[i]!.content,
      );
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        const events = changed(all);
        const { verdict } = await check(events, [head]);
        return verdict === (same(events) ? 'valid' : 'invalid');
      }),
      { numRuns: 120 },
    );
  },
);

t.test(
  'every single-bit change of an event without a certificate is refused',
  { timeout: 240_000 },
  async (t) => {
    const made = await makeEvents([{}, { sample: null }]);
    const head = { bytes: await headOf(made[1]!), name: 'kept', from: 'holder' } as const;
    const [first, last] = given(made) as readonly [CaseEvent, CaseEvent & { entry: Uint8Array }];
    const verdictOf = async (entry: Uint8Array) =>
      (
        await verifyCase({
          events: [first, { ...last, entry }],
          heads: [head],
          trust,
          blocks: nodeSays(made),
          signatures: nodeSignatures,
        })
      ).verdict;
    t.equal(await verdictOf(last.entry), 'incomplete');
    for (let at = 0; at < last.entry.length; at++)
      if ((await verdictOf(last.entry.with(at, last.entry[at]! ^ (1 << (at & 7))))) !== 'invalid')
        t.fail(`byte ${at}`);
  },
);
