import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, deniedTo, type KeyRefusal } from '../identity/api-keys.ts';
import type { Action, Denied } from '../identity/permissions.ts';
import { Problem } from './problem.ts';
import { expectContent, messageOf, signatureProblem } from './signed.ts';
import { callerByCookie, isStillSignedIn, refuseUnproved } from './signed-in.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** set by `requires`; routes without it have none */
    caller: Caller;
  }
}

export type CheckKey = (clear: string) => Promise<Caller | KeyRefusal> | Caller;

/** The clear key of a request. The scheme's name has no case (RFC 9110 §11.1). */
function keyOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  return authorization !== undefined && /^bearer /i.test(authorization)
    ? authorization.slice(7).trim()
    : undefined;
}

/** Whether a request that was admitted long ago would be admitted now: its key, its signature's, or its session. */
export async function stillMay(
  checkKey: CheckKey,
  request: FastifyRequest,
  action: Action,
): Promise<boolean> {
  if (isSigned(request)) return request.server.signedCalls.isGood(request.caller.keyId);
  const found = await (request.signedIn === null ? checkKey(keyOf(request) ?? '') : isStillSignedIn(request));
  return found !== undefined && typeof found !== 'string' && deniedTo(action, found) === undefined;
}

const isSigned = ({ headers }: FastifyRequest): boolean => headers['signature-input'] !== undefined;

/** Who signed the request. A key that it bears besides has to be of the same organization. */
async function signedBy(checkKey: CheckKey, request: FastifyRequest): Promise<Caller> {
  const message = messageOf(request);
  try {
    const found = await request.server.signedCalls.check(message);
    if (typeof found === 'string') throw new Problem(found);
    expectContent(request, message);
    const key = keyOf(request);
    const bearer = key === undefined ? found : await checkKey(key);
    if (typeof bearer === 'string') throw new Problem(bearer);
    if (bearer.organization.id !== found.organization.id) throw new Problem('not-authenticated');
    return found;
  } catch (error) {
    throw signatureProblem(error);
  }
}

/**
 * Before the body is read: who calls, by key (RFC 6750 §2.1), by signature (RFC 9421) or by the cookie of a session, and
 * whether he may do this. Where a key or a signature comes with a cookie, they count and the cookie is not looked at:
 * no page of another site can make a browser send them.
 */
export function requires(checkKey: CheckKey, action: Action): Door {
  const admit = (request: FastifyRequest, found: Caller | KeyRefusal): void => {
    if (typeof found === 'string') throw new Problem(found);
    const denied = deniedTo(action, found);
    if (denied !== undefined) throw deniedProblem(denied);
    request.caller = found;
  };
  const door: Door = (request, _reply, done) => {
    const key = keyOf(request);
    const found = isSigned(request)
      ? signedBy(checkKey, request)
      : key === undefined
        ? callerByCookie(request)
        : checkKey(key);
    if (found === undefined) {
      done(new Problem('not-authenticated'));
      return;
    }
    if (!(found instanceof Promise)) {
      try {
        admit(request, found);
        done();
      } catch (error) {
        done(error as Error);
      }
      return;
    }
    found
      .then((caller) => admit(request, caller))
      .then(() => refuseUnproved(request, action))
      .then(() => done(), done);
  };
  ACTIONS.set(door, action);
  return door;
}

type Door = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;

const ACTIONS = new WeakMap<object, Action>();

/** What a hook before a route asks leave for; undefined where it is no such hook. What tries every route reads it here. */
export const actionOf = (hook: object): Action | undefined => ACTIONS.get(hook);

const deniedProblem = (denied: Denied): Problem =>
  denied.code === 'scope-missing'
    ? new Problem('scope-missing', { scope: denied.scope })
    : new Problem('not-allowed');
