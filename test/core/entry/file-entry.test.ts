import fc from 'fast-check';
import t from 'tap';
import { fileEntry, fileEntryText, glanceAtEntry } from '../../../server/core/entry/file-entry.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { canonicalize, parseCanonical } from '../../../server/core/read/json.ts';

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'));

const entry = fc.record({
  name: fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }).filter((name) => name.isWellFormed()),
    fc.constantFrom(',"salt":"', '目录/a","salt":"b', '\u0000\u001f\u007f\u2028"\\/'),
  ),
  salt: hex(16),
  sha256: hex(32),
  size: fc.maxSafeNat(),
  sm3: hex(32),
});

t.test('whatever a file is called, its text is canonical, and is read back as it was', async (t) => {
  fc.assert(
    fc.property(entry, (given) => {
      const text = fileEntryText(given);
      const parsed = parseCanonical(utf8(text));
      t.equal(canonicalize(parsed), text);
      t.same(fileEntry(parsed, 'entry'), { format: 'kezheng-file/1', ...given });
    }),
    { numRuns: 300 },
  );
});

t.test(
  'a glance at the text sees its name as JSON and its SHA-256, however the name is spelled',
  async (t) => {
    fc.assert(
      fc.property(entry, (given) => {
        t.same(glanceAtEntry(fileEntryText(given)), {
          name: JSON.stringify(given.name),
          sha256: given.sha256,
        });
      }),
      { numRuns: 300 },
    );
    t.equal(glanceAtEntry('{"format":"kezheng-folder-end/1","root":"00","size":1}'), undefined);
    t.equal(glanceAtEntry('{"format":"kezheng-file/1","name":"a"}'), undefined);
  },
);

t.test('a name with a lone surrogate is no text', async (t) => {
  const given = { name: '\ud800', salt: '', sha256: '', size: 0, sm3: '' };
  t.throws(() => fileEntryText(given), { code: 'json-lone-surrogate' });
});
