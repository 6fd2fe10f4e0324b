import { buildCaseHead } from '../core/case/head-build.ts';
import type { Actor as EventActor } from '../core/entry/event.ts';
import { parseEvent } from '../core/entry/event.ts';
import { type ChainedEvent, chainEvent } from '../core/entry/event-chain.ts';
import { contentDigest, MAX_CONTENT_BYTES, parseContent } from '../core/entry/event-content.ts';
import { fromHex, utf8 } from '../core/read/bytes.ts';
import { canonicalize, type JsonObject } from '../core/read/json.ts';
import { journalEntry } from '../journal/entry.ts';
import { newId, randomBytesHex } from '../journal/ids.ts';
import type { CaseEvent } from '../ports/cases.ts';
import type { JournalEntry } from '../ports/entry.ts';
import { EVENTS_ID } from '../ports/identity.ts';
import type { Issuer } from '../ports/issuer.ts';

/* Events of a case as entries of the log, each on the leaf of the one before. */

export interface Happened {
  readonly case: string;
  readonly procedure: string;
  readonly action: string;
  readonly actor: EventActor;
  readonly to: string;
  /** what it is about; a salt is put in, so that nobody can try out what was erased */
  readonly content: JsonObject | null;
}

export interface NewEvent {
  readonly chained: ChainedEvent;
  readonly entry: JournalEntry;
  readonly content: string | undefined;
}

/** What an event would say is more than a checker reads. */
export class ContentTooLarge extends Error {}

/** Throws FormatError where a checker would refuse it, ContentTooLarge. */
export function nextEvent(before: CaseEvent | undefined, happened: Happened, nowMs: number): NewEvent {
  const { content: about, ...rest } = happened;
  const content = about === null ? undefined : canonicalize({ ...about, salt: randomBytesHex(16) });
  const said = content === undefined ? undefined : utf8(content);
  if (said !== undefined && said.length > MAX_CONTENT_BYTES) throw new ContentTooLarge();
  // What no checker could read would make the whole case one that none takes.
  if (said !== undefined) parseContent(said);
  const id = newId(nowMs);
  const chained = chainEvent(before && chainedOf(before), {
    ...rest,
    at: new Date(nowMs).toISOString(),
    content: said === undefined ? null : contentDigest(said),
    id,
    salt: randomBytesHex(16),
  });
  const entry = journalEntry({
    id,
    organization: EVENTS_ID,
    receivedMs: Date.parse(chained.event.at),
    entry: chained.entry,
    fileDigests: [],
  });
  return { chained, entry, content };
}

export const chainedOf = ({ entry, leaf }: CaseEvent): ChainedEvent => ({
  event: parseEvent(utf8(entry)),
  leaf: fromHex(leaf, 32),
});

/** What a party keeps: how many events there were and which was the last. */
export const headOf = ({ x5c, sign }: Issuer, last: ChainedEvent, nowMs: number): Promise<Uint8Array> =>
  buildCaseHead(last, new Date(nowMs).toISOString(), x5c, sign);
