import { deedWords } from '../../messages/deed.ts';
import { type Both, paperWords } from '../../messages/paper.ts';
import { beijing, utc } from '../content.ts';
import type { AnnexFile, AnnexItem } from '../deed/content.ts';
import type { Line } from './lines.ts';
import { heightOf, LEFT, MUTED, RIGHT, type Sheet, STATED, type TextStyle, WIDTH, wrap } from './sheet.ts';
import { GAP, grouped } from './values.ts';
import { visible } from './visible.ts';

/* The annex of a deed on pages of its own: every item with its files and digests, under a head that each page repeats. */

const NUMBER_WIDTH = 40;
const X = LEFT + NUMBER_WIDTH;
const LABEL_WIDTH = 52;
const TITLE = { size: 15, style: 'bold', leading: 1.7 } as const;
const NAME = { size: 9.5, style: 'bold', leading: 1.45 } as const;
const TEXT = { size: 8.5, leading: 1.45 } as const;
const SMALL = { size: 7.5, color: MUTED, leading: 1.45 } as const;
const MONO = { size: 7.4, style: 'mono', leading: 1.5 } as const;
const PAD = 4;
/** An item that is lower than this goes to the next page whole. */
const KEEP_TOGETHER = 220;

/** Lines with what stands before the first of them. */
interface Part {
  readonly x: number;
  readonly lines: readonly Line[];
  readonly style: TextStyle;
  readonly label?: string;
  /** by the depositor: with a bar at its left, where no text can be printed */
  readonly stated?: true;
  /** behind the last line, on the same one */
  readonly after?: Line;
}

export function drawAnnex(sheet: Sheet, annex: readonly AnnexItem[]): void {
  sheet.nextPage();
  drawHead(sheet, deedWords('annex'), annex);
  if (annex.length === 0) {
    sheet.y += PAD;
    putFlowing(
      sheet,
      { x: LEFT, lines: wrap(deedWords('annex-none').zh, TEXT, WIDTH), style: TEXT },
      () => {},
    );
    return;
  }
  annex.forEach((item, i) => {
    drawItem(sheet, annex, item, i + 1);
  });
  drawNote(sheet, annex);
}

function drawHead(sheet: Sheet, { zh, en }: Both, annex: readonly AnnexItem[]): void {
  const [title] = wrap(zh, TITLE, WIDTH);
  sheet.putLine(title!, LEFT, sheet.y, TITLE);
  const files = annex.reduce((sum, item) => sum + item.files.length, 0);
  const counts = deedWords('annex-counts', { items: annex.length, files });
  sheet.y += heightOf([title!], TITLE);
  sheet.y += sheet.put(wrap(`${en}　${counts.zh}　${counts.en}`, SMALL, WIDTH), LEFT, sheet.y, SMALL) + 4;
  if (annex.length > 0) drawTableHead(sheet);
}

function drawTableHead(sheet: Sheet): void {
  const [number, item] = [deedWords('annex-number'), deedWords('annex-item')];
  sheet.rule(sheet.y, MUTED, 0.8);
  sheet.put(wrap(`${number.zh} ${number.en}`, SMALL, NUMBER_WIDTH), LEFT, sheet.y + 3, SMALL);
  sheet.put(wrap(`${item.zh}　${item.en}`, SMALL, RIGHT - X), X, sheet.y + 3, SMALL);
  drawLegend(sheet);
  sheet.y += 18;
  sheet.rule(sheet.y, MUTED, 0.4);
}

/** What the bar means, at the right end of the head. */
function drawLegend(sheet: Sheet): void {
  const { zh, en } = paperWords('stated-by-depositor');
  const [line] = wrap(`${zh} ${en}`, SMALL, WIDTH);
  const x = RIGHT - line!.width;
  drawBar(sheet, x, sheet.y + 3, heightOf([line!], SMALL));
  sheet.putLine(line!, x, sheet.y + 3, SMALL);
}

