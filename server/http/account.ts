import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { PASSWORD_LENGTH, passwordFault } from '../identity/passwords.ts';
import { isOver } from '../identity/sessions.ts';
import { eventsPage } from './account-events.ts';
import { requires } from './auth.ts';
import { EventsQuery, EventsView, instant, Password, SessionView } from './people-schemas.ts';
import { Problem } from './problem.ts';
import { closed, Instant, problems } from './schemas.ts';
import { fromOf, giveToken } from './session-cookie.ts';
import { provedBy, SIGN_IN_LIMIT, type SignInRoutes, viewOf } from './sign-in.ts';

/** A session as its owner sees it; its id is a hash, and opens nothing. */
const OwnSession = Type.Object({
  id: Type.String(),
  current: Type.Boolean({ description: '即本次登录 / this very one' }),
  organization: Type.String(),
  factors: Type.Array(Type.String()),
  createdAt: Instant,
  seenAt: Instant,
  expiresAt: Instant,
});
const SessionParams = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{64}$' }) }, closed);
const PasswordChange = Type.Object({ old: Password, new: Password }, closed);
const common = { tags: ['account'], security: [{ session: [] }] };

/** /v1/account: what everybody does with his own account. */
export function accountRoutes(app: FastifyInstance, deps: SignInRoutes): void {
  listOfOwn(app, deps);
  endingOfOwn(app, deps);
  passwordOfOwn(app, deps);
  eventsOfOwn(app, deps);
}

const ownOf = ({ checkKey }: SignInRoutes) => ({ onRequest: requires(checkKey, 'account.use') });

function listOfOwn(app: FastifyInstance, deps: SignInRoutes): void {
  const { store, clock, sessions } = deps.accounts;
  app.get(
    '/v1/account/sessions',
    {
      ...ownOf(deps),
      schema: {
        ...common,
        summary: '自己的登录 / one’s own sessions',
        response: { 200: Type.Object({ items: Type.Array(OwnSession) }), ...problems(401, 403) },
      },
    },
    async (request) => {
      const { id: current, person } = request.signedIn!;
      const nowMs = clock.nowMs();
      const found = (await store.sessionsOf(person)).filter((one) => !isOver(one, nowMs, sessions.limits));
      return {
        items: found.map(({ id, organization, factors, createdMs, seenMs, expiresMs }) => ({
          ...{ id, current: id === current, organization, factors },
          createdAt: instant(createdMs),
          seenAt: instant(seenMs),
          expiresAt: instant(expiresMs),
        })),
      };
    },
  );
}

function endingOfOwn(app: FastifyInstance, deps: SignInRoutes): void {
  const { store, record } = deps.accounts;
  app.delete<{ Params: { id: string } }>(
    '/v1/account/sessions/:id',
    {
      ...ownOf(deps),
      schema: {
        ...common,
        summary: '结束自己的一次登录 / end one of one’s own sessions',
        params: SessionParams,
        response: { 204: Type.Null(), ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { person, organization } = request.signedIn!;
      const { id } = request.params;
      if (!(await store.sessionsOf(person)).some((one) => one.id === id)) throw new Problem('not-found');
      await store.endSession(id);
      await record('session-ended', { person, organization });
      return reply.code(204).send();
    },
  );
  app.delete(
    '/v1/account/sessions',
    {
      ...ownOf(deps),
      schema: {
        ...common,
        summary: '结束其他全部登录 / end all sessions but this one',
        response: { 204: Type.Null(), ...problems(401, 403) },
      },
    },
    async (request, reply) => {
      const { id, person, organization } = request.signedIn!;
      await store.endOtherSessions(person, id);
      await record('other-sessions-ended', { person, organization });
      return reply.code(204).send();
    },
  );
}

function passwordOfOwn(app: FastifyInstance, deps: SignInRoutes): void {
  const { accounts } = deps;
  const { store, clock, record, sessions } = accounts;
  app.post<{ Body: { old: string; new: string } }>(
    '/v1/account/password',
    {
      ...ownOf(deps),
      config: SIGN_IN_LIMIT,
      schema: {
        ...common,
        summary: '更改口令，其他登录随之结束 / change the password; all other sessions end',
        body: PasswordChange,
        response: { 200: SessionView, ...problems(400, 401, 403, 422, 429, 503) },
      },
    },
    async (request, reply) => {
      const { old, new: wanted } = request.body;
      const { person: id, organization, token: _, ...session } = request.signedIn!;
      const from = fromOf(request);
      const proof = await accounts.signIn.proveAgain(id, old, from);
      const person = provedBy(proof, accounts, 'password-wrong');
      refuseUnfit(wanted, person.login);
      await store.setPassword(id, await accounts.passwords.hash(wanted));
      // What strangers guessed at is no password any more.
      await store.clearFailures(id);
      await accounts.signIn.clear(id, from);
      // A crash before this leaves the other sessions: the new password is good, and asks for it again.
      const change = { provedMs: clock.nowMs() };
      const opened = await sessions.renew({ ...session, person: id, organization }, change);
      await store.endOtherSessions(id, opened.session.id);
      await record('password-changed', { person: id, organization });
      giveToken(reply, app.people.cookie, opened);
      return viewOf(accounts, opened.token, opened.session);
    },
  );
}

function eventsOfOwn(app: FastifyInstance, deps: SignInRoutes): void {
  const { accounts } = deps;
  app.get<{ Querystring: { before?: number; limit?: number } }>(
    '/v1/account/events',
    {
      ...ownOf(deps),
      schema: {
        ...common,
        summary: '自己账户的记录 / what happened to one’s own account',
        querystring: EventsQuery,
        response: { 200: EventsView, ...problems(400, 401, 403) },
      },
    },
    async (request) => eventsPage(accounts, { person: request.signedIn!.person }, request.query),
  );
}

/** Why this cannot be the password of this login, in sentences. */
export function refuseUnfit(password: string, login: string): void {
  const fault = passwordFault(password, login);
  if (fault !== undefined) throw new Problem(fault, PASSWORD_LENGTH);
}
