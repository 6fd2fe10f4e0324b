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
 * Controls, marks of direction and other characters that draw nothing: a name that holds one can look like another name
 * (U+202E turns the rest of a line around).
 */
const INVISIBLE =
  /^(?:[\p{Cc}\p{Zl}\p{Zp}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}])$/u;
const JOINER = /^[\u200c\u200d\ufe00-\ufe0f]$/;
/** What only changes the picture before it: variation selectors, joiners, tags of flags. */
const OF_EMOJI = /^(?:[\u200d\ufe0e\ufe0f]|[\u{e0020}-\u{e007f}])$/u;

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

export function piecesOf(text: string, style: Style): Piece[] {
  const pieces: Piece[] = [];
  for (const { segment } of graphemes.segment(text.replaceAll('\t', ' '))) {
    const whole = wholeFace(segment, style);
    if (whole === undefined) pieces.push(...parts(segment, style));
    else pieces.push({ text: segment, face: whole });
  }
  return pieces;
}

/** A face that draws a letter with all its marks, or a picture with its joiners. */
function wholeFace(segment: string, style: Style): Face | undefined {
  const characters = [...segment];
  if (characters.some((character) => INVISIBLE.test(character))) return undefined;
  const face = faceFor(style, characters.map(codePointOf));
  if (face === undefined) return undefined;
  const hidesJoiner = !face.joins && characters.some((character) => JOINER.test(character));
  return hidesJoiner || hasNotdef(face, segment) ? undefined : face;
}

function parts(segment: string, style: Style): Piece[] {
  const pieces: Piece[] = [];
  for (const character of segment) {
    if (pieces.at(-1)?.face.emoji && OF_EMOJI.test(character)) continue;
    const isHidden = INVISIBLE.test(character) || JOINER.test(character);
    const face = isHidden ? undefined : faceFor(style, [codePointOf(character)]);
    if (face !== undefined && !hasNotdef(face, character)) pieces.push({ text: character, face });
    else pieces.push(...markOf(character, style));
  }
  return pieces;
}

/** ⟨U+20BB7⟩ */
function markOf(character: string, style: Style): Piece[] {
  const mark = `⟨U+${codePointOf(character).toString(16).toUpperCase().padStart(4, '0')}⟩`;
  return [...mark].map((one) => ({ text: one, face: faceFor(style, [codePointOf(one)]) ?? firstFace(style) }));
}

/** A font may have a character and lose it in shaping. */
const hasNotdef = ({ font }: Face, text: string): boolean =>
  font.layout(text).glyphs.some((glyph) => glyph.id === 0);

const codePointOf = (character: string): number => character.codePointAt(0)!;
