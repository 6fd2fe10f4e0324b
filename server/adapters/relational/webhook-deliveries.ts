import type { Kysely } from 'kysely';
import type {
  Attempt,
  AttemptOutcome,
  Delivery,
  DeliveryState,
  Message,
  Webhook,
} from '../../ports/webhooks.ts';
import type { DeliveryColumns, SharedSchema } from './shared-schema.ts';
import { fanOut } from './webhook-telling.ts';
import { webhookOf } from './webhooks.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

/** Rows that one piece of tidying touches: some milliseconds, and deposits go between. */
const TIDY_ROWS = 500;

export const deliveryReads = (query: Query) => ({
  *dueWebhooks(nowMs: number): Work<Pick<Webhook, 'id' | 'organization'>[]> {
    return yield* rows(
      query
        .selectFrom('webhooks')
        .select(['id', 'organization'])
        .where('disabled_ms', 'is', null)
        .where((is) => is.or([is('rests_until_ms', 'is', null), is('rests_until_ms', '<=', nowMs)]))
        .where((is) =>
          is.exists(
            is
              .selectFrom('webhook_deliveries')
              .select('webhook_deliveries.id')
              .whereRef('webhook', '=', 'webhooks.id')
              .where('due_ms', '<=', nowMs),
          ),
        )
        .orderBy('id'),
    );
  },
  *nextDelivery(webhook: string, nowMs: number) {
    const of = yield* row(
      query
        .selectFrom('webhooks')
        .selectAll()
        .where('id', '=', webhook)
        .where('disabled_ms', 'is', null)
        .where((is) => is.or([is('rests_until_ms', 'is', null), is('rests_until_ms', '<=', nowMs)])),
    );
    if (of === undefined) return undefined;
    const found = yield* row(
      deliveriesIn(query)
        .where('webhook', '=', webhook)
        .where('due_ms', '<=', nowMs)
        .orderBy('due_ms')
        .orderBy('number')
        .limit(1),
    );
    return found && { webhook: webhookOf(of), ...deliveryAndMessage(found) };
  },
  *deliveriesOf(
    webhook: string,
    { state }: { readonly state?: DeliveryState | undefined },
    { below, limit }: { readonly below?: number | undefined; readonly limit: number },
  ) {
    let found = deliveriesIn(query).where('webhook', '=', webhook);
    if (state !== undefined) found = found.where('state', '=', state);
    if (below !== undefined) found = found.where('number', '<', below);
    const items = (yield* rows(found.orderBy('number', 'desc').limit(limit + 1))).map(deliveryOf);
    const page = items.slice(0, limit);
    return { items: page, next: items.length > limit ? page.at(-1)!.number : undefined };
  },
  *delivery(webhook: string, id: string) {
    const found = yield* row(
      deliveriesIn(query).where('webhook_deliveries.id', '=', id).where('webhook', '=', webhook),
    );
    if (found === undefined) return undefined;
    const attempts = yield* rows(
      query.selectFrom('webhook_attempts').selectAll().where('delivery', '=', id).orderBy('number'),
    );
    return {
      ...deliveryAndMessage(found),
      attempts: attempts.map(({ at_ms, duration_ms, status, error }) => ({
        atMs: at_ms,
        durationMs: duration_ms,
        status: status ?? undefined,
        error: error === null ? undefined : (JSON.parse(error) as Attempt['error']),
      })),
    };
  },
});

export const deliveryWrites = (query: Query) => ({
  *recordDeliveryAttempt(outcome: AttemptOutcome): Work<boolean> {
    const { delivery, webhook, expected, attempt, state, dueMs, disable } = outcome;
    const endMs = attempt.atMs + attempt.durationMs;
    const changed = yield* row(
      query
        .updateTable('webhook_deliveries')
        .set((of) => ({
          state,
          attempts: expected + 1,
          tries: of('tries', '+', 1),
          due_ms: dueMs ?? null,
          settled_ms: state === 'waiting' ? null : endMs,
        }))
        .where('id', '=', delivery)
        .where('attempts', '=', expected)
        .returning('id'),
    );
    if (changed === undefined) return false;
    yield* rows(
      query.insertInto('webhook_attempts').values({
        delivery,
        number: expected + 1,
        at_ms: attempt.atMs,
        duration_ms: attempt.durationMs,
        status: attempt.status ?? null,
        error: attempt.error === undefined ? null : JSON.stringify(attempt.error),
      }),
    );
    yield* rows(
      query
        .updateTable('webhooks')
        .set({
          failing_since_ms: outcome.failingSinceMs ?? null,
          rests_until_ms: outcome.restsUntilMs ?? null,
          ...(disable && { disabled_ms: endMs, disabled_why: disable.why }),
        })
        .where('id', '=', webhook)
        // One that was disabled by its owner meanwhile keeps his reason.
        .where('disabled_ms', 'is', null),
    );
    if (disable !== undefined) yield* fanOut(query, disable.message, endMs);
    return true;
  },
  *replayDelivery(webhook: string, id: string, nowMs: number): Work<boolean> {
    const changed = yield* row(
      query
        .updateTable('webhook_deliveries')
        .set(dueAt(nowMs))
        .where('id', '=', id)
        .where('webhook', '=', webhook)
        .returning('id'),
    );
    return changed !== undefined;
  },
  *replayFailed(webhook: string, sinceMs: number, nowMs: number, limit: number): Work<number> {
    const changed = yield* rows(
      query
        .updateTable('webhook_deliveries')
        .set(dueAt(nowMs))
        .where('id', 'in', (of) =>
          of
            .selectFrom('webhook_deliveries')
            .select('id')
            .where('webhook', '=', webhook)
            .where('state', '=', 'failed')
            .where('created_ms', '>=', sinceMs)
            .orderBy('number')
            .limit(limit),
        )
        .returning('id'),
    );
    return changed.length;
  },
  *tidyWebhooks(nowMs: number, keptFromMs: number): Work<boolean> {
    const failed = yield* failAtDisabled(query, nowMs);
    const old = yield* forgetOld(query, keptFromMs);
    const removed = yield* forgetRemoved(query);
    return failed || old || removed;
  },
});

