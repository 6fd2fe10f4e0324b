import type { Both } from '../../messages/paper.ts';
import { paperWords } from '../../messages/paper.ts';
import {
  beijing,
  type ClockLine,
  type FileLine,
  type Row,
  type Section,
  utc,
  type Value,
} from '../content.ts';
import type { Line } from './lines.ts';
import { ACCENT, heightOf, INK, LEFT, MUTED, RIGHT, type Sheet, STATED, TINT, WIDTH, wrap } from './sheet.ts';
import { type Block, bilingual, blocksOf, blocksOfRow, GAP, heightOfBlocks } from './values.ts';

/* Sections one below the other: a title, then rows with their labels, or a table whose head is repeated on each page. */

const LABEL_WIDTH = 126;
const VALUE_X = LEFT + LABEL_WIDTH + 10;
const VALUE_WIDTH = RIGHT - VALUE_X;
const PAD = 3.5;

/** A row that is lower than this goes to the next page whole. */
const KEEP_TOGETHER = 160;

/** Height of a title; what must fit beneath it: a row or two, or the heads of a table with a first file. */
const TITLE = 22;
const ROW_BEGIN = 64;
const TABLE_BEGIN = 90;

/** Above a section, and again on each of its pages. */
interface Heading extends Both {
  /** something in it was stated by the depositor */
  readonly isStated: boolean;
}

export function drawSection(sheet: Sheet, section: Section): void {
  const { rows = [], files = [], clocks = [], notes = [] } = section;
  const isStated =
    files.length > 0 || rows.some(({ values }) => values.some(({ kind }) => kind === 'stated'));
  const title: Heading = { ...section.title, isStated };
  // A title never stands alone at the foot of a page, nor do the heads of a table.
  sheet.need(rows.length === 0 && files.length > 0 ? TITLE + TABLE_BEGIN : TITLE + ROW_BEGIN);
  drawTitle(sheet, title, false);
  if (clocks.length > 0) drawClocks(sheet, title, clocks);
  for (const row of rows) drawRow(sheet, title, row);
  if (files.length > 0) drawFiles(sheet, title, files);
  for (const note of notes) drawNote(sheet, title, note);
  sheet.y += 12;
}

const continued = ({ zh, en }: Both): Both => {
  const more = paperWords('continued');
  return { zh: zh + more.zh, en: `${en} ${more.en}` };
};

function drawTitle(sheet: Sheet, title: Heading, isContinued: boolean): void {
  const { zh, en } = isContinued ? continued(title) : title;
  const [left] = wrap(zh, { size: 11.5, style: 'bold' }, WIDTH);
  sheet.putLine(left!, LEFT, sheet.y, { size: 11.5, style: 'bold', color: ACCENT });
  const [right] = wrap(en, { size: 8.5 }, WIDTH);
  sheet.putLine(right!, LEFT + left!.width + 8, sheet.y + 3.4, { size: 8.5, color: MUTED });
  if (title.isStated) drawLegend(sheet);
  sheet.y += 20;
  sheet.rule(sheet.y, ACCENT, 0.8);
  sheet.y += 2;
}

const BAR_WIDTH = 1.5;
/** From the bar to the text. */
const BAR_GAP = 5;

/** No text can be printed where it stands: left of the column. */
function drawBar(sheet: Sheet, x: number, y: number, height: number): void {
  sheet.doc
    .rect(x - BAR_GAP, y, BAR_WIDTH, height)
    .fillColor(STATED)
    .fill();
}

/** What the bar means, at the right end of the title. */
function drawLegend(sheet: Sheet): void {
  const { zh, en } = paperWords('stated-by-depositor');
  const style = { size: 7.5, color: MUTED } as const;
  const [line] = wrap(`${zh} ${en}`, style, WIDTH);
  const x = RIGHT - line!.width;
  drawBar(sheet, x, sheet.y + 4.5, 10);
  sheet.putLine(line!, x, sheet.y + 4, style);
}

/** Room on this page, or on the next one under the title again. */
function makeRoom(sheet: Sheet, title: Heading, height: number): boolean {
  if (!sheet.need(height)) return false;
  drawTitle(sheet, title, true);
  return true;
}

function labelBlocks({ zh, en }: Both): Block[] {
  const chinese = { size: 8.5, color: INK, leading: 1.4 } as const;
  const english = { size: 7, color: MUTED, leading: 1.35 } as const;
  return [
    { lines: wrap(zh, chinese, LABEL_WIDTH), style: chinese },
    ...(en === zh ? [] : [{ lines: wrap(en, english, LABEL_WIDTH), style: english }]),
  ];
}

