import fc from 'fast-check';
import t from 'tap';
import { CASE, ORGANIZATION } from '../../../scripts/vectors/case-sample.ts';
import { type EventEntry, eventText, MAX_EVENT_BYTES, parseEvent } from '../../../server/core/entry/event.ts';
import { chainEvent, type EventDraft } from '../../../server/core/entry/event-chain.ts';
import { contentDigest, MAX_CONTENT_BYTES, parseContent } from '../../../server/core/entry/event-content.ts';
import { toHex, utf8 } from '../../../server/core/read/bytes.ts';
import { canonicalize, type Json } from '../../../server/core/read/json.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { leafHash } from '../../../server/core/tree/tree.ts';

const DRAFT: EventDraft = {
  action: 'submit',
  actor: { organization: ORGANIZATION, person: null, role: '申请人' },
  at: '2026-11-22T07:00:00.000Z',
  case: CASE,
  content: null,
  id: '019ab1c2-0000-7000-8000-000000000001',
  procedure: 'notarization/1',
  salt: 'ab'.repeat(16),
  to: 'submitted',
};

t.test('the text of an event is canonical and stands as it is written here', async (t) => {
  t.equal(
    chainEvent(undefined, DRAFT).entry,
    `{"action":"submit","actor":{"organization":"${ORGANIZATION}","person":null,"role":"申请人"},` +
      `"at":"2026-11-22T07:00:00.000Z","case":"${CASE}","content":null,"format":"kezheng-event/1","from":null,` +
      `"id":"019ab1c2-0000-7000-8000-000000000001","index":0,"previous":null,"procedure":"notarization/1",` +
      `"salt":"${'ab'.repeat(16)}","to":"submitted"}`,
  );
});

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((given) => toHex(given));
const uuid = fc.uuid();
const instant = fc
  .date({
    min: new Date('0000-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString());
const words = fc.string({ unit: 'grapheme', maxLength: 30 });
const draft: fc.Arbitrary<EventDraft> = fc.record({
  action: fc.stringMatching(/^[a-z][a-z0-9-]{0,63}$/),
  actor: fc.record({ organization: uuid, person: fc.option(uuid, { nil: null }), role: words }),
  at: instant,
  case: fc.constant(CASE),
  content: fc.option(hex(32), { nil: null }),
  id: uuid,
  procedure: fc.constant('notarization/1'),
  salt: hex(16),
  to: words,
});

t.test('whatever is written is read as it was, and each event hangs on the one before', async () => {
  fc.assert(
    fc.property(fc.array(draft, { minLength: 1, maxLength: 8 }), (drafts) => {
      let before: ReturnType<typeof chainEvent> | undefined;
      for (const [index, one] of drafts.entries()) {
        const made = chainEvent(before, one);
        const { event } = made;
        if (eventText(parseEvent(utf8(made.entry))) !== made.entry) return false;
        if (toHex(leafHash(utf8(made.entry))) !== toHex(made.leaf)) return false;
        if (event.index !== index || event.previous !== (before ? toHex(before.leaf) : null)) return false;
        if (event.from !== (before?.event.to ?? null) || event.to !== one.to) return false;
        if (event.at < one.at || (before !== undefined && event.at < before.event.at)) return false;
        before = made;
      }
      return true;
    }),
  );
});

t.test('a clock that was set back does not stop a case: the time of the event before is taken', async (t) => {
  const first = chainEvent(undefined, DRAFT);
  const second = chainEvent(first, { ...DRAFT, at: '2026-11-22T06:59:59.999Z' });
  t.equal(second.event.at, DRAFT.at);
  t.equal(
    chainEvent(first, { ...DRAFT, at: '2026-11-22T07:00:00.001Z' }).event.at,
    '2026-11-22T07:00:00.001Z',
  );
});

t.test('what a checker would refuse is not made', async (t) => {
  const first = chainEvent(undefined, DRAFT);
  const refused: Record<string, Partial<EventDraft>> = {
    'another case': { case: ORGANIZATION },
    'another procedure': { procedure: 'notarization/2' },
    'an action with a capital': { action: 'Submit' },
    'an action that is too long': { action: 'a'.repeat(65) },
    'a salt that is too short': { salt: 'ab' },
    'an id that is none': { id: '1' },
    'a time without milliseconds': { at: '2026-11-22T07:00:01Z' },
    'words that are too long': { to: 'x'.repeat(MAX_EVENT_BYTES) },
    'a lone surrogate': { to: '\ud800' },
  };
  for (const [what, changes] of Object.entries(refused))
    t.throws(() => chainEvent(first, { ...DRAFT, ...changes }), { name: 'FormatError' }, what);
});

const whole = (): Record<string, Json> => ({
  ...(chainEvent(chainEvent(undefined, DRAFT), DRAFT).event as unknown as Record<string, Json>),
});
const read = (document: Json) => parseEvent(utf8(canonicalize(document)));

t.test('a member more, a member less, and a value of another kind are refused', async (t) => {
  read(whole());
  t.throws(() => read({ ...whole(), note: 'x' }), { code: 'field-unknown' });
  for (const name of Object.keys(whole())) {
    const { [name]: _, ...rest } = whole();
    t.throws(() => read(rest), { code: 'field-missing' }, name);
    t.throws(() => read({ ...whole(), [name]: [] }), { name: 'FormatError' }, name);
    t.throws(() => read({ ...whole(), [name]: true }), { name: 'FormatError' }, name);
  }
});

t.test('only the first event has neither an event nor a state before it', async (t) => {
  const first = chainEvent(undefined, DRAFT).event as unknown as Record<string, Json>;
  for (const wrong of [
    { ...first, from: 'x' },
    { ...first, previous: '00'.repeat(32) },
    { ...whole(), from: null },
    { ...whole(), previous: null },
    { ...whole(), index: 0 },
    { ...first, index: 1 },
  ])
    t.throws(() => read(wrong), { code: 'field-value-wrong' });
});

t.test('procedures are named with a version', async (t) => {
  for (const good of ['a/1', 'evidence-access/1', `${'a'.repeat(32)}/9999`])
    t.equal(read({ ...whole(), procedure: good }).procedure, good);
  for (const wrong of [
    'a',
    'a/0',
    'a/01',
    'a/10000',
    'A/1',
    `${'a'.repeat(33)}/1`,
    'a/1 ',
    '-a/1',
    'a1/1',
    'a/1\n',
  ])
    t.throws(() => read({ ...whole(), procedure: wrong }), { code: 'field-value-wrong' }, wrong);
});

t.test('one byte more than allowed is refused before anything is read', async (t) => {
  const long = { ...whole(), to: '' };
  const to = 'x'.repeat(MAX_EVENT_BYTES - utf8(canonicalize(long)).length);
  t.equal(read({ ...long, to }).to, to);
  t.throws(() => read({ ...long, to: `${to}x` }), { code: 'certificate-too-large' });
  t.throws(() => parseEvent(utf8(` ${canonicalize(whole())}`)), { code: 'json-not-canonical' });
});

t.test('every change of one byte of an event is refused or makes another leaf', async (t) => {
  const { entry, leaf } = chainEvent(undefined, DRAFT);
  const bytes = utf8(entry);
  let refused = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)));
    let event: EventEntry;
    try {
      event = parseEvent(changed);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      refused++;
      continue;
    }
    if (toHex(leafHash(utf8(eventText(event)))) === toHex(leaf)) t.fail(`bit ${bit}`);
  }
  t.ok(refused > bytes.length, `${refused} of ${8 * bytes.length} are no events`);
});

const content = (document: Json) => parseContent(utf8(canonicalize(document)));

t.test('a content is any object with a salt', async (t) => {
  const salt = '00'.repeat(16);
  t.same(content({ salt, any: [{ thing: null }] }), { salt, any: [{ thing: null }] });
  t.equal(contentDigest(utf8('abc')), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  for (const wrong of [{}, { salt: '00' }, { salt: null }, [], 'x', null])
    t.throws(() => content(wrong as Json), { name: 'FormatError' });
  t.throws(() => parseContent(utf8('{ "salt":""}')), { name: 'FormatError' });
  t.throws(() => parseContent(new Uint8Array(MAX_CONTENT_BYTES + 1)), { code: 'certificate-too-large' });
});
