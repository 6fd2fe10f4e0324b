import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { IdempotencyClaim } from '../ports/store.ts';
import { Problem } from './problem.ts';

/** Visible ASCII: what a header can carry unharmed. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The claim of an `Idempotency-Key`: the key, and a fingerprint of the request it was first used for. `body` is what
 * makes two requests the same: the raw bytes, or for a form what was read from it.
 */
export function claimOf(request: FastifyRequest, body: string | Uint8Array): IdempotencyClaim | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key)) throw new Problem('idempotency-key-invalid');
  const route = `${request.method} ${request.routeOptions.url}\n`;
  const bodyHash = hash('sha256', body, 'hex');
  return { key, fingerprint: hash('sha256', route + bodyHash, 'hex').slice(0, 32) };
}
