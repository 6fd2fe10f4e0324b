import { procedure } from '../entry/event.ts';
import { utf8 } from '../read/bytes.ts';
import { type Field, hexText, instant, members, oneOf, text, uint, uuid } from '../read/fields.ts';
import { canonicalize, type JsonObject, parseCanonical } from '../read/json.ts';
import { type SignatureMember, signatureMember } from '../read/jws.ts';
import { FormatError } from '../reason.ts';

/*
 * kezheng-case-head/1, EVENTS.md §3: how far a case had come when the service told a party. Whoever kept one knows how many
 * events there were at least and which was the last, whatever package he is shown later.
 */

export const HEAD_FORMAT = 'kezheng-case-head/1';

/** Four certificates of 8,192 bytes in base64 twice over take 58 KiB. */
export const MAX_HEAD_BYTES = 65_536;

export interface CaseHead {
  readonly format: typeof HEAD_FORMAT;
  readonly at: string;
  readonly case: string;
  /** events so far */
  readonly count: number;
  /** leaf of the last of them, hex */
  readonly last: string;
  readonly procedure: string;
  /** where it led to */
  readonly state: string;
  readonly signature: SignatureMember;
  /** what the signature is over: the RFC 8785 bytes of the head without its member `signature` */
  readonly signedBytes: Uint8Array;
}

const count: Field<number> = (value, at) => {
  const number = uint(value, at);
  if (number < 1) throw new FormatError('field-value-wrong', { at, expected: '>= 1' });
  return number;
};

export function headBytesToSign(document: JsonObject): Uint8Array {
  const { signature: _, ...unsigned } = document;
  return utf8(canonicalize(unsigned));
}

/** Throws FormatError with the place and the rule that was broken. */
export function parseCaseHead(bytes: Uint8Array): CaseHead {
  if (bytes.length > MAX_HEAD_BYTES)
    throw new FormatError('certificate-too-large', { limit: MAX_HEAD_BYTES, actual: bytes.length });
  const document = parseCanonical(bytes);
  const get = members(document, 'head', [
    'at',
    'case',
    'count',
    'format',
    'last',
    'procedure',
    'signature',
    'state',
  ]);
  return {
    format: get('format', oneOf(HEAD_FORMAT)),
    at: get('at', instant),
    case: get('case', uuid),
    count: get('count', count),
    last: get('last', hexText(32)),
    procedure: get('procedure', procedure),
    state: get('state', text),
    signature: get('signature', signatureMember),
    signedBytes: headBytesToSign(document as JsonObject),
  };
}
