import { type Static, type TSchema, Type } from 'typebox';
import { bothLanguages } from '../messages/sentence.ts';
import {
  type Attempt,
  DELIVERY_STATES,
  type Delivery,
  DISABLED_WHY,
  MESSAGE_TYPES,
  type Webhook,
} from '../ports/webhooks.ts';
import { Instant, line, Uuid, words } from './schemas.ts';

/*
 * Webhooks as the interface takes and shows them. Secrets are shown once, by the route that made them.
 */

const told = MESSAGE_TYPES.filter((type) => type !== 'webhook.test').map((type) => type.replace('.', '\\.'));

/** `webhook.test` is sent by a route of its own, whatever is wanted. */
export const WANTED_TYPE = `^(?:\\*|evidence\\.\\*|${told.join('|')}|case\\.(?:\\*|[a-z][a-z0-9-]{0,63}))$`;

const Types = Type.Array(Type.String({ maxLength: 80, pattern: WANTED_TYPE }), {
  minItems: 1,
  maxItems: 50,
  description:
    '事件类型：evidence.batched、evidence.certified、case.动作、webhook.disabled；case.*、evidence.* 为一类全部，* 为全部 / types; case.* and evidence.* for all of a kind, * for everything',
});

/** The Standard Webhooks rules say nothing of it; what is longer fills tables. */
const MAX_URL = 2_000;

const members = {
  url: Type.String({
    minLength: 1,
    maxLength: MAX_URL,
    description:
      'https 网址，不带用户名、口令与片段 / an https address without user name, password or fragment',
  }),
  types: Types,
  description: line(200, '说明 / what it is for'),
};

export const NewWebhookBody = Type.Object(
  { ...members, description: Type.Optional(members.description) },
  { additionalProperties: false },
);
export type NewWebhookBody = Static<typeof NewWebhookBody>;

export const WebhookChangeBody = Type.Object(
  {
    url: Type.Optional(members.url),
    types: Type.Optional(members.types),
    description: Type.Optional(members.description),
    enabled: Type.Optional(
      Type.Boolean({
        description: '停用，或在被停用之后重新启用 / disables it, or lets it begin anew',
      }),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type WebhookChangeBody = Static<typeof WebhookChangeBody>;

const nullable = <T extends TSchema>(of: T) => Type.Union([of, Type.Null()]);

export const WebhookView = Type.Object({
  id: Uuid,
  url: Type.String(),
  description: Type.String(),
  types: Type.Array(Type.String()),
  createdAt: Instant,
  enabled: Type.Boolean(),
  disabled: nullable(
    Type.Object({
      at: Instant,
      why: words(DISABLED_WHY, '本机构停用、接收方答 410、连续五天未能送达 / why'),
      zh: Type.String(),
      en: Type.String(),
    }),
  ),
  failingSince: nullable(Instant),
  previousSecretUntil: nullable(Instant),
});

export const Secret = Type.String({
  description: 'whsec_ 加 base64，只显示这一次 / shown this once',
});

export const StateQuery = words(DELIVERY_STATES, '待送、已送达、已放弃 / waiting, delivered, given up');

const delivery = {
  id: Type.String({ description: '即 webhook-id / the webhook-id' }),
  sequence: Type.Integer({ description: '该 Webhook 的第几条，自 1 起无间断 / running number' }),
  type: Type.String(),
  state: StateQuery,
  attempts: Type.Integer(),
  nextAttemptAt: nullable(Instant),
  createdAt: Instant,
  settledAt: nullable(Instant),
};

export const DeliveryView = Type.Object(delivery);

export const WholeDeliveryView = Type.Object({
  ...delivery,
  payload: Type.Unknown({ description: '所发送的内容 / what is sent' }),
  history: Type.Array(
    Type.Object({
      at: Instant,
      durationMs: Type.Integer(),
      status: nullable(Type.Integer()),
      error: nullable(Type.Object({ code: Type.String(), zh: Type.String(), en: Type.String() })),
    }),
    { description: '每次尝试 / each attempt' },
  ),
});

const instant = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();

export const webhookView = (of: Webhook, nowMs: number) => ({
  id: of.id,
  url: of.url,
  description: of.description,
  types: of.types,
  createdAt: instant(of.createdMs),
  enabled: of.disabled === undefined,
  disabled:
    of.disabled === undefined
      ? null
      : {
          at: instant(of.disabled.atMs),
          why: of.disabled.why,
          ...bothLanguages('webhook', of.disabled.why),
        },
  failingSince: instant(of.failingSinceMs),
  previousSecretUntil: instant(
    of.previous !== undefined && nowMs < of.previous.untilMs ? of.previous.untilMs : undefined,
  ),
});

export const deliveryView = (of: Delivery) => ({
  id: of.id,
  sequence: of.number,
  type: of.type,
  state: of.state,
  attempts: of.attempts,
  nextAttemptAt: instant(of.dueMs),
  createdAt: instant(of.createdMs),
  settledAt: instant(of.settledMs),
});

export const attemptView = ({ atMs, durationMs, status, error }: Attempt) => ({
  at: instant(atMs),
  durationMs,
  status: status ?? null,
  error:
    error === undefined ? null : { code: error.code, ...bothLanguages('outside', error.code, error.detail) },
});
