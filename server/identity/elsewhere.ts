import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';
import { OidcProblem, type OidcProvider, type OidcSecrets, type Subject } from '../ports/oidc.ts';
import type { PeopleStore } from '../ports/people.ts';
import { issueTicket } from './tickets.ts';
import { newToken, tokenHash } from './tokens.ts';

/*
 * Signing in at another place. `state` is the token of the attempt's ticket, and what else the attempt needs is
 * computed from a token that only the browser has, in a cookie: an address that somebody else is led to (to sign him
 * in as another, or to link a foreign identity to his account) is worth nothing in his browser.
 */

/** What the attempt is for; whoever comes back does this and nothing else. */
export type Purpose =
  | { readonly to: 'sign-in' }
  /** of whoever has an invitation: its hash, since the token stands nowhere in the clear; as somebody new */
  | { readonly to: 'join'; readonly invitation: string; readonly login: string; readonly name: string }
  /** of whoever is signed in */
  | { readonly to: 'link'; readonly person: string; readonly session: string };

export interface ElsewhereDeps {
  readonly people: Pick<PeopleStore, 'addTicket' | 'takeTicket'>;
  readonly provider: OidcProvider;
  readonly clock: Clock;
}

/** People look for their password meanwhile. */
export const ATTEMPT_MS = 10 * 60_000;

const KIND = 'oidc';

interface Kept {
  readonly browser: string;
  readonly purpose: Purpose;
}

const derived = (use: string, browser: string): string =>
  createHash('sha256').update(`kezheng ${use}\0${browser}`).digest('base64url');

const secretsOf = (state: string, browser: string): OidcSecrets => ({
  state,
  nonce: derived('nonce', browser),
  verifier: derived('verifier', browser),
});

/** Where the browser goes, and what it keeps in a cookie until it is back. */
export async function beginElsewhere(
  { people, provider, clock }: ElsewhereDeps,
  purpose: Purpose,
): Promise<{ readonly url: string; readonly browser: string }> {
  const [state, browser] = [newToken(), newToken()];
  const url = await provider.authorizationUrl(secretsOf(state, browser));
  const data: Kept = { browser: tokenHash(browser), purpose };
  const person = purpose.to === 'link' ? purpose.person : undefined;
  await issueTicket(people, { kind: KIND, person, data, lifeMs: ATTEMPT_MS }, clock.nowMs(), state);
  return { url, browser };
}

/**
 * Who came back, and what for. The ticket goes first: whatever comes of it, an answer counts once. Throws OidcProblem.
 */
export async function finishElsewhere(
  { people, provider, clock }: ElsewhereDeps,
  query: string,
  browser: string | undefined,
): Promise<{ readonly subject: Subject; readonly purpose: Purpose }> {
  const states = new URLSearchParams(query).getAll('state');
  const state = states.length === 1 ? states[0]! : '';
  const ticket = await people.takeTicket(tokenHash(state), KIND, clock.nowMs());
  if (ticket === undefined)
    throw new OidcProblem('refused', 'an attempt that was not begun, was used, or is over');
  const kept = JSON.parse(ticket.data) as Kept;
  const given = Buffer.from(tokenHash(browser ?? ''), 'hex');
  if (browser === undefined || !timingSafeEqual(given, Buffer.from(kept.browser, 'hex')))
    throw new OidcProblem('refused', 'another browser than the one that began');
  const subject = await provider.subjectOf(query, secretsOf(state, browser));
  return { subject, purpose: kept.purpose };
}
