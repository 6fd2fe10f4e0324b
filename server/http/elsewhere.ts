import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import {
  ATTEMPT_MS,
  beginElsewhere,
  type ElsewhereDeps,
  finishElsewhere,
  type Purpose,
} from '../identity/elsewhere.ts';
import { isGood, join, newPerson } from '../identity/invitations.ts';
import { isLogin, normalLogin } from '../identity/logins.ts';
import { tokenHash } from '../identity/tokens.ts';
import type { OidcProvider, Subject } from '../ports/oidc.ts';
import { requires } from './auth.ts';
import { personOf } from './factors.ts';
import { freshlyProved, renewed } from './fresh-proof.ts';
import { refuseLastWayIn } from './passkeys.ts';
import { Login, PersonName, SessionView } from './people-schemas.ts';
import { Problem, problemOf } from './problem.ts';
import { closed, line, problems } from './schemas.ts';
import { attemptCookieOf, giveAttempt, takeTokenBack, tokenIn } from './session-cookie.ts';
import { finishSignIn, SIGN_IN_LIMIT, type SignInRoutes } from './sign-in.ts';
import { refuseOtherSites } from './signed-in.ts';

export interface ElsewhereRoutes extends SignInRoutes {
  /** undefined: people sign in here alone */
  readonly provider: OidcProvider | undefined;
  readonly publicUrl: () => string;
}

const Provider = Type.Object({ name: Type.String({ description: '身份提供者 / who it is' }) });
const Begun = Type.Object({ url: Type.String({ description: '浏览器前往之处 / where the browser goes' }) });
const Beginning = Type.Object(
  {
    invitation: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })),
    login: Type.Optional(Login),
    name: Type.Optional(PersonName),
  },
  {
    ...closed,
    description:
      '空：登录；invitation、login、name：凭邀请加入 / none: sign in; all three: join by an invitation',
  },
);
const Linked = Type.Object(
  { issuer: line(2_048, '提供者 / issuer'), subject: line(255, '标识 / subject') },
  closed,
);
const tags = ['account'];

/** Where the provider sends browsers back to. */
export const CALLBACK = '/v1/session/oidc/callback';

/** /v1/session/oidc and /v1/account/oidc: signing in at another place, joining from there, and linking an account. */
export function elsewhereRoutes(app: FastifyInstance, deps: ElsewhereRoutes): void {
  beginRoutes(app, deps);
  callbackRoute(app, deps);
  linkRoutes(app, deps);
}

function elsewhereOf({ accounts, provider }: ElsewhereRoutes): ElsewhereDeps {
  if (provider === undefined) throw new Problem('elsewhere-not-set-up');
  return { people: accounts.store, clock: accounts.clock, provider };
}

async function begin(deps: ElsewhereRoutes, request: FastifyRequest, reply: FastifyReply, purpose: Purpose) {
  const { url, browser } = await beginElsewhere(elsewhereOf(deps), purpose);
  giveAttempt(reply, attemptCookieOf(request.server.people.cookie), browser, ATTEMPT_MS);
  return { url };
}

function beginRoutes(app: FastifyInstance, deps: ElsewhereRoutes): void {
  app.get(
    '/v1/session/oidc',
    {
      config: SIGN_IN_LIMIT,
      schema: {
        tags,
        summary: '统一身份登录 / the provider',
        response: { 200: Provider, ...problems(404, 429) },
      },
    },
    async () => ({ name: elsewhereOf(deps).provider.name }),
  );
  app.post<{ Body: Static<typeof Beginning> }>(
    '/v1/session/oidc',
    {
      config: SIGN_IN_LIMIT,
      onRequest: refuseOtherSites,
      schema: {
        tags,
        summary: '开始统一身份登录，或凭邀请由此加入 / begin to sign in there, or to join from there',
        body: Beginning,
        response: { 200: Begun, ...problems(400, 403, 404, 409, 410, 422, 429, 503) },
      },
    },
    async (request, reply) => begin(deps, request, reply, await purposeOf(deps, request.body)),
  );
}

async function purposeOf(
  { accounts: { store, clock } }: ElsewhereRoutes,
  { invitation, login, name }: Static<typeof Beginning>,
): Promise<Purpose> {
  if (invitation === undefined) return { to: 'sign-in' };
  const hash = tokenHash(invitation);
  const found = await store.invitationByToken(hash);
  // A link to a new password is for an account that there is.
  if (found === undefined || found.person !== undefined) throw new Problem('not-found');
  if (!isGood(found, clock.nowMs())) throw new Problem('invitation-over');
  const normal = normalLogin(login ?? '');
  if (!isLogin(normal) || name === undefined) throw new Problem('login-invalid');
  if ((await store.personByLogin(normal)) !== undefined) throw new Problem('login-taken');
  return { to: 'join', invitation: hash, login: normal, name };
}

