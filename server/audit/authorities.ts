import type { RawBatch, RawBatchToken, Snapshot } from '../ports/inspect.ts';
import { OPERATOR_ID } from '../ports/store.ts';
import { at, type Report } from './finding.ts';

/*
 * How far each authority has been asked. A batch that is passed over gets no token from there, and nobody would notice.
 */

interface Progress {
  readonly url: string;
  readonly nextBatch: number;
  /** it has given a token for an earlier batch */
  begun: boolean;
  /** batches of deposits that were passed over since */
  skipped: number;
  firstSkipped: number;
}

export async function checkAuthorities(snapshot: Snapshot, report: Report): Promise<void> {
  const asked: Progress[] = (await snapshot.askedAuthorities()).map((one) => ({
    ...one,
    begun: false,
    skipped: 0,
    firstSkipped: 0,
  }));
  if (asked.length === 0) return;
  const tokens = addressesOf(snapshot);
  let newest = 0;
  for await (const batch of snapshot.batches()) {
    newest = Math.max(newest, batch.number);
    await look(snapshot, asked, batch, await tokens(batch.number));
  }
  for (const one of asked) tell(report, one, newest);
}

async function look(
  snapshot: Snapshot,
  asked: readonly Progress[],
  batch: RawBatch,
  urls: ReadonlySet<string>,
): Promise<void> {
  let holds: boolean | undefined;
  for (const one of asked) {
    if (urls.has(one.url)) one.begun = true;
    else if (one.begun && batch.number < one.nextBatch) {
      holds ??= await holdsDeposits(snapshot, batch);
      if (!holds) continue;
      one.firstSkipped ||= batch.number;
      one.skipped++;
    }
  }
}

function tell(report: Report, { url, nextBatch, skipped, firstSkipped }: Progress, newest: number): void {
  const place = at('authorities', url);
  if (nextBatch < 1 || nextBatch > newest + 1)
    report.found('authority-progress-differs', place, { expected: `1–${newest + 1}`, found: nextBatch });
  // One that was not asked for a time and then again goes on with the newest batch: nothing is wrong with that.
  if (skipped > 0)
    report.found('authority-batches-skipped', place, {
      what: `batches/${firstSkipped}`,
      found: skipped,
    });
}

/** What the service records of itself is not stamped; a deposit is mostly the first entry of its batch. */
async function holdsDeposits(
  snapshot: Snapshot,
  { firstSequence, lastSequence }: RawBatch,
): Promise<boolean> {
  for await (const { organization } of snapshot.entries(firstSequence, lastSequence))
    if (organization !== OPERATOR_ID) return true;
  return false;
}

/** Who has stamped a batch; asked in the order of batches. */
function addressesOf(snapshot: Snapshot): (batch: number) => Promise<ReadonlySet<string>> {
  const tokens = snapshot.batchTokens()[Symbol.asyncIterator]();
  let token: RawBatchToken | undefined;
  let isRead = false;
  const next = async (): Promise<void> => {
    const { done, value } = await tokens.next();
    token = done ? undefined : value;
  };
  return async (batch) => {
    if (!isRead) await next();
    isRead = true;
    const urls = new Set<string>();
    for (; token !== undefined && token.batch <= batch; await next())
      if (token.batch === batch) urls.add(token.url);
    return urls;
  };
}
