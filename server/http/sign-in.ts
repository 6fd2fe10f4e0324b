import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Accounts } from '../identity/accounts.ts';
import type { Opened } from '../identity/sessions.ts';
import type { Proof, SecondFactor } from '../identity/sign-in.ts';
import { csrfOf } from '../identity/tokens.ts';
import { type CheckKey, requires } from './auth.ts';
import { instant, Login, Password, SecondFactorAsked, SessionView } from './people-schemas.ts';
import { Problem } from './problem.ts';
import { closed, problems, Uuid } from './schemas.ts';
import { deviceCookieOf, fromOf, giveDevice, giveToken, takeTokenBack, tokenIn } from './session-cookie.ts';
import { refuseOtherSites } from './signed-in.ts';

export interface SignInRoutes {
  readonly accounts: Accounts;
  readonly checkKey: CheckKey;
}

/** Tries of one address: an office behind one address signs in in the morning. Wrong ones have a limit of their own (identity/addresses.ts). */
export const SIGN_IN_LIMIT = { rateLimit: { max: 60, timeWindow: 60_000 } } as const;

const Credentials = Type.Object({ login: Login, password: Password }, closed);
const tags = ['account'];
const common = { tags, security: [{ session: [] }] };

/** /v1/session: signing in by password, who is signed in, and signing out. */
export function signInRoutes(app: FastifyInstance, deps: SignInRoutes): void {
  signInByPassword(app, deps);
  whoAndOut(app, deps);
  switchOrganization(app, deps);
}

const admitted = ({ checkKey }: SignInRoutes) => ({ onRequest: requires(checkKey, 'account.use') });

function signInByPassword(app: FastifyInstance, { accounts }: SignInRoutes): void {
  app.post<{ Body: { login: string; password: string } }>(
    '/v1/session',
    {
      config: SIGN_IN_LIMIT,
      onRequest: refuseOtherSites,
      schema: {
        tags,
        summary: '登录 / sign in',
        description:
          '口令正确而另有第二凭证时为 202：凭 `ticket` 完成。错误口令达五次后逐次加倍等待，至多十五分钟，其间正确的口令也不予核对；曾登录过的浏览器另行计数。 / 202 where a second factor is asked for. From the fifth wrong password on each further try waits twice as long, a quarter of an hour at most; meanwhile not even the right one is looked at. A browser in which one signed in before is counted apart.',
        body: Credentials,
        response: { 200: SessionView, 202: SecondFactorAsked, ...problems(400, 401, 403, 429, 503) },
      },
    },
    async (request, reply) => {
      const { login, password } = request.body;
      const proof = await accounts.signIn.prove(login, password, fromOf(request));
      const person = provedBy(proof, accounts, 'credentials-wrong');
      const factors = await accounts.signIn.secondFactors(person);
      if (factors.length === 0) return finishSignIn(accounts, request, reply, person.id, ['password']);
      const { token, expiresMs } = await accounts.signIn.askSecond(person, ['password']);
      return reply.code(202).send(asked(token, factors, expiresMs));
    },
  );
}

function whoAndOut(app: FastifyInstance, deps: SignInRoutes): void {
  const { accounts } = deps;
  app.get(
    '/v1/session',
    {
      ...admitted(deps),
      schema: {
        ...common,
        summary: '谁已登录 / who is signed in',
        response: { 200: SessionView, ...problems(401, 403) },
      },
    },
    async (request) => viewOf(accounts, request.signedIn!.token, request.signedIn!),
  );
  app.delete(
    '/v1/session',
    {
      ...admitted(deps),
      schema: {
        ...common,
        summary: '退出 / sign out',
        response: { 204: Type.Null(), ...problems(401, 403) },
      },
    },
    async (request, reply) => {
      const { id, person, organization } = request.signedIn!;
      await accounts.store.endSession(id);
      await accounts.record('signed-out', { person, organization });
      takeTokenBack(reply, app.people.cookie);
      return reply.code(204).send();
    },
  );
}

function switchOrganization(app: FastifyInstance, deps: SignInRoutes): void {
  const { accounts } = deps;
  app.post<{ Body: { organization: string } }>(
    '/v1/session/organization',
    {
      ...admitted(deps),
      schema: {
        ...common,
        summary: '切换机构 / act for another of one’s organizations',
        body: Type.Object({ organization: Uuid }, closed),
        response: { 200: SessionView, ...problems(400, 401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { organization } = request.body;
      const { person, token: _, ...session } = request.signedIn!;
      const memberships = await accounts.store.membershipsOf(person);
      // One that there is and he is not in, and one that never was, are the same.
      if (!memberships.some((one) => one.organization === organization)) throw new Problem('not-found');
      const opened = await accounts.sessions.renew({ ...session, person }, { organization });
      await accounts.record('organization-switched', { person, organization });
      giveToken(reply, app.people.cookie, opened);
      return viewOf(accounts, opened.token, opened.session);
    },
  );
}

const asked = (ticket: string, factors: readonly SecondFactor[], expiresMs: number) => ({
  ticket,
  factors,
  expiresAt: instant(expiresMs),
});

/** Who proved it; else why not, in the same words for every login. */
export function provedBy(
  proof: Proof,
  { clock }: Pick<Accounts, 'clock'>,
  wrong: 'credentials-wrong' | 'password-wrong',
) {
  if (proof.outcome === 'right') return proof.person;
  if (proof.outcome === 'wrong') throw new Problem(wrong);
  const seconds = Math.max(1, Math.ceil((proof.untilMs - clock.nowMs()) / 1_000));
  throw new Problem('sign-in-waits', { seconds }, { retryAfterSeconds: seconds });
}

/**
 * Everything was proved: a new session in the browser that asked, in place of the one that it had. `factors` are words
 * such as `password`, `totp`, `passkey`, `recovery`, `oidc`.
 */
export async function finishSignIn(
  accounts: Accounts,
  request: FastifyRequest,
  reply: FastifyReply,
  person: string,
  factors: readonly string[],
  organization?: string,
) {
  const opened = await accounts.signIn.finish(person, factors, organization, fromOf(request));
  if (opened === undefined) throw new Problem('no-membership');
  await endEarlier(accounts, request);
  const { cookie } = request.server.people;
  giveToken(reply, cookie, opened);
  giveDevice(reply, deviceCookieOf(cookie), await accounts.devices.mark(person));
  return viewOf(accounts, opened.token, opened.session);
}

/** Whoever signs in anew in one browser leaves there who was signed in before. */
async function endEarlier({ store, sessions, record }: Accounts, request: FastifyRequest): Promise<void> {
  const token = tokenIn(request, request.server.people.cookie);
  const earlier = token === undefined ? undefined : await sessions.find(token, false);
  if (earlier === undefined) return;
  const { id, person, organization } = earlier;
  await store.endSession(id);
  await record('signed-out', { person, organization });
}

export async function viewOf(
  { store, sessions }: Accounts,
  token: string,
  { person, organization, factors, expiresMs }: Opened['session'],
) {
  const [of, memberships] = await Promise.all([store.person(person), store.membershipsOf(person)]);
  const organizations = await Promise.all(
    memberships.map(async ({ organization: id, roles }) => {
      const known = await store.organization(id);
      return { id, name: known!.name, role: known!.role, roles };
    }),
  );
  const { roles, ...present } = organizations.find(({ id }) => id === organization)!;
  return {
    person: { id: person, name: of!.name },
    organization: present,
    roles,
    csrf: csrfOf(token),
    factors,
    expiresAt: instant(expiresMs),
    idleMinutes: sessions.limits.idleMs / 60_000,
    organizations,
  };
}
