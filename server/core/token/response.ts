import { concat, utf8 } from '../read/bytes.ts';
import {
  type Element,
  listOf,
  namedBits,
  parseDer,
  readFields,
  smallInteger,
  TAG,
  textOf,
} from '../read/der.ts';
import { encode, encodeInteger } from '../read/encode-der.ts';

/*
 * TimeStampResp, RFC 3161 §2.4.2: a token, or why there is none.
 */

/** PKIFailureInfo: the bits that RFC 3161 §2.4.2 lets a time-stamp authority use. */
const FAILURES = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  addInfoNotAvailable: 17,
  systemFailure: 25,
} as const;
export type PkiFailure = keyof typeof FAILURES;

/** PKIStatus: granted, grantedWithMods, rejection. */
const GRANTED = 0;
const GRANTED_WITH_MODS = 1;
const REJECTION = 2;

const GRANTED_INFO = encode(TAG.sequence, encodeInteger(BigInt(GRANTED)));

/** The answer that carries this token. */
export const encodeGranted = (token: Uint8Array): Uint8Array => encode(TAG.sequence, GRANTED_INFO, token);

/** The answer without a token; `text` is for people. */
export const encodeRefusal = (failure: PkiFailure, text: string): Uint8Array =>
  encode(
    TAG.sequence,
    encode(
      TAG.sequence,
      encodeInteger(BigInt(REJECTION)),
      encode(TAG.sequence, encode(TAG.utf8String, utf8(text))),
      encodeNamedBit(FAILURES[failure]),
    ),
  );

/** A named bit list with this one bit set, without zeros behind it (X.690 §11.2.2). */
function encodeNamedBit(bit: number): Uint8Array {
  const bytes = new Uint8Array(1 + (bit >> 3));
  bytes[bit >> 3] = 0x80 >> (bit & 7);
  return encode(TAG.bitString, concat(Uint8Array.of(7 - (bit & 7)), bytes));
}

export type TimeStampResponse =
  | { readonly granted: true; readonly token: Uint8Array }
  | {
      readonly granted: false;
      readonly status: number;
      /** Names of the bits that are set; a bit without a name is `bit N`. */
      readonly failures: readonly string[];
      readonly text: string;
    };

/** Reads what an authority answered; the token is not looked into. Throws FormatError. */
export function parseResponse(bytes: Uint8Array): TimeStampResponse {
  return readFields(parseDer(bytes), TAG.sequence, (fields) => {
    const { status, text, failures } = readStatus(fields.next(TAG.sequence));
    if (status !== GRANTED && status !== GRANTED_WITH_MODS) return { granted: false, status, failures, text };
    return { granted: true, token: fields.next(TAG.sequence).raw };
  });
}

/** PKIStatusInfo, RFC 4210 §5.2.3. */
function readStatus(element: Element) {
  return readFields(element, TAG.sequence, (fields) => {
    const status = smallInteger(fields.next(TAG.integer));
    const lines = fields.optional(TAG.sequence);
    const bits = fields.optional(TAG.bitString);
    const texts = lines ? listOf(lines, TAG.sequence, TAG.utf8String) : [];
    return {
      status,
      text: texts.map((line) => textOf(line) ?? '').join(' '),
      failures: (bits ? namedBits(bits) : []).map(failureName),
    };
  });
}

const failureName = (bit: number): string =>
  Object.entries(FAILURES).find(([, known]) => known === bit)?.[0] ?? `bit ${bit}`;
