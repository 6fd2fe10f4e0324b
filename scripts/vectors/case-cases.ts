import { sha256 } from '../../server/core/hash/sha256.ts';
import { toHex, utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject, parseJson } from '../../server/core/read/json.ts';
import type { CaseCheckId } from '../../server/core/verify/case-report.ts';
import {
  CASE,
  type CaseVector,
  type CaseVectorEvent,
  type CaseVectorOptions,
  caseVector,
  contentOf,
  FOUR,
  given,
  headOf,
  type MadeEvent,
  makeEvents,
  nodeSays,
  OTHER_CASE,
  type Step,
} from './case-sample.ts';
import {
  expiredCertificate,
  issuerKey,
  makeSample,
  otherOperator,
  strangerCertificate,
  strangerKey,
  trustList,
} from './sample.ts';

/*
 * Vectors of cases: whole ones, open ones, and one damage for each check. What is signed is signed anew, wrong as it is.
 */

const good = (name: string, options?: CaseVectorOptions) => caseVector(name, 'valid', [], options);
const open = (name: string, options?: CaseVectorOptions) => caseVector(name, 'incomplete', [], options);
const bad = (name: string, failed: readonly CaseCheckId[], options?: CaseVectorOptions) =>
  caseVector(name, 'invalid', failed, options);

type Heads = NonNullable<CaseVectorOptions['heads']>;

/** The head that was handed out after so many events. */
const headAfter =
  (count: number, from: 'package' | 'holder' = 'holder'): Heads =>
  async (made) => [{ bytes: await headOf(made[count - 1]!), from }];

/** A good head with some of it made another, and signed. */
const headWith =
  (changes: Readonly<Record<string, Json>>, options: Parameters<typeof headOf>[1] = {}): Heads =>
  async (made) => {
    const event = { ...made.at(-1)!.event, ...changes } as MadeEvent['event'];
    return [{ bytes: await headOf({ event, leaf: made.at(-1)!.leaf }, options), from: 'holder' }];
  };

/** One changed after it was signed. */
const headAltered =
  (changes: Readonly<Record<string, Json>>): Heads =>
  async (made) => {
    const document = parseJson(await headOf(made.at(-1)!)) as JsonObject;
    return [{ bytes: utf8(canonicalize({ ...document, ...changes })), from: 'holder' }];
  };

/** The steps with this one in place of the one at `index`. */
const withStep = (index: number, step: Step): readonly Step[] =>
  FOUR.map((one, i) => (i === index ? step : one));

/** What is given, with one place changed. */
const change =
  (index: number, changes: (one: CaseVectorEvent) => CaseVectorEvent) =>
  (made: readonly MadeEvent[]): readonly CaseVectorEvent[] =>
    given(made).map((one, i) => (i === index ? changes(one) : one));

const without =
  (...places: readonly number[]) =>
  (made: readonly MadeEvent[]): readonly CaseVectorEvent[] =>
    given(made).filter(({ place }) => !places.includes(place));

const shuffled =
  (order: readonly number[]) =>
  (made: readonly MadeEvent[]): readonly CaseVectorEvent[] =>
    order.map((i, place) => ({ ...given(made)[i]!, place }));

const byHand = (made: readonly MadeEvent[]) =>
  nodeSays(made).map(({ hash }) => ({ source: 'by hand', ...(hash && { hash }) }));

const otherContent = utf8(canonicalize(contentOf(9)));

export function goodCaseVectors(): Promise<CaseVector>[] {
  const elsewhere = { transactionBy: otherOperator };
  const twoLogs = trustList({
    logs: [
      ...(trustList()['logs'] as readonly Json[]),
      {
        ...((trustList()['logs'] as readonly JsonObject[])[0] as JsonObject),
        operator: otherOperator.address,
      },
    ],
  });
  return [
    good('a case of one event', { steps: [{}] }),
    good('a case of four events'),
    good('a case with the head of its last event, kept by a party', { heads: headAfter(4) }),
    good('a case with an earlier head, kept by a party', { heads: headAfter(2) }),
    good('a case with the head in its package', { heads: headAfter(4, 'package') }),
    good('a case with two heads', {
      heads: async (made) => [
        { bytes: await headOf(made[3]!), from: 'package' },
        { bytes: await headOf(made[0]!), from: 'holder' },
      ],
    }),
    good('a content that was erased', { events: change(1, (one) => ({ ...one, content: undefined })) }),
    good('an event without content', { steps: withStep(2, { content: null }) }),
    good('an event of a machine', {
      steps: withStep(3, {
        draft: { actor: { organization: CASE, person: null, role: 'system' } },
      }),
    }),
    good('all events in one batch, one behind the other', { together: [0, 1, 2, 3] }),
    good('two events in two logs', { steps: [{}, { sample: elsewhere }], trust: twoLogs }),
    good('the block hashes of all events given by hand', {
      blocks: byHand,
    }),
    good('events that were anchored again later', {
      steps: [{ again: 'before' }, {}, { again: 'behind' }],
    }),
    good('two events at the same time', { steps: [{}, { draft: { at: '2026-11-22T07:00:00.000Z' } }] }),
  ];
}

