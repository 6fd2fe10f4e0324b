import { FormatError } from '../reason.ts';

/** `0123456789abcdef` as char codes, and back; upper case is refused: one value has one spelling. */
const HEX = /^(?:[0-9a-f]{2})*$/;

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX_OF_BYTE[byte];
  return text;
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hex of exactly `length` bytes where a length is given; anything else is `hex-invalid` or `length-wrong`. */
export function fromHex(text: string, length?: number): Uint8Array {
  if (!HEX.test(text)) throw new FormatError('hex-invalid');
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  if (length !== undefined && bytes.length !== length)
    throw new FormatError('length-wrong', { expected: length, actual: bytes.length });
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

const UTF8 = new TextEncoder();

export const utf8 = (text: string): Uint8Array => UTF8.encode(text);

/** A character a byte, of the same number. */
export const latin1 = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
