import { FormatError } from '../reason.ts';
import { fromHex } from './bytes.ts';
import { isList, isObject, type Json, type JsonObject } from './json.ts';

/*
 * Readers for the members of a parsed document. Each takes the value and `at`, its place as people write it
 * (`entry.files[0].name`), and either returns the value typed or throws with that place.
 */

export type Field<T> = (value: Json, at: string) => T;

const wrongType = (at: string, expected: string) => new FormatError('field-type-wrong', { at, expected });
const wrongValue = (at: string, expected: string) => new FormatError('field-value-wrong', { at, expected });

export const anyObject: Field<JsonObject> = (value, at) => {
  if (!isObject(value)) throw wrongType(at, 'object');
  return value;
};

/** An object with exactly these members: none missing, none more. */
export function members<Name extends string>(value: Json, at: string, names: readonly Name[]) {
  const object = anyObject(value, at);
  for (const name of names)
    if (!(name in object)) throw new FormatError('field-missing', { at: `${at}.${name}` });
  for (const name of Object.keys(object))
    if (!names.includes(name as Name)) throw new FormatError('field-unknown', { at: `${at}.${name}` });
  return <T>(name: Name, field: Field<T>): T => field(object[name]!, `${at}.${name}`);
}

export const text: Field<string> = (value, at) => {
  if (typeof value !== 'string') throw wrongType(at, 'text');
  return value;
};

export const uint: Field<number> = (value, at) => {
  if (typeof value !== 'number') throw wrongType(at, 'integer');
  return value;
};

export const nullable =
  <T>(field: Field<T>): Field<T | null> =>
  (value, at) =>
    value === null ? null : field(value, at);

export const list =
  <T>(field: Field<T>): Field<readonly T[]> =>
  (value, at) => {
    if (!isList(value)) throw wrongType(at, 'list');
    return value.map((item, i) => field(item, `${at}[${i}]`));
  };

/** One of these words and no other. */
export const oneOf =
  <const Word extends string>(...words: readonly Word[]): Field<Word> =>
  (value, at) => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw wrongValue(at, words.join(' | '));
    return found;
  };

/** Text that matches; `expected` says in an error what was asked for. */
export const pattern =
  (expression: RegExp, expected: string): Field<string> =>
  (value, at) => {
    if (!expression.test(text(value, at))) throw wrongValue(at, expected);
    return value as string;
  };

/** Lower-case hex of `length` bytes, kept as text. */
export const hexText = (length: number): Field<string> =>
  pattern(new RegExp(`^[0-9a-f]{${2 * length}}$`), `${2 * length} lower-case hex digits`);

/** Lower-case hex of any length, decoded. */
export const hexBytes: Field<Uint8Array> = (value, at) => {
  const digits = text(value, at);
  try {
    return fromHex(digits);
  } catch {
    throw wrongValue(at, 'lower-case hex');
  }
};

/** 0x and lower-case hex: addresses (20 bytes) and block hashes (32), as the chain's own tools print them. */
export const prefixedHex = (length: number): Field<string> =>
  pattern(new RegExp(`^0x[0-9a-f]{${2 * length}}$`), `0x and ${2 * length} lower-case hex digits`);

/** RFC 9562: lower case, with hyphens. */
export const uuid: Field<string> = pattern(
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  'UUID in lower case',
);

const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;

/** An instant: ISO 8601, UTC, with milliseconds, and a day that exists. Kept as text. */
export const instant: Field<string> = (value, at) => {
  const given = text(value, at);
  const ms = INSTANT.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== given)
    throw wrongValue(at, 'YYYY-MM-DDThh:mm:ss.sssZ');
  return given;
};
