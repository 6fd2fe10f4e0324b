import { isUtf8 } from 'node:buffer';
import { Problem } from './problem.ts';

/**
 * JSON of a request. Bytes that are not UTF-8 would silently become U+FFFD, and a lone surrogate could not be written
 * back: text is kept as given or not taken at all.
 */
export function parseBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Problem('text-invalid', { at: 'body' });
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Problem('body-malformed', {}, { cause: error });
  }
  // Only an escape can bring a lone surrogate or a name that touches prototypes past the schema.
  if (text.includes('\\u')) refuseLoneSurrogates(value);
  return value;
}

/** Deeper than any document of ours; JSON.parse takes what no recursion could walk. */
const MAX_DEPTH = 32;

/** Level by level: no depth of the text becomes a depth of calls. */
function refuseLoneSurrogates(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH)
      throw new Problem('request-invalid', { at: 'body', expected: `at most ${MAX_DEPTH} levels` });
    const below: unknown[] = [];
    for (const item of level) {
      if (typeof item === 'string') refuseLone(item);
      if (typeof item !== 'object' || item === null) continue;
      for (const [name, member] of Object.entries(item)) {
        refuseLone(name);
        below.push(member);
      }
    }
    level = below;
  }
}

function refuseLone(text: string): void {
  if (!text.isWellFormed()) throw new Problem('text-invalid', { at: 'body' });
}

/** RFC 3339 (checked by the schema) as the format's instant; refused where there is no such day or it is out of range. */
export function toInstant(text: string, at: string): string {
  const ms = Date.parse(text.replace(/[.](\d{3})\d*/, '.$1'));
  if (Number.isNaN(ms) || ms < 0 || ms > 253_402_300_799_999 || !dayExists(text))
    throw new Problem('request-invalid', { at, expected: 'an existing RFC 3339 time' });
  return new Date(ms).toISOString();
}

/** Date.parse takes 30 February for 2 March. */
function dayExists(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year!, month! - 1, day!)).getUTCDate() === day;
}
