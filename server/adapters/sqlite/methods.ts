import type { StamperSpec } from '../../ports/stamp.ts';
import { openAnchorWrites } from './anchoring.ts';
import { openBatchTokenWrites } from './batch-tokens.ts';
import { openCertificateWrites } from './certificates.ts';
import { type Connection, leaveLog, logPages, openForWriting } from './connection.ts';
import { type BulkCall, type Deposits, openDeposits } from './deposits.ts';
import { openFixityWrites } from './fixity.ts';
import { openIdentityWrites } from './identity.ts';
import { type Journal, openJournal } from './journal.ts';
import { forgetOldKeys } from './lookup.ts';
import { openSharedWrites } from './shared.ts';
import { openStamping } from './stamping.ts';
import { openStampWrites } from './stamps.ts';

/** Rows of the look-up that are merged at one go when nothing waits: a millisecond or two. */
const TIDY_ROWS = 1_000;

/**
 * All that the writer thread does, by name. Whatever is not a deposit runs in a transaction of its own; only the
 * arguments and the answer cross the thread, so they are plain values.
 */
export function openMethods(path: string, slice?: number, stamper?: StamperSpec) {
  const db: Connection = openForWriting(path);
  const journal: Journal = openJournal(db, slice);
  const stamping = stamper && openStamping(db, stamper);
  const deposits: Deposits = openDeposits(db, journal, stamping);
  const touch = db.prepare('update lookup_state set merged_through = merged_through');
  const shared = openSharedWrites(db, journal);
  const writes = inTransactions(journal, {
    ...openAnchorWrites(db),
    ...openCertificateWrites(db),
    ...openIdentityWrites(db),
    ...openFixityWrites(db),
    ...openStampWrites(db),
    ...openBatchTokenWrites(db, journal),
    ...shared,
  });
  return {
    ...writes,
    group: deposits.group,
    many: (call: BulkCall) => deposits.many(call),
    seal: deposits.seal,
    pendingLeaves: (limit: number) =>
      journal.transaction(() => ({
        firstSequence: journal.firstWaiting(),
        leaves: journal.waitingLeaves(limit),
      })),
    recentWithDigest: (organization: Uint8Array, digest: Uint8Array) =>
      journal.transaction(() => journal.recentWithDigest(organization, digest)),
    /** True where there may be more to forget. */
    forget(nowMs: number): boolean {
      const keys = journal.transaction(() => forgetOldKeys(db, nowMs));
      const people = journal.transaction(() => shared.forgetOldPeople(nowMs));
      return deposits.forgetOldBulkCalls(nowMs) || keys || people;
    },
    /** Writes what is there already, durably: what a deposit needs. */
    probe: () => journal.transaction(() => void touch.run()),
    /** Something to do while nothing waits; false where there is none. */
    tidy: () => journal.tidy(TIDY_ROWS),
    leaveLog: () => leaveLog(db),
    /** Copies the few pages that were written since the last copy; then the log begins anew. */
    restartLog: () => void logPages(db, 'PASSIVE'),
    close: () => void db.close(),
  };
}

export type Methods = ReturnType<typeof openMethods>;

type Verbs = Record<string, (...args: never[]) => unknown>;

function inTransactions<T extends Verbs>(journal: Journal, verbs: T): T {
  const wrap =
    (verb: (...args: never[]) => unknown) =>
    (...args: never[]) =>
      journal.transaction(() => verb(...args));
  return Object.fromEntries(Object.entries(verbs).map(([name, verb]) => [name, wrap(verb)])) as T;
}
