import type { IdempotencyClaim, JournalEntry } from '../../ports/store.ts';
import { writeUuid } from '../relational/uuid.ts';
import { lookupHash } from './lookup.ts';

/*
 * Deposits on their way to the writer thread: the bytes of a whole group in one buffer that is handed over and comes
 * back with the answer. Cloning an object with its strings and arrays for each costs more than storing it.
 *
 * A deposit: id 16, organization 16, leaf 32, received 8 (float), fingerprint 16, length of entry 4, of key 2 (0: no
 * claim), number of digests 2; then entry (UTF-8), key (ASCII), digests (32 each).
 */
const HEAD = 96;
const DIGEST = 32;
const FINGERPRINT_HEX = /^[0-9a-f]{32}$/;

export interface Packer {
  /** Throws where the entry cannot be stored at all; then nothing was added. */
  add(entry: JournalEntry, claim: IdempotencyClaim | undefined): void;
  readonly count: number;
  readonly length: number;
  /** What was added stands at its beginning. It is given away: the packer begins anew with another one. */
  take(): ArrayBuffer;
}

export function createPacker(newBuffer: () => ArrayBuffer): Packer {
  let buffer: Buffer | undefined;
  let length = 0;
  let count = 0;

  function room(needed: number): Buffer {
    buffer ??= Buffer.from(newBuffer());
    if (length + needed <= buffer.length) return buffer;
    const larger = Buffer.from(new ArrayBuffer(Math.max(2 * buffer.length, length + needed)));
    larger.set(buffer.subarray(0, length));
    return (buffer = larger);
  }

  return {
    get count() {
      return count;
    },
    get length() {
      return length;
    },
    add(entry, claim) {
      const digests = entry.fileDigests;
      // A UTF-16 unit becomes at most 3 bytes of UTF-8.
      const target = room(
        HEAD + 3 * entry.entry.length + 3 * (claim?.key.length ?? 0) + digests.length * DIGEST,
      );
      const end = pack(target, length, entry, claim);
      length = end;
      count++;
    },
    take() {
      const taken = room(0).buffer as ArrayBuffer;
      buffer = undefined;
      length = 0;
      count = 0;
      return taken;
    },
  };
}

function pack(target: Buffer, at: number, entry: JournalEntry, claim: IdempotencyClaim | undefined): number {
  if (!writeUuid(entry.id, target, at)) throw new TypeError(`not an id: ${entry.id}`);
  if (!writeUuid(entry.organization, target, at + 16))
    throw new TypeError(`not an id of an organization: ${entry.organization}`);
  if (entry.leaf.length !== DIGEST) throw new TypeError('a leaf has 32 bytes');
  target.set(entry.leaf, at + 32);
  target.writeDoubleLE(entry.receivedMs, at + 64);
  let end = at + HEAD;
  const entryLength = writeEntry(target, end, entry);
  end += entryLength;
  let keyLength = 0;
  if (claim !== undefined) {
    if (!FINGERPRINT_HEX.test(claim.fingerprint)) throw new TypeError('a fingerprint has 32 hex digits');
    target.write(claim.fingerprint, at + 72, 'hex');
    keyLength = target.write(claim.key, end, 'utf8');
    checkKeyLength(keyLength);
    end += keyLength;
  }
  for (const digest of entry.fileDigests) {
    if (target.write(digest, end, 'hex') !== DIGEST) throw new TypeError('a digest has 64 hex digits');
    end += DIGEST;
  }
  target.writeUInt32LE(entryLength, at + 88);
  target.writeUInt16LE(keyLength, at + 92);
  target.writeUInt16LE(entry.fileDigests.length, at + 94);
  return end;
}

function writeEntry(target: Buffer, at: number, { entry, bytes }: JournalEntry): number {
  if (bytes === undefined) return target.write(entry, at, 'utf8');
  target.set(bytes, at);
  return bytes.length;
}

/** What the port says of keys; the HTTP side answers for it to the client. */
const LONGEST_KEY = 255;

export function checkKeyLength(length: number): void {
  if (length < 1 || length > LONGEST_KEY)
    throw new TypeError(`an idempotency key has 1 to ${LONGEST_KEY} characters`);
}

/** Views into the group's buffer: whoever keeps one longer than the group copies it. */
export interface Unpacked {
  readonly id: Buffer;
  readonly organization: Buffer;
  readonly leaf: Buffer;
  readonly receivedMs: number;
  readonly entry: Buffer;
  readonly key: string | undefined;
  /** of the look-up; undefined where there is no key */
  readonly keyHash: number | undefined;
  readonly fingerprint: Buffer;
  readonly digests: Buffer;
}

export function* unpack(bytes: Buffer, count: number): Generator<Unpacked, void, void> {
  for (let at = 0, n = 0; n < count; n++) {
    const entryEnd = at + HEAD + bytes.readUInt32LE(at + 88);
    const keyEnd = entryEnd + bytes.readUInt16LE(at + 92);
    const end = keyEnd + bytes.readUInt16LE(at + 94) * DIGEST;
    const organization = bytes.subarray(at + 16, at + 32);
    const hasKey = keyEnd > entryEnd;
    yield {
      id: bytes.subarray(at, at + 16),
      organization,
      leaf: bytes.subarray(at + 32, at + 64),
      receivedMs: bytes.readDoubleLE(at + 64),
      fingerprint: bytes.subarray(at + 72, at + 88),
      entry: bytes.subarray(at + HEAD, entryEnd),
      key: hasKey ? bytes.toString('utf8', entryEnd, keyEnd) : undefined,
      keyHash: hasKey ? lookupHash(organization, bytes.subarray(entryEnd, keyEnd)) : undefined,
      digests: bytes.subarray(keyEnd, end),
    };
    at = end;
  }
}
