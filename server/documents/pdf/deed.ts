import { deedWords } from '../../messages/deed.ts';
import type { DeedContent, DeedParty } from '../deed/content.ts';
import { chineseDate } from '../deed/content.ts';
import { drawAnnex } from './annex.ts';
import { drawQr, QR_SIZE } from './frame.ts';
import type { Line } from './lines.ts';
import { type Enclosed, rendered, type Unsigned } from './render.ts';
import { heightOf, LEFT, MUTED, RIGHT, type Sheet, type TextStyle, WIDTH, wrap } from './sheet.ts';
import { visible } from './visible.ts';

/* A notarial deed as deeds look: title in the middle, number at the right, body with its first lines indented, signature. */

export interface DeedJob extends Enclosed {
  readonly deed: DeedContent;
}

/** Draws the deed: the same bytes each time for the same job. */
export const renderDeed = ({ deed, ...enclosed }: DeedJob): Promise<Unsigned> => {
  const { number, office, issuedAt, testChain } = deed;
  const framed = { title: deedWords('title'), number, provider: office.name, issuedAt, testChain };
  return rendered({ ...framed, ...enclosed }, (sheet) => drawDeed(sheet, deed));
};

const TITLE = { size: 26, style: 'bold', leading: 1.8 } as const;
const BODY = { size: 12, leading: 1.85 } as const;
const HEAD = { ...BODY, style: 'bold' } as const;
const SMALL = { size: 8.5, color: MUTED, leading: 1.5 } as const;
/** Two characters, as every paragraph begins. */
const INDENT = '\u3000\u3000';

function drawDeed(sheet: Sheet, deed: DeedContent): void {
  drawHead(sheet, deed);
  drawParties(sheet, deed);
  const signature = signatureOf(deed);
  drawPart(sheet, deedWords('basics').zh, deed.basics);
  drawPart(sheet, deedWords('testimony').zh, deed.testimony, signature.height);
  drawSignature(sheet, deed, signature);
  drawAnnex(sheet, deed.annex);
}

function drawHead(sheet: Sheet, { number }: DeedContent): void {
  const title = spaced(deedWords('title').zh);
  for (const line of wrap(title, TITLE, WIDTH)) putCentred(sheet, line, TITLE);
  sheet.y += 8;
  for (const line of wrap(number, BODY, WIDTH)) putRight(sheet, line, BODY);
  sheet.y += 10;
}

/** 公 证 书 */
const spaced = (title: string): string => [...title].join(' ');

function putCentred(sheet: Sheet, line: Line, style: TextStyle): void {
  sheet.putLine(line, LEFT + (WIDTH - line.width) / 2, sheet.y, style);
  sheet.y += heightOf([line], style);
}

function putRight(sheet: Sheet, line: Line, style: TextStyle): void {
  sheet.putLine(line, RIGHT - line.width, sheet.y, style);
  sheet.y += heightOf([line], style);
}

function drawParties(sheet: Sheet, { applicants, agent, matter }: DeedContent): void {
  for (const applicant of applicants) drawTerm(sheet, deedWords('applicant').zh, identified(applicant));
  if (agent !== null) {
    const name = identified(agent);
    drawTerm(
      sheet,
      deedWords('agent').zh,
      deedWords('agent-authority', { name, authority: agent.authority }).zh,
    );
  }
  drawTerm(sheet, deedWords('matter').zh, matter);
}

const identified = ({ name, identity }: DeedParty): string =>
  identity === null ? name : deedWords('party-identity', { name, identity }).zh;

/** 申请人：…, the lines after the first beneath its text. */
function drawTerm(sheet: Sheet, term: string, text: string): void {
  const [head] = wrap(`${term}：`, HEAD, WIDTH);
  const beside = LEFT + head!.width;
  sheet.need(heightOf([head!], BODY));
  sheet.putLine(head!, LEFT, sheet.y, HEAD);
  flow(sheet, wrap(visible(text), BODY, RIGHT - beside), beside, BODY);
}

function flow(sheet: Sheet, lines: readonly Line[], x: number, style: TextStyle): void {
  for (const line of lines) {
    sheet.need(heightOf([line], style));
    sheet.putLine(line, x, sheet.y, style);
    sheet.y += heightOf([line], style);
  }
}

/** More than this is not kept together: most of a page. */
const KEEP_TOGETHER = 560;

