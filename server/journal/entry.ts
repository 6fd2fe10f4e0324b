import { hash } from 'node:crypto';
import { leafPreimage } from '../core/tree/tree.ts';
import type { JournalEntry } from '../ports/store.ts';

/**
 * The only way by which an entry enters the log: the leaf is made here, from the very bytes that are stored, and a
 * store takes no entry without it. `entry` is RFC 8785 text.
 */
export function journalEntry(
  made: Omit<JournalEntry, 'leaf' | 'bytes'>,
): JournalEntry & { readonly bytes: Uint8Array } {
  // Text becomes bytes once: they are hashed, stored and sent.
  const preimage = Buffer.from(leafPreimage(made.entry), 'utf8');
  const { id, organization, receivedMs, entry, fileDigests } = made;
  const leaf = hash('sha256', preimage, 'buffer');
  return { id, organization, receivedMs, entry, fileDigests, bytes: preimage.subarray(1), leaf };
}
