import type { EventEntry } from '../entry/event.ts';
import type { Reason } from '../reason.ts';
import type { CaseCheck, CaseCheckId } from './case-report.ts';
import { reason, type Status } from './report.ts';

/*
 * What the events of a case say of each other, EVENTS.md §5, steps 5 to 10.
 */

/** Where the log has an event: which log, the batch's index in it, and its own in the batch. */
export interface LogPlace {
  readonly log: string;
  readonly batch: number;
  readonly leaf: number;
}

/** An event as it stands at a place of the case; undefined where it could not be read. */
export interface Placed {
  readonly place: number;
  readonly event: EventEntry | undefined;
  /** hex */
  readonly leaf: string | undefined;
  readonly logged: readonly LogPlace[];
}

interface Known extends Placed {
  readonly event: EventEntry;
}

/** An event and the one that follows it by its own index. */
type Pair = readonly [before: Known, after: Known];

type Finding = readonly [Status, Reason];

/** `placed` in the order of their places. */
export function checkChain(placed: readonly Placed[]): readonly CaseCheck[] {
  const known = placed.filter((one): one is Known => one.event !== undefined);
  const pairs = known.flatMap((after, i): Pair[] => {
    const before = known[i - 1];
    return before !== undefined && before.event.index + 1 === after.event.index ? [[before, after]] : [];
  });
  const findings: readonly (readonly [CaseCheckId, Finding])[] = [
    ['case', oneCase(known)],
    ['indices', indices(placed)],
    ['previous', overPairs(placed, pairs, 'previous-chained', previousDiffers)],
    ['states', overPairs(placed, pairs, 'states-chained', stateDiffers)],
    ['times', overPairs(placed, pairs, 'times-ordered', timeGoesBack)],
    ['log-order', logOrder(known)],
  ];
  return findings.map(([id, [status, why]]) => ({ id, at: undefined, status, reason: why }));
}

function oneCase(known: readonly Known[]): Finding {
  const [first] = known;
  if (first === undefined) return ['skipped', reason('earlier-check-failed')];
  const { case: id, procedure } = first.event;
  const other = known.find(({ event }) => event.case !== id || event.procedure !== procedure);
  if (other === undefined) return ['passed', reason('case-one', { case: id, procedure })];
  const actual = `${other.event.case} ${other.event.procedure}`;
  return ['failed', reason('case-other', { place: other.place, expected: `${id} ${procedure}`, actual })];
}

function indices(placed: readonly Placed[]): Finding {
  if (placed.length === 0) return ['failed', reason('case-empty')];
  for (const [i, { place, event }] of placed.entries()) {
    if (place > i) return ['failed', reason('case-event-missing', { index: i })];
    if (place < i) return ['failed', reason('case-event-twice', { index: place })];
    if (event !== undefined && event.index !== place)
      return ['failed', reason('case-event-misplaced', { place, index: event.index })];
  }
  return ['passed', reason('indices-whole', { count: placed.length })];
}

function overPairs(
  placed: readonly Placed[],
  pairs: readonly Pair[],
  passed: 'previous-chained' | 'states-chained' | 'times-ordered',
  wrong: (pair: Pair) => Reason | undefined,
): Finding {
  for (const pair of pairs) {
    const why = wrong(pair);
    if (why !== undefined) return ['failed', why];
  }
  if (pairs.length > 0) return ['passed', reason(passed, { count: pairs.length })];
  return ['skipped', reason(placed.length === 1 ? 'case-one-event' : 'earlier-check-failed')];
}

/** The leaf of an event stands in the next: none before it can be changed, put in or left out any more. */
const previousDiffers = ([before, { event }]: Pair): Reason | undefined =>
  event.previous === before.leaf ? undefined : reason('previous-differs', { index: event.index });

const stateDiffers = ([before, { event }]: Pair): Reason | undefined =>
  event.from === before.event.to
    ? undefined
    : reason('state-differs', { index: event.index, expected: before.event.to, actual: event.from! });

/** Instants of this form are ordered as texts are. */
const timeGoesBack = ([before, { event }]: Pair): Reason | undefined =>
  event.at >= before.event.at
    ? undefined
    : reason('time-goes-back', { index: event.index, at: event.at, before: before.event.at });

/**
 * What the service says of times it can say at any time; where its log has an event, it cannot choose afterwards. Of
 * several places in one log the first counts.
 */
function logOrder(known: readonly Known[]): Finding {
  const last = new Map<string, LogPlace>();
  let compared = 0;
  for (const { event, logged } of known.toSorted((a, b) => a.event.index - b.event.index))
    for (const [log, place] of firstPlaces(logged)) {
      const before = last.get(log);
      if (before !== undefined && comparePlaces(before, place) >= 0)
        return ['failed', reason('log-order-wrong', { index: event.index })];
      if (before !== undefined) compared++;
      last.set(log, place);
    }
  if (compared > 0) return ['passed', reason('log-order-kept', { count: compared })];
  return ['skipped', reason('log-order-not-comparable')];
}

const comparePlaces = (a: LogPlace, b: LogPlace): number => a.batch - b.batch || a.leaf - b.leaf;

function firstPlaces(logged: readonly LogPlace[]): ReadonlyMap<string, LogPlace> {
  const first = new Map<string, LogPlace>();
  for (const place of logged) {
    const other = first.get(place.log);
    if (other === undefined || comparePlaces(place, other) < 0) first.set(place.log, place);
  }
  return first;
}
