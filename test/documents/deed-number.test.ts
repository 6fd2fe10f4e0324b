import fc from 'fast-check';
import t from 'tap';
import { deedNumberTemplate, formatDeedNumber, parseDeedNumber } from '../../server/documents/deed/number.ts';

t.test('numbers are written as offices write them', async (t) => {
  const shanghai = deedNumberTemplate('（{year}）{region}证内字第{serial:6}号', '沪徐');
  t.equal(formatDeedNumber(shanghai, { year: 2026, serial: 123 }), '（2026）沪徐证内字第000123号');
  t.equal(formatDeedNumber(shanghai, { year: 2026, serial: 1_234_567 }), '（2026）沪徐证内字第1234567号');
  const plain = deedNumberTemplate('(第{serial}号) 甬证字 {year}');
  t.equal(formatDeedNumber(plain, { year: 2026, serial: 9 }), '(第9号) 甬证字 2026');
  t.strictSame(parseDeedNumber(plain, '(第9号) 甬证字 2026'), { year: 2026, serial: 9 });
});

const words = fc.stringMatching(/^[沪甬证字第号内（）()〔〕A-Za-z.*+^$-]{0,8}$/);
const between = fc.stringMatching(/^[沪证内字第（）A-Za-z.-]{1,8}$/);
const serialPlace = fc.constantFrom('{serial}', '{serial:1}', '{serial:4}', '{serial:9}');

t.test('a number reads back to what it was made of, in any format that is taken', async (t) => {
  let taken = 0;
  fc.assert(
    fc.property(
      words,
      between,
      words,
      serialPlace,
      fc.boolean(),
      fc.integer({ min: 1000, max: 9999 }),
      fc.integer({ min: 1, max: 999_999_999 }),
      (before, middle, behind, place, yearFirst, year, serial) => {
        const [first, second] = yearFirst ? ['{year}', place] : [place, '{year}'];
        const text = `${before}${first}${middle}${second}${behind}`;
        let template: ReturnType<typeof deedNumberTemplate>;
        try {
          template = deedNumberTemplate(text);
        } catch {
          return;
        }
        taken++;
        const number = formatDeedNumber(template, { year, serial });
        const read = parseDeedNumber(template, number);
        if (read.year !== year || read.serial !== serial) throw new Error(number);
      },
    ),
    { numRuns: 3_000 },
  );
  t.ok(taken > 500, `${taken} formats`);
});

const wrong: Readonly<Record<string, readonly [string, string, string?]>> = {
  'has no year': ['placeholders', '沪证字第{serial}号'],
  'has no serial number': ['placeholders', '（{year}）沪证字'],
  'has the year twice': ['placeholders', '（{year}）{year}第{serial}号'],
  'has the serial number twice': ['placeholders', '{year}第{serial}号{serial:3}'],
  'has the region twice': ['placeholders', '{region}{region}{year}第{serial}号'],
  'has an unknown placeholder': ['placeholders', '{year}{month}第{serial}号'],
  'has a width of nothing': ['placeholders', '{year}第{serial:0}号'],
  'has a width of ten': ['placeholders', '{year}第{serial:10}号'],
  'has a lone brace': ['characters', '{year}第{serial}号}'],
  'has nothing between the numbers': ['digits', '{year}{serial}号'],
  'has a digit before the year': ['digits', '1{year}第{serial}号'],
  'has a digit behind the year': ['digits', '{year}1第{serial}号'],
  'has an Arabic digit beside the serial number': ['digits', '{year}第{serial}٣号'],
  'has a mathematical digit beside the year': ['digits', '\u{1d7d9}{year}第{serial}号'],
  'has a line break': ['characters', '{year}\n第{serial}号'],
  'has a mark of direction': ['characters', '{year}\u202e第{serial}号'],
  'begins with a space': ['characters', ' {year}第{serial}号'],
  'is long': ['length', `{year}第{serial}号${'沪'.repeat(60)}`],
  'has a digit in its region': ['region', '{region}{year}第{serial}号', '沪1'],
  'has a placeholder in its region': ['region', '{region}{year}第{serial}号', '{year}'],
  'has a long region': ['region', '{region}{year}第{serial}号', '沪'.repeat(17)],
};
for (const [how, [at, text, region]] of Object.entries(wrong))
  t.test(`a format is refused that ${how}`, async (t) => {
    t.throws(() => deedNumberTemplate(text, region), { code: 'deed-number-template', detail: { at } });
  });

t.test('years and serial numbers that no deed has are refused', async (t) => {
  const template = deedNumberTemplate('（{year}）沪证字第{serial:3}号');
  for (const [year, serial] of [
    [999, 1],
    [10_000, 1],
    [2026.5, 1],
    [2026, 0],
    [2026, -1],
    [2026, 1.5],
    [2026, 1e9],
    [Number.NaN, 1],
  ] as const)
    t.throws(() => formatDeedNumber(template, { year, serial }), { code: 'deed-number-value' });
});

t.test('what this format does not write is not read', async (t) => {
  const template = deedNumberTemplate('（{year}）沪证字第{serial:3}号');
  t.strictSame(parseDeedNumber(template, '（2026）沪证字第001号'), { year: 2026, serial: 1 });
  for (const other of [
    '（2026）沪证字第1号',
    '（2026）沪证字第0001号',
    '（2026）沪证字第000号',
    '（0026）沪证字第001号',
    '（2026）沪证字第001号 ',
    '（2026）沪证字第001号\n',
    '(2026)沪证字第001号',
    '（2026）沪证字第٠٠١号',
    '（2026）甬证字第001号',
    '',
  ])
    t.throws(() => parseDeedNumber(template, other), { code: 'deed-number-other' }, other);
});
