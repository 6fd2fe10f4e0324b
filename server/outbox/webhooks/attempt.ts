import { type Door, type DoorAnswer, DoorProblem } from '../../ports/door.ts';
import type { Sealing } from '../../ports/sealing.ts';
import type { Attempt, Delivery, Message, WEBHOOK_CODES, Webhook } from '../../ports/webhooks.ts';
import { secretsOf } from './secret.ts';
import { bodyOf, signedHeaders } from './signed.ts';

/** From the question for the name to the answer, as the Standard Webhooks rules advise (15 to 30 s). */
export const ATTEMPT_MS = 15_000;

/** Of an answer's body, which nobody reads. */
const MOST_BYTES = 64 * 1_024;

export interface Tried extends Pick<Attempt, 'status' | 'error'> {
  readonly retryAfter: string | undefined;
}

/** One try; undefined where we stopped it ourselves, which says nothing of the receiver. */
export async function attempt(
  { door, sealing }: { readonly door: Door; readonly sealing: Sealing },
  { webhook, delivery, message }: { webhook: Webhook; delivery: Delivery; message: Message },
  nowMs: number,
  signal: AbortSignal,
): Promise<Tried | undefined> {
  const body = bodyOf(message, delivery);
  const secrets = await opened(sealing, webhook, nowMs);
  if (secrets === undefined) return failed('webhook-secret-unreadable', {});
  try {
    const answer: DoorAnswer = await door.ask({
      url: webhook.url,
      method: 'POST',
      headers: signedHeaders(delivery.id, body, secrets, nowMs),
      body,
      maxBytes: MOST_BYTES,
      statusOnly: true,
      signal,
    });
    return { status: answer.status, error: undefined, retryAfter: answer.retryAfter };
  } catch (error) {
    if (!(error instanceof DoorProblem)) throw error;
    return error.code === 'door-stopped' ? undefined : failed(error.code, error.detail);
  }
}

const failed = (
  code: DoorProblem['code'] | (typeof WEBHOOK_CODES)[number],
  detail: NonNullable<Attempt['error']>['detail'],
): Tried => ({
  status: undefined,
  error: { code, detail },
  retryAfter: undefined,
});

/** A key of ours that was lost is a failure like any other to whoever looks at his deliveries: they go on after a rotation. */
async function opened(
  sealing: Sealing,
  webhook: Webhook,
  nowMs: number,
): Promise<readonly Uint8Array[] | undefined> {
  try {
    return await secretsOf(sealing, webhook, nowMs);
  } catch {
    return undefined;
  }
}
