import { type Face, faceFor, firstFace, type Style } from './fonts.ts';

/*
 * Text as pieces, each drawn by one font. What no font has, and what nobody could see, is printed as its code point:
 * in evidence a character that vanishes is worse than one that is ugly.
 */

export interface Piece {
  readonly text: string;
  readonly face: Face;
}

/**
 * Controls, marks of direction and other characters that draw nothing (first and last of each range): a name that holds
 * one can look like another name; U+202E turns the rest of a line around.
 */
const INVISIBLE: readonly (readonly [number, number])[] = [
  [0x0000, 0x001f],
  [0x007f, 0x009f],
  [0x00ad, 0x00ad],
  [0x034f, 0x034f],
  [0x061c, 0x061c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200b],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x2800, 0x2800],
  [0x3164, 0x3164],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0xe0000, 0xe0fff],
];
/** They change how fonts for it draw what is around them. */
const JOINERS: readonly (readonly [number, number])[] = [
  [0x200c, 0x200d],
  [0xfe00, 0xfe0f],
];
/** What only changes the picture before it: joiner, variation selectors, tags of flags. */
const OF_EMOJI: readonly (readonly [number, number])[] = [
  [0x200d, 0x200d],
  [0xfe0e, 0xfe0f],
  [0xe0020, 0xe007f],
];

const isIn = (ranges: readonly (readonly [number, number])[], character: string): boolean => {
  const codePoint = codePointOf(character);
  return ranges.some(([first, last]) => first <= codePoint && codePoint <= last);
};

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** The same few hundred characters come again and again; bounded, since anybody can bring new ones. */
const known: Readonly<Record<Style, Map<string, readonly Piece[]>>> = {
  regular: new Map(),
  bold: new Map(),
  mono: new Map(),
};
const MAX_KNOWN = 20_000;

export function piecesOf(text: string, style: Style): Piece[] {
  const pieces: Piece[] = [];
  for (const { segment } of graphemes.segment(text.replaceAll('\t', ' ')))
    pieces.push(...drawable(segment, style));
  return pieces;
}

function drawable(segment: string, style: Style): readonly Piece[] {
  const of = known[style];
  const before = of.get(segment);
  if (before !== undefined) return before;
  const whole = wholeFace(segment, style);
  const pieces = whole === undefined ? parts(segment, style) : [{ text: segment, face: whole }];
  if (of.size >= MAX_KNOWN) of.clear();
  of.set(segment, pieces);
  return pieces;
}

/** A face that draws a letter with all its marks, or a picture with its joiners. */
function wholeFace(segment: string, style: Style): Face | undefined {
  const characters = [...segment];
  if (characters.some((character) => isIn(INVISIBLE, character))) return undefined;
  const face = faceFor(style, characters.map(codePointOf));
  if (face === undefined) return undefined;
  const hidesJoiner = !face.joins && characters.some((character) => isIn(JOINERS, character));
  return hidesJoiner || hasNotdef(face, segment) ? undefined : face;
}

function parts(segment: string, style: Style): Piece[] {
  const pieces: Piece[] = [];
  for (const character of segment) {
    if (pieces.at(-1)?.face.emoji && isIn(OF_EMOJI, character)) continue;
    const isHidden = isIn(INVISIBLE, character) || isIn(JOINERS, character);
    const face = isHidden ? undefined : faceFor(style, [codePointOf(character)]);
    if (face !== undefined && !hasNotdef(face, character)) pieces.push({ text: character, face });
    else pieces.push(...markOf(character, style));
  }
  return pieces;
}

/** ⟨U+20BB7⟩ */
export const nameOf = (character: string): string =>
  `⟨U+${codePointOf(character).toString(16).toUpperCase().padStart(4, '0')}⟩`;

function markOf(character: string, style: Style): Piece[] {
  return [...nameOf(character)].map((one) => ({
    text: one,
    face: faceFor(style, [codePointOf(one)]) ?? firstFace(style),
  }));
}

/** A font may have a character and lose it in shaping. */
const hasNotdef = ({ font }: Face, text: string): boolean =>
  font.layout(text).glyphs.some((glyph) => glyph.id === 0);

const codePointOf = (character: string): number => character.codePointAt(0)!;
