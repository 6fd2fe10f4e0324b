import { hash } from 'node:crypto';
import { EVENT_FORMAT, type EventEntry, parseEvent } from '../core/entry/event.ts';
import { toHex } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';
import { EVENTS_ID } from '../ports/identity.ts';
import type { RawCase, RawCaseEvent, RawEntry, Snapshot } from '../ports/inspect.ts';
import { at, compare, type Place, type Report } from './finding.ts';
import { leafOf } from './merkle.ts';

/*
 * Cases against their events, and these against the log: each event is an entry, they hang on each other without a gap,
 * what they say is what their digests say, the case is as the last one left it, and the log knows of no other.
 */

export interface CaseDeps {
  readonly snapshot: Snapshot;
  readonly report: Report;
}

export async function checkCases(deps: CaseDeps): Promise<void> {
  const cases = walk(deps.snapshot.cases());
  const events = walk(deps.snapshot.caseEvents());
  let [one, event] = [await cases.next(), await events.next()];
  while (one !== undefined || event !== undefined) {
    // Both come by id: whichever is smaller lacks the other.
    const id = event === undefined || (one !== undefined && one.id <= event.case) ? one!.id : event.case;
    const chain = chainOf(deps.report, id);
    for (; event !== undefined && event.case === id; event = await events.next()) chain.push(event);
    if (one?.id !== id) deps.report.found('case-missing', at('cases', id));
    else {
      chain.close(one);
      one = await cases.next();
    }
  }
  await checkLost(deps);
}

function walk<T>(rows: AsyncIterable<T>): { next(): Promise<T | undefined> } {
  const iterator = rows[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done ? undefined : value;
    },
  };
}

/** The events of one case as they come, each against the one before. */
function chainOf(report: Report, id: string) {
  let before: { readonly event: EventEntry; readonly leaf: string } | undefined;
  let count = 0;
  let isBroken = false;
  return {
    push(row: RawCaseEvent): void {
      const place = at('case_events', `${id}:${row.index}`);
      const found = read(report, row, place);
      count++;
      if (found === undefined) {
        isBroken = true;
        return;
      }
      compare(report, 'case-event-differs', place, {
        leaf: [found.leaf, row.leaf],
        case: [id, found.event.case],
        index: [count - 1, found.event.index],
        place: [count - 1, row.index],
        // Behind one that cannot be read nothing is known of what it should hang on.
        ...(isBroken
          ? {}
          : {
              previous: [before?.leaf ?? '—', found.event.previous ?? '—'],
              from: [before?.event.to ?? '—', found.event.from ?? '—'],
              procedure: [before?.event.procedure ?? found.event.procedure, found.event.procedure],
            }),
      });
      checkContent(report, row, found.event, place);
      isBroken = false;
      before = found;
    },
    close(row: RawCase): void {
      const place = at('cases', id);
      if (count === 0) report.found('case-events-missing', place);
      if (before === undefined || isBroken) return;
      compare(report, 'case-differs', place, {
        events: [count, row.events],
        last: [before.leaf, row.last],
        state: [before.event.to, row.state],
        procedure: [before.event.procedure, row.procedure],
      });
    },
  };
}

function read(report: Report, { bytes, sequence }: RawCaseEvent, place: Place) {
  if (bytes === undefined) {
    report.found('case-event-entry-missing', place, { what: `entries/${sequence}` });
    return undefined;
  }
  try {
    return { event: parseEvent(bytes), leaf: toHex(leafOf(bytes)) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    report.found('case-event-entry-missing', place, { what: `entries/${sequence}`, reason: error });
    return undefined;
  }
}

/** What an event says may have been erased: its digest stays. */
function checkContent(report: Report, { content }: RawCaseEvent, event: EventEntry, place: Place): void {
  if (content === undefined) {
    if (event.content !== null) report.found('case-content-erased', place);
    return;
  }
  const digest = hash('sha256', content, 'hex');
  if (digest !== event.content)
    report.found('case-content-differs', place, { expected: event.content ?? '—', found: digest });
}

/** The log itself says that these happened. */
async function checkLost({ snapshot, report }: CaseDeps): Promise<void> {
  for await (const entry of snapshot.entriesOf(EVENTS_ID))
    if (isEvent(entry) && !(await snapshot.isOfCase(entry.sequence)))
      report.found('case-event-missing', at('entries', entry.sequence));
}

/** Whether it can be read at all is looked at with the journal. */
function isEvent({ bytes }: RawEntry): boolean {
  try {
    return parseEvent(bytes).format === EVENT_FORMAT;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
