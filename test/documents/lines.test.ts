import fc from 'fast-check';
import t from 'tap';
import { linesOf } from '../../server/documents/pdf/lines.ts';
import { visible } from '../../server/documents/pdf/visible.ts';

/* Text of any kind becomes lines that fit, and every glyph of them is one that its font has. */

const text = (lines: readonly { atoms: readonly { text: string }[] }[]): string[] =>
  lines.map(({ atoms }) => atoms.map((atom) => atom.text).join(''));
const seen = (given: string, width = 10_000): string[] => text(linesOf(given, 'regular', 10, width));

t.test('any text at all is drawn without .notdef, and no line is wider than its column', async () => {
  const any = fc.string({ unit: 'binary', maxLength: 60 });
  const scripts = fc.string({
    unit: fc.constantFrom(...'ab 1(.-/，。《漢𠮷عقدשלום٢٣é́👍🏽\u200d\ufe0f\u202e\u0000\n\t🇨🇳한ไहि्'),
    maxLength: 80,
  });
  fc.assert(
    fc.property(fc.oneof(any, scripts), fc.constantFrom('regular', 'bold', 'mono'), (given, style) => {
      for (const { atoms, width } of linesOf(given, style, 9, 120)) {
        if (width > 120 + 9 * 0.6) return atoms.length === 1;
        for (const atom of atoms)
          if (atom.face.font.layout(atom.text).glyphs.some(({ id }) => id === 0)) return false;
      }
      return true;
    }),
    { numRuns: 2_000 },
  );
});

t.test('of plain text nothing is lost at the ends of lines but spaces', async () => {
  const plain = fc.string({ unit: fc.constantFrom(...'abc xyz-/漢字，。（）'), maxLength: 200 });
  fc.assert(
    fc.property(plain, (given) => seen(given, 60).join('').replaceAll(' ', '') === given.replaceAll(' ', '')),
  );
});

t.test('lines break where a reader expects it', async (t) => {
  t.strictSame(seen('alpha beta gamma', 50), ['alpha beta', 'gamma']);
  t.strictSame(seen('甲乙丙丁，戊', 40), ['甲乙丙', '丁，戊'], 'no line begins with a comma');
  t.strictSame(seen('甲乙丙（丁', 40), ['甲乙丙', '（丁'], 'or ends with an opening bracket');
  t.strictSame(seen('x'.repeat(30), 50).join(''), 'x'.repeat(30));
  t.strictSame(seen('one\ntwo\r\n\nfour'), ['one', 'two', '', 'four']);
  t.strictSame(text(linesOf('ab-cd ef', 'mono', 10, 31)), ['ab-cd', 'ef'], 'a command keeps its words whole');
  t.strictSame(seen(''), ['']);
});

t.test(
  'right-to-left words stand in their order: letters are turned by the font, digits and Latin are not',
  async (t) => {
    // From left to right as it is seen; within an atom of letters in the order of reading.
    t.strictSame(seen('abc שלום def'), ['abc שלום def']);
    t.strictSame(seen('שלום עולם'), ['עולם שלום']);
    t.strictSame(seen('שלום (abc)'), ['(abc) שלום'], 'brackets are mirrored in their places');
    t.strictSame(seen('عقد.pdf'), ['pdf.عقد']);
    t.strictSame(seen('عقد ٢٠٢٦'), ['٢٠٢٦ عقد']);
  },
);

t.test('what cannot be seen is printed as its number, and joiners only where they join', async (t) => {
  t.strictSame(seen('a\u202eb'), ['a⟨U+202E⟩b']);
  t.strictSame(seen('a\u200bb\u200dc'), ['a⟨U+200B⟩b⟨U+200D⟩c']);
  t.strictSame(seen('\u0007\u{10ffff}'), ['⟨U+0007⟩⟨U+10FFFF⟩']);
  t.strictSame(seen('葛\u{e0100}'), ['葛⟨U+E0100⟩']);
  t.strictSame(seen('a\u2028b\u2029c\u0085d'), ['a⟨U+2028⟩b⟨U+2029⟩c⟨U+0085⟩d'], 'and they end no line');
  t.strictSame(seen('a\u2800b'), ['a⟨U+2800⟩b']);
  t.strictSame(seen('a\tb'), ['a b']);
  t.match(seen('👍🏽')[0], /👍/u);
});

t.test(
  'spaces that are all there is are printed by their numbers; empty lines never follow each other',
  async (t) => {
    t.equal(visible('一 二\u3000三\u00a0四'), '一 二\u3000三\u00a0四', 'between words they are seen');
    t.equal(visible('\u3000'), '⟨U+3000⟩');
    t.equal(visible('一\n\u00a0 \u3000\n二'), '一\n⟨U+00A0⟩ ⟨U+3000⟩\n二');
    t.equal(visible('一\n\n \n\t\n\r\n二'), '一\n\n二');
    t.equal(visible('  '), '⟨U+0020⟩⟨U+0020⟩');
    t.equal(visible(' \n'), '⟨U+0020⟩⟨U+000A⟩');
    t.equal(visible(''), '');
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a \n\r\t\u3000\u00a0'), maxLength: 40 }), (given) => {
        const shown = visible(given);
        return !/\n[ \t]*\n[ \t]*\n/.test(shown) && (given === '' || /[^ \t\n]/.test(shown));
      }),
    );
  },
);
