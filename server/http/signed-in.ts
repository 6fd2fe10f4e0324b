import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../identity/api-keys.ts';
import { type Demands, isProvedTwice } from '../identity/demands.ts';
import type { Action } from '../identity/permissions.ts';
import { callerOf, type Sessions, type SignedIn } from '../identity/sessions.ts';
import { isCsrf } from '../identity/tokens.ts';
import { Problem } from './problem.ts';
import { type SessionCookie, tokenIn } from './session-cookie.ts';

declare module 'fastify' {
  interface FastifyInstance {
    people: PeopleInBrowsers;
  }
  interface FastifyRequest {
    /** who is signed in, where the request was admitted by its cookie */
    signedIn: (SignedIn & { readonly token: string }) | null;
  }
}

/** What admits people: auth.ts asks it where a request bears neither key nor signature. */
export interface PeopleInBrowsers {
  readonly sessions: Sessions;
  readonly cookie: SessionCookie;
  /** scheme, host and port as browsers name this service (RFC 6454) */
  readonly origin: () => string;
  /** whether a second factor is demanded of who is signed in */
  readonly demands: Demands;
}

export function installPeople(app: FastifyInstance, people: PeopleInBrowsers): void {
  app.decorate('people', people);
  app.decorateRequest('signedIn', null);
}

/** Undefined where there is no cookie of ours. Throws a Problem where the session is over or the request is forged. */
export function callerByCookie(request: FastifyRequest): Promise<Caller> | undefined {
  const { cookie } = request.server.people;
  const token = tokenIn(request, cookie);
  return token === undefined ? undefined : admit(request, token);
}

async function admit(request: FastifyRequest, token: string): Promise<Caller> {
  if (!SAFE.has(request.method)) refuseForged(request, token);
  const found = await request.server.people.sessions.find(token, true);
  if (found === undefined) throw new Problem('session-over');
  request.signedIn = { ...found, token };
  return callerOf(found);
}

/** Whoever has to prove himself twice and has not does nothing but what makes him able to. */
export async function refuseUnproved({ signedIn, server }: FastifyRequest, action: Action): Promise<void> {
  if (signedIn === null || action === 'account.use' || isProvedTwice(signedIn.factors)) return;
  if (await server.people.demands(signedIn)) throw new Problem('second-factor-needed');
}

/** For what goes on after its request was admitted; looking keeps no session alive. */
export async function isStillSignedIn(request: FastifyRequest): Promise<Caller | undefined> {
  const found = await request.server.people.sessions.find(request.signedIn!.token, false);
  return found && callerOf(found);
}

/** RFC 9110 §9.2.1 */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A cookie comes by itself, whoever's page makes the request: a change needs two signs that the page is ours. */
function refuseForged(request: FastifyRequest, token: string): void {
  const given = request.headers['x-kezheng-csrf'];
  if (!isFromHere(request) || typeof given !== 'string' || !isCsrf(token, given))
    throw new Problem('forged-request');
}

/** By what no page’s script can set: browsers that say where a request is from say it better than its origin. */
function isFromHere({ headers: { origin, 'sec-fetch-site': site }, server }: FastifyRequest): boolean {
  if (site !== undefined) return site === 'same-origin';
  return origin === server.people.origin();
}

/**
 * For what signs somebody in: no cookie comes with it, and yet no other site may sign a browser in under an account of
 * its own. Programs that are no browsers say nothing of where they are.
 */
export function refuseOtherSites(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: (error?: Error) => void,
) {
  const { origin, 'sec-fetch-site': site } = request.headers;
  const silent = origin === undefined && site === undefined;
  done(silent || isFromHere(request) ? undefined : new Problem('forged-request'));
}

/** For what works without being signed in, and otherwise with it: an old cookie is as good as none. */
export async function signedInIfAny(request: FastifyRequest): Promise<void> {
  const { headers } = request;
  if (headers.authorization !== undefined || headers['signature-input'] !== undefined) return;
  const { cookie, sessions } = request.server.people;
  const token = tokenIn(request, cookie);
  const found = token === undefined ? undefined : await sessions.find(token, true);
  if (found === undefined) return;
  if (!SAFE.has(request.method)) refuseForged(request, token!);
  request.signedIn = { ...found, token: token! };
}
