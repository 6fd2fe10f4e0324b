import { createRequire } from 'node:module';
import { type Font, type Glyph, type GlyphRun, openSync } from 'fontkit';

/*
 * The fonts of documents, tried one after the other for each character: no single font has every script. Opened when
 * first needed and kept: the large ones are read once for all documents of a thread.
 */

export interface Face {
  /** unique, as the document knows it */
  readonly name: string;
  readonly font: Font;
  /** Joiners and variation selectors change what this font draws; elsewhere they would be invisible. */
  readonly joins: boolean;
  /** pictures: their modifiers are left out where no font combines them */
  readonly emoji: boolean;
}

interface Source {
  readonly file: string;
  readonly joins?: boolean;
  readonly emoji?: boolean;
}

const noto = (name: string, family: string, weight: string): Source => ({
  file: `@expo-google-fonts/${name}/${weight}/${family}_${weight}.ttf`,
});

const MONO = noto('noto-sans-mono', 'NotoSansMono', '400Regular');

/** For what the first font of a style lacks. Characters of Extension B stand in the Japanese and Hong Kong ones. */
const OTHERS: readonly Source[] = [
  noto('noto-sans', 'NotoSans', '400Regular'),
  MONO,
  noto('noto-sans-jp', 'NotoSansJP', '400Regular'),
  noto('noto-sans-hk', 'NotoSansHK', '400Regular'),
  noto('noto-sans-kr', 'NotoSansKR', '400Regular'),
  { ...noto('noto-sans-arabic', 'NotoSansArabic', '400Regular'), joins: true },
  { ...noto('noto-sans-hebrew', 'NotoSansHebrew', '400Regular'), joins: true },
  noto('noto-sans-symbols-2', 'NotoSansSymbols2', '400Regular'),
  { ...noto('noto-emoji', 'NotoEmoji', '400Regular'), joins: true, emoji: true },
];

const STYLES = {
  regular: [noto('noto-sans-sc', 'NotoSansSC', '400Regular'), ...OTHERS],
  bold: [noto('noto-sans-sc', 'NotoSansSC', '700Bold'), ...OTHERS],
  mono: [MONO, noto('noto-sans-sc', 'NotoSansSC', '400Regular'), ...OTHERS],
} as const satisfies Readonly<Record<string, readonly Source[]>>;
export type Style = keyof typeof STYLES;

const require = createRequire(import.meta.url);
const opened = new Map<string, Face>();

function open({ file, joins = false, emoji = false }: Source): Face {
  const known = opened.get(file);
  if (known !== undefined) return known;
  const name = file.slice(file.lastIndexOf('/') + 1, -'.ttf'.length);
  const face: Face = { name, font: directed(openSync(require.resolve(file)), joins), joins, emoji };
  opened.set(file, face);
  return face;
}

/** Letters: digits of these scripts go to the right. */
export const RIGHT_TO_LEFT = /(?=\p{L})[\p{Script=Arabic}\p{Script=Hebrew}]/u;
/** Where the shape or place of a glyph depends on its neighbours. */
const COMPLEX =
  /[^\p{Script=Han}\p{Script=Latin}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Common}]|\p{M}|[\u1100-\u11ff\u200c\u200d]/u;

/**
 * Each run is handed over in one direction already (lines.ts): the font must not guess it from the first character, nor
 * from digits and punctuation, which belong to every script. What needs no shaping, which is nearly everything, is spared
 * it: it costs a hundred times the rest, and gives nothing but kerning.
 */
function directed(font: Font, joins: boolean): Font {
  const found = new Map<number, Glyph>();
  const glyphOf = (codePoint: number): Glyph => {
    const glyph = found.get(codePoint) ?? font.glyphForCodePoint(codePoint);
    found.set(codePoint, glyph);
    return glyph;
  };
  const layout: Font['layout'] = (text, features) =>
    joins || COMPLEX.test(text)
      ? font.layout(text, features, undefined, undefined, RIGHT_TO_LEFT.test(text) ? 'rtl' : 'ltr')
      : unshaped(glyphOf, text);
  return Object.assign(Object.create(font) as Font, { layout });
}

function unshaped(glyphOf: (codePoint: number) => Glyph, text: string): GlyphRun {
  const glyphs = [...text].map((character) => glyphOf(character.codePointAt(0)!));
  const positions = glyphs.map(({ advanceWidth }) => ({
    xAdvance: advanceWidth,
    yAdvance: 0,
    xOffset: 0,
    yOffset: 0,
  }));
  return { glyphs, positions, advanceWidth: glyphs.reduce((sum, glyph) => sum + glyph.advanceWidth, 0) };
}

/** The first face of the style that has them all. */
export function faceFor(style: Style, codePoints: readonly number[]): Face | undefined {
  for (const source of STYLES[style]) {
    const face = open(source);
    if (codePoints.every((codePoint) => face.font.hasGlyphForCodePoint(codePoint))) return face;
  }
  return undefined;
}

export const firstFace = (style: Style): Face => open(STYLES[style][0]);
