import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts } from '../identity/accounts.ts';
import { Problem } from './problem.ts';
import { giveToken } from './session-cookie.ts';
import { viewOf } from './sign-in.ts';

/** Whoever walks up to a browser that was left open must not make himself a key to the account. */
const PROVED_MS = 10 * 60_000;

/** For what changes how somebody signs in; comes behind `requires`. */
export const freshlyProved =
  ({ clock }: Pick<Accounts, 'clock'>) =>
  async (request: FastifyRequest): Promise<void> => {
    // A key proves nobody anew; and a clock that was set back makes no proof younger.
    const age = request.signedIn === null ? Number.NaN : clock.nowMs() - request.signedIn.provedMs;
    if (!(age >= 0 && age <= PROVED_MS)) throw new Problem('proof-needed');
  };

/**
 * A new token for the session, which has proved this factor besides. Where the ways of signing in were changed, all
 * other sessions end: they may be of whoever it was changed against.
 */
export async function renewed(
  accounts: Accounts,
  request: FastifyRequest,
  reply: FastifyReply,
  { proved, endOthers }: { readonly proved?: string; readonly endOthers: boolean },
) {
  const { token: _, ...session } = request.signedIn!;
  const factors = [...new Set([...session.factors, ...(proved === undefined ? [] : [proved])])];
  const change = { factors, ...(proved !== undefined && { provedMs: accounts.clock.nowMs() }) };
  const opened = await accounts.sessions.renew(session, change);
  if (endOthers) await accounts.store.endOtherSessions(session.person, opened.session.id);
  giveToken(reply, request.server.people.cookie, opened);
  return viewOf(accounts, opened.token, opened.session);
}
