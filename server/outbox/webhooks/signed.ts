import { createHmac } from 'node:crypto';
import type { Delivery, Message } from '../../ports/webhooks.ts';

/*
 * What is sent, by the Standard Webhooks rules (https://www.standardwebhooks.com): a thin JSON body, the id, the time of
 * this attempt, and for each secret a signature `v1` over all three.
 */

/** `sequence` tells what came out of order or is still to come. The same bytes in every attempt. */
export const bodyOf = ({ type, atMs, data }: Message, { number }: Pick<Delivery, 'number'>): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      type,
      timestamp: new Date(atMs).toISOString(),
      sequence: number,
      data: JSON.parse(data) as unknown,
    }),
  );

/** The time is that of the attempt: receivers refuse what is more than some minutes old, and old messages come too. */
export function signedHeaders(
  id: string,
  body: Uint8Array,
  secrets: readonly Uint8Array[],
  nowMs: number,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures = secrets.map((secret) => {
    const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body);
    return `v1,${mac.digest('base64')}`;
  });
  return {
    'content-type': 'application/json; charset=utf-8',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
