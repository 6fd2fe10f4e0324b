import type { RawBulkCall, Snapshot } from '../ports/inspect.ts';
import { CLOCKS_DIFFER_MS } from './clocks.ts';
import { at, compare, type Report } from './finding.ts';

/*
 * Remembered bulk calls: who makes the same call again is told the ids that this row leads to. A row that leads
 * elsewhere would hand one depositor the ids of another, or call something deposited that is not.
 */
export async function checkBulkCalls(snapshot: Snapshot, report: Report): Promise<void> {
  for await (const call of snapshot.bulkCalls()) await checkCall(snapshot, report, call);
}

/** All entries of a call were made by its organization, at its time: one clock was read for them and for the row. */
async function checkCall(snapshot: Snapshot, report: Report, call: RawBulkCall): Promise<void> {
  const { organization, firstSequence, count, createdMs } = call;
  const place = at('bulk_calls', `${organization}:${call.key}`);
  let seen = 0;
  // A call whose lines were all refused made none.
  if (count > 0)
    for await (const entry of snapshot.entries(firstSequence, Number.MAX_SAFE_INTEGER)) {
      if (seen === 0 && entry.sequence !== firstSequence) break;
      if (entry.organization !== organization)
        return compare(report, 'bulk-call-differs', place, {
          [`entries/${entry.sequence}, organization`]: [organization, entry.organization],
        });
      if (Math.abs(entry.receivedMs - createdMs) > CLOCKS_DIFFER_MS)
        return compare(report, 'bulk-call-differs', place, {
          [`entries/${entry.sequence}, received_ms`]: [createdMs, entry.receivedMs],
        });
      if (++seen === count) break;
    }
  compare(report, 'bulk-call-differs', place, { count: [count, seen] });
}