function drawItem(sheet: Sheet, annex: readonly AnnexItem[], item: AnnexItem, number: number): void {
  const parts = partsOf(item);
  const height = parts.reduce((sum, { lines, style }) => sum + heightOf(lines, style), 0) + 2 * PAD;
  const onPage = (): void => {
    drawHead(sheet, deedWords('annex-continued'), annex);
    sheet.y += PAD;
  };
  const putNumber = (behind = ''): void => {
    sheet.put(wrap(`${number}${behind}`, TEXT, NUMBER_WIDTH - 6), LEFT, sheet.y, TEXT);
  };
  if (sheet.need(Math.min(height, KEEP_TOGETHER))) onPage();
  else sheet.y += PAD;
  putNumber();
  // A page without the number could not say whose digests these are.
  for (const part of parts)
    putFlowing(sheet, part, () => {
      onPage();
      putNumber(paperWords('continued').zh);
    });
  sheet.y += PAD;
  sheet.rule(sheet.y);
}

/** Line by line, over as many pages as it takes; `onPage` begins each further one. */
function putFlowing(sheet: Sheet, part: Part, onPage: () => void): void {
  const { x, lines, style, label, stated, after } = part;
  lines.forEach((line, i) => {
    if (sheet.need(heightOf([line], style))) onPage();
    if (i === 0 && label !== undefined) sheet.put(wrap(label, SMALL, LABEL_WIDTH), X + 8, sheet.y, SMALL);
    sheet.putLine(line, x, sheet.y, style);
    if (stated) drawBar(sheet, x, sheet.y, heightOf([line], style));
    if (after !== undefined && line === lines.at(-1))
      sheet.putLine(after, x + line.width + GAP, sheet.y + 1, SMALL);
    sheet.y += heightOf([line], style);
  });
}

/** No text can be printed where it stands: left of the column. */
function drawBar(sheet: Sheet, x: number, y: number, height: number): void {
  sheet.doc
    .rect(x - 5, y + 1, 1.5, height - 2)
    .fillColor(STATED)
    .fill();
}

function partsOf(item: AnnexItem): readonly Part[] {
  const { title, certificate, provenAt, leaf, files } = item;
  const both = ({ zh, en }: Both): string => `${zh} ${en}`;
  const proven =
    provenAt === null
      ? both(deedWords('annex-proven-none'))
      : `${beijing(provenAt)} (UTC+8)　${utc(provenAt)} UTC`;
  const number = certificate ?? both(deedWords('annex-certificate-none'));
  const text = (words: string, style: TextStyle): Part => ({
    x: X,
    lines: wrap(words, style, RIGHT - X),
    style,
  });
  return [
    { ...text(visible(title), NAME), stated: true },
    text(`${both(deedWords('annex-certificate'))}：${number}`, TEXT),
    text(`${both(deedWords('annex-proven'))}：${proven}`, TEXT),
    digest(deedWords('annex-leaf').zh, leaf),
    ...files.flatMap(fileParts),
  ];
}

function fileParts({ name, size, sha256, sm3 }: AnnexFile): readonly Part[] {
  const { zh, en } = deedWords('annex-size', { size });
  const width = RIGHT - X - 8;
  const [bytes] = wrap(`${zh} ${en}`, SMALL, width);
  const named: Part = { x: X + 8, lines: wrap(visible(name), TEXT, width), style: TEXT, stated: true };
  const isBeside = named.lines.at(-1)!.width + GAP + bytes!.width <= width;
  return [
    ...(isBeside ? [{ ...named, after: bytes! }] : [named, { x: X + 8, lines: [bytes!], style: SMALL }]),
    digest('SHA-256', sha256),
    ...(sm3 === null ? [] : [digest('SM3', sm3)]),
  ];
}

/** In groups of eight digits, which is how two people compare it aloud. */
const digest = (label: string, hex: string): Part => ({
  x: X + 8 + LABEL_WIDTH,
  lines: wrap(grouped(hex), MONO, RIGHT - X - 8 - LABEL_WIDTH),
  style: MONO,
  label,
});

function drawNote(sheet: Sheet, annex: readonly AnnexItem[]): void {
  const { zh, en } = deedWords('annex-note');
  const lines = [...wrap(zh, SMALL, WIDTH), ...wrap(en, SMALL, WIDTH)];
  if (sheet.need(heightOf(lines, SMALL) + PAD)) drawHead(sheet, deedWords('annex-continued'), annex);
  sheet.y += PAD;
  sheet.put(lines, LEFT, sheet.y, SMALL);
  sheet.y += heightOf(lines, SMALL);
}
