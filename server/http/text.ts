import { isUtf8 } from 'node:buffer';
import { parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { notAsDocumented, Problem } from './problem.ts';

/**
 * JSON of a request. Bytes that are not UTF-8 would silently become U+FFFD, and a lone surrogate could not be written
 * back: text is kept as given or not taken at all. `part` is what it is called where its errors are told.
 */
export function parseBody(bytes: Buffer, part = 'body'): unknown {
  if (!isUtf8(bytes)) throw new Problem('text-invalid', { at: part });
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(bytes, part, error);
  }
  // Only an escape can bring a lone surrogate or a name that touches prototypes past the schema.
  if (text.includes('\\u')) refuseLoneSurrogates(value, part);
  return value;
}

/** A text is searched for its error up to this length: what is longer no person wrote. */
const MAX_SEARCHED = 256 * 1024;

/** Errors of our strict reader that are errors of JSON itself: numbers and names it refuses beyond that are not. */
const OF_JSON: readonly string[] = ['json-unexpected', 'json-ended-early', 'json-trailing'];

/** JSON.parse does not always tell where it stopped; our own reader does, and has sentences. */
function malformed(bytes: Buffer, part: string, cause: unknown): Problem {
  const why = bytes.length > MAX_SEARCHED ? undefined : strictError(bytes);
  if (why === undefined || !OF_JSON.includes(why.code))
    return new Problem('body-malformed', { at: part }, { because: { zh: part, en: part }, cause });
  const { zh, en } = bothLanguages('reason', why.code, why.detail);
  const because = { zh: `${part}：${zh}`, en: `${part}: ${en}` };
  const position = why.detail['at'];
  const detail = { at: part, ...(typeof position === 'number' && { position }) };
  return new Problem('body-malformed', detail, { because, cause });
}

function strictError(bytes: Buffer): FormatError | undefined {
  try {
    parseJson(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}

/** Deeper than any document of ours; JSON.parse takes what no recursion could walk. */
const MAX_DEPTH = 32;

/** Level by level: no depth of the text becomes a depth of calls. */
function refuseLoneSurrogates(value: unknown, part: string): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw notAsDocumented(part, 'levels', { limit: MAX_DEPTH });
    const below: unknown[] = [];
    for (const item of level) {
      if (typeof item === 'string') refuseLone(item, part);
      if (typeof item !== 'object' || item === null) continue;
      for (const [name, member] of Object.entries(item)) {
        refuseLone(name, part);
        below.push(member);
      }
    }
    level = below;
  }
}

function refuseLone(text: string, part: string): void {
  if (!text.isWellFormed()) throw new Problem('text-invalid', { at: part });
}

/** RFC 3339 (checked by the schema) as the format's instant; refused where there is no such day or it is out of range. */
export function toInstant(text: string, at: string): string {
  const ms = Date.parse(text.replace(/[.](\d{3})\d*/, '.$1'));
  if (Number.isNaN(ms) || ms < 0 || ms > 253_402_300_799_999 || !dayExists(text))
    throw notAsDocumented(at, 'time-exists');
  return new Date(ms).toISOString();
}

/** Date.parse takes 30 February for 2 March. */
function dayExists(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year!, month! - 1, day!)).getUTCDate() === day;
}
