import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Accounts } from '../identity/accounts.ts';
import { COMMAND_LINE, isGood, join, newPerson } from '../identity/invitations.ts';
import { isLogin, normalLogin } from '../identity/logins.ts';
import { isOnlyIn } from '../identity/members.ts';
import { tokenHash } from '../identity/tokens.ts';
import type { Invitation } from '../ports/people.ts';
import { refuseUnfit } from './account.ts';
import { instant, Login, OrganizationView, Password, PersonName, SessionView } from './people-schemas.ts';
import { Problem } from './problem.ts';
import { closed, Instant, problems, words } from './schemas.ts';
import { fromOf } from './session-cookie.ts';
import { finishSignIn, provedBy, SIGN_IN_LIMIT } from './sign-in.ts';
import { refuseOtherSites, signedInIfAny } from './signed-in.ts';

const TokenParams = Type.Object({ token: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }) }, closed);
type WithToken = { Params: { token: string } };

const Shown = Type.Object({
  kind: words(['join', 'reset'], '加入或重置口令 / joining, or a new password'),
  organization: OrganizationView,
  roles: Type.Array(Type.String()),
  note: Type.String(),
  expiresAt: Instant,
});

/** Which members are given says what is wanted; roles are the invitation's and nobody else's. */
const Acceptance = Type.Object(
  { login: Type.Optional(Login), name: Type.Optional(PersonName), password: Type.Optional(Password) },
  {
    ...closed,
    description:
      '新账户：login、name、password；已有账户：login、password；已登录：空；重置口令：password / a new account: all three; one that there is: login and password; signed in: none; a new password: password',
  },
);
interface Acceptance {
  readonly login?: string;
  readonly name?: string;
  readonly password?: string;
}

const Accepted = Type.Object({
  kind: words(['join', 'reset'], '加入或重置口令 / joining, or a new password'),
  session: Type.Union([SessionView, Type.Null()], {
    description: '新账户随即登录；否则为 null / a new account is signed in at once; else null',
  }),
});

/** /v1/invitations/:token: for whoever has the link. */
export function invitationRoutes(app: FastifyInstance, accounts: Accounts): void {
  app.get<WithToken>(
    '/v1/invitations/:token',
    {
      config: SIGN_IN_LIMIT,
      schema: {
        tags: ['people'],
        summary: '这是什么邀请 / what this link is',
        params: TokenParams,
        response: { 200: Shown, ...problems(400, 404, 410, 429) },
      },
    },
    async (request) => {
      const invitation = await goodOne(accounts, request);
      const { id, name, role } = (await accounts.store.organization(invitation.organization))!;
      const { roles, note, expiresMs } = invitation;
      const kind = kindOf(invitation);
      return { kind, organization: { id, name, role }, roles, note, expiresAt: instant(expiresMs) };
    },
  );
  app.post<WithToken & { Body: Acceptance }>(
    '/v1/invitations/:token',
    {
      config: SIGN_IN_LIMIT,
      onRequest: [refuseOtherSites, signedInIfAny],
      schema: {
        tags: ['people'],
        summary: '接受邀请，或设置新口令 / accept it, or set a new password',
        params: TokenParams,
        body: Acceptance,
        response: { 200: Accepted, ...problems(400, 401, 403, 404, 409, 410, 422, 429, 503) },
      },
    },
    async (request, reply) => {
      const invitation = await goodOne(accounts, request);
      const kind = kindOf(invitation);
      const session =
        kind === 'reset'
          ? await reset(accounts, invitation, request)
          : await accept(accounts, invitation, request, reply);
      return { kind, session };
    },
  );
}

const kindOf = ({ person }: Invitation): 'join' | 'reset' => (person === undefined ? 'join' : 'reset');

async function goodOne({ store, clock }: Accounts, request: FastifyRequest<WithToken>): Promise<Invitation> {
  const found = await store.invitationByToken(tokenHash(request.params.token));
  if (found === undefined) throw new Problem('not-found');
  if (!isGood(found, clock.nowMs())) throw new Problem('invitation-over');
  return found;
}

async function accept(
  accounts: Accounts,
  invitation: Invitation,
  request: FastifyRequest<{ Body: Acceptance } & WithToken>,
  reply: FastifyReply,
) {
  const { login, name, password } = request.body;
  if (login === undefined || password === undefined) {
    if (request.signedIn === null || password !== undefined || login !== undefined || name !== undefined)
      throw new Problem('not-authenticated');
    refuse(await join(accounts, invitation, request.signedIn.person));
    return null;
  }
  if (name === undefined) {
    const proof = await accounts.signIn.prove(login, password, fromOf(request));
    const person = provedBy(proof, accounts, 'credentials-wrong');
    refuse(await join(accounts, invitation, person.id));
    return null;
  }
  const normal = normalLogin(login);
  if (!isLogin(normal)) throw new Problem('login-invalid');
  refuseUnfit(password, normal);
  // Before its cost; whether it is free is decided when it is taken.
  if ((await accounts.store.personByLogin(normal)) !== undefined) throw new Problem('login-taken');
  const hash = await accounts.passwords.hash(password);
  const person = newPerson({ login: normal, name, password: hash }, accounts.clock.nowMs());
  refuse(await join(accounts, invitation, person));
  return finishSignIn(accounts, request, reply, person.id, ['password'], invitation.organization);
}

function refuse(outcome: Awaited<ReturnType<typeof join>>): void {
  if (outcome === 'over') throw new Problem('invitation-over');
  if (outcome !== 'joined') throw new Problem(outcome);
}

/**
 * A new password for the account. A crash after the link is used leaves the old password, and the link has to be made
 * anew. Second factors stay: a link alone opens no account that has one.
 */
async function reset(
  accounts: Accounts,
  invitation: Invitation,
  request: FastifyRequest<{ Body: Acceptance } & WithToken>,
): Promise<null> {
  const { password } = request.body;
  const { store, clock, passwords, record } = accounts;
  const { id, organization, invitedBy } = invitation;
  const person = (await store.person(invitation.person!))!;
  if (person.closedMs !== undefined) throw new Problem('invitation-over');
  // He may have joined others since the link was made. What the operator of the machine makes is for every account.
  if (invitedBy !== COMMAND_LINE && !isOnlyIn(await store.membershipsOf(person.id), organization))
    throw new Problem('reset-not-yours');
  if (password === undefined) throw new Problem('password-too-short', { least: 12, most: 256 });
  refuseUnfit(password, person.login);
  const hash = await passwords.hash(password);
  if (!(await store.useInvitation(id, clock.nowMs()))) throw new Problem('invitation-over');
  await store.setPassword(person.id, hash);
  await store.endOtherSessions(person.id, undefined);
  await store.clearFailures(person.id);
  await accounts.signIn.clear(person.id, fromOf(request));
  await record('password-reset', { person: person.id, organization }, { invitation: id });
  return null;
}
