import QRCode from 'qrcode';
import { paperWords } from '../../messages/paper.ts';
import { beijing, type Content, utc } from '../content.ts';
import { ACCENT, ALERT, heightOf, LEFT, MUTED, RIGHT, type Sheet, TINT, WIDTH, wrap } from './sheet.ts';

/* What frames the content: the head of the first page, the lines above and below each page, the mark of a test chain. */

export type Framed = Pick<Content, 'title' | 'number' | 'provider' | 'testChain'>;

export const QR_SIZE = 78;
const SMALL = { size: 7, color: MUTED };

/** Before anything else on each page. */
export function beginPage(sheet: Sheet, content: Framed): void {
  const isFirst = sheet.doc.bufferedPageRange().count === 1;
  const y = 34;
  const { zh, en } = paperWords('test-chain');
  if (content.testChain) sheet.put(wrap(`${zh} · ${en}`, SMALL, WIDTH), LEFT, y, { ...SMALL, color: ALERT });
  if (isFirst) return;
  const [line] = wrap(`${content.title.zh} ${content.title.en} · ${content.number}`, SMALL, WIDTH);
  sheet.putLine(line!, RIGHT - line!.width, y, SMALL);
  sheet.rule(y + 14);
}

/** Across the page, corner to corner and over everything, so thin that all stays readable: a copy of any page shows it. */
function testMark(sheet: Sheet): void {
  const { doc, page } = sheet;
  const { zh, en } = paperWords('test-chain');
  doc.save();
  doc.rotate(-52, { origin: [page.width / 2, page.height / 2] });
  doc.fillOpacity(0.11);
  for (const [text, size, dy] of [
    [zh, 58, -62],
    [en, 29, 26],
  ] as const) {
    const [line] = wrap(text, { size, style: 'bold' }, 2 * page.height);
    const style = { size, style: 'bold', color: ALERT, leading: 1 } as const;
    sheet.putLine(line!, (page.width - line!.width) / 2, page.height / 2 + dy, style);
  }
  doc.fillOpacity(1);
  doc.restore();
}

export function drawHead(sheet: Sheet, content: Content): void {
  const top = sheet.y;
  const width = WIDTH - QR_SIZE - 24;
  const title = { size: 25, style: 'bold', color: ACCENT, leading: 1.4 } as const;
  const lines: readonly (readonly [string, Parameters<typeof wrap>[1]])[] = [
    [content.title.zh, title],
    [content.title.en, { size: 11.5, color: MUTED }],
    [
      `${content.number}　·　${paperWords('revision', { revision: content.revision }).zh}`,
      { size: 12, style: 'bold', leading: 1.9 },
    ],
    [content.provider, { size: 9, color: MUTED }],
  ];
  for (const [text, style] of lines) sheet.y += sheet.put(wrap(text, style, width), LEFT, sheet.y, style);
  drawQr(sheet, content.checkUrl, RIGHT - QR_SIZE, top + 2);
  const { zh, en } = paperWords('scan');
  const [caption] = wrap(`${zh} ${en}`, { size: 6.5 }, QR_SIZE + 20);
  sheet.putLine(caption!, RIGHT - QR_SIZE / 2 - caption!.width / 2, top + QR_SIZE + 4, {
    size: 6.5,
    color: MUTED,
  });
  sheet.y = Math.max(sheet.y, top + QR_SIZE + 18) + 12;
  drawSummary(sheet, content.summary);
}

/** Squares, not a picture: sharp at any size. */
export function drawQr(sheet: Sheet, text: string, x: number, y: number): void {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' });
  const module = QR_SIZE / modules.size;
  const { doc } = sheet;
  for (let row = 0; row < modules.size; row++)
    for (let column = 0; column < modules.size; column++)
      if (modules.get(row, column) === 1) doc.rect(x + column * module, y + row * module, module, module);
  doc.fillColor('#000000').fill();
}

function drawSummary(sheet: Sheet, { label, time, by, text }: Content['summary']): void {
  const inner = LEFT + 16;
  const width = WIDTH - 32;
  const small = { size: 8.5, color: MUTED } as const;
  const large = { size: 15, style: 'bold', color: ACCENT } as const;
  const instant =
    time.kind === 'time' ? [paperWords('beijing', { time: beijing(time.at) }).zh, `${utc(time.at)} UTC`] : [];
  const said = time.kind === 'words' ? [time.zh, time.en] : instant;
  const parts = [
    [`${label.zh} ${label.en}`, small],
    [said[0]!, large],
    [said[1]!, { size: 9.5 }],
    [by.zh, { size: 9 }],
    [by.en, { size: 8, color: MUTED }],
    [text.zh, { size: 9, leading: 1.7 }],
    [text.en, { size: 8, color: MUTED }],
  ] as const;
  const wrapped = parts.map(([words, style]) => ({ lines: wrap(words, style, width), style }));
  const height = wrapped.reduce((sum, { lines, style }) => sum + heightOf(lines, style), 0) + 22;
  sheet.doc.rect(LEFT, sheet.y, WIDTH, height).fillColor(TINT).fillOpacity(0.75).fill().fillOpacity(1);
  sheet.doc.rect(LEFT, sheet.y, 3, height).fillColor(ACCENT).fill();
  let y = sheet.y + 10;
  for (const { lines, style } of wrapped) y += sheet.put(lines, inner, y, style);
  sheet.y += height + 8;
}

/** When all pages are there. */
export function drawFooters(sheet: Sheet, content: Framed): void {
  const { start, count } = sheet.doc.bufferedPageRange();
  for (let i = 0; i < count; i++) {
    sheet.doc.switchToPage(start + i);
    if (content.testChain) testMark(sheet);
    const y = sheet.page.height - 44;
    sheet.rule(y);
    const { zh, en } = paperWords('page', { page: i + 1, pages: count });
    const [number] = wrap(`${zh}　${en}`, SMALL, WIDTH);
    sheet.putLine(number!, RIGHT - number!.width, y + 5, SMALL);
    // The name may be long; what does not fit stands on the first page.
    const [left] = wrap(`${content.number}　${content.provider}`, SMALL, WIDTH - number!.width - 20);
    sheet.putLine(left!, LEFT, y + 5, SMALL);
  }
}
