import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { BYTE_ORDER_MARK, csvRow } from '../../server/documents/tables/csv.ts';

/** RFC 4180 §2 by the letter, character by character; written here from its grammar alone. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length; ) {
    let cell = '';
    if (text[at] === '"') {
      for (at++; ; at++) {
        if (at >= text.length) throw new Error('a quote is not closed');
        if (text[at] !== '"') cell += text[at];
        else if (text[at + 1] === '"') {
          cell += '"';
          at++;
        } else break;
      }
      at++;
    } else while (at < text.length && !',\r'.includes(text[at]!)) cell += text[at++];
    row.push(cell);
    if (text[at] === ',') at++;
    else if (text.startsWith('\r\n', at)) {
      rows.push(row);
      row = [];
      at += 2;
    } else throw new Error(`neither a comma nor a line end at ${at}`);
  }
  return rows;
}

const FORMULA = '=+-@\t\r＝＋－＠';
const isFormula = (cell: string) => cell !== '' && `${FORMULA}\n`.includes(cell[0]!);
const expected = (cell: string) => (isFormula(cell) ? `'${cell}` : cell);

const cell = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', '\t', ' ', ';', '=', "'", '证', '𠮷', '\u0000') }),
  fc.tuple(fc.constantFrom(...FORMULA), fc.string()).map((parts) => parts.join('')),
);
const table = fc
  .integer({ min: 1, max: 6 })
  .chain((width) =>
    fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }),
  );

t.test(
  'whatever stands in a table comes out of it again, but for an apostrophe before formulas',
  async () => {
    fc.assert(
      fc.property(table, (rows) => {
        const found = parse(rows.map(csvRow).join(''));
        return JSON.stringify(found) === JSON.stringify(rows.map((row) => row.map(expected)));
      }),
      { numRuns: 2_000 },
    );
  },
);

t.test('no cell begins as a formula does, whatever separates lists on that machine', async (t) => {
  for (const start of `${FORMULA}\n`) t.equal(csvRow([`${start}1+1`]), `"'${start}1+1"\r\n`);
  t.equal(csvRow(['a;=1', "'=1", ' =1', '-', '']), `"a;=1","'=1"," =1","'-",""\r\n`);
});

t.test('Python reads the same table', async (t) => {
  const rows = fc.sample(table, { numRuns: 50, seed: 7 }).flat();
  const wanted = rows.map((row) => row.map(expected)).filter((row) => !row.join('').includes('\u0000'));
  const given = rows.filter((row) => !row.join('').includes('\u0000'));
  const script =
    'import csv, io, json, sys\n' +
    'text = sys.stdin.buffer.read().decode("utf-8-sig")\n' +
    'print(json.dumps(list(csv.reader(io.StringIO(text, newline=""), strict=True))))';
  const done = spawnSync('python3', ['-c', script], {
    input: BYTE_ORDER_MARK + given.map(csvRow).join(''),
    encoding: 'utf8',
  });
  t.equal(done.status, 0, done.stderr);
  t.ok(given.length > 50);
  t.strictSame(JSON.parse(done.stdout), wanted);
});