function putBlocks(sheet: Sheet, blocks: readonly Block[], x: number, y: number): void {
  let at = y;
  for (const block of blocks) for (const line of block.lines) at += putLine(sheet, block, line, x, at);
}

/** One line of a block, with what stands behind its last one; its height. */
function putLine(sheet: Sheet, { lines, style, after }: Block, line: Line, x: number, y: number): number {
  sheet.putLine(line, x, y, style);
  const height = heightOf([line], style);
  if (after !== undefined && line === lines.at(-1)) {
    // On the baseline of the larger one.
    const lower = 0.75 * (height - heightOf([after.line], after.style));
    sheet.putLine(after.line, x + line.width + GAP, y + lower, after.style);
  }
  return height;
}

function drawRow(sheet: Sheet, title: Heading, row: Row): void {
  const label = labelBlocks(row.label);
  const isCommand = row.values.every((value) => value.kind === 'command');
  const blocks = blocksOfRow(row, VALUE_WIDTH - (isCommand ? 12 : 0));
  const height = Math.max(heightOfBlocks(label), heightOfBlocks(blocks)) + 2 * PAD;
  makeRoom(sheet, title, Math.min(height, KEEP_TOGETHER));
  if (isCommand && height <= sheet.room)
    sheet.doc
      .rect(VALUE_X, sheet.y + 3, VALUE_WIDTH, height - 6)
      .fillColor(TINT)
      .fillOpacity(0.9)
      .fill()
      .fillOpacity(1);
  let labelEnd = 0;
  const putLabel = (shown: readonly Block[]): void => {
    sheet.y += PAD;
    putBlocks(sheet, shown, LEFT, sheet.y);
    labelEnd = sheet.y + heightOfBlocks(shown);
  };
  putLabel(label);
  // A page without the label could not say whose words these are.
  flow(sheet, title, blocks, VALUE_X + (isCommand ? 6 : 0), () =>
    putLabel(labelBlocks(continued(row.label))),
  );
  sheet.y = Math.max(sheet.y, labelEnd) + PAD;
  sheet.rule(sheet.y);
}

/** Line by line, over as many pages as it takes; `onPage` begins each further one. */
function flow(sheet: Sheet, title: Heading, blocks: readonly Block[], x: number, onPage: () => void): void {
  for (const block of blocks)
    block.lines.forEach((line, i) => {
      if (makeRoom(sheet, title, block.style.size * 2)) onPage();
      const height = putLine(sheet, block, line, x, sheet.y);
      // One bar for each value: a little shorter than its lines.
      const [above, below] = [i === 0 ? 1 : 0, i === block.lines.length - 1 ? 1 : 0];
      if (block.stated) drawBar(sheet, x, sheet.y + above, height - above - below);
      sheet.y += height;
    });
}

function drawNote(sheet: Sheet, title: Heading, note: Both): void {
  const chinese = { size: 8.5, color: INK } as const;
  const english = { size: 7.5, color: MUTED } as const;
  const blocks = bilingual(note, chinese, english, WIDTH);
  makeRoom(sheet, title, heightOfBlocks(blocks) + 4);
  sheet.y += 3;
  putBlocks(sheet, blocks, LEFT, sheet.y);
  sheet.y += heightOfBlocks(blocks);
}

interface Column {
  readonly x: number;
  readonly width: number;
  readonly head: Both;
}

function columns(...parts: readonly (readonly [share: number, head: Both])[]): Column[] {
  const gap = 10;
  const total = parts.reduce((sum, [share]) => sum + share, 0);
  const free = WIDTH - gap * (parts.length - 1);
  let x = LEFT;
  return parts.map(([share, head]) => {
    const width = (free * share) / total;
    const column = { x, width, head };
    x += width + gap;
    return column;
  });
}

function drawHeads(sheet: Sheet, heads: readonly Column[]): void {
  const chinese = { size: 7.5, style: 'bold', color: MUTED } as const;
  const english = { size: 6.5, color: MUTED } as const;
  for (const { x, width, head } of heads) {
    sheet.put(wrap(head.zh, chinese, width), x, sheet.y + 3, chinese);
    sheet.put(wrap(head.en, english, width), x, sheet.y + 14, english);
  }
  sheet.y += 26;
  sheet.rule(sheet.y, MUTED, 0.4);
}

