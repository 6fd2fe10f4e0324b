import { toHex, utf8 } from '../read/bytes.ts';
import { FormatError } from '../reason.ts';
import { leafHash } from '../tree/tree.ts';
import { EVENT_FORMAT, type EventEntry, eventText, parseEvent } from './event.ts';

/** What the event before left behind: all that the next one hangs on. */
export interface ChainedEvent {
  readonly event: EventEntry;
  readonly leaf: Uint8Array;
}

/** What whoever acts decides; place, chain and state before follow from the event before. */
export type EventDraft = Omit<EventEntry, 'format' | 'from' | 'index' | 'previous'>;

/**
 * The next event of a case; its first where there is none before. Throws FormatError where a checker would refuse it. A
 * clock that was set back by a moment must not stop a case: `at` is then that of the event before, as with ids.
 */
export function chainEvent(
  previous: ChainedEvent | undefined,
  draft: EventDraft,
): ChainedEvent & { readonly entry: string } {
  const before = previous?.event;
  for (const name of ['case', 'procedure'] as const)
    if (before !== undefined && before[name] !== draft[name])
      throw new FormatError('field-value-wrong', { at: `entry.${name}`, expected: before[name] });
  const entry = eventText({
    ...draft,
    at: before !== undefined && before.at > draft.at ? before.at : draft.at,
    format: EVENT_FORMAT,
    from: before?.to ?? null,
    index: before === undefined ? 0 : before.index + 1,
    previous: previous === undefined ? null : toHex(previous.leaf),
  });
  const bytes = utf8(entry);
  return { event: parseEvent(bytes), entry, leaf: leafHash(bytes) };
}
