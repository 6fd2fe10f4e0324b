import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { IdempotencyClaim } from '../ports/store.ts';
import { Problem } from './problem.ts';

/** Visible ASCII: what a header can carry unharmed. */
const KEY = /^[\x21-\x7e]{1,255}$/;

const TAG_DIGITS = 8;

/**
 * Reads the claim of an `Idempotency-Key`: the key, and a fingerprint of the request it was first used for. `route`
 * (method and path) is part of it: the same body sent elsewhere is another request. `body` is what makes two requests
 * the same: the raw bytes, or for a form what was read from it.
 */
export function claimsOf(route: string) {
  const tag = hash('sha256', route, 'hex').slice(0, TAG_DIGITS);
  return (request: FastifyRequest, body: string | Uint8Array): IdempotencyClaim | undefined => {
    const key = request.headers['idempotency-key'];
    if (key === undefined) return undefined;
    if (typeof key !== 'string' || !KEY.test(key)) throw new Problem('idempotency-key-invalid');
    return { key, fingerprint: tag + hash('sha256', body, 'hex').slice(0, 32 - TAG_DIGITS) };
  };
}