export async function openCaseVectors(): Promise<CaseVector[]> {
  const evidence = await makeSample({ logIndex: 3, block: { number: 998 } });
  return Promise.all([
    good('a case with the certificate of a piece of evidence', { evidence: [evidence] }),
    open('a case whose last event has no certificate yet', { steps: withStep(3, { sample: null }) }),
    open('a case of which no event has a certificate yet', {
      steps: FOUR.map(() => ({ sample: null })),
      heads: headAfter(4),
    }),
    open('a case without a trust list', { trust: null, heads: headAfter(4) }),
    open('a case without a source for block hashes', { blocks: () => [] }),
    open('a case of which one block was not compared', { blocks: (made) => nodeSays(made).slice(1) }),
  ]);
}

async function chainDamages(): Promise<CaseVector[]> {
  // Another second event of the same case, with a good certificate.
  const branch = await makeEvents([
    {},
    { draft: { salt: '77'.repeat(16) }, sample: { block: { number: 1_100 } } },
  ]);
  return Promise.all([
    bad('no event', ['indices'], { events: () => [], steps: [{}] }),
    bad('an event is missing in the middle', ['indices'], { events: without(1) }),
    bad('the first event is missing', ['indices'], { events: without(0) }),
    bad('two events in each other’s places', ['indices'], { events: shuffled([0, 2, 1, 3]) }),
    bad('an event stands there twice', ['indices', 'log-order'], {
      events: (made) => [...given(made), given(made)[3]!],
    }),
    bad('an event stands there again at the end', ['indices', 'log-order'], {
      events: shuffled([0, 1, 2, 3, 3]),
    }),
    bad('an event of another case', ['case'], { steps: withStep(3, { raw: { case: OTHER_CASE } }) }),
    bad('an event of another procedure', ['case'], {
      steps: withStep(3, { raw: { procedure: 'notarization/2' } }),
    }),
    bad('an event that follows another one', ['previous'], {
      steps: withStep(2, { raw: { previous: '00'.repeat(32) } }),
    }),
    bad('an event in the middle that was exchanged for another', ['previous'], {
      events: (made) => given(made).map((one, i) => (i === 1 ? given(branch)[1]! : one)),
      blocks: (made) => [...nodeSays(made), ...byHand(branch)],
    }),
    bad('a state that the event before did not lead to', ['states'], {
      steps: withStep(2, { raw: { from: 'submitted' } }),
    }),
    bad('a time before that of the event before', ['times'], {
      steps: withStep(2, { raw: { at: '2026-11-22T07:00:59.999Z' } }),
    }),
    bad('an event that entered the log after those that follow it', ['log-order'], {
      steps: withStep(1, { sample: { logIndex: 20 } }),
    }),
    bad('two events of one batch in the other order', ['log-order'], { together: [0, 2, 1, 3] }),
    bad('two events at one place of the log', ['log-order'], {
      steps: [{}, { sample: { logIndex: 7 } }],
    }),
  ]);
}

function eventDamages(): Promise<CaseVector>[] {
  const raw = (name: string, changes: Readonly<Record<string, Json>>) =>
    bad(name, ['entry'], { steps: withStep(3, { raw: changes, sample: null }) });
  const first = (name: string, changes: Readonly<Record<string, Json>>) =>
    bad(name, ['entry'], { steps: [{ raw: changes }] });
  return [
    bad('a certificate that is damaged', ['certificate'], {
      events: change(1, (one) => ({ ...one, certificate: one.certificate!.subarray(1) })),
    }),
    bad('a certificate signed by a stranger', ['certificate'], {
      steps: withStep(1, { sample: { x5c: [strangerCertificate], sign: strangerKey.sign } }),
    }),
    bad('a block that a source contradicts', ['certificate'], {
      blocks: (made) =>
        nodeSays(made).map((one, i) => (i === 2 ? { ...one, hash: `0x${'00'.repeat(32)}` } : one)),
    }),
    bad('a block hash by hand that is nobody’s', ['certificate'], {
      blocks: () => [{ source: 'by hand', hash: `0x${'00'.repeat(32)}` }],
    }),
    bad('a log that the trust list does not know', ['certificate'], {
      steps: withStep(1, { sample: { transactionBy: otherOperator } }),
    }),
    bad('a certificate of something else', ['entry'], {
      events: change(1, (one) => ({ ...one, certificate: certificateOfPhoto })),
      blocks: (made) => [...nodeSays(made), photoBlock],
    }),
    bad('an event of an unknown format, with a certificate', ['entry'], {
      steps: withStep(3, { raw: { format: 'kezheng-event/2' } }),
    }),
    bad('an event that is not as its format says, with a certificate', ['entry'], {
      steps: withStep(3, { raw: { action: 'Accept' } }),
    }),
    raw('an event of an unknown format', { format: 'kezheng-event/2' }),
    raw('an event with a member more', { note: 'x' }),
    raw('an action with a capital', { action: 'Submit' }),
    raw('an index that is no number', { index: '1' }),
    first('a first event with a state before', { from: 'none' }),
    first('a first event with an event before', { previous: '00'.repeat(32) }),
    raw('a later event without an event before', { previous: null }),
    raw('a later event without a state before', { from: null }),
    raw('a time that does not exist', { at: '2026-02-30T07:00:00.000Z' }),
    raw('a procedure without a version', { procedure: 'notarization' }),
    raw('a digest that is too short', { content: '00' }),
    bad('an entry that is not canonical', ['entry'], {
      steps: withStep(3, { sample: null }),
      events: change(3, (one) => ({ ...one, entry: utf8(` ${new TextDecoder().decode(one.entry)}`) })),
    }),
    bad('an entry that is too long', ['entry'], {
      steps: withStep(3, { raw: { to: 'x'.repeat(65_536) }, sample: null }),
    }),
    bad('the content of another event', ['content'], {
      events: change(1, (one) => ({ ...one, content: otherContent })),
    }),
    bad('a content where the event has none', ['content'], {
      steps: withStep(1, { content: null }),
      events: change(1, (one) => ({ ...one, content: otherContent })),
    }),
    bad('a content without a salt', ['content'], {
      steps: withStep(1, { content: { note: 'x' } }),
    }),
    bad('a content that is no object', ['content'], {
      steps: withStep(1, { draft: { content: toHex(sha256(utf8('[]'))) } }),
      events: change(1, (one) => ({ ...one, content: utf8('[]') })),
    }),
  ];
}

