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
  const bodyHash = hash('sha256', body, 'hex');
  return { key, fingerprint: tagOf(request) + bodyHash.slice(0, 32 - TAG_DIGITS) };
}

const TAG_DIGITS = 8;
const tags = new Map<string, string>();

/** Method and path, short: the same body sent elsewhere is another request. There are as many as there are routes. */
function tagOf({ method, routeOptions }: FastifyRequest): string {
  const route = `${method} ${routeOptions.url}`;
  let tag = tags.get(route);
  if (tag === undefined) tags.set(route, (tag = hash('sha256', route, 'hex').slice(0, TAG_DIGITS)));
  return tag;
}
