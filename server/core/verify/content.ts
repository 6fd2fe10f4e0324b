import { type Certificate, parseCertificate } from '../certificate/certificate.ts';
import { EVENT_FORMAT, type EventEntry } from '../entry/event.ts';
import { contentDigest, parseContent } from '../entry/event-content.ts';
import { attempt, FormatError, type Reason } from '../reason.ts';
import { type Check, reason, type Status } from './report.ts';

/** EVENTS.md §4, «content»: of an event, and wherever one was given. */
export function checkContent(entry: Certificate['entry'], content: Uint8Array | undefined): readonly Check[] {
  const check = ([status, why]: [Status, Reason]): Check => ({
    id: 'content',
    at: undefined,
    status,
    reason: why,
  });
  if (entry.format === EVENT_FORMAT) return [check(compareContent(entry as EventEntry, content))];
  return content === undefined ? [] : [check(['failed', reason('content-without-event')])];
}

/** SHA-256 of the content that a certificate's event names; undefined where there is none, or nothing can be read. */
export function contentNamedIn(certificateBytes: Uint8Array): string | undefined {
  const certificate = attempt(() => parseCertificate(certificateBytes));
  if (certificate instanceof FormatError || certificate.entry.format !== EVENT_FORMAT) return undefined;
  return (certificate.entry as EventEntry).content ?? undefined;
}

/** One that is not there may have been erased: the event holds without it, and nobody can put another in its place. */
export function compareContent(
  { content: expected }: Pick<EventEntry, 'content'>,
  content: Uint8Array | undefined,
): [Status, Reason] {
  if (expected === null)
    return content === undefined
      ? ['skipped', reason('event-without-content')]
      : ['failed', reason('content-not-stated')];
  if (content === undefined) return ['unknown', reason('content-not-given', { sha256: expected })];
  const actual = contentDigest(content);
  if (actual !== expected) return ['failed', reason('content-differs', { expected, actual })];
  const read = attempt(() => parseContent(content));
  return read instanceof FormatError
    ? ['failed', read]
    : ['passed', reason('content-compared', { sha256: actual })];
}
