import {
  type BesideShape,
  type ItemLine,
  presentItem,
  type ResultShape,
  type TotalsLine,
  tally,
} from '../../messages/checked.ts';
import { itemCells, titleCells, totalsCells } from './checked.ts';
import { BYTE_ORDER_MARK, csvRow } from './csv.ts';

/* Results of many checks as text, a line or a row each, while they are made. */

export interface Form {
  readonly type: string;
  readonly begin: string;
  readonly item: (line: ItemLine) => string;
  readonly totals: (line: TotalsLine) => string;
}

const jsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** NDJSON, for programs. */
export const AS_LINES: Form = {
  type: 'application/x-ndjson; charset=utf-8',
  begin: '',
  item: jsonLine,
  totals: jsonLine,
};

/** CSV, for people. */
export const AS_TABLE: Form = {
  type: 'text/csv; charset=utf-8; header=present',
  begin: BYTE_ORDER_MARK + csvRow(titleCells()),
  item: (line) => csvRow(itemCells(line)),
  totals: (line) => csvRow(totalsCells(line)),
};

/** `told` hears of each line before it is written; the totals are what it returns. */
export async function* written(
  results: AsyncIterable<ResultShape>,
  beside: BesideShape,
  form: Form,
  told: (line: ItemLine) => void,
): AsyncGenerator<string, TotalsLine> {
  const counts = tally();
  yield form.begin;
  for await (const result of results) {
    const line = presentItem(result);
    counts.add(line);
    told(line);
    yield form.item(line);
  }
  const totals = counts.totals(beside);
  yield form.totals(totals);
  return totals;
}
