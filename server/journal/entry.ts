import { hash } from 'node:crypto';
import { leafPreimage } from '../core/tree/tree.ts';
import type { JournalEntry } from '../ports/store.ts';

/**
 * The only way by which an entry enters the log: the leaf is made here, from the very bytes that are stored, and a
 * store takes no entry without it. `entry` is RFC 8785 text.
 */
export function journalEntry(
  made: Omit<JournalEntry, 'leaf' | 'bytes'>,
): JournalEntry & { readonly bytes: Uint8Array; readonly leafHash: string } {
  // Text becomes bytes once: they are hashed, stored and sent.
  const preimage = encode(leafPreimage(made.entry));
  const { id, organization, receivedMs, entry, fileDigests } = made;
  const leafHash = hash('sha256', preimage, 'hex');
  const leaf = Buffer.from(leafHash, 'hex');
  return { id, organization, receivedMs, entry, fileDigests, bytes: preimage.subarray(1), leaf, leafHash };
}

const scratch = Buffer.allocUnsafeSlow(8 * 1024);

/** UTF-8 in one pass where the text is not long: Buffer.from measures it first, which takes as long as writing it. */
function encode(text: string): Buffer {
  if (3 * text.length > scratch.length) return Buffer.from(text, 'utf8');
  const length = scratch.write(text, 'utf8');
  const bytes = Buffer.allocUnsafe(length);
  scratch.copy(bytes, 0, 0, length);
  return bytes;
}
