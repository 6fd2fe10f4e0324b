import { FormatError } from '../reason.ts';
import { utf8 } from './bytes.ts';

/** A JSON value as kezheng's formats allow it: numbers are integers from 0 to 2^53−1. Objects have no prototype. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Lists and objects around a value, itself included. Our deepest document has seven; a reader without a bound can be made to overflow its stack. */
const MAX_DEPTH = 32;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Strict JSON (RFC 8259, and the I-JSON rules of RFC 7493 §2): UTF-8 without a byte order mark, no duplicate names,
 * no lone surrogates, no other number than an integer from 0 to 2^53−1 in its shortest form, nothing behind the value.
 */
export function parseJson(bytes: Uint8Array): Json {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw new FormatError('json-not-utf8');
  }
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

/** As parseJson, and the bytes are the value's RFC 8785 form: one document has one spelling. */
export function parseCanonical(bytes: Uint8Array): Json {
  const value = parseJson(bytes);
  const canonical = utf8(canonicalize(value));
  const length = Math.min(canonical.length, bytes.length);
  for (let at = 0; at < length; at++)
    if (canonical[at] !== bytes[at]) throw new FormatError('json-not-canonical', { at });
  if (canonical.length !== bytes.length) throw new FormatError('json-not-canonical', { at: length });
  return value;
}

/** The value as RFC 8785 (JCS) text: no whitespace, names sorted by UTF-16 code units, ECMAScript's numbers and escapes. */
export function canonicalize(value: Json): string {
  if (typeof value === 'string') return quote(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new FormatError('json-number-invalid', { at: String(value) });
    return JSON.stringify(value);
  }
  if (isList(value)) return `[${value.map(canonicalize).join(',')}]`;
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${quote(name)}:${canonicalize(value[name]!)}`).join(',')}}`;
}

/** JSON.stringify escapes as RFC 8785 §3.2.2.2 asks, but would turn a lone surrogate into an escape. */
export function quote(text: string): string {
  if (!text.isWellFormed()) throw new FormatError('json-lone-surrogate');
  return JSON.stringify(text);
}

export const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

export const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !isList(value);

const WHITESPACE = new Set([' ', '\t', '\n', '\r']);
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const NUMBER = /-?[0-9][0-9eE.+-]*/y;
const INTEGER = /^(?:0|[1-9][0-9]*)$/;
const HEX4 = /[0-9a-fA-F]{4}/y;
/** Characters that stand for themselves inside a string (RFC 8259 §7). */
const PLAIN = /[^"\\\u0000-\u001f]+/y;

/** One pass over the text; `at` is the position in UTF-16 code units that an error names. */
class Reader {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  value(depth: number): Json {
    this.space();
    const first = this.text[this.at];
    if (first === '{' || first === '[') {
      if (depth >= MAX_DEPTH) throw new FormatError('json-too-deep', { limit: MAX_DEPTH });
      return first === '{' ? this.object(depth) : this.list(depth);
    }
    if (first === '"') return this.string();
    const number = this.match(NUMBER);
    if (number !== undefined) return this.number(number);
    return this.word();
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) throw new FormatError('json-trailing', { at: this.at });
  }

  private object(depth: number): JsonObject {
    const object: Record<string, Json> = Object.create(null);
    this.at++;
    if (this.take('}')) return object;
    do {
      this.space();
      const at = this.at;
      const name = this.string();
      if (name in object) throw new FormatError('json-duplicate-name', { name, at });
      this.expect(':');
      object[name] = this.value(depth + 1);
    } while (this.take(','));
    this.expect('}');
    return object;
  }

  private list(depth: number): Json[] {
    const list: Json[] = [];
    this.at++;
    if (this.take(']')) return list;
    do list.push(this.value(depth + 1));
    while (this.take(','));
    this.expect(']');
    return list;
  }

  private string(): string {
    const start = this.at;
    if (this.text[this.at++] !== '"') throw this.unexpected(start);
    let text = '';
    for (;;) {
      text += this.match(PLAIN) ?? '';
      const next = this.text[this.at++];
      if (next === '"') break;
      if (next !== '\\') throw this.unexpected(this.at - 1);
      text += this.escape();
    }
    if (!text.isWellFormed()) throw new FormatError('json-lone-surrogate', { at: start });
    return text;
  }

  private escape(): string {
    const letter = this.text[this.at++] ?? '';
    if (letter === 'u') {
      const digits = this.match(HEX4);
      if (digits === undefined) throw this.unexpected(this.at);
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = ESCAPES[letter];
    if (plain === undefined) throw this.unexpected(this.at - 1);
    return plain;
  }

  private number(digits: string): number {
    const value = Number(digits);
    if (!INTEGER.test(digits) || !Number.isSafeInteger(value))
      throw new FormatError('json-number-invalid', { at: digits.slice(0, 40) });
    return value;
  }

  private word(): Json {
    for (const [word, value] of WORDS)
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    throw this.unexpected(this.at);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private space(): void {
    while (WHITESPACE.has(this.text[this.at] ?? '')) this.at++;
  }

  private take(character: string): boolean {
    this.space();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private expect(character: string): void {
    if (!this.take(character)) throw this.unexpected(this.at);
  }

  private unexpected(at: number): FormatError {
    return at < this.text.length
      ? new FormatError('json-unexpected', { at, character: this.text[at]! })
      : new FormatError('json-ended-early', { at });
  }
}

const WORDS: readonly (readonly [string, Json])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
];
