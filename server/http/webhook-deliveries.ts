import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { bodyOf } from '../outbox/webhooks/signed.ts';
import type { DeliveryState, Webhook } from '../ports/webhooks.ts';
import { IdParams, type WithId } from './evidence.ts';
import { Problem } from './problem.ts';
import { dateTime, problems, Uuid } from './schemas.ts';
import { toInstant } from './text.ts';
import { type Managed, type WebhookRoutes, webhookFor } from './webhook-access.ts';
import { attemptView, DeliveryView, deliveryView, StateQuery, WholeDeliveryView } from './webhook-views.ts';

const ListQuery = Type.Object(
  {
    state: Type.Optional(StateQuery),
    cursor: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  },
  { additionalProperties: false },
);
interface ListQuery {
  state?: DeliveryState;
  cursor?: number;
  limit?: number;
}

const DeliveryParams = Type.Object(
  { id: Uuid, delivery: Type.String({ pattern: '^msg_[0-9a-f]{32}$' }) },
  { additionalProperties: false },
);
type WithDelivery = { Params: { id: string; delivery: string } };

/** Failed ones that are made due in one transaction, and in one call. */
const REPLAYED_AT_ONCE = 1_000;
const MOST_REPLAYED = 100_000;

/** What a webhook was told, and how it went. */
export function deliveryRoutes(
  app: FastifyInstance,
  deps: WebhookRoutes,
  manage: Managed,
  common: object,
): void {
  listRoute(app, deps, manage, common);
  app.get<WithDelivery>(
    '/v1/webhooks/:id/deliveries/:delivery',
    {
      ...manage,
      schema: {
        ...common,
        summary: '一条投递及其每次尝试 / one delivery with each attempt',
        params: DeliveryParams,
        response: { 200: WholeDeliveryView, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = await webhookFor(deps, request);
      const found = await deps.store.delivery(id, request.params.delivery);
      if (found === undefined) throw new Problem('not-found');
      const { delivery, message, attempts } = found;
      const payload: unknown = JSON.parse(Buffer.from(bodyOf(message, delivery)).toString('utf8'));
      return { ...deliveryView(delivery), payload, history: attempts.map(attemptView) };
    },
  );
  testRoute(app, deps, manage, common);
  replayRoutes(app, deps, manage, common);
}

function listRoute(app: FastifyInstance, deps: WebhookRoutes, manage: Managed, common: object): void {
  app.get<WithId & { Querystring: ListQuery }>(
    '/v1/webhooks/:id/deliveries',
    {
      ...manage,
      schema: {
        ...common,
        summary: '投递记录，新者在前，保存 90 天 / deliveries, newest first, kept for 90 days',
        params: IdParams,
        querystring: ListQuery,
        response: {
          200: Type.Object({
            items: Type.Array(DeliveryView),
            next: Type.Union([Type.Integer(), Type.Null()]),
          }),
          ...problems(400, 401, 403, 404),
        },
      },
    },
    async (request) => {
      const { state, cursor, limit = 50 } = request.query;
      const { id } = await webhookFor(deps, request);
      const page = await deps.store.deliveriesOf(id, { state }, { below: cursor, limit });
      return { items: page.items.map(deliveryView), next: page.next ?? null };
    },
  );
}

function testRoute(app: FastifyInstance, deps: WebhookRoutes, manage: Managed, common: object): void {
  app.post<WithId>(
    '/v1/webhooks/:id/test',
    {
      ...manage,
      schema: {
        ...common,
        summary: '发送一条 webhook.test / send one message webhook.test',
        description: '结果见其投递记录。 / What became of it stands among its deliveries.',
        params: IdParams,
        response: { 202: DeliveryView, ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { id, organization } = await webhookFor(deps, request);
      const nowMs = deps.clock.nowMs();
      const message = {
        id: `test/${randomUUID()}`,
        organization,
        type: 'webhook.test',
        atMs: nowMs,
        data: JSON.stringify({ ids: [id], state: 'test' }),
      };
      const made = await deps.store.tellOne(id, message, nowMs);
      if (made === undefined) throw new Problem('webhook-disabled');
      const found = await deps.store.delivery(id, made);
      return reply.code(202).send(deliveryView(found!.delivery));
    },
  );
}

function replayRoutes(app: FastifyInstance, deps: WebhookRoutes, manage: Managed, common: object): void {
  app.post<WithDelivery>(
    '/v1/webhooks/:id/deliveries/:delivery/replay',
    {
      ...manage,
      schema: {
        ...common,
        summary: '重新投递，webhook-id 不变 / deliver it again, under the same webhook-id',
        params: DeliveryParams,
        response: { 202: DeliveryView, ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { id } = expectEnabled(await webhookFor(deps, request));
      const { delivery } = request.params;
      if (!(await deps.store.replayDelivery(id, delivery, deps.clock.nowMs())))
        throw new Problem('not-found');
      return reply.code(202).send(deliveryView((await deps.store.delivery(id, delivery))!.delivery));
    },
  );
  app.post<WithId & { Body: { since: string } }>(
    '/v1/webhooks/:id/replay-failed',
    {
      ...manage,
      schema: {
        ...common,
        summary: '重新投递某时以来放弃的全部 / deliver again all that were given up since a time',
        description: '一次至多 100,000 条。 / At most 100,000 a call.',
        params: IdParams,
        body: Type.Object(
          { since: dateTime('自何时产生的（含），RFC 3339 / made at or after') },
          { additionalProperties: false },
        ),
        response: {
          202: Type.Object({ replayed: Type.Integer() }),
          ...problems(400, 401, 403, 404, 409, 415),
        },
      },
    },
    async (request, reply) => {
      const { id } = expectEnabled(await webhookFor(deps, request));
      const sinceMs = Date.parse(toInstant(request.body.since, 'body.since'));
      const nowMs = deps.clock.nowMs();
      let replayed = 0;
      for (let more = true; more && replayed < MOST_REPLAYED; ) {
        const count = await deps.store.replayFailed(id, sinceMs, nowMs, REPLAYED_AT_ONCE);
        replayed += count;
        more = count === REPLAYED_AT_ONCE;
      }
      return reply.code(202).send({ replayed });
    },
  );
}

/** What is replayed at a disabled one would only fail again. */
function expectEnabled(webhook: Webhook): Webhook {
  if (webhook.disabled !== undefined) throw new Problem('webhook-disabled');
  return webhook;
}
