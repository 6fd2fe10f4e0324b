import { randomBytes } from 'node:crypto';
import type { Sealing } from '../../ports/sealing.ts';
import type { Webhook } from '../../ports/webhooks.ts';

/** Standard Webhooks: 24 to 64 bytes; as long as what SHA-256 gives (RFC 2104 §3: more adds nothing). */
const SECRET_BYTES = 32;

/** While a receiver changes over it knows one of the two: both sign. */
export const BOTH_SIGN_MS = 24 * 3_600_000;

/** What is kept, and what its receiver is given: `whsec_` and base64, told once. */
export async function newSecret(
  sealing: Sealing,
  webhook: string,
): Promise<{ readonly sealed: Uint8Array; readonly clear: string }> {
  const secret = randomBytes(SECRET_BYTES);
  return {
    sealed: await sealing.seal('webhook-secret', webhook, secret),
    clear: `whsec_${secret.toString('base64')}`,
  };
}

/** Those that sign now, the present one first. Throws where the service's key that sealed them is gone. */
export function secretsOf(
  sealing: Sealing,
  { id, secret, previous }: Webhook,
  nowMs: number,
): Promise<readonly Uint8Array[]> {
  const signing = previous !== undefined && nowMs < previous.untilMs ? [secret, previous.secret] : [secret];
  return Promise.all(signing.map((sealed) => sealing.open('webhook-secret', id, sealed)));
}
