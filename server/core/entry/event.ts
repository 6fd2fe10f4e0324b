import type { Field } from '../read/fields.ts';
import { hexText, instant, members, nullable, oneOf, pattern, text, uint, uuid } from '../read/fields.ts';
import { canonicalize, parseCanonical } from '../read/json.ts';
import { FormatError } from '../reason.ts';

/*
 * kezheng-event/1, EVENTS.md §2: one transition of a case. What it is about lies beside it, in a content document that can
 * be erased: the chain of events holds without it.
 */

export const EVENT_FORMAT = 'kezheng-event/1';

/** Words of an event are short; whatever is long stands in its content. */
export const MAX_EVENT_BYTES = 65_536;

export interface Actor {
  /** id of the organization for which it was done */
  readonly organization: string;
  /** null: a machine by its key, or the service itself */
  readonly person: string | null;
  readonly role: string;
}

export interface EventEntry {
  readonly action: string;
  readonly actor: Actor;
  /** by the service's clock */
  readonly at: string;
  readonly case: string;
  /** SHA-256 of the content document, hex; null where there is none */
  readonly content: string | null;
  readonly format: typeof EVENT_FORMAT;
  /** state before; null at the first event and nowhere else */
  readonly from: string | null;
  readonly id: string;
  /** counts the events of the case, from 0 */
  readonly index: number;
  /** leaf of the event before, hex; null at the first event and nowhere else */
  readonly previous: string | null;
  readonly procedure: string;
  readonly salt: string;
  readonly to: string;
}

const action = pattern(/^[a-z][a-z0-9-]{0,63}$/, '[a-z][a-z0-9-]{0,63}');

/** Name and version of the table of transitions. */
export const procedure = pattern(/^[a-z][a-z-]{0,31}\/[1-9][0-9]{0,3}$/, 'NAME/N');

const actor: Field<Actor> = (value, at) => {
  const get = members(value, at, ['organization', 'person', 'role']);
  return {
    organization: get('organization', uuid),
    person: get('person', nullable(uuid)),
    role: get('role', text),
  };
};

/** Reads a kezheng-event/1 whose `format` has been looked at already. */
export const eventEntry: Field<EventEntry> = (value, at) => {
  const get = members(value, at, [
    'action',
    'actor',
    'at',
    'case',
    'content',
    'format',
    'from',
    'id',
    'index',
    'previous',
    'procedure',
    'salt',
    'to',
  ]);
  const parsed: EventEntry = {
    action: get('action', action),
    actor: get('actor', actor),
    at: get('at', instant),
    case: get('case', uuid),
    content: get('content', nullable(hexText(32))),
    format: get('format', oneOf(EVENT_FORMAT)),
    from: get('from', nullable(text)),
    id: get('id', uuid),
    index: get('index', uint),
    previous: get('previous', nullable(hexText(32))),
    procedure: get('procedure', procedure),
    salt: get('salt', hexText(16)),
    to: get('to', text),
  };
  for (const name of ['from', 'previous'] as const)
    if ((parsed[name] === null) !== (parsed.index === 0))
      throw new FormatError('field-value-wrong', { at: `${at}.${name}`, expected: 'null <=> index = 0' });
  return parsed;
};

/** An event as it lies in a package while it has no certificate. Throws FormatError. */
export function parseEvent(bytes: Uint8Array): EventEntry {
  if (bytes.length > MAX_EVENT_BYTES)
    throw new FormatError('certificate-too-large', { limit: MAX_EVENT_BYTES, actual: bytes.length });
  return eventEntry(parseCanonical(bytes), 'entry');
}

/** RFC 8785 text. */
export const eventText = (event: EventEntry): string => canonicalize({ ...event, actor: { ...event.actor } });