function drawClocks(sheet: Sheet, title: Heading, clocks: readonly ClockLine[]): void {
  const heads = columns(
    [3.2, paperWords('clock-name')],
    [3.6, paperWords('clock-time')],
    [3.4, paperWords('clock-by')],
    [2.6, paperWords('clock-force')],
  );
  drawHeads(sheet, heads);
  for (const clock of clocks) {
    const cells = [
      blocksOf({ kind: 'words', ...clock.name }, heads[0]!.width),
      blocksOf({ kind: 'words', zh: beijing(clock.at), en: `${utc(clock.at)} UTC` }, heads[1]!.width),
      blocksOf(clock.by, heads[2]!.width),
      blocksOf({ kind: 'words', ...clock.force }, heads[3]!.width),
    ];
    const height = Math.max(...cells.map(heightOfBlocks)) + 2 * PAD;
    if (makeRoom(sheet, title, height)) drawHeads(sheet, heads);
    if (clock.counts) markCounting(sheet, height);
    cells.forEach((cell, i) => {
      putBlocks(sheet, clock.counts ? cell.map(emphasised) : cell, heads[i]!.x, sheet.y + PAD);
    });
    sheet.y += height;
    sheet.rule(sheet.y);
  }
}

function markCounting(sheet: Sheet, height: number): void {
  sheet.doc
    .rect(LEFT - 6, sheet.y, WIDTH + 12, height)
    .fillColor(TINT)
    .fillOpacity(0.9)
    .fill()
    .fillOpacity(1);
  sheet.doc
    .rect(LEFT - 6, sheet.y, 2.5, height)
    .fillColor(ACCENT)
    .fill();
}

const emphasised = (block: Block): Block => ({
  ...block,
  style: { ...block.style, color: block.style.color ?? ACCENT },
});

function drawFiles(sheet: Sheet, title: Heading, files: readonly FileLine[]): void {
  const heads = columns(
    [0.9, paperWords('file-number')],
    [7.2, paperWords('file-name')],
    [2.4, paperWords('file-size')],
    [2.6, paperWords('file-basis')],
  );
  sheet.need(TABLE_BEGIN);
  drawHeads(sheet, heads);
  for (const file of files) drawFile(sheet, title, heads, file);
}

/** A file that is higher than this, by its name, is drawn over as many pages as it takes. */
const FILE_TOGETHER = 500;
const ALGORITHM_WIDTH = 46;

function drawFile(sheet: Sheet, title: Heading, heads: readonly Column[], file: FileLine): void {
  const small = { size: 7.5, color: MUTED } as const;
  const code = (text: string, width: number): Block[] => blocksOf({ kind: 'code', text }, width);
  const [first, second, third, fourth] = heads as [Column, Column, Column, Column];
  const name = [
    ...blocksOf({ kind: 'stated', text: file.name }, second.width),
    ...blocksOf(file.mediaType, second.width).map((block) => ({ ...block, style: small })),
  ];
  const beside: readonly (readonly [Column, readonly Block[]])[] = [
    [first, code(String(file.number), first.width)],
    [third, code(file.size, third.width)],
    [fourth, blocksOf({ kind: 'words', ...file.basis }, fourth.width)],
  ];
  const top = Math.max(heightOfBlocks(name), ...beside.map(([, blocks]) => heightOfBlocks(blocks)));
  const digests = file.digests.map((digest) => digestBlocks(digest, RIGHT - second.x - ALGORITHM_WIDTH));
  const height = top + digests.reduce((sum, { blocks }) => sum + heightOfBlocks(blocks), 0) + 2 * PAD;
  if (makeRoom(sheet, title, Math.min(height, FILE_TOGETHER))) drawHeads(sheet, heads);
  sheet.y += PAD;
  const end = sheet.y + top;
  for (const [{ x }, blocks] of beside) putBlocks(sheet, blocks, x, sheet.y);
  flow(sheet, title, name, second.x, () => {
    drawHeads(sheet, heads);
    sheet.y += PAD;
    putBlocks(sheet, code(`${file.number}${paperWords('continued').zh}`, heads[0]!.width), LEFT, sheet.y);
  });
  if (height <= FILE_TOGETHER) sheet.y = end;
  for (const { algorithm, blocks } of digests) {
    makeRoom(sheet, title, heightOfBlocks(blocks));
    sheet.put(wrap(algorithm, small, ALGORITHM_WIDTH), second.x, sheet.y + 0.6, small);
    putBlocks(sheet, blocks, second.x + ALGORITHM_WIDTH, sheet.y);
    sheet.y += heightOfBlocks(blocks);
  }
  sheet.y += PAD;
  sheet.rule(sheet.y);
}

/** The name of the algorithm stands before its digest, not above it. */
function digestBlocks(digest: Value, width: number): { algorithm: string; blocks: readonly Block[] } {
  if (digest.kind !== 'hex') return { algorithm: '', blocks: blocksOf(digest, width) };
  return { algorithm: digest.name ?? '', blocks: blocksOf({ ...digest, name: undefined }, width) };
}
