import fc from 'fast-check';
import t from 'tap';
import { applied, type Difference, differences } from '../../server/documents/deed/differences.ts';

const joinedAs = (found: readonly Difference[], but: Difference['kind']): string =>
  found.flatMap(({ kind, text }) => (kind === but ? [] : [text])).join('');

t.test('what was changed is shown by characters in Chinese and by words elsewhere', async (t) => {
  t.strictSame(differences('本处受理了申请。', '本处于昨日受理申请。'), [
    { kind: 'same', text: '本处' },
    { kind: 'added', text: '于昨日' },
    { kind: 'same', text: '受理' },
    { kind: 'removed', text: '了' },
    { kind: 'same', text: '申请。' },
  ]);
  t.strictSame(differences('chain id 1234 文件', 'chain id 1235 文件'), [
    { kind: 'same', text: 'chain id ' },
    { kind: 'removed', text: '1234' },
    { kind: 'added', text: '1235' },
    { kind: 'same', text: ' 文件' },
  ]);
  t.strictSame(differences('一样', '一样'), [{ kind: 'same', text: '一样' }]);
  t.strictSame(differences('', ''), []);
  t.strictSame(differences('', '新'), [{ kind: 'added', text: '新' }]);
  t.strictSame(differences('旧', ''), [{ kind: 'removed', text: '旧' }]);
});

const few = fc.string({ unit: fc.constantFrom(...'公证书申请A1 。\n', '𠮷', 'é', '\ud800'), maxLength: 60 });
const any = fc.oneof(few, fc.string({ unit: 'binary', maxLength: 80 }));

t.test('applying the differences to the first text gives the second, whatever the texts are', async () => {
  fc.assert(
    fc.property(any, any, (before, after) => {
      const found = differences(before, after);
      if (applied(found, before) !== after) throw new Error('another text');
      const kinds = found.map(({ kind }) => kind);
      if (kinds.some((kind, i) => kind === kinds[i + 1])) throw new Error('two of one kind in a row');
      if (found.some(({ text }) => text === '')) throw new Error('an empty one');
    }),
    { numRuns: 3_000 },
  );
});

t.test('also where the steps suffice for some of it or for nothing', async () => {
  fc.assert(
    fc.property(any, any, fc.nat(200), (before, after, steps) => {
      if (applied(differences(before, after, steps), before) !== after) throw new Error('another text');
    }),
    { numRuns: 3_000 },
  );
});

/** By the textbook's table. */
function longestCommon(a: string, b: string): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const one of a) {
    const next = [0];
    for (let j = 1; j <= b.length; j++)
      next.push(one === b[j - 1] ? row[j - 1]! + 1 : Math.max(row[j]!, next[j - 1]!));
    row = next;
  }
  return row[b.length]!;
}

t.test('what stays the same is a longest common subsequence', async () => {
  const han = fc.string({ unit: fc.constantFrom(...'公证书申'), maxLength: 40 });
  fc.assert(
    fc.property(han, han, (before, after) => {
      const same = differences(before, after)
        .filter(({ kind }) => kind === 'same')
        .reduce((sum, { text }) => sum + text.length, 0);
      if (same !== longestCommon(before, after)) throw new Error(`${same}`);
    }),
    { numRuns: 2_000 },
  );
});

t.test('differences of another text are not applied', async (t) => {
  t.throws(() => applied(differences('甲', '乙'), '丙'), /another text/);
});

/** Texts that look like nothing: the same generator, another seed. */
const noise = (length: number, seed: number): string => {
  let state = seed;
  const next = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31);
  return Array.from({ length }, () =>
    next() % 40 === 0 ? '\n' : String.fromCodePoint(0x4e00 + (next() % 5_000)),
  ).join('');
};

t.test('texts of a hundred thousand characters with nothing in common take seconds at most', async (t) => {
  const [before, after] = [noise(100_000, 1), noise(100_000, 2)];
  const began = performance.now();
  const found = differences(before, after);
  const took = performance.now() - began;
  t.equal(joinedAs(found, 'added'), before);
  t.equal(joinedAs(found, 'removed'), after);
  t.ok(took < 5_000, `${Math.round(took)} ms`);
});

t.test('in a long text of which a few lines changed, the characters that changed are shown', async (t) => {
  const lines = noise(60_000, 3).split('\n');
  const after = lines
    .map((line, i) => (i % 100 === 7 ? `${line}补充` : line))
    .concat([noise(5_000, 4)])
    .join('\n');
  const found = differences(lines.join('\n'), after);
  t.equal(applied(found, lines.join('\n')), after);
  t.ok(found.filter(({ kind, text }) => kind === 'added' && text === '补充').length > 5);
  t.equal(joinedAs(found, 'added').length, lines.join('\n').length);
});
