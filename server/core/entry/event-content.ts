import { sha256 } from '../hash/sha256.ts';
import { toHex } from '../read/bytes.ts';
import { anyObject, hexText } from '../read/fields.ts';
import { type JsonObject, parseCanonical } from '../read/json.ts';
import { FormatError } from '../reason.ts';

/** The whole result of checking every item of a case has its place in one event. */
export const MAX_CONTENT_BYTES = 4 * 1024 * 1024;

/**
 * Reads the content document of an event, which is open but for its salt: without that, whoever has the event could try
 * out what was erased. Throws FormatError.
 */
export function parseContent(bytes: Uint8Array): JsonObject {
  if (bytes.length > MAX_CONTENT_BYTES)
    throw new FormatError('certificate-too-large', { limit: MAX_CONTENT_BYTES, actual: bytes.length });
  const document = anyObject(parseCanonical(bytes), 'content');
  if (!('salt' in document)) throw new FormatError('field-missing', { at: 'content.salt' });
  hexText(16)(document['salt']!, 'content.salt');
  return document;
}

/** What an event says of its content, hex. */
export const contentDigest = (bytes: Uint8Array): string => toHex(sha256(bytes));
