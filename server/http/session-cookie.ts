import { fastifyCookie } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DEVICE_MS } from '../identity/devices.ts';
import type { Opened } from '../identity/sessions.ts';
import type { From } from '../identity/sign-in.ts';

/*
 * The session's token in the browser. No page's script reads it, no other site's form sends it, and where there is TLS
 * (or the browser is on this very machine) its name says that nobody but this host can have set it (RFC 6265bis
 * §4.1.3.2).
 */
export interface SessionCookie {
  readonly name: string;
  readonly secure: boolean;
}

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

export function sessionCookieOf(publicUrl: string): SessionCookie {
  const { protocol, hostname } = new URL(publicUrl);
  const secure = protocol === 'https:' || LOCAL.includes(hostname);
  return { name: secure ? '__Host-kezheng' : 'kezheng', secure };
}

/** What a browser keeps while it is at another place to sign in; no more is known by it than that it is the same one. */
export const attemptCookieOf = ({ secure }: SessionCookie): SessionCookie => ({
  name: secure ? '__Host-kezheng-elsewhere' : 'kezheng-elsewhere',
  secure,
});

/** What a browser keeps for a year after somebody signed in there; it signs nobody in. */
export const deviceCookieOf = ({ secure }: SessionCookie): SessionCookie => ({
  name: secure ? '__Host-kezheng-device' : 'kezheng-device',
  secure,
});

/** Where a guess comes from; the address is the caller's, past the balancers that are trusted. */
export const fromOf = (request: FastifyRequest): From => ({
  device: tokenIn(request, deviceCookieOf(request.server.people.cookie)),
  address: request.ip,
});

/** Read only where it is asked for: requests by key never come here. */
export function tokenIn({ headers }: FastifyRequest, { name }: SessionCookie): string | undefined {
  return headers.cookie === undefined ? undefined : fastifyCookie.parse(headers.cookie)[name];
}

const attributes = ({ secure }: SessionCookie) =>
  ({ path: '/', httpOnly: true, sameSite: 'lax', secure }) as const;

export function giveToken(reply: FastifyReply, cookie: SessionCookie, { token, session }: Opened): void {
  reply.setCookie(cookie.name, token, { ...attributes(cookie), expires: new Date(session.expiresMs) });
}

/** Lax, as the session's: it has to come along when the other place sends the browser back. */
export const giveAttempt = (
  reply: FastifyReply,
  cookie: SessionCookie,
  token: string,
  lifeMs: number,
): void => void reply.setCookie(cookie.name, token, { ...attributes(cookie), maxAge: lifeMs / 1_000 });

export const giveDevice = (reply: FastifyReply, cookie: SessionCookie, mark: string): void =>
  void reply.setCookie(cookie.name, mark, { ...attributes(cookie), maxAge: DEVICE_MS / 1_000 });

export const takeTokenBack = (reply: FastifyReply, cookie: SessionCookie): void =>
  void reply.clearCookie(cookie.name, attributes(cookie));
