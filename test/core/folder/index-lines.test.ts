import fc from 'fast-check';
import t from 'tap';
import {
  endText,
  headText,
  leftOutText,
  readEnd,
  readHead,
  readReceipt,
  readRequest,
  receiptText,
  requestText,
} from '../../../server/core/folder/index-lines.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { canonicalize, parseCanonical } from '../../../server/core/read/json.ts';

/* The lines of a kezheng-folder-index/1: FORMAT-MORE.md, section 5. */

const text = fc.string({ unit: 'grapheme' });
const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const instant = fc.integer({ min: 0, max: 4_102_444_800_000 }).map((ms) => new Date(ms).toISOString());

/** One line, canonical, that is read back as it was. */
function holds<T>(
  t: Tap,
  given: fc.Arbitrary<T>,
  write: (value: T) => string,
  read: (line: Uint8Array) => T,
) {
  fc.assert(
    fc.property(given, (value) => {
      const line = write(value);
      t.notMatch(line, '\n');
      t.equal(canonicalize(parseCanonical(utf8(line))), line);
      t.same(read(utf8(line)), value);
    }),
    { numRuns: 100 },
  );
}
type Tap = Pick<typeof t, 'notMatch' | 'equal' | 'same'>;

t.test('whatever stands in a line, it is canonical and read back', async (t) => {
  holds(t, text, headText, (line) => readHead(line).folder);
  holds(t, fc.record({ leftOut: fc.maxSafeNat(), root: hex, size: fc.maxSafeNat() }), endText, readEnd);
  holds(t, fc.record({ body: text, sentAt: instant }), requestText, readRequest);
  const reply = fc.option(fc.uint8Array(), { nil: null });
  holds(t, fc.record({ id: fc.uuid(), manifest: text, reply, url: text }), receiptText, readReceipt);
});

t.test('what was left out is one line, with its reason', async (t) => {
  const line = leftOutText({ bytes: 'ff', code: null, folder: true, name: '\ufffd\n', why: 'name-not-utf8' });
  t.equal(
    line,
    '{"bytes":"ff","code":null,"folder":true,"format":"kezheng-left-out/1","name":"\ufffd\\n","why":"name-not-utf8"}',
  );
});

t.test('a line of another kind, or with a member more or less, is none', async (t) => {
  const lines: Readonly<Record<string, string>> = {
    head: headText('a'),
    end: endText({ leftOut: 0, root: '00'.repeat(32), size: 1 }),
    request: requestText({ body: '', sentAt: '2026-11-28T00:00:00.000Z' }),
    receipt: receiptText({
      id: '019ab1c2-0000-7000-8000-000000000001',
      manifest: '',
      reply: null,
      url: '',
    }),
  };
  const readers: Readonly<Record<string, (line: Uint8Array) => unknown>> = {
    head: readHead,
    end: readEnd,
    request: readRequest,
    receipt: readReceipt,
  };
  for (const [name, read] of Object.entries(readers)) {
    for (const [other, line] of Object.entries(lines))
      if (name === other) t.ok(read(utf8(line)));
      else t.throws(() => read(utf8(line)), { name: 'FormatError' }, `${other} as ${name}`);
    const more = canonicalize({ ...JSON.parse(lines[name]!), zzz: 1 });
    t.throws(() => read(utf8(more)), { code: 'field-unknown' });
    t.throws(() => read(utf8(`${lines[name]} `)), { code: 'json-not-canonical' });
  }
});
