import fc from 'fast-check';
import t from 'tap';
import { assembleDeed } from '../../server/documents/deed/assemble.ts';
import { deedTextOf, readDeedText } from '../../server/documents/deed/text.ts';
import { facts } from './deed-sample.ts';

/* The text of a deed on its way to the notary and back. */

const TITLES = ['基本情况', '证词'];
const paragraph = fc
  .string({ unit: 'grapheme', minLength: 1 })
  .map((text) => text.replaceAll(/[\r\n]/g, '').trim())
  .filter((text) => text !== '' && !TITLES.includes(text));

t.test('what was put together reads back paragraph by paragraph', async (t) => {
  const assembled = assembleDeed(facts());
  t.strictSame(readDeedText(deedTextOf(assembled)), assembled);
  fc.assert(
    fc.property(fc.array(paragraph), fc.array(paragraph), (basics, testimony) => {
      t.strictSame(readDeedText(deedTextOf({ basics, testimony })), { basics, testimony });
    }),
  );
});

t.test('line ends of any system and empty lines are no paragraphs', async (t) => {
  t.strictSame(readDeedText('基本情况\r\n甲\r\r\n 乙 \n\n证词\r丙\n'), {
    basics: ['甲', '乙'],
    testimony: ['丙'],
  });
});

t.test('without its titles all of a text is testified, and nothing is lost', async (t) => {
  t.strictSame(readDeedText('甲\n乙'), { basics: [], testimony: ['甲', '乙'] });
  t.strictSame(readDeedText('甲\n证词\n乙\n证词'), { basics: ['甲'], testimony: ['乙', '证词'] });
  t.strictSame(readDeedText(''), { basics: [], testimony: [] });
});
