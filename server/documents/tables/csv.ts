/*
 * Tables as text: RFC 4180, in UTF-8 with a mark in front by which Excel knows it, and so reads Chinese.
 */

export const BYTE_ORDER_MARK = '\ufeff';

/** What makes a spreadsheet take a cell for a formula, in its wide forms too, which Chinese and Japanese programs take for the same. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/**
 * One row with its line end. Every cell stands between quotes: what another list separator is to some program separates
 * nothing. A cell that some program would reckon with gets an apostrophe in front, which tells it that this is text.
 */
export const csvRow = (cells: readonly string[]): string => `${cells.map(quoted).join(',')}\r\n`;

const quoted = (cell: string): string => `"${harmless(cell).replaceAll('"', '""')}"`;

const harmless = (cell: string): string => (FORMULA.test(cell) ? `'${cell}` : cell);
