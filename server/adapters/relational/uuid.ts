/** Ids are text outside and 16 bytes inside: less than half the size in every row and index. */
export const UUID_LENGTH = 16;

const TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Undefined where the text is no id: then nothing is stored under it either. */
export const uuidBytes = (text: string): Buffer | undefined =>
  TEXT.test(text) ? Buffer.from(text.replaceAll('-', ''), 'hex') : undefined;

/** For what is about to be stored: an id that is none is a mistake of the caller. */
export function requireUuid(text: string): Buffer {
  const bytes = uuidBytes(text);
  if (bytes === undefined) throw new TypeError(`not a UUID in lower case: ${text}`);
  return bytes;
}

export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, UUID_LENGTH).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The smallest UUIDv7-like id of a millisecond (RFC 9562 §5.7: the first 48 bits): a bound for searching by time. */
export function firstUuidOf(ms: number): Buffer {
  const bytes = Buffer.alloc(UUID_LENGTH);
  bytes.writeUIntBE(Math.min(Math.max(Math.ceil(ms), 0), 2 ** 48 - 1), 0, 6);
  return bytes;
}

/** Above every UUIDv7. */
export const LAST_UUID = Buffer.alloc(UUID_LENGTH, 0xff);

const NIBBLE = new Uint8Array(128).fill(255);
for (let value = 0; value < 16; value++) NIBBLE['0123456789abcdef'.charCodeAt(value)] = value;

/** The hot path's way: one pass over the text, nothing allocated. False where the text is no id. */
export function writeUuid(text: string, target: Uint8Array, at: number): boolean {
  if (text.length !== 36) return false;
  let bad = 0;
  for (let from = 0, to = at; from < 36; from += 2, to++) {
    if (from === 8 || from === 13 || from === 18 || from === 23) {
      bad |= text.charCodeAt(from) === 45 ? 0 : 255;
      from++;
    }
    const high = NIBBLE[text.charCodeAt(from)] ?? 255;
    const low = NIBBLE[text.charCodeAt(from + 1)] ?? 255;
    bad |= high | low;
    target[to] = (high << 4) | low;
  }
  return bad < 16;
}
