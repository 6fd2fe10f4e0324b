import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { deniedTo } from '../identity/api-keys.ts';
import { INVITATION_HOURS, isGood, type Link, makeLink } from '../identity/invitations.ts';
import { type By, endMembership, isOnlyIn, rolesFor, setRoles } from '../identity/members.ts';
import { ROLES_IN } from '../identity/permissions.ts';
import type { Invitation } from '../ports/people.ts';
import type { Organization } from '../ports/store.ts';
import { eventsPage } from './account-events.ts';
import { requires } from './auth.ts';
import { IdParams, type WithId } from './evidence.ts';
import {
  EventsQuery,
  EventsView,
  InvitationView,
  instant,
  KeysRevoked,
  LinkView,
  MemberView,
  NewInvitation,
  RolesBody,
} from './people-schemas.ts';
import { Problem } from './problem.ts';
import { problems } from './schemas.ts';
import type { SignInRoutes } from './sign-in.ts';

export interface PeopleRoutes extends SignInRoutes {
  readonly publicUrl: () => string;
}

const common = { tags: ['people'], security: [{ session: [] }] };
/** A new password is asked for on the same day. */
const RESET_HOURS = 24;

/** /v1/people: who is in one's own organization. Whoever is in another one is nobody here. */
export function peopleRoutes(app: FastifyInstance, deps: PeopleRoutes): void {
  makingInvitations(app, deps);
  revokingInvitations(app, deps);
  listOfMembers(app, deps);
  changingMembers(app, deps);
  resettingPasswords(app, deps);
  eventsOfMembers(app, deps);
}

const managing = ({ checkKey }: PeopleRoutes) => ({ onRequest: requires(checkKey, 'people.manage') });

/** The token stands behind #: no server and no log on the way sees it. */
export const linkView = ({ invitation: { id, expiresMs }, token }: Link, publicUrl: string) => ({
  id,
  token,
  url: `${publicUrl}/join#${token}`,
  expiresAt: instant(expiresMs),
});

export function wantedRoles(organization: Organization, given: readonly string[]): readonly string[] {
  const roles = rolesFor(organization, given);
  if (roles === undefined)
    throw new Problem('roles-unfit', { roles: ROLES_IN[organization.role].join(', ') });
  return roles;
}

/** No key manages people: whoever does is one. */
const byOf = ({ signedIn }: FastifyRequest): By => ({
  organization: signedIn!.of,
  person: signedIn!.person,
});

function makingInvitations(app: FastifyInstance, deps: PeopleRoutes): void {
  const { store, clock, record } = deps.accounts;
  app.post<{ Body: { note: string; roles: string[]; hours?: number } }>(
    '/v1/people/invitations',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '邀请加入本机构 / invite somebody into one’s own organization',
        body: NewInvitation,
        response: { 201: LinkView, ...problems(400, 401, 403, 422) },
      },
    },
    async (request, reply) => {
      const { organization, person } = byOf(request);
      const { note, hours = INVITATION_HOURS.usual } = request.body;
      const roles = wantedRoles(organization, request.body.roles);
      const wanted = { organization: organization.id, roles, note, hours, by: person };
      const link = await makeLink(store, wanted, clock.nowMs());
      const detail = { roles, invitation: link.invitation.id };
      await record('invitation-made', { person, organization: organization.id }, detail);
      return reply.code(201).send(linkView(link, deps.publicUrl()));
    },
  );
  app.get(
    '/v1/people/invitations',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '本机构的邀请 / invitations of one’s own organization',
        response: { 200: Type.Object({ items: Type.Array(InvitationView) }), ...problems(401, 403) },
      },
    },
    async (request) => {
      const found = await store.invitationsOf(request.caller.organization.id);
      return { items: found.map((one) => invitationView(one, clock.nowMs())) };
    },
  );
}

function revokingInvitations(app: FastifyInstance, deps: PeopleRoutes): void {
  const { store, clock, record } = deps.accounts;
  app.delete<WithId>(
    '/v1/people/invitations/:id',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '撤回邀请 / revoke an invitation',
        params: IdParams,
        response: { 204: Type.Null(), ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { organization, person } = byOf(request);
      const { id } = request.params;
      if (!(await store.revokeInvitation(organization.id, id, clock.nowMs()))) throw new Problem('not-found');
      await record('invitation-revoked', { person, organization: organization.id }, { invitation: id });
      return reply.code(204).send();
    },
  );
}

