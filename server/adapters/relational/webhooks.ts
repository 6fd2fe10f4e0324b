import type { Kysely } from 'kysely';
import { MOST_WEBHOOKS, type NewWebhook, type Webhook, type WebhookChange } from '../../ports/webhooks.ts';
import type { SharedSchema, WebhookColumns } from './shared-schema.ts';
import { row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

const NO_SECRET = new Uint8Array();

export const webhookReads = (query: Query) => ({
  *webhooksOf(organization: string): Work<Webhook[]> {
    const found = yield* rows(ownedBy(query, organization).selectAll().orderBy('id'));
    return found.map(webhookOf);
  },
  *webhook(organization: string, id: string): Work<Webhook | undefined> {
    const found = yield* row(ownedBy(query, organization).selectAll().where('id', '=', id));
    return found && webhookOf(found);
  },
});

export const webhookWrites = (query: Query) => ({
  *addWebhook(webhook: NewWebhook): Work<boolean> {
    const { createdMs, types, ...same } = webhook;
    const columns = { ...same, types: JSON.stringify(types), created_ms: createdMs, last_number: 0 };
    for (;;) {
      const taken = yield* rows(ownedBy(query, webhook.organization).select('place'));
      const place = firstFree(taken.map((one) => one.place!));
      if (place === undefined) return false;
      // Another instance may take the same place first; then there is nothing to insert, and the next one is tried.
      const made = yield* row(
        query
          .insertInto('webhooks')
          .values({ ...columns, place })
          .onConflict((conflict) => conflict.columns(['organization', 'place']).doNothing())
          .returning('id'),
      );
      if (made !== undefined) return true;
    }
  },
  *changeWebhook(
    organization: string,
    id: string,
    { url, description, types, disabled }: WebhookChange,
    nowMs: number,
  ): Work<Webhook | undefined> {
    let change = query
      .updateTable('webhooks')
      .set({
        organization,
        ...(url !== undefined && { url }),
        ...(description !== undefined && { description }),
        ...(types !== undefined && { types: JSON.stringify(types) }),
        ...(disabled === true && { disabled_ms: nowMs, disabled_why: 'by-owner' as const }),
      })
      .where('organization', '=', organization)
      .where('id', '=', id)
      .where('place', 'is not', null);
    // Another address, or somebody who says that it is right again: what failed before is no sign any more.
    if (disabled === false) change = change.set({ disabled_ms: null, disabled_why: null });
    if (disabled === false || url !== undefined)
      change = change.set({ failing_since_ms: null, rests_until_ms: null });
    const changed = yield* row(change.returningAll());
    return changed && webhookOf(changed);
  },
  *rotateWebhookSecret(
    organization: string,
    id: string,
    secret: Uint8Array,
    previousUntilMs: number,
  ): Work<boolean> {
    const changed = yield* row(
      query
        .updateTable('webhooks')
        .set((of) => ({ secret, previous: of.ref('secret'), previous_until_ms: previousUntilMs }))
        .where('organization', '=', organization)
        .where('id', '=', id)
        .where('place', 'is not', null)
        .returning('id'),
    );
    return changed !== undefined;
  },
  *removeWebhook(organization: string, id: string, nowMs: number): Work<boolean> {
    const removed = yield* row(
      query
        .updateTable('webhooks')
        .set({
          place: null,
          secret: NO_SECRET,
          previous: null,
          previous_until_ms: null,
          disabled_ms: nowMs,
          disabled_why: 'by-owner',
        })
        .where('organization', '=', organization)
        .where('id', '=', id)
        .where('place', 'is not', null)
        .returning('id'),
    );
    return removed !== undefined;
  },
});

/** Those that were not removed. */
const ownedBy = (query: Query, organization: string) =>
  query.selectFrom('webhooks').where('organization', '=', organization).where('place', 'is not', null);

function firstFree(taken: readonly number[]): number | undefined {
  for (let place = 1; place <= MOST_WEBHOOKS; place++) if (!taken.includes(place)) return place;
  return undefined;
}

export const webhookOf = (of: WebhookColumns): Webhook => ({
  id: of.id,
  organization: of.organization,
  url: of.url,
  description: of.description,
  types: JSON.parse(of.types) as string[],
  secret: new Uint8Array(of.secret),
  previous:
    of.previous === null
      ? undefined
      : { secret: new Uint8Array(of.previous), untilMs: of.previous_until_ms! },
  createdMs: of.created_ms,
  disabled: of.disabled_ms === null ? undefined : { atMs: of.disabled_ms, why: of.disabled_why! },
  failingSinceMs: of.failing_since_ms ?? undefined,
  restsUntilMs: of.rests_until_ms ?? undefined,
});
