import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { canonicalize, type Json, parseCanonical, parseJson, quote } from '../../../server/core/read/json.ts';
import { readShared, sharedFile, skipWithoutShared } from '../../support/shared.ts';

const read = (text: string): Json => parseJson(utf8(text));

t.test('RFC 8785’s own vectors come out byte for byte', { skip: skipWithoutShared }, async (t) => {
  for (const file of readdirSync(sharedFile('jcs', 'input'))) {
    const input = JSON.parse(readShared('jcs', 'input', file).toString('utf8')) as Json;
    const expected = readShared('jcs', 'output', file).toString('utf8').trimEnd();
    t.equal(canonicalize(input), expected, file);
    const hex = readShared('jcs', 'outhex', file.replace('.json', '.txt'))
      .toString('utf8')
      .replaceAll(/\s/g, '');
    t.equal(Buffer.from(canonicalize(input)).toString('hex'), hex, `${file} in hex`);
  }
});

t.test('what is accepted means what JSON.parse says it means', async (t) => {
  const json = fc
    .jsonValue({ noUnicodeString: false })
    .map((value) => JSON.parse(JSON.stringify(value)) as unknown);
  const integers = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.maxSafeNat(),
      fc.string({ unit: 'grapheme' }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 4 }),
    ),
  })).value;
  fc.assert(
    fc.property(integers, fc.constantFrom(0, 1, 3), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      t.strictSame(JSON.parse(JSON.stringify(read(text))), JSON.parse(text));
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(json, (value) => {
      const text = JSON.stringify(value);
      try {
        return JSON.stringify(JSON.parse(JSON.stringify(read(text)))) === text;
      } catch (error) {
        return (error as { code: string }).code.startsWith('json-');
      }
    }),
    { numRuns: 300 },
  );
});

t.test(
  'canonical text is accepted as canonical, and any other spelling of the same value is not',
  async (t) => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.maxSafeNat(), { minKeys: 1 }),
        (value) => {
          const text = canonicalize(value);
          parseCanonical(utf8(text));
          t.throws(() => parseCanonical(utf8(`${text} `)), { code: 'json-not-canonical' });
          t.throws(() => parseCanonical(utf8(JSON.stringify(value, undefined, 1))), {
            code: 'json-not-canonical',
          });
        },
      ),
      { numRuns: 100 },
    );
    t.throws(() => parseCanonical(utf8('{"b":1,"a":2}')), { code: 'json-not-canonical', detail: { at: 2 } });
  },
);

t.test('a name like __proto__ is a name like any other', async (t) => {
  const value = read('{"__proto__":{"x":1},"constructor":2}') as Record<string, Json>;
  t.same(Object.keys(value), ['__proto__', 'constructor']);
  t.equal(({} as Record<string, unknown>)['x'], undefined);
  t.equal(canonicalize(value), '{"__proto__":{"x":1},"constructor":2}');
});

const refused: Readonly<Record<string, readonly string[]>> = {
  'json-duplicate-name': ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"__proto__":1,"__proto__":1}'],
  'json-number-invalid': ['-0', '-1', '01', '1.0', '1e3', '1E3', '9007199254740992', '1.', '1-', '-1-'],
  'json-lone-surrogate': ['"\\ud800"', '"\\udc00\\ud800"', '{"\\ud800":1}'],
  'json-trailing': ['1 2', '{}{}', 'null,', '0x1', '""""', 'nulll'],
  'json-ended-early': [
    '',
    ' ',
    '[',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '[1',
    '[1,',
    '"',
    '"a',
    '"\\',
    '"\\u12',
  ].filter((text) => text !== '"\\u12'),
  'json-unexpected': [
    '\ufeff1',
    '+1',
    '--1',
    '-',
    '.5',
    'nul',
    'True',
    'NaN',
    'Infinity',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    '{"a" 1}',
    "'a'",
    '"\t"',
    '"\n"',
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '[1 2]',
    '{1:1}',
    '\u00a01',
    '[,]',
    '\v1',
  ],
  'json-too-deep': ['['.repeat(34) + ']'.repeat(34), `${'{"a":'.repeat(34)}1${'}'.repeat(34)}`],
};
for (const [code, texts] of Object.entries(refused))
  for (const text of texts)
    t.test(`${code}: ${JSON.stringify(text).slice(0, 40)}`, async (t) => {
      t.throws(() => read(text), { name: 'FormatError', code });
    });

t.test('32 levels are read, the thirty-third is not', async (t) => {
  t.ok(read(`${'['.repeat(32)}0${']'.repeat(32)}`));
  t.throws(() => read(`${'['.repeat(33)}${']'.repeat(33)}`), { code: 'json-too-deep' });
});

t.test('bytes that are not UTF-8 are refused, also in the forms that some decoders forgive', async (t) => {
  for (const hex of ['22ff22', '22c080' + '22', '22eda08022', '22f4908080' + '22', 'efbbbf' + '31', 'fffe31'])
    t.throws(() => parseJson(Buffer.from(hex, 'hex')), { name: 'FormatError' }, hex);
});

t.test('nothing is written that could not be read back', async (t) => {
  t.throws(() => canonicalize(Number.NaN), { code: 'json-number-invalid' });
  t.throws(() => canonicalize(Number.POSITIVE_INFINITY), { code: 'json-number-invalid' });
  t.throws(() => quote('\ud800'), { code: 'json-lone-surrogate' });
  t.equal(canonicalize({ b: [true, false, null, 0, ''], a: {} }), '{"a":{},"b":[true,false,null,0,""]}');
});
