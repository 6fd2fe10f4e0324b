import type { FastifyRequest } from 'fastify';
import type { Clock } from '../ports/clock.ts';
import type { Destination } from '../ports/door.ts';
import type { Sealing } from '../ports/sealing.ts';
import type { Webhook, WebhookStore } from '../ports/webhooks.ts';
import type { CheckKey, requires } from './auth.ts';
import { Problem } from './problem.ts';

export interface WebhookRoutes {
  readonly store: WebhookStore;
  readonly clock: Clock;
  readonly checkKey: CheckKey;
  readonly sealing: Sealing;
  /** KEZHENG_EGRESS_ALLOW */
  readonly egressAllow: readonly Destination[];
}

export type Managed = { readonly onRequest: ReturnType<typeof requires> };

export const organizationOf = (request: FastifyRequest): string => request.caller.organization.id;

export async function webhookFor(
  { store }: Pick<WebhookRoutes, 'store'>,
  request: FastifyRequest,
): Promise<Webhook> {
  const found = await store.webhook(organizationOf(request), (request.params as { id: string }).id);
  if (found === undefined) throw new Problem('not-found');
  return found;
}