/** `behind` is the height of what stands on one page with the last paragraph: a signature alone could belong to any text. */
function drawPart(sheet: Sheet, title: string, paragraphs: readonly string[], behind = 0): void {
  const said = paragraphs.filter((paragraph) => paragraph.trim() !== '');
  if (said.length === 0) return;
  // A title never stands alone at the foot of a page.
  sheet.need(heightOf(wrap(title, HEAD, WIDTH), HEAD) + 2 * heightOf(wrap(title, BODY, WIDTH), BODY) + 6);
  sheet.y += 6;
  flow(sheet, wrap(title, HEAD, WIDTH), LEFT, HEAD);
  for (const paragraph of said) {
    const lines = visible(paragraph)
      .split(/\r\n|[\n\r]/)
      .flatMap((line) => wrap(INDENT + line, BODY, WIDTH));
    if (paragraph === said.at(-1)) sheet.need(Math.min(heightOf(lines, BODY) + behind, KEEP_TOGETHER));
    flow(sheet, lines, LEFT, BODY);
  }
}

/** Of the width of a page: names of offices are long, and the QR code stands beside them. */
const SIGNED_WIDTH = WIDTH - QR_SIZE - 130;
const LOOK_UP_WIDTH = QR_SIZE + 110;
const ABOVE_SIGNATURE = 22;
const ABOVE_NOTE = 12;

interface Signature {
  readonly signed: readonly { readonly lines: readonly Line[]; readonly style: TextStyle }[];
  readonly lookUp: readonly Line[];
  readonly note: readonly Line[];
  /** of the QR code and what is below it */
  readonly beside: number;
  readonly height: number;
}

function signatureOf(deed: DeedContent): Signature {
  const { office, notary, issuedAt } = deed;
  const { uscc } = office;
  const texts = [
    [visible(office.name), BODY],
    ...(uscc === null ? [] : ([[deedWords('office-code', { uscc }).zh, SMALL]] as const)),
    [`${deedWords('notary').zh}：${visible(notary)}`, BODY],
    [chineseDate(issuedAt), BODY],
  ] as const;
  const signed = texts.map(([text, style]) => ({ lines: wrap(text, style, SIGNED_WIDTH), style }));
  const [lookUp, note] = [lookUpLines(deed), noteLines()];
  const beside = QR_SIZE + 8 + heightOf(lookUp, SMALL);
  const own = signed.reduce((sum, { lines, style }) => sum + heightOf(lines, style), 0);
  const height = ABOVE_SIGNATURE + Math.max(own, beside) + ABOVE_NOTE + heightOf(note, SMALL);
  return { signed, lookUp, note, beside, height };
}

/** Office, notary and date stay together on one page, with the way to ask whether the deed is in force beside them. */
function drawSignature(sheet: Sheet, deed: DeedContent, signature: Signature): void {
  const { signed, lookUp, note, beside, height } = signature;
  sheet.need(Math.min(height, KEEP_TOGETHER));
  sheet.y += ABOVE_SIGNATURE;
  const top = sheet.y;
  drawQr(sheet, deed.lookUp.url, LEFT, top);
  sheet.put(lookUp, LEFT, top + QR_SIZE + 8, SMALL);
  for (const { lines, style } of signed) for (const line of lines) putSigned(sheet, line, style);
  // On the page where it is, if the names went on to another.
  sheet.y = sheet.y < top ? sheet.y : Math.max(sheet.y, top + beside);
  sheet.y += ABOVE_NOTE;
  flow(sheet, note, LEFT, SMALL);
}

function putSigned(sheet: Sheet, line: Line, style: TextStyle): void {
  sheet.need(heightOf([line], style));
  putRight(sheet, line, style);
}

function lookUpLines({ lookUp }: DeedContent): readonly Line[] {
  const title = deedWords('look-up');
  const code = deedWords('look-up-code', { code: lookUp.code });
  return [`${title.zh} ${title.en}`, lookUp.url, `${code.zh}`].flatMap((text) =>
    wrap(text, SMALL, LOOK_UP_WIDTH),
  );
}

function noteLines(): readonly Line[] {
  const { zh, en } = deedWords('sealed-note');
  return [...wrap(zh, SMALL, WIDTH), ...wrap(en, SMALL, WIDTH)];
}
