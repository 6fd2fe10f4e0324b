import { hash } from 'node:crypto';
import { leafHash } from '../core/tree/tree.ts';
import type { JournalEntry } from '../ports/store.ts';

/** node:crypto instead of the portable hash: this is done for every deposit. */
const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

/**
 * The only way by which an entry enters the log: the leaf is made here, from the very bytes that are stored, and a
 * store takes no entry without it. `entry` is RFC 8785 text.
 */
export function journalEntry(made: Omit<JournalEntry, 'leaf'>): JournalEntry {
  return { ...made, leaf: leafHash(Buffer.from(made.entry, 'utf8'), sha256) };
}
