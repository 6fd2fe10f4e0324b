import { Type } from 'typebox';

/*
 * Pieces of which the inputs of procedures are made. Lengths are characters; each has a limit, for an input becomes part
 * of the case and of an event that is kept for ever.
 */

export const closed = { additionalProperties: false } as const;

/** No control characters and no separators of lines: a name or title is one line, and nothing in it moves a terminal's cursor. */
const LINE = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$';
/** Tabs and line ends are welcome where people write paragraphs. */
const LINES = '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$';

export const line = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: LINE, description });
export const lines = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: LINES, description });

export const words = <const Words extends readonly string[]>(list: Words, description: string) =>
  Type.Unsafe<Words[number]>({ type: 'string', enum: [...list], description });

export const hex = (bytes: number, description: string) =>
  Type.String({ pattern: `^[0-9a-f]{${2 * bytes}}$`, description });

/** RFC 9562, lower case. */
export const uuid = (description: string) =>
  Type.String({
    pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
    description,
  });

/** Milliseconds since 1970; the last is the year 9999, after which an instant has no four digits for its year. */
export const instantMs = (description: string) =>
  Type.Integer({ minimum: 0, maximum: 253_402_300_799_999, description });

/** 1,000,000,000.00 yuan: no fee comes near it, and a sum of all that a case may hold stays an exact integer. */
const MAX_FEN = 100_000_000_000;

export const fen = (description: string) => Type.Integer({ minimum: 0, maximum: MAX_FEN, description });
export const positiveFen = (description: string) =>
  Type.Integer({ minimum: 1, maximum: MAX_FEN, description });

export const nothing = Type.Object({}, closed);
