import type { IdempotencyClaim, JournalEntry } from '../../ports/store.ts';
import { requireUuid } from '../relational/uuid.ts';
import { bigints, byteas, texts, uuids } from './arrays.ts';

/** A deposit as the server gets it. */
export interface Row {
  readonly id: Buffer;
  readonly organization: Buffer;
  readonly receivedMs: number;
  readonly leaf: Uint8Array;
  readonly entry: Uint8Array;
  /** one after the other, each once */
  readonly digests: Buffer;
  readonly key: Buffer | undefined;
  readonly fingerprint: Buffer | undefined;
}

const DIGEST_HEX = /^[0-9a-f]{64}$/;
const FINGERPRINT_HEX = /^[0-9a-f]{32}$/;

/** What the port says of keys; the HTTP side answers for it to the client. */
const LONGEST_KEY = 255;

/** Throws where it cannot be stored at all: it is refused alone, and a group never fails for one of its deposits. */
export function rowOf(entry: JournalEntry, claim: IdempotencyClaim | undefined): Row {
  if (entry.leaf.length !== 32) throw new TypeError('a leaf has 32 bytes');
  if (!Number.isSafeInteger(entry.receivedMs)) throw new TypeError(`not a time: ${entry.receivedMs}`);
  const digests = new Set(entry.fileDigests);
  for (const digest of digests)
    if (!DIGEST_HEX.test(digest)) throw new TypeError('a digest has 64 hex digits');
  return {
    id: requireUuid(entry.id),
    organization: requireUuid(entry.organization),
    receivedMs: entry.receivedMs,
    leaf: entry.leaf,
    entry: bytesOf(entry),
    digests: Buffer.from([...digests].join(''), 'hex'),
    key: claim && keyBytes(claim.key),
    fingerprint: claim && fingerprintBytes(claim.fingerprint),
  };
}

function bytesOf({ entry, bytes }: JournalEntry): Uint8Array {
  // PostgreSQL has no text with U+0000 in it; JSON escapes it.
  if (entry.includes('\0')) throw new TypeError('an entry holds U+0000, which JSON escapes');
  return bytes ?? Buffer.from(entry, 'utf8');
}

export function keyBytes(key: string): Buffer {
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length < 1 || bytes.length > LONGEST_KEY || bytes.includes(0))
    throw new TypeError(`an idempotency key has 1 to ${LONGEST_KEY} visible characters`);
  return bytes;
}

export function fingerprintBytes(fingerprint: string): Buffer {
  if (!FINGERPRINT_HEX.test(fingerprint)) throw new TypeError('a fingerprint has 32 hex digits');
  return Buffer.from(fingerprint, 'hex');
}

/** In the order of the parameters of `append_entries`, as all functions for deposits have them. */
export const arraysOf = (rows: readonly Row[]): Buffer[] => [
  uuids(rows.map((row) => row.id)),
  uuids(rows.map((row) => row.organization)),
  bigints(rows.map((row) => row.receivedMs)),
  byteas(rows.map((row) => row.leaf)),
  texts(rows.map((row) => row.entry)),
  byteas(rows.map((row) => row.digests)),
  texts(rows.map((row) => row.key)),
  byteas(rows.map((row) => row.fingerprint)),
];
