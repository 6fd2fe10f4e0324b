import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { addPasskey, MAX_PASSKEYS, type PasskeyDeps, passkeyToAdd } from '../identity/passkeys.ts';
import type { SecondFactors } from '../identity/second-factors.ts';
import { requires } from './auth.ts';
import { NewPasskey, Options, PasskeyId, registrationOf } from './factor-schemas.ts';
import { personOf } from './factors.ts';
import { freshlyProved, renewed } from './fresh-proof.ts';
import { instant, SessionView } from './people-schemas.ts';
import { Problem } from './problem.ts';
import { closed, Instant, line, problems } from './schemas.ts';
import { SIGN_IN_LIMIT, type SignInRoutes } from './sign-in.ts';

export interface PasskeyRoutes extends SignInRoutes {
  readonly factors: SecondFactors;
  readonly passkeys: PasskeyDeps;
}

const Label = line(100, '名称，例如所在的设备 / which one it is');
const View = Type.Object({
  id: Type.String(),
  label: Type.String(),
  createdAt: Instant,
  usedAt: Type.Union([Instant, Type.Null()]),
});
const Addition = Type.Object({ label: Label, passkey: NewPasskey }, closed);
const Renaming = Type.Object({ label: Label }, closed);
const Params = Type.Object({ id: PasskeyId }, closed);
type WithId = { Params: { id: string } };
const tags = ['account'];

/** /v1/account/passkeys */
export function passkeyRoutes(app: FastifyInstance, deps: PasskeyRoutes): void {
  listRoutes(app, deps);
  addRoutes(app, deps);
  removeRoute(app, deps);
}

function listRoutes(app: FastifyInstance, { accounts: { store }, checkKey }: PasskeyRoutes): void {
  const own = { onRequest: requires(checkKey, 'account.use') };
  app.get(
    '/v1/account/passkeys',
    {
      ...own,
      schema: {
        tags,
        summary: '自己的通行密钥 / one’s own passkeys',
        response: { 200: Type.Object({ items: Type.Array(View) }), ...problems(401, 403) },
      },
    },
    async (request) => ({
      items: (await store.passkeysOf(request.signedIn!.person)).map(({ id, label, createdMs, usedMs }) => ({
        ...{ id, label },
        createdAt: instant(createdMs),
        usedAt: usedMs === undefined ? null : instant(usedMs),
      })),
    }),
  );
  app.patch<WithId & { Body: Static<typeof Renaming> }>(
    '/v1/account/passkeys/:id',
    {
      ...own,
      schema: {
        tags,
        summary: '更名 / rename',
        params: Params,
        body: Renaming,
        response: { 204: Type.Null(), ...problems(400, 401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { person } = request.signedIn!;
      if (!(await store.renamePasskey(person, request.params.id, request.body.label)))
        throw new Problem('not-found');
      return reply.code(204).send();
    },
  );
}

function addRoutes(app: FastifyInstance, { accounts, checkKey, passkeys }: PasskeyRoutes): void {
  const proved = { onRequest: [requires(checkKey, 'account.use'), freshlyProved(accounts)] };
  app.post(
    '/v1/account/passkeys/options',
    {
      ...proved,
      schema: {
        tags,
        summary: '向浏览器要求新的通行密钥 / what to ask the browser for',
        response: { 200: Options, ...problems(401, 403, 409) },
      },
    },
    async (request) => {
      const { id } = request.signedIn!;
      const options = await passkeyToAdd(passkeys, await personOf(accounts, request), id);
      if (typeof options === 'string') throw new Problem(options, { limit: MAX_PASSKEYS });
      return options;
    },
  );
  app.post<{ Body: Static<typeof Addition> }>(
    '/v1/account/passkeys',
    {
      ...proved,
      config: SIGN_IN_LIMIT,
      schema: {
        tags,
        summary: '添加通行密钥，其他登录随之结束 / add it; all other sessions end',
        body: Addition,
        response: { 200: SessionView, ...problems(400, 401, 403, 429) },
      },
    },
    async (request, reply) => {
      const { id: session, person, organization } = request.signedIn!;
      const { label, passkey } = request.body;
      await addPasskey(passkeys, { person, session, label, answer: registrationOf(passkey) });
      await accounts.record('passkey-added', { person, organization });
      return renewed(accounts, request, reply, { proved: 'passkey', endOthers: true });
    },
  );
}

function removeRoute(app: FastifyInstance, { accounts, checkKey, factors }: PasskeyRoutes): void {
  app.delete<WithId>(
    '/v1/account/passkeys/:id',
    {
      onRequest: [requires(checkKey, 'account.use'), freshlyProved(accounts)],
      schema: {
        tags,
        summary: '移除，其他登录随之结束 / remove it; all other sessions end',
        params: Params,
        response: { 200: SessionView, ...problems(400, 401, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const person = await personOf(accounts, request);
      await refuseLastWayIn(accounts, person, { passkeys: 1 });
      if (!(await factors.removePasskey(person, request.params.id))) throw new Problem('not-found');
      return renewed(accounts, request, reply, { endOthers: true });
    },
  );
}

/** Whoever has no password comes in by a passkey or from elsewhere; the last of them stays. */
export async function refuseLastWayIn(
  { store }: SignInRoutes['accounts'],
  { id, password }: { readonly id: string; readonly password: string | undefined },
  less: { readonly passkeys?: number; readonly subjects?: number },
): Promise<void> {
  const passkeys = (await store.passkeysOf(id)).length - (less.passkeys ?? 0);
  const subjects = (await store.subjectsOf(id)).length - (less.subjects ?? 0);
  if (password === undefined && passkeys + subjects <= 0) throw new Problem('last-way-in');
}