function listOfMembers(app: FastifyInstance, { accounts, checkKey }: PeopleRoutes): void {
  const { store } = accounts;
  app.get(
    '/v1/people',
    {
      onRequest: requires(checkKey, 'organization.read'),
      schema: {
        ...common,
        summary: '本机构的人员 / people of one’s own organization',
        response: { 200: Type.Object({ items: Type.Array(MemberView) }), ...problems(401, 403) },
      },
    },
    async ({ caller }) => {
      const maySee = deniedTo('people.manage', caller) === undefined;
      const found = await store.membersOf(caller.organization.id);
      return {
        items: found.map(({ person, name, login, roles, sinceMs }) => ({
          ...{ id: person, name, roles, since: instant(sinceMs) },
          ...(maySee && { login }),
        })),
      };
    },
  );
}

function changingMembers(app: FastifyInstance, deps: PeopleRoutes): void {
  const { accounts } = deps;
  app.put<WithId & { Body: { roles: string[] } }>(
    '/v1/people/:id/roles',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary:
          '更改角色，立即生效；不再是管理员的，所建密钥随之吊销 / change roles, at once; keys made by whoever is no admin any more are revoked',
        params: IdParams,
        body: RolesBody,
        response: { 200: KeysRevoked, ...problems(400, 401, 403, 404, 409, 422) },
      },
    },
    async (request) => {
      const by = byOf(request);
      const roles = wantedRoles(by.organization, request.body.roles);
      return { revokedKeys: keysOf(await setRoles(accounts, request.params.id, roles, by)) };
    },
  );
  app.delete<WithId>(
    '/v1/people/:id',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary:
          '移出本机构，所建密钥随之吊销 / take somebody out of one’s own organization; keys that he made are revoked',
        params: IdParams,
        response: { 200: KeysRevoked, ...problems(401, 403, 404, 409) },
      },
    },
    async (request) => ({
      revokedKeys: keysOf(await endMembership(accounts, request.params.id, byOf(request))),
    }),
  );
}

function resettingPasswords(app: FastifyInstance, deps: PeopleRoutes): void {
  const { store, clock, record } = deps.accounts;
  app.post<WithId>(
    '/v1/people/:id/reset',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '重置口令的一次性链接 / a link, good once, for a new password',
        params: IdParams,
        response: { 201: LinkView, ...problems(401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const { organization, person: by } = byOf(request);
      const { id: person } = request.params;
      const memberships = await store.membershipsOf(person);
      if (!memberships.some((one) => one.organization === organization.id)) throw new Problem('not-found');
      if (!isOnlyIn(memberships, organization.id)) throw new Problem('reset-not-yours');
      const wanted = { organization: organization.id, person, roles: [], note: '', hours: RESET_HOURS, by };
      const link = await makeLink(store, wanted, clock.nowMs());
      await record('reset-link-made', { person, organization: organization.id }, { by });
      return reply.code(201).send(linkView(link, deps.publicUrl()));
    },
  );
}

function eventsOfMembers(app: FastifyInstance, deps: PeopleRoutes): void {
  app.get<{ Querystring: { before?: number; limit?: number } }>(
    '/v1/people/events',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '本机构账户的记录 / what happened to accounts in one’s own organization',
        querystring: EventsQuery,
        response: { 200: EventsView, ...problems(400, 401, 403) },
      },
    },
    async (request) =>
      eventsPage(deps.accounts, { organization: request.caller.organization.id }, request.query),
  );
}

function keysOf(ended: Awaited<ReturnType<typeof endMembership>>): readonly string[] {
  if (ended.outcome === 'done') return ended.keys;
  throw new Problem(ended.outcome === 'unknown' ? 'not-found' : 'last-admin');
}

function invitationView(of: Invitation, nowMs: number) {
  const { id, person, note, roles, invitedBy, createdMs, expiresMs, usedMs, revokedMs } = of;
  const ended = usedMs !== undefined ? 'used' : revokedMs !== undefined ? 'revoked' : 'expired';
  return {
    ...{ id, note, roles, invitedBy },
    kind: person === undefined ? 'join' : 'reset',
    state: isGood(of, nowMs) ? 'open' : ended,
    createdAt: instant(createdMs),
    expiresAt: instant(expiresMs),
  };
}
