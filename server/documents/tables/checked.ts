import type { ItemLine, TotalsLine } from '../../messages/checked.ts';
import { printable } from '../../messages/printable.ts';
import { bothLanguages, type Language, sentence } from '../../messages/sentence.ts';

/* The check of many certificates as a table for people, Chinese first; a line of it an item, and the last one counts them. */

const both = (zh: string, en: string): string => `${zh} / ${en}`;

const words = (code: string): string => {
  const { zh, en } = bothLanguages('table', code);
  return both(zh, en);
};

type Cell = (line: ItemLine) => string;

/** The code of a column is that of its title in messages/. */
const COLUMNS: readonly (readonly [string, Cell])[] = [
  ['item', ({ item }) => String(item)],
  ['name', ({ name }) => name],
  ['verdict', ({ verdictText }) => both(verdictText.zh, verdictText.en)],
  ['number', ({ number }) => number ?? ''],
  ['title', ({ title }) => title ?? ''],
  ['depositor', ({ depositor }) => depositor ?? ''],
  ['earliest', ({ earliest }) => earliest?.at ?? ''],
  ['clock', ({ earliest }) => (earliest ? words(`clock-${earliest.clock}`) : '')],
  ['reasons-zh', (line) => reasons(line, 'zh').join('；')],
  ['reasons-en', (line) => reasons(line, 'en').join('; ')],
  ['same-as', ({ sameAs }) => String(sameAs ?? '')],
  ['sha256', ({ sha256 }) => sha256 ?? ''],
];

/** What others wrote stands in it as characters that are seen. */
const shown = (cells: readonly string[]): readonly string[] => cells.map(printable);

export const titleCells = (): readonly string[] => COLUMNS.map(([code]) => words(code));

export const itemCells = (line: ItemLine): readonly string[] => shown(COLUMNS.map(([, cell]) => cell(line)));

/** Why it is not valid, or what a valid one is good for. */
function reasons(line: ItemLine, language: Language): readonly string[] {
  const colon = language === 'zh' ? '：' : ': ';
  return [
    ...(line.problem ? [line.problem[language]] : []),
    ...(line.testChainText ? [line.testChainText[language]] : []),
    ...line.checks
      .filter(({ status }) => status === 'failed' || (status === 'unknown' && line.verdict !== 'valid'))
      .map(({ name, reason }) => `${name[language]}${colon}${reason[language]}`),
  ];
}

/** As many cells as every other row. */
export const totalsCells = (totals: TotalsLine): readonly string[] =>
  shown(
    COLUMNS.map(([code]) => {
      if (code === 'item') return words('total');
      if (code === 'reasons-zh') return totalsText(totals, 'zh');
      return code === 'reasons-en' ? totalsText(totals, 'en') : '';
    }),
  );

/** How many there were of each verdict, and what belongs to none of them. */
export function totalsText(totals: TotalsLine, language: Language): string {
  const { unmatched, aside, ...counts } = totals;
  const named = { count: unmatched.count, names: unmatched.names.join(language === 'zh' ? '、' : ', ') };
  return [
    sentence(language, 'table', 'counts', counts),
    ...(unmatched.count > 0 ? [sentence(language, 'table', 'unmatched', named)] : []),
  ].join(language === 'zh' ? '；' : '; ');
}