const dueAt = (nowMs: number) => ({
  state: 'waiting' as const,
  tries: 0,
  due_ms: nowMs,
  settled_ms: null,
});

function* failAtDisabled(query: Query, nowMs: number): Work<boolean> {
  const changed = yield* rows(
    query
      .updateTable('webhook_deliveries')
      .set({ state: 'failed', due_ms: null, settled_ms: nowMs })
      .where('id', 'in', (of) =>
        of
          .selectFrom('webhook_deliveries')
          .select('id')
          .where('webhook', 'in', (from) =>
            from.selectFrom('webhooks').select('id').where('disabled_ms', 'is not', null),
          )
          .where('due_ms', 'is not', null)
          .limit(TIDY_ROWS),
      )
      .returning('id'),
  );
  return changed.length === TIDY_ROWS;
}

function* forgetOld(query: Query, keptFromMs: number): Work<boolean> {
  const old = yield* rows(
    query
      .selectFrom('webhook_deliveries')
      .select(['id', 'message'])
      .where('settled_ms', '<', keptFromMs)
      .limit(TIDY_ROWS),
  );
  yield* forget(query, old);
  return old.length === TIDY_ROWS;
}

function* forgetRemoved(query: Query): Work<boolean> {
  const removed = yield* row(query.selectFrom('webhooks').select('id').where('place', 'is', null).limit(1));
  if (removed === undefined) return false;
  const left = yield* rows(
    query
      .selectFrom('webhook_deliveries')
      .select(['id', 'message'])
      .where('webhook', '=', removed.id)
      .limit(TIDY_ROWS),
  );
  yield* forget(query, left);
  if (left.length < TIDY_ROWS) yield* rows(query.deleteFrom('webhooks').where('id', '=', removed.id));
  return true;
}

/** With its attempts; a message when its last delivery goes. */
function* forget(query: Query, deliveries: readonly Pick<DeliveryColumns, 'id' | 'message'>[]): Work<void> {
  if (deliveries.length === 0) return;
  const ids = deliveries.map(({ id }) => id);
  yield* rows(query.deleteFrom('webhook_attempts').where('delivery', 'in', ids));
  yield* rows(query.deleteFrom('webhook_deliveries').where('id', 'in', ids));
  yield* rows(
    query
      .deleteFrom('webhook_messages')
      .where('id', 'in', [...new Set(deliveries.map(({ message }) => message))])
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('webhook_deliveries')
              .select('webhook_deliveries.id')
              .whereRef('message', '=', 'webhook_messages.id'),
          ),
        ),
      ),
  );
}

const deliveriesIn = (query: Query) =>
  query
    .selectFrom('webhook_deliveries')
    .innerJoin('webhook_messages', 'webhook_messages.id', 'webhook_deliveries.message')
    .selectAll('webhook_deliveries')
    .select(['organization', 'type', 'at_ms', 'data']);

type Row = DeliveryColumns & { organization: string; type: string; at_ms: number; data: string };

const deliveryOf = (of: Row): Delivery => ({
  id: of.id,
  webhook: of.webhook,
  number: of.number,
  type: of.type,
  state: of.state,
  attempts: of.attempts,
  tries: of.tries,
  dueMs: of.due_ms ?? undefined,
  createdMs: of.created_ms,
  settledMs: of.settled_ms ?? undefined,
});

const deliveryAndMessage = (of: Row): { delivery: Delivery; message: Message } => ({
  delivery: deliveryOf(of),
  message: {
    id: of.message,
    organization: of.organization,
    type: of.type,
    atMs: of.at_ms,
    data: of.data,
  },
});
