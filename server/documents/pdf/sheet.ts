import PDFDocument from 'pdfkit';
import type { Style } from './fonts.ts';
import { type Line, linesOf } from './lines.ts';

/*
 * The sheets of one document and the place on them where drawing goes on. Points, from the top left corner of an A4
 * page; `y` is where the next thing begins.
 */

export const INK = '#1b1b1b';
export const MUTED = '#666666';
export const RULE = '#cfd3d8';
export const ACCENT = '#1f3a5f';
/** the bar beside what the depositor stated */
export const STATED = '#b8862b';
export const TINT = '#f3f5f8';
export const ALERT = '#b3261e';

const A4 = { width: 595.28, height: 841.89 };
export const LEFT = 56;
export const RIGHT = A4.width - 56;
export const WIDTH = RIGHT - LEFT;
const TOP = 62;
const BOTTOM = A4.height - 62;

export interface TextStyle {
  readonly style?: Style;
  readonly size: number;
  readonly color?: string;
  /** from one baseline to the next, in sizes */
  readonly leading?: number;
}

/** Latin and Han together look right with this distance. */
const LEADING = 1.5;
/** Where in a line's height its baseline is. */
const BASELINE = 0.75;

export const heightOf = (lines: readonly Line[], { size, leading = LEADING }: TextStyle): number =>
  lines.length * size * leading;

export const wrap = (text: string, { style = 'regular', size }: TextStyle, width: number): Line[] =>
  linesOf(text, style, size, width);

export class Sheet {
  readonly doc: PDFKit.PDFDocument;
  y = TOP;
  readonly #begin: (sheet: Sheet) => void;
  readonly #known = new Set<string>();

  /** `begin` draws what stands on each page before anything else does. */
  constructor(options: PDFKit.PDFDocumentOptions, begin: (sheet: Sheet) => void) {
    this.doc = new PDFDocument({
      ...options,
      size: [A4.width, A4.height],
      margin: 0,
      autoFirstPage: false,
      bufferPages: true,
      // Without this Helvetica is named in every document, and is embedded in none.
      font: null as never,
    });
    this.#begin = begin;
    this.nextPage();
  }

  get page(): { readonly width: number; readonly height: number } {
    return A4;
  }

  nextPage(): void {
    this.doc.addPage();
    this.y = TOP;
    this.#begin(this);
  }

  /** What is left of this page. */
  get room(): number {
    return BOTTOM - this.y;
  }

  /** Goes to the next page where this one has not enough room; whether it did. */
  need(height: number): boolean {
    if (height <= this.room) return false;
    this.nextPage();
    return true;
  }

  /** Lines at a place of the caller's choice; their height. */
  put(lines: readonly Line[], x: number, y: number, text: TextStyle): number {
    const { size, leading = LEADING } = text;
    lines.forEach((line, i) => {
      this.putLine(line, x, y + i * size * leading, text);
    });
    return heightOf(lines, text);
  }

  putLine(line: Line, x: number, y: number, { size, color = INK, leading = LEADING }: TextStyle): void {
    let at = x;
    const baseline = y + size * leading * BASELINE;
    for (const { text, face, width } of line.atoms) {
      if (!this.#known.has(face.name)) {
        this.doc.registerFont(face.name, face.font as never);
        this.#known.add(face.name);
      }
      this.doc.font(face.name).fontSize(size).fillColor(color);
      // `features` keeps pdfkit from laying out word by word, which would undo the order of the letters.
      this.doc.text(text, at, baseline, { lineBreak: false, baseline: 'alphabetic', features: [] });
      at += width;
    }
  }

  rule(y: number, color = RULE, width = 0.5, from = LEFT, to = RIGHT): void {
    this.doc.moveTo(from, y).lineTo(to, y).lineWidth(width).strokeColor(color).stroke();
  }
}
