import { FILE_NAME, MEDIA_TYPE } from './schemas.ts';
import { WANTED_TYPE } from './webhook-views.ts';

/*
 * What a schema asked for where it refused, as a code of messages/ (subject `expected`) with its values: the validator's
 * own words are English, and say of a list of words that there is one.
 */

/** One error as typebox tells it, in the words of JSON Schema. */
export interface SchemaError {
  readonly instancePath?: string;
  readonly keyword?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export type Expected = readonly [code: string, values?: Readonly<Record<string, string | number>>];

/** Enough for every list of words that we have; what is longer is cut, visibly. */
const MAX_WORDS = 20;

/** What each keyword asks for; its limit, where it has one, goes into the sentence. */
const LIMITS: Readonly<Record<string, string>> = {
  minLength: 'characters-at-least',
  maxLength: 'characters-at-most',
  minItems: 'items-at-least',
  maxItems: 'items-at-most',
  minimum: 'at-least',
  maximum: 'at-most',
};

const TYPES = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean', 'null']);

export function expectedBy({ keyword = '', params = {} }: SchemaError): Expected {
  const limit = LIMITS[keyword];
  if (limit !== undefined) return [limit, { limit: Number(params['limit']) }];
  if (keyword === 'enum') return ['one-of', { list: words(params['allowedValues']) }];
  if (keyword === 'required') return ['member-missing', { names: words(params['requiredProperties']) }];
  // Of a member that is not in the schema typebox says that its schema is `false`.
  if (keyword === 'boolean' || keyword === 'additionalProperties') return ['no-such-member'];
  if (keyword === 'pattern') return patterned(String(params['pattern']));
  const type = String(params['type']);
  return keyword === 'type' && TYPES.has(type) ? [`type-${type}`] : ['documented'];
}

function words(list: unknown): string {
  const all = Array.isArray(list) ? list.map(String) : [];
  const shown = all.slice(0, MAX_WORDS).join(', ');
  return all.length > MAX_WORDS ? `${shown}, …` : shown;
}

/** A pattern says little to people: each that our schemas use is said in words. */
function patterned(pattern: string): Expected {
  const digits = /^\^\[0-9a-f\]\{(\d+)\}\$$/.exec(pattern)?.[1];
  if (digits !== undefined) return ['hex-digits', { digits }];
  if (pattern === FILE_NAME) return ['file-name'];
  if (pattern === MEDIA_TYPE) return ['media-type'];
  if (pattern === WANTED_TYPE) return ['message-type'];
  if (pattern.startsWith('^[0-9a-f]{8}-')) return ['uuid'];
  if (pattern.startsWith('^\\d{4}-')) return ['time'];
  if (pattern.startsWith('^[^\\u0000-')) return ['no-control-characters'];
  return ['pattern', { pattern }];
}
