import { FormatError } from '../reason.ts';

/*
 * Base64 of RFC 4648, strictly: what is decoded is encoded again and compared, so that bytes have one spelling.
 * Other padding bits, missing or surplus padding, white space and the other alphabet all fail that one comparison.
 */

const COMMON = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

interface Spelling {
  readonly alphabet: string;
  readonly padding: string;
  /** Value of a character by its code; of all others 0, which the comparison finds out. */
  readonly values: Uint8Array;
}

function spelling(alphabet: string, padding: string): Spelling {
  const values = new Uint8Array(128);
  for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value;
  return { alphabet, padding, values };
}

/** RFC 4648 §4, padded. */
const BASE64 = spelling(`${COMMON}+/`, '=');

/** RFC 4648 §5, without padding as RFC 7515 §2 asks. */
const BASE64URL = spelling(`${COMMON}-_`, '');

export const encodeBase64 = (bytes: Uint8Array): string => encode(bytes, BASE64);

export const encodeBase64Url = (bytes: Uint8Array): string => encode(bytes, BASE64URL);

/** Anything but the one spelling of some bytes is `base64-invalid`. */
export const decodeBase64 = (text: string): Uint8Array => decode(text, BASE64);

/** Anything but the one spelling of some bytes is `base64-invalid`. */
export const decodeBase64Url = (text: string): Uint8Array => decode(text, BASE64URL);

function encode(bytes: Uint8Array, { alphabet, padding }: Spelling): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    // Past the end there is undefined, and undefined << n is 0.
    const three = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    text += alphabet[three >> 18]! + alphabet[(three >> 12) & 63]!;
    text += i + 1 < bytes.length ? alphabet[(three >> 6) & 63]! : padding;
    text += i + 2 < bytes.length ? alphabet[three & 63]! : padding;
  }
  return text;
}

function decode(text: string, spelt: Spelling): Uint8Array {
  const { values } = spelt;
  const padding = text.indexOf('=');
  const digits = padding < 0 ? text.length : padding;
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  for (let i = 0, at = 0; i < digits; i += 4, at += 3) {
    const four =
      (values[text.charCodeAt(i)]! << 18) |
      (values[text.charCodeAt(i + 1)]! << 12) |
      (values[text.charCodeAt(i + 2)]! << 6) |
      values[text.charCodeAt(i + 3)]!;
    // Writing past the end of a typed array does nothing.
    bytes[at] = four >> 16;
    bytes[at + 1] = four >> 8;
    bytes[at + 2] = four;
  }
  if (encode(bytes, spelt) !== text) throw new FormatError('base64-invalid');
  return bytes;
}
