import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import type { Source } from '../core/container/open.ts';
import { utf8 } from '../core/read/bytes.ts';
import { canonicalize, isObject, type Json, type JsonObject, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import type { GivenFile } from '../core/verify/files.ts';
import { type Given, type Item, ItemRefused } from './check-many.ts';

/*
 * Certificates as lines (NDJSON): the certificate itself, or an object with it and the digests of its files. Bytes are
 * never looked for here: who has them hands in an archive.
 */

/** A certificate as a string has a backslash for each of its quotes; digests come beside it. */
export const MAX_LINE_BYTES = 4 * MAX_CERTIFICATE_BYTES;

/** A certificate of at most 100 files; somebody may hand in copies, but not a flood. */
export const MAX_GIVEN_FILES = 1_000;

const PIECE_BYTES = 256 * 1024;
const LINE_END = 10;

interface Line {
  /** from 1 */
  readonly number: number;
  /** undefined where it is longer than a line may be */
  readonly bytes: Buffer | undefined;
}

/** Lines that are not empty. What is too long is passed over, not held. */
export async function* linesOf(source: Source): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let length = 0;
  let number = 0;
  const line = (): Line[] => {
    const bytes = length > MAX_LINE_BYTES ? undefined : withoutEnds(Buffer.concat(held));
    held = [];
    length = 0;
    number++;
    return bytes?.length === 0 ? [] : [{ number, bytes }];
  };
  for (let at = 0; at < source.size; at += PIECE_BYTES) {
    const piece = Buffer.from(await source.read(at, PIECE_BYTES));
    for (let from = 0; from < piece.length; ) {
      const end = piece.indexOf(LINE_END, from);
      const part = piece.subarray(from, end === -1 ? piece.length : end);
      length += part.length;
      if (length <= MAX_LINE_BYTES) held.push(part);
      else held = [];
      from += part.length + 1;
      if (end !== -1) yield* line();
    }
  }
  if (length > 0) yield* line();
}

/** Of a line that Windows ended, and of a file that it began with a mark. */
function withoutEnds(line: Buffer): Buffer {
  const from = line.indexOf('\ufeff') === 0 ? 3 : 0;
  return line.subarray(from, line.at(-1) === 13 ? -1 : undefined);
}

/** Whether it may be lines at all: the first that is not empty begins as an object does. */
export async function beginsAsLines(source: Source): Promise<boolean> {
  for await (const { bytes } of linesOf(source)) return bytes?.[0] === 0x7b;
  return false;
}

export async function* lineItems(source: Source): AsyncGenerator<Item> {
  for await (const line of linesOf(source)) yield itemOf(line);
}

const itemOf = ({ number, bytes }: Line): Item => ({
  name: `line ${number}`,
  read: async () => givenIn(bytes),
});

/** What is not JSON is taken for a certificate: its check says what is wrong with it and where. */
function givenIn(bytes: Uint8Array | undefined): Given {
  if (bytes === undefined) throw new ItemRefused('line-too-long', { limit: MAX_LINE_BYTES });
  const document = strictly(bytes);
  if (document === undefined || !('certificate' in document)) return { certificate: bytes, files: [] };
  const wrong = wrongMember(document);
  if (wrong !== undefined) throw new ItemRefused('line-member-wrong', { member: wrong });
  return { certificate: exactBytes(document['certificate']!), files: filesOf(document) };
}

function strictly(bytes: Uint8Array): JsonObject | undefined {
  try {
    const document = parseJson(bytes);
    return isObject(document) ? document : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/**
 * The certificate as a string is its exact bytes. As an object it has no bytes of its own: its canonical form is
 * checked, read strictly, so that a duplicate name or a number like 1.0 is still refused for what it is.
 */
export const exactBytes = (certificate: Json): Uint8Array =>
  utf8(typeof certificate === 'string' ? certificate : canonicalize(certificate));

const isDigest = (value: Json): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

const isDigests = (value: Json | undefined): value is readonly string[] =>
  Array.isArray(value) && value.length <= MAX_GIVEN_FILES && value.every(isDigest);

/** Each SM3 is of the file whose SHA-256 stands in the same place; null where it is not known. */
const MEMBERS = new Map<string, (value: Json, document: JsonObject) => boolean>([
  ['certificate', (value) => typeof value === 'string' || isObject(value)],
  ['sha256', isDigests],
  [
    'sm3',
    (value, { sha256 }) =>
      Array.isArray(value) &&
      value.every((one) => one === null || isDigest(one)) &&
      isDigests(sha256) &&
      sha256.length === value.length,
  ],
]);

/** The first member that is not as documented. */
const wrongMember = (document: JsonObject): string | undefined =>
  Object.entries(document).find(([name, value]) => MEMBERS.get(name)?.(value, document) !== true)?.[0];

function filesOf({ sha256, sm3 }: JsonObject): readonly GivenFile[] {
  const others = (sm3 ?? []) as readonly (string | null)[];
  return ((sha256 ?? []) as readonly string[]).map((digest, i) => ({
    sha256: digest,
    ...(others[i] && { sm3: others[i] }),
    basis: 'supplied',
  }));
}
