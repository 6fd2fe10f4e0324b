import { createRequire } from 'node:module';
import type { Bidi } from 'bidi-js';
import { type Face, RIGHT_TO_LEFT, type Style } from './fonts.ts';
import { type Piece, piecesOf } from './pieces.ts';

/*
 * From text to lines: what each font draws, where a line may break, and in which order its parts stand (UAX #9). A
 * name of any length and script fits, since a word that is longer than a line breaks anywhere.
 */

/** Drawn at once, in one font and direction. */
export interface Atom {
  readonly text: string;
  readonly face: Face;
  readonly width: number;
}

/** Atoms from left to right. */
export interface Line {
  readonly atoms: readonly Atom[];
  readonly width: number;
}

interface Placed extends Piece {
  readonly level: number;
  readonly width: number;
  /** A line may end behind it. */
  readonly breaks: boolean;
}

// Its types say ES module and its package says CommonJS: asked for as what it is.
const bidi = (createRequire(import.meta.url)('bidi-js') as () => Bidi)();

/** Lines of at most `width` points; line breaks of the text are kept, those that people type: others are printed as what they are. */
export function linesOf(text: string, style: Style, size: number, width: number): Line[] {
  return text.split(/\r\n|[\n\r]/).flatMap((paragraph) => paragraphLines(paragraph, style, size, width));
}

function paragraphLines(text: string, style: Style, size: number, width: number): Line[] {
  const placed = place(piecesOf(text, style), style, size);
  const base = placed.length === 0 ? 0 : baseLevel(placed);
  return breakInto(placed, width).map((line) => visual(line, base, size));
}

const textOf = (pieces: readonly Piece[]): string => pieces.map((piece) => piece.text).join('');

const baseLevel = (pieces: readonly Piece[]): number =>
  bidi.getEmbeddingLevels(textOf(pieces)).paragraphs[0]?.level ?? 0;

function place(pieces: readonly Piece[], style: Style, size: number): Placed[] {
  const { levels } = bidi.getEmbeddingLevels(textOf(pieces));
  let at = 0;
  return pieces.map((piece, i) => {
    const level = levels[at]!;
    at += piece.text.length;
    const next = pieces[i + 1];
    return {
      ...piece,
      level,
      width: widthOf(piece.face, piece.text, size),
      breaks: next === undefined || mayBreak(piece.text, next.text, style),
    };
  });
}

/** Widths of single pieces are asked for again and again. */
const widths = new Map<Face, Map<string, number>>();

/** Distinct texts of one font that are remembered; a document has a few hundred. */
const MAX_REMEMBERED = 20_000;

function widthOf(face: Face, text: string, size: number): number {
  let known = widths.get(face);
  if (known === undefined || known.size > MAX_REMEMBERED) widths.set(face, (known = new Map()));
  let advance = known.get(text);
  if (advance === undefined) {
    advance = face.font.layout(text).advanceWidth / face.font.unitsPerEm;
    known.set(text, advance);
  }
  return advance * size;
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uff60\u{1f000}-\u{1faff}]/u;
/** 避头尾: no line begins with these … */
const NOT_FIRST = /^[!%),.:;?\]}、。〉》」』】〕！％），．：；？］｝”’…—·⟩]/u;
/** … or ends with those. */
const NOT_LAST = /[([{〈《「『【〔（［｛“‘⟨]$/u;

function mayBreak(before: string, after: string, style: Style): boolean {
  if (after === ' ') return false;
  if (before === ' ') return true;
  if (NOT_FIRST.test(after) || NOT_LAST.test(before)) return false;
  if (WIDE.test(before) || WIDE.test(after)) return true;
  // Of a command nobody could tell whether there was a space.
  return style !== 'mono' && /[-/&?=_]$/.test(before);
}

/** Greedy: as many words as fit; a word that fits no line is cut where the line is full. */
function breakInto(pieces: readonly Placed[], width: number): Placed[][] {
  const lines: Placed[][] = [];
  let line: Placed[] = [];
  let used = 0;
  for (const word of words(pieces)) {
    const needed = sum(trimmed(word));
    if (line.length > 0 && used + needed > width) {
      lines.push(line);
      [line, used] = [[], 0];
    }
    for (const piece of word) {
      if (line.length > 0 && used + piece.width > width && piece.text !== ' ') {
        lines.push(line);
        [line, used] = [[], 0];
      }
      line.push(piece);
      used += piece.width;
    }
  }
  return [...lines, line];
}

const sum = (pieces: readonly Placed[]): number => pieces.reduce((total, piece) => total + piece.width, 0);

const trimmed = (pieces: readonly Placed[]): readonly Placed[] =>
  pieces.slice(0, pieces.findLastIndex((piece) => piece.text !== ' ') + 1);

function* words(pieces: readonly Placed[]): Generator<Placed[]> {
  let word: Placed[] = [];
  for (const piece of pieces) {
    word.push(piece);
    if (!piece.breaks) continue;
    yield word;
    word = [];
  }
}

interface Run extends Piece {
  readonly level: number;
}

/** One line in the order in which it is seen: UAX #9, L1 (spaces at the end), L2 (reversing), L4 (mirrored brackets). */
function visual(pieces: readonly Placed[], base: number, size: number): Line {
  const atoms = reorder(runsOf(trimmed(pieces)), base).map(({ text, face }) => ({
    text,
    face,
    width: (face.font.layout(text).advanceWidth / face.font.unitsPerEm) * size,
  }));
  return { atoms, width: atoms.reduce((total, { width }) => total + width, 0) };
}

/**
 * What is drawn at once. Letters that go to the left are shaped together; what else stands among them is turned around
 * one by one.
 */
function runsOf(pieces: readonly Placed[]): Run[] {
  const runs: Run[] = [];
  for (const { text, face, level } of pieces) {
    const last = runs.at(-1);
    const isTurned = level % 2 === 1;
    const isAlone = isTurned && !(RIGHT_TO_LEFT.test(text) && RIGHT_TO_LEFT.test(last?.text ?? ''));
    const shown = isTurned ? mirrored(text) : text;
    if (last?.face === face && last.level === level && !isAlone)
      runs[runs.length - 1] = { ...last, text: last.text + shown };
    else runs.push({ text: shown, face, level });
  }
  return runs;
}

const mirrored = (text: string): string => bidi.getMirroredCharacter(text) ?? text;

/** L2: from the highest level to the lowest odd one, whatever is at that level or above is reversed. */
function reorder<T extends { readonly level: number }>(atoms: readonly T[], base: number): T[] {
  const order = [...atoms];
  const highest = Math.max(base, ...order.map(({ level }) => level));
  for (let level = highest; level > 0; level--)
    for (let from = 0; from < order.length; from++) {
      let to = from;
      while (to < order.length && order[to]!.level >= level) to++;
      if (to > from) order.splice(from, to - from, ...order.slice(from, to).reverse());
      from = to;
    }
  return order;
}
