import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { newIdentity } from '../identity/api-keys.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { checkReceiver } from '../outbox/webhooks/address.ts';
import { BOTH_SIGN_MS, newSecret } from '../outbox/webhooks/secret.ts';
import { DoorProblem } from '../ports/door.ts';
import { MOST_WEBHOOKS } from '../ports/webhooks.ts';
import { requires } from './auth.ts';
import { IdParams, type WithId } from './evidence.ts';
import { Problem } from './problem.ts';
import { problems } from './schemas.ts';
import { type Managed, organizationOf, type WebhookRoutes, webhookFor } from './webhook-access.ts';
import { deliveryRoutes } from './webhook-deliveries.ts';
import { NewWebhookBody, Secret, WebhookChangeBody, WebhookView, webhookView } from './webhook-views.ts';

/** Webhooks of one's own organization. Another's and one that never was are the same 404. */
export function webhookRoutes(app: FastifyInstance, deps: WebhookRoutes): void {
  const manage = { onRequest: requires(deps.checkKey, 'webhooks.manage') };
  const common = { tags: ['webhooks'], security: [{ apiKey: [] }] };
  addRoute(app, deps, manage, common);
  app.get(
    '/v1/webhooks',
    {
      ...manage,
      schema: {
        ...common,
        summary: '本机构的 Webhook / own webhooks',
        response: { 200: Type.Object({ items: Type.Array(WebhookView) }), ...problems(401, 403) },
      },
    },
    async (request) => {
      const found = await deps.store.webhooksOf(organizationOf(request));
      return { items: found.map((one) => webhookView(one, deps.clock.nowMs())) };
    },
  );
  app.get<WithId>(
    '/v1/webhooks/:id',
    {
      ...manage,
      schema: {
        ...common,
        summary: '一个 Webhook / one of them',
        params: IdParams,
        response: { 200: WebhookView, ...problems(401, 403, 404) },
      },
    },
    async (request) => webhookView(await webhookFor(deps, request), deps.clock.nowMs()),
  );
  changeRoutes(app, deps, manage, common);
  deliveryRoutes(app, deps, manage, common);
}

function addRoute(app: FastifyInstance, deps: WebhookRoutes, manage: Managed, common: object): void {
  app.post<{ Body: NewWebhookBody }>(
    '/v1/webhooks',
    {
      ...manage,
      schema: {
        ...common,
        summary: '新增 Webhook / add one',
        description:
          '应答中的 `secret` 只显示这一次。按 Standard Webhooks 规则签名：`webhook-id`、`webhook-timestamp`、`webhook-signature`。 / `secret` is shown this once. Messages are signed by the Standard Webhooks rules.',
        body: NewWebhookBody,
        response: {
          201: Type.Intersect([WebhookView, Type.Object({ secret: Secret })]),
          ...problems(400, 401, 403, 415, 422),
        },
      },
    },
    async (request, reply) => {
      const { url, types, description = '' } = request.body;
      expectReceiver(deps, url);
      const nowMs = deps.clock.nowMs();
      const id = newIdentity(nowMs);
      const secret = await newSecret(deps.sealing, id);
      const organization = organizationOf(request);
      const isAdded = await deps.store.addWebhook({
        id,
        organization,
        url,
        description,
        types: [...new Set(types)],
        secret: secret.sealed,
        createdMs: nowMs,
      });
      if (!isAdded) throw new Problem('too-many-webhooks', { limit: MOST_WEBHOOKS });
      const made = (await deps.store.webhook(organization, id))!;
      return reply.code(201).send({ ...webhookView(made, nowMs), secret: secret.clear });
    },
  );
}

function changeRoutes(app: FastifyInstance, deps: WebhookRoutes, manage: Managed, common: object): void {
  app.patch<WithId & { Body: WebhookChangeBody }>(
    '/v1/webhooks/:id',
    {
      ...manage,
      schema: {
        ...common,
        summary: '更改、停用或重新启用 / change, disable, enable again',
        params: IdParams,
        body: WebhookChangeBody,
        response: { 200: WebhookView, ...problems(400, 401, 403, 404, 415, 422) },
      },
    },
    async (request) => {
      const { url, types, description, enabled } = request.body;
      if (url !== undefined) expectReceiver(deps, url);
      const change = {
        url,
        description,
        types: types && [...new Set(types)],
        disabled: enabled === undefined ? undefined : !enabled,
      };
      const nowMs = deps.clock.nowMs();
      const { id } = request.params;
      const changed = await deps.store.changeWebhook(organizationOf(request), id, change, nowMs);
      if (changed === undefined) throw new Problem('not-found');
      return webhookView(changed, nowMs);
    },
  );
  app.delete<WithId>(
    '/v1/webhooks/:id',
    {
      ...manage,
      schema: {
        ...common,
        summary: '删除，连同其投递记录 / remove it, with its deliveries',
        params: IdParams,
        response: { 204: Type.Null(), ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await deps.store.removeWebhook(organizationOf(request), id, deps.clock.nowMs())))
        throw new Problem('not-found');
      return reply.code(204).send();
    },
  );
  app.post<WithId>(
    '/v1/webhooks/:id/secret/rotate',
    {
      ...manage,
      schema: {
        ...common,
        summary: '轮换密钥 / a new secret',
        description:
          '新密钥只显示这一次；此后 24 小时内新旧两个密钥都签名。 / Shown this once; for 24 hours both sign.',
        params: IdParams,
        response: {
          200: Type.Intersect([WebhookView, Type.Object({ secret: Secret })]),
          ...problems(401, 403, 404),
        },
      },
    },
    async (request) => {
      const { id } = request.params;
      const nowMs = deps.clock.nowMs();
      const secret = await newSecret(deps.sealing, id);
      const organization = organizationOf(request);
      if (!(await deps.store.rotateWebhookSecret(organization, id, secret.sealed, nowMs + BOTH_SIGN_MS)))
        throw new Problem('not-found');
      return { ...webhookView(await webhookFor(deps, request), nowMs), secret: secret.clear };
    },
  );
}

/** Why nothing can be sent there, in the words of the door. */
function expectReceiver({ egressAllow }: WebhookRoutes, url: string): void {
  try {
    checkReceiver(url, egressAllow);
  } catch (error) {
    if (!(error instanceof DoorProblem)) throw error;
    const because = bothLanguages('outside', error.code, error.detail);
    throw new Problem('webhook-address-refused', { reason: error.code }, { because });
  }
}