function callbackRoute(app: FastifyInstance, deps: ElsewhereRoutes): void {
  app.get(
    CALLBACK,
    {
      config: SIGN_IN_LIMIT,
      schema: {
        tags,
        summary:
          '提供者把浏览器送回这里，随后转到网页 / the provider sends browsers back here; they go on to a page',
        description:
          '# 之后是结果：`signed-in`、`linked`、`ticket=…&factors=…` 或 `problem=…`。 / What came of it stands behind #.',
        response: { 303: Type.Null(), ...problems(429) },
      },
    },
    async (request, reply) => {
      const attempt = attemptCookieOf(app.people.cookie);
      takeTokenBack(reply, attempt);
      let said: string;
      try {
        said = await comeBack(deps, request, reply, tokenIn(request, attempt));
      } catch (error) {
        // A person looks at this, not a program: the page says it in sentences.
        const problem = problemOf(error as Error);
        request.log.warn({ err: error }, `sign-in elsewhere: ${problem.code}`);
        said = `problem=${problem.code}`;
      }
      return reply.code(303).header('location', `${deps.publicUrl()}/sign-in#${said}`).send();
    },
  );
}

async function comeBack(
  deps: ElsewhereRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
  browser: string | undefined,
): Promise<string> {
  const query = new URL(request.url, 'http://localhost').search;
  const { subject, purpose } = await finishElsewhere(elsewhereOf(deps), query, browser);
  if (purpose.to === 'link') return link(deps, subject, purpose);
  const { store } = deps.accounts;
  const known = await store.personBySubject(subject.issuer, subject.subject);
  if (purpose.to === 'join') return joinAs(deps, request, reply, { subject, purpose, known });
  if (known === undefined) throw new Problem('elsewhere-unknown');
  return signInAs(deps, request, reply, known);
}

/** The provider's word is as good as a password: whoever has a second factor is asked for it. */
async function signInAs(
  { accounts }: ElsewhereRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  organization?: string,
): Promise<string> {
  const person = await accounts.store.person(id);
  if (person === undefined || person.closedMs !== undefined) throw new Problem('elsewhere-unknown');
  const factors = await accounts.signIn.secondFactors(person);
  if (factors.length === 0) {
    await finishSignIn(accounts, request, reply, id, ['oidc'], organization);
    return 'signed-in';
  }
  const { token } = await accounts.signIn.askSecond(person, ['oidc']);
  return `ticket=${token}&factors=${factors.join(',')}`;
}

/**
 * As somebody new, or as who is linked already. A crash between joining and linking leaves an account without a way in,
 * to which an admin makes a link.
 */
async function joinAs(
  deps: ElsewhereRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
  {
    subject,
    purpose,
    known,
  }: {
    readonly subject: Subject;
    readonly purpose: Purpose & { readonly to: 'join' };
    readonly known: string | undefined;
  },
): Promise<string> {
  const { store, clock, record } = deps.accounts;
  const invitation = await store.invitationByToken(purpose.invitation);
  if (invitation === undefined) throw new Problem('invitation-over');
  const made = newPerson({ login: purpose.login, name: purpose.name, password: '' }, clock.nowMs());
  const outcome = await join(deps.accounts, invitation, known ?? { ...made, password: undefined });
  if (outcome !== 'joined') throw new Problem(outcome === 'over' ? 'invitation-over' : outcome);
  const person = known ?? made.id;
  if (known === undefined) {
    if (!(await store.linkSubject(subject.issuer, subject.subject, person, clock.nowMs())))
      throw new Problem('elsewhere-taken');
    await record('subject-linked', { person }, { issuer: subject.issuer });
  }
  return signInAs(deps, request, reply, person, invitation.organization);
}

/** Only for the session that began it, and while it goes on. */
async function link(
  { accounts: { store, clock, record } }: ElsewhereRoutes,
  { issuer, subject }: Subject,
  { person, session }: Purpose & { readonly to: 'link' },
): Promise<string> {
  if ((await store.session(session))?.person !== person) throw new Problem('session-over');
  if (!(await store.linkSubject(issuer, subject, person, clock.nowMs())))
    throw new Problem('elsewhere-taken');
  await store.endOtherSessions(person, session);
  await record('subject-linked', { person }, { issuer });
  return 'linked';
}

function linkRoutes(app: FastifyInstance, deps: ElsewhereRoutes): void {
  const { accounts, checkKey } = deps;
  const { store, record } = accounts;
  const own = requires(checkKey, 'account.use');
  app.get(
    '/v1/account/oidc',
    {
      onRequest: own,
      schema: {
        tags,
        summary: '关联的外部身份 / linked identities',
        response: { 200: Type.Object({ items: Type.Array(Linked) }), ...problems(401, 403) },
      },
    },
    async (request) => ({ items: await store.subjectsOf(request.signedIn!.person) }),
  );
  app.post(
    '/v1/account/oidc',
    {
      onRequest: [own, freshlyProved(accounts)],
      schema: {
        tags,
        summary: '开始关联外部身份 / begin to link an identity',
        response: { 200: Begun, ...problems(401, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const { id: session, person } = request.signedIn!;
      return begin(deps, request, reply, { to: 'link', person, session });
    },
  );
  app.delete<{ Body: Static<typeof Linked> }>(
    '/v1/account/oidc',
    {
      onRequest: [own, freshlyProved(accounts)],
      schema: {
        tags,
        summary: '取消关联，其他登录随之结束 / unlink it; all other sessions end',
        body: Linked,
        response: { 200: SessionView, ...problems(400, 401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { issuer, subject } = request.body;
      const person = await personOf(accounts, request);
      await refuseLastWayIn(accounts, person, { subjects: 1 });
      if (!(await store.unlinkSubject(person.id, issuer, subject))) throw new Problem('not-found');
      await record('subject-unlinked', { person: person.id }, { issuer });
      return renewed(accounts, request, reply, { endOthers: true });
    },
  );
}
