import { randomBytes } from 'node:crypto';
import { sealingWith } from '../../../server/identity/sealed.ts';
import { newSecret } from '../../../server/outbox/webhooks/secret.ts';
import type { Delivery, Message, Webhook } from '../../../server/ports/webhooks.ts';

/* Webhooks as they come out of a store, with secrets that are really sealed. */

/** Under a key of its own. */
export function newSealing() {
  const key = randomBytes(32);
  return sealingWith(async () => [key]);
}

export const sealing = newSealing();

export interface Sample {
  readonly webhook: Webhook;
  readonly delivery: Delivery;
  readonly message: Message;
  /** what the receiver was given */
  readonly clear: string;
}

export async function sample(url: string, given: Partial<Webhook> = {}): Promise<Sample> {
  const id = '01890000-0000-7000-8000-000000000001';
  const { sealed, clear } = await newSecret(sealing, id);
  const webhook: Webhook = {
    id,
    organization: '01890000-0000-7000-8000-000000000002',
    url,
    description: '',
    types: ['*'],
    secret: sealed,
    previous: undefined,
    createdMs: 0,
    disabled: undefined,
    failingSinceMs: undefined,
    restsUntilMs: undefined,
    ...given,
  };
  const delivery: Delivery = {
    id: `msg_${'0a'.repeat(16)}`,
    webhook: id,
    number: 7,
    type: 'evidence.certified',
    state: 'waiting',
    attempts: 0,
    tries: 0,
    dueMs: 0,
    createdMs: 0,
    settledMs: undefined,
  };
  const message: Message = {
    id: 'certified/x',
    organization: webhook.organization,
    type: 'evidence.certified',
    atMs: 1_800_000_000_000,
    data: '{"ids":["证","\\u0000"],"state":"anchored"}',
  };
  return { webhook, delivery, message, clear };
}
