import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller, KeyRefusal, Scope } from '../identity/api-keys.ts';
import { Problem } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** set by `requires`; routes without it have none */
    caller: Caller;
  }
}

export type CheckKey = (clear: string) => Promise<Caller | KeyRefusal> | Caller;

/** Before the body is read: who calls, and whether the key may do this. RFC 6750 §2.1. */
export function requires(checkKey: CheckKey, scope: Scope) {
  const admit = (request: FastifyRequest, found: Caller | KeyRefusal): void => {
    if (typeof found === 'string') throw new Problem(found);
    if (!found.scopes.includes(scope)) throw new Problem('scope-missing', { scope });
    request.caller = found;
  };
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const header = request.headers.authorization;
    // The scheme's name has no case (RFC 9110 §11.1).
    if (header === undefined || !/^bearer /i.test(header)) {
      done(new Problem('not-authenticated'));
      return;
    }
    const found = checkKey(header.slice(7).trim());
    if (!(found instanceof Promise)) {
      try {
        admit(request, found);
        done();
      } catch (error) {
        done(error as Error);
      }
      return;
    }
    found.then((caller) => admit(request, caller)).then(() => done(), done);
  };
}
