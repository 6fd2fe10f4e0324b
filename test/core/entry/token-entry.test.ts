import fc from 'fast-check';
import t from 'tap';
import { tokenEntry, tokenEntryText } from '../../../server/core/entry/token-entry.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { parseCanonical } from '../../../server/core/read/json.ts';

const SAMPLE = { authority: '甲机构', batch: 3, salt: '00'.repeat(16), sha256: 'ab'.repeat(32) };

t.test('its text is what FORMAT.md shows', async (t) => {
  t.equal(
    tokenEntryText(SAMPLE),
    `{"authority":"甲机构","batch":3,"format":"kezheng-token/1","salt":"${SAMPLE.salt}","sha256":"${SAMPLE.sha256}"}`,
  );
});

t.test('whatever it says is read back', async (t) => {
  const hex = (length: number) =>
    fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => Buffer.from(bytes).toString('hex'));
  const entry = fc.record({
    authority: fc.string({ unit: 'grapheme' }),
    batch: fc.maxSafeNat(),
    salt: hex(16),
    sha256: hex(32),
  });
  fc.assert(
    fc.property(entry, (given) => {
      t.same(tokenEntry(parseCanonical(utf8(tokenEntryText(given))), 'entry'), given);
    }),
    { numRuns: 200 },
  );
});

const whole = { ...SAMPLE, format: 'kezheng-token/1' };
const damages: Readonly<Record<string, object>> = {
  'is of another format': { ...whole, format: 'kezheng-token/2' },
  'has a member more': { ...whole, more: 1 },
  'has a member less': { authority: 'x', batch: 1, format: 'kezheng-token/1', salt: SAMPLE.salt },
  'has a number as authority': { ...whole, authority: 1 },
  'has a batch that is text': { ...whole, batch: '1' },
  'has a short salt': { ...whole, salt: '00' },
  'has a digest in capitals': { ...whole, sha256: 'AB'.repeat(32) },
};
for (const [how, value] of Object.entries(damages))
  t.test(`one that ${how} is refused`, async (t) => {
    t.throws(() => tokenEntry(value as never, 'entry'), { name: 'FormatError' });
  });
