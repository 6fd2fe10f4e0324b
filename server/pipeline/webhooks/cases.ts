import type { CaseEvent, CaseStore } from '../../ports/cases.ts';
import type { Message, WebhookStore } from '../../ports/webhooks.ts';

export interface TellCasesDeps {
  readonly store: Pick<WebhookStore, 'listeners' | 'webhookCursor' | 'tell'> &
    Pick<CaseStore, 'caseEventsAfter' | 'partiesOf'>;
  readonly publicUrl: string;
  readonly nowMs: () => number;
}

/** Events of one round: one transaction, and between two of them it is looked whether this instance still leads. */
const MOST_EVENTS = 100;

/** What of kezheng-event/1 is told. */
interface EventEntry {
  readonly action: string;
  readonly at: string;
  readonly id: string;
  readonly procedure: string;
  readonly to: string;
}

/** The next events of all cases, each to the organizations that have a part in its case. True where there may be more. */
export async function tellCases({ store, publicUrl, nowMs }: TellCasesDeps): Promise<boolean> {
  const from = await store.webhookCursor('cases');
  const events = await store.caseEventsAfter(from, MOST_EVENTS);
  const last = events.at(-1);
  if (last === undefined) return false;
  const listening = new Set((await store.listeners()).map(({ organization }) => organization));
  const messages: Message[] = [];
  for (const event of events)
    if (listening.size > 0) messages.push(...(await messagesOf(event, listening, store, publicUrl)));
  await store.tell('cases', { from, to: last.sequence, nowMs: nowMs() }, messages);
  return events.length === MOST_EVENTS;
}

async function messagesOf(
  event: CaseEvent,
  listening: ReadonlySet<string>,
  store: Pick<CaseStore, 'partiesOf'>,
  publicUrl: string,
): Promise<Message[]> {
  const entry = JSON.parse(event.entry) as EventEntry;
  const atMs = Date.parse(entry.at);
  const parties = (await store.partiesOf(event.case))
    .filter(({ untilMs }) => untilMs === undefined || atMs < untilMs)
    .map(({ organization }) => organization);
  const data = JSON.stringify({
    ids: [event.case],
    state: entry.to,
    event: { id: entry.id, index: event.index, action: entry.action, procedure: entry.procedure },
    links: linksOf(event.case, entry.procedure, publicUrl),
  });
  return [...new Set(parties)]
    .filter((organization) => listening.has(organization))
    .map((organization) => ({
      id: `cases/${event.sequence}/${organization}`,
      organization,
      type: `case.${entry.action}`,
      atMs,
      data,
    }));
}

/** What is recorded of a piece of evidence has that for its case. */
const linksOf = (id: string, procedure: string, publicUrl: string): Readonly<Record<string, string>> =>
  procedure.startsWith('evidence-access/')
    ? { evidence: `${publicUrl}/v1/evidence/${id}` }
    : { case: `${publicUrl}/v1/cases/${id}` };
