import { hash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { type Message, type Webhook, type WebhookSource, wants } from '../../ports/webhooks.ts';
import type { SharedSchema } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const tellingReads = (query: Query) => ({
  *listeners(): Work<Pick<Webhook, 'organization' | 'types'>[]> {
    const found = yield* rows(
      query.selectFrom('webhooks').select(['organization', 'types']).where('disabled_ms', 'is', null),
    );
    return found.map(({ organization, types }) => ({ organization, types: JSON.parse(types) as string[] }));
  },
  *webhookCursor(source: WebhookSource): Work<number> {
    const found = yield* row(
      query.selectFrom('webhook_cursors').select('sequence').where('source', '=', source),
    );
    return found!.sequence;
  },
});

export const tellingWrites = (query: Query) => ({
  *tell(
    source: WebhookSource,
    { from, to, nowMs }: { readonly from: number; readonly to: number; readonly nowMs: number },
    messages: readonly Message[],
  ): Work<boolean> {
    const moved = yield* row(
      query
        .updateTable('webhook_cursors')
        .set({ sequence: to })
        .where('source', '=', source)
        .where('sequence', '=', from)
        .returning('source'),
    );
    if (moved === undefined) return false;
    for (const message of messages) yield* fanOut(query, message, nowMs);
    return true;
  },
  *tellOne(webhook: string, message: Message, nowMs: number): Work<string | undefined> {
    const number = yield* takeNumber(query, webhook);
    if (number === undefined) return undefined;
    yield* keepMessage(query, message);
    return yield* addDelivery(query, webhook, message, number, nowMs);
  },
});

/** To each webhook that wants it now: one that was disabled or removed meanwhile has no number to give. */
export function* fanOut(query: Query, message: Message, nowMs: number): Work<void> {
  const found = yield* rows(
    query
      .selectFrom('webhooks')
      .select(['id', 'types'])
      .where('organization', '=', message.organization)
      .where('disabled_ms', 'is', null)
      .orderBy('id'),
  );
  const wanting = found.filter(({ types }) => wants(JSON.parse(types) as string[], message.type));
  if (wanting.length > 0) yield* keepMessage(query, message);
  for (const { id } of wanting) {
    const number = yield* takeNumber(query, id);
    if (number !== undefined) yield* addDelivery(query, id, message, number, nowMs);
  }
}

function* takeNumber(query: Query, webhook: string): Work<number | undefined> {
  const taken = yield* row(
    query
      .updateTable('webhooks')
      .set((of) => ({ last_number: of('last_number', '+', 1) }))
      .where('id', '=', webhook)
      .where('disabled_ms', 'is', null)
      .returning('last_number'),
  );
  return taken?.last_number;
}

function* keepMessage(query: Query, { id, organization, type, atMs, data }: Message): Work<void> {
  yield* rows(query.insertInto('webhook_messages').values({ id, organization, type, at_ms: atMs, data }));
}

function* addDelivery(
  query: Query,
  webhook: string,
  message: Message,
  number: number,
  nowMs: number,
): Work<string> {
  const id = deliveryId(message.id, webhook);
  yield* rows(
    query.insertInto('webhook_deliveries').values({
      id,
      webhook,
      number,
      message: message.id,
      state: 'waiting',
      attempts: 0,
      tries: 0,
      due_ms: nowMs,
      created_ms: nowMs,
      settled_ms: null,
    }),
  );
  return id;
}

/** Follows from the two: the same message to the same webhook can be no second delivery. */
const deliveryId = (message: string, webhook: string): string =>
  `msg_${hash('sha256', `${message}\n${webhook}`, 'hex').slice(0, 32)}`;
