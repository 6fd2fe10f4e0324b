import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { newIdentity } from '../identity/api-keys.ts';
import { INVITATION_HOURS, makeLink, membershipOf, newPerson } from '../identity/invitations.ts';
import { isLogin, normalLogin } from '../identity/logins.ts';
import { isUscc } from '../identity/uscc.ts';
import { refuseUnfit } from './account.ts';
import { requires } from './auth.ts';
import { linkView, type PeopleRoutes } from './people.ts';
import {
  instant,
  LinkView,
  Login,
  OrganizationRoleWord,
  OrganizationView,
  Password,
  PersonName,
  SessionView,
} from './people-schemas.ts';
import { Problem } from './problem.ts';
import { closed, Instant, line, problems } from './schemas.ts';
import { finishSignIn, SIGN_IN_LIMIT } from './sign-in.ts';
import { refuseOtherSites, signedInIfAny } from './signed-in.ts';

export interface OrganizationRoutes extends PeopleRoutes {
  /** whether anybody may register himself */
  readonly selfRegistration: boolean;
}

const OrganizationName = line(200, '机构名称 / name');

/** Somebody for himself: what he becomes is not his to say. */
const Registration = Type.Object(
  { login: Login, name: PersonName, password: Password },
  { ...closed, description: '自行注册 / by oneself' },
);
/** The operator, for somebody else. */
const NewOrganization = Type.Object(
  { name: OrganizationName, role: OrganizationRoleWord, uscc: Type.Optional(line(18, '统一社会信用代码')) },
  { ...closed, description: '运营者设立 / by the operator' },
);
type Registration = Static<typeof Registration>;
type NewOrganization = Static<typeof NewOrganization>;

const Made = Type.Object({
  organization: OrganizationView,
  invitation: Type.Optional(LinkView),
  session: Type.Optional(SessionView),
});
const Listed = Type.Object({
  ...OrganizationView.properties,
  uscc: Type.Union([Type.String(), Type.Null()]),
  createdAt: Instant,
});

const tags = ['people'];

/** /v1/organizations: the operator makes and lists them; who acts alone registers himself, as an organization of one. */
export function organizationRoutes(app: FastifyInstance, deps: OrganizationRoutes): void {
  const { accounts, checkKey, selfRegistration } = deps;
  const manage = requires(checkKey, 'organizations.manage');
  app.post<{ Body: Registration | NewOrganization }>(
    '/v1/organizations',
    {
      config: SIGN_IN_LIMIT,
      onRequest: [
        signedInIfAny,
        (request, reply, done) => {
          if (isAnonymous(request)) refuseOtherSites(request, reply, done);
          else manage(request, reply, done);
        },
      ],
      schema: {
        tags,
        summary: '设立机构，或自行注册 / make an organization, or register oneself',
        body: Type.Union([Registration, NewOrganization]),
        response: { 201: Made, ...problems(400, 401, 403, 409, 422, 429, 503) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      // Decided by who asks and not by what he sends: whoever is nobody yet makes no court.
      if (!isAnonymous(request)) {
        if (!('role' in body)) throw new Problem('not-allowed');
        return reply.code(201).send(await makeOrganization(deps, request, body));
      }
      if ('role' in body) throw new Problem('not-authenticated');
      if (!selfRegistration) throw new Problem('registration-closed');
      return reply.code(201).send(await register(deps, request, reply, body));
    },
  );
  app.get(
    '/v1/organizations',
    {
      onRequest: manage,
      schema: {
        tags,
        security: [{ session: [] }],
        summary: '全部机构（运营者） / all organizations, for the operator',
        response: { 200: Type.Object({ items: Type.Array(Listed) }), ...problems(401, 403) },
      },
    },
    async () => ({
      items: (await accounts.store.organizations()).map(({ createdMs, uscc, ...of }) => ({
        ...of,
        uscc: uscc ?? null,
        createdAt: instant(createdMs),
      })),
    }),
  );
}

/** Bears nothing by which anybody is known; what is left of an old session is nothing. */
const isAnonymous = ({ headers, signedIn }: FastifyRequest): boolean =>
  signedIn === null && headers.authorization === undefined && headers['signature-input'] === undefined;

async function makeOrganization(
  { accounts, publicUrl }: OrganizationRoutes,
  { signedIn }: FastifyRequest,
  { name, role, uscc }: NewOrganization,
) {
  if (uscc !== undefined && !isUscc(uscc)) throw new Problem('uscc-invalid');
  const { store, clock, record } = accounts;
  const nowMs = clock.nowMs();
  const id = newIdentity(nowMs);
  const by = signedIn!.person;
  await store.addOrganization({ id, name, role, uscc, createdMs: nowMs });
  // A crash before this leaves an organization of nobody: a link for it is made on the command line.
  const wanted = { organization: id, roles: ['admin'], note: name, hours: INVITATION_HOURS.most, by };
  const link = await makeLink(store, wanted, nowMs);
  await record('organization-made', { person: by, organization: id }, { role });
  return { organization: { id, name, role }, invitation: linkView(link, publicUrl()) };
}

async function register(
  { accounts }: OrganizationRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
  { login: given, name, password }: Registration,
) {
  const { store, clock, passwords, record } = accounts;
  const login = normalLogin(given);
  if (!isLogin(login)) throw new Problem('login-invalid');
  refuseUnfit(password, login);
  if ((await store.personByLogin(login)) !== undefined) throw new Problem('login-taken');
  const hash = await passwords.hash(password);
  const nowMs = clock.nowMs();
  const id = newIdentity(nowMs);
  const role = 'depositor' as const;
  // Whoever takes the login at the same moment, and a crash, leave an organization of nobody: it does nothing.
  await store.addOrganization({ id, name, role, uscc: undefined, createdMs: nowMs });
  const person = newPerson({ login, name, password: hash }, nowMs);
  if (!(await store.addPerson(person, membershipOf(person.id, id, ['admin'], nowMs))))
    throw new Problem('login-taken');
  await record('registered', { person: person.id, organization: id });
  const session = await finishSignIn(accounts, request, reply, person.id, ['password'], id);
  return { organization: { id, name, role }, session };
}
