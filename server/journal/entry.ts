import { hash } from 'node:crypto';
import { leafPreimage } from '../core/tree/tree.ts';
import type { JournalEntry } from '../ports/store.ts';

/**
 * The only way by which an entry enters the log: the leaf is made here, from the very bytes that are stored, and a
 * store takes no entry without it. `entry` is RFC 8785 text.
 */
export function journalEntry({
  id,
  organization,
  receivedMs,
  entry,
  fileDigests,
}: Omit<JournalEntry, 'leaf'>): JournalEntry {
  return {
    id,
    organization,
    receivedMs,
    entry,
    fileDigests,
    leaf: hash('sha256', leafPreimage(entry), 'buffer'),
  };
}