const photo = await makeSample({ logIndex: 8, block: { number: 1_200 } });
const certificateOfPhoto = photo.bytes;
const photoBlock = { source: 'by hand', hash: photo.blockHash };

async function headDamages(): Promise<CaseVector[]> {
  const branch = await makeEvents(withStep(3, { draft: { action: 'refuse', to: 'refused' } }));
  const longer = await makeEvents([...FOUR, {}, {}]);
  const tooLong = { at: '2026-11-22T07:30:00.000Z', note: 'x'.repeat(65_536) };
  return Promise.all([
    bad('a tail was cut off: the holder’s head counts more', ['head-events'], {
      heads: async () => [{ bytes: await headOf(longer[5]!), from: 'holder' }],
    }),
    bad('a tail was cut off behind the package’s own head', ['head-events'], {
      events: without(3),
      heads: headAfter(4, 'package'),
    }),
    bad('another branch: the holder’s head has another last event', ['head-events'], {
      heads: async () => [{ bytes: await headOf(branch[3]!), from: 'holder' }],
    }),
    bad('a head with another state', ['head-events'], { heads: headWith({ to: 'refused' }) }),
    bad('a head with another count', ['head-events'], { heads: headWith({ index: 2 }) }),
    bad('a head of another case', ['head-case'], { heads: headWith({ case: OTHER_CASE }) }),
    bad('a head of another procedure', ['head-case'], { heads: headWith({ procedure: 'notarization/2' }) }),
    bad('a head of a stranger', ['issuer'], {
      heads: headWith({}, { x5c: [strangerCertificate], sign: strangerKey.sign }),
    }),
    bad('a head by an expired certificate', ['issuer'], {
      heads: headWith({}, { x5c: [expiredCertificate] }),
    }),
    bad('a head that was changed after it was signed', ['signature'], {
      heads: headAltered({ state: 'refused' }),
    }),
    bad('a head with the other s', ['signature'], { heads: headWith({}, { sign: issuerKey.signHigh }) }),
    bad('a head of an unknown format', ['head'], { heads: headAltered({ format: 'kezheng-case-head/2' }) }),
    bad('a head of no events', ['head'], { heads: headAltered({ count: 0 }) }),
    bad('a head with a member more', ['head'], { heads: headAltered({ note: 'x' }) }),
    bad('a head that is too long', ['head'], { heads: headAltered(tooLong) }),
    bad('a head in place of which something else lies', ['head'], {
      heads: () => [{ bytes: utf8('{}'), from: 'package' }],
    }),
    bad('a good head beside a wrong one', ['head-events'], {
      heads: async (made) => [
        { bytes: await headOf(made[3]!), from: 'holder' },
        { bytes: await headOf(branch[3]!), from: 'holder' },
      ],
    }),
  ]);
}

async function evidenceDamages(): Promise<CaseVector[]> {
  const evidence = await makeSample({
    logIndex: 3,
    block: { number: 998 },
    x5c: [strangerCertificate],
    sign: strangerKey.sign,
  });
  const unknown = await makeSample({ logIndex: 3, block: { number: 998 } });
  return Promise.all([
    bad('evidence with a certificate of a stranger', ['evidence'], { evidence: [evidence] }),
    open('evidence whose block was not compared', {
      evidence: [unknown],
      blocks: (made) => nodeSays(made),
    }),
  ]);
}

export async function caseVectors(): Promise<readonly CaseVector[]> {
  return [
    ...(await Promise.all(goodCaseVectors())),
    ...(await openCaseVectors()),
    ...(await chainDamages()),
    ...(await Promise.all(eventDamages())),
    ...(await headDamages()),
    ...(await evidenceDamages()),
  ];
}
