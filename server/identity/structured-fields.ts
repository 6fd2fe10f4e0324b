/*
 * Structured fields (RFC 8941): dictionaries, as `Signature`, `Signature-Input` and `Content-Digest` are. Stricter than
 * the RFC in one place: a key that stands twice is refused instead of the last one counting.
 */

export type Bare =
  | { readonly kind: 'integer'; readonly value: number }
  /** as it was written, which is how it is written again */
  | { readonly kind: 'decimal'; readonly value: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'token'; readonly value: string }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'boolean'; readonly value: boolean };

export type Parameters = ReadonlyMap<string, Bare>;

export interface Item {
  readonly bare: Bare;
  readonly parameters: Parameters;
}

export interface InnerList {
  readonly items: readonly Item[];
  readonly parameters: Parameters;
}

export type Member = Item | InnerList;

export const isInnerList = (member: Member): member is InnerList => 'items' in member;

/** The text is no dictionary; `at` counts characters. */
export class FieldMalformed extends Error {
  readonly at: number;
  constructor(at: number) {
    super(`no structured field at ${at}`);
    this.name = 'FieldMalformed';
    this.at = at;
  }
}

const KEY = /[a-z*][a-z0-9_.*-]*/y;
const NUMBER = /-?(\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])/y;
const STRING = /"((?:[ !#-[\]-~]|\\["\\])*)"/y;
const TOKEN = /[A-Za-z*][!#$%&'*+.^_`|~:/0-9A-Za-z-]*/y;
const BYTES = /:([A-Za-z0-9+/]*={0,2}):/y;

class Reader {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.at === this.#text.length;
  }

  /** What matches here, which is passed; undefined where nothing does. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.at = pattern.lastIndex;
    return found;
  }

  skip(character: string): boolean {
    if (this.#text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  fail(): never {
    throw new FieldMalformed(this.at);
  }
}

/** §4.2.2. */
export function parseDictionary(text: string): ReadonlyMap<string, Member> {
  const reader = new Reader(trimmed(text, ' '));
  const members = new Map<string, Member>();
  if (reader.isAtEnd) return members;
  for (;;) {
    const key = reader.take(KEY)?.[0] ?? reader.fail();
    if (members.has(key)) reader.fail();
    members.set(key, readMember(reader));
    reader.take(/[ \t]*/y);
    if (reader.isAtEnd) return members;
    if (!reader.skip(',')) reader.fail();
    reader.take(/[ \t]*/y);
    if (reader.isAtEnd) reader.fail();
  }
}

/** Without these characters at both ends. A pattern for it would take the square of their number. */
export function trimmed(text: string, characters: string): string {
  let [start, end] = [0, text.length];
  while (start < end && characters.includes(text[start]!)) start++;
  while (end > start && characters.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

function readMember(reader: Reader): Member {
  if (!reader.skip('='))
    return { bare: { kind: 'boolean', value: true }, parameters: readParameters(reader) };
  return reader.skip('(') ? readInnerList(reader) : readItem(reader);
}

/** §4.2.1.2, behind its opening. */
function readInnerList(reader: Reader): InnerList {
  const items: Item[] = [];
  for (;;) {
    const hasSpace = reader.take(/ +/y) !== undefined;
    if (reader.skip(')')) return { items, parameters: readParameters(reader) };
    if (items.length > 0 && !hasSpace) reader.fail();
    items.push(readItem(reader));
  }
}

const readItem = (reader: Reader): Item => ({ bare: readBare(reader), parameters: readParameters(reader) });

/** §4.2.3.2. */
function readParameters(reader: Reader): Parameters {
  const parameters = new Map<string, Bare>();
  while (reader.skip(';')) {
    reader.take(/ */y);
    const key = reader.take(KEY)?.[0] ?? reader.fail();
    if (parameters.has(key)) reader.fail();
    parameters.set(key, reader.skip('=') ? readBare(reader) : { kind: 'boolean', value: true });
  }
  return parameters;
}

function readBare(reader: Reader): Bare {
  const number = reader.take(NUMBER)?.[0];
  if (number !== undefined)
    return number.includes('.')
      ? { kind: 'decimal', value: number }
      : { kind: 'integer', value: Number(number) };
  const string = reader.take(STRING)?.[1];
  if (string !== undefined) return { kind: 'string', value: string.replace(/\\(["\\])/g, '$1') };
  const bytes = reader.take(BYTES)?.[1];
  if (bytes !== undefined) return { kind: 'bytes', value: Buffer.from(bytes, 'base64') };
  const boolean = reader.take(/\?([01])/y)?.[1];
  if (boolean !== undefined) return { kind: 'boolean', value: boolean === '1' };
  const token = reader.take(TOKEN)?.[0];
  return token === undefined ? reader.fail() : { kind: 'token', value: token };
}

// ---------------------------------------------------------------- §4.1

export const serializeInnerList = ({ items, parameters }: InnerList): string =>
  `(${items.map(serializeItem).join(' ')})${serializeParameters(parameters)}`;

export const serializeItem = ({ bare, parameters }: Item): string =>
  serializeBare(bare) + serializeParameters(parameters);

function serializeParameters(parameters: Parameters): string {
  let text = '';
  for (const [key, bare] of parameters)
    text += bare.kind === 'boolean' && bare.value ? `;${key}` : `;${key}=${serializeBare(bare)}`;
  return text;
}

function serializeBare(bare: Bare): string {
  if (bare.kind === 'string') return `"${bare.value.replace(/["\\]/g, '\\$&')}"`;
  if (bare.kind === 'bytes') return `:${Buffer.from(bare.value).toString('base64')}:`;
  if (bare.kind === 'boolean') return bare.value ? '?1' : '?0';
  return String(bare.value);
}
