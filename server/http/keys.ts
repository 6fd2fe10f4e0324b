import { createPublicKey } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { AccountAction } from '../identity/account-events.ts';
import { createApiKey, OVERLAP_HOURS, rotateApiKey } from '../identity/api-keys.ts';
import { algorithmOf } from '../identity/http-signatures.ts';
import type { Scope } from '../identity/permissions.ts';
import { registerSigningKey } from '../identity/signed-calls.ts';
import type { ApiKey } from '../ports/store.ts';
import { requires } from './auth.ts';
import { IdParams, type WithId } from './evidence.ts';
import { instant, KeyView, Scopes } from './people-schemas.ts';
import { Problem } from './problem.ts';
import { closed, Instant, line, problems, Uuid } from './schemas.ts';
import type { SignInRoutes } from './sign-in.ts';

const DAY_MS = 86_400_000;
const described = {
  label: line(100, '用途 / what it is for'),
  scopes: Scopes,
  days: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 3_650,
      description: '有效天数，缺省为不过期 / days; without: for ever',
    }),
  ),
};
interface Described {
  readonly label: string;
  readonly scopes: readonly Scope[];
  readonly days?: number;
}
const NewKey = Type.Object(described, closed);
const NewSigningKey = Type.Object(
  {
    ...described,
    publicKey: Type.String({
      minLength: 1,
      maxLength: 500,
      pattern: '^[A-Za-z0-9+/]+={0,2}$',
      description: 'SubjectPublicKeyInfo（Ed25519、P-256），base64',
    }),
  },
  closed,
);
const Rotation = Type.Object(
  {
    overlapHours: Type.Optional(
      Type.Integer({
        minimum: OVERLAP_HOURS.least,
        maximum: OVERLAP_HOURS.most,
        description: `旧密钥再用多少小时，默认 ${OVERLAP_HOURS.usual} / how long the old one goes on`,
      }),
    ),
  },
  closed,
);
const shown = Type.String({ description: '只显示这一次 / shown this once' });
const common = { tags: ['keys'], security: [{ session: [] }] };

/** /v1/keys: keys and public keys of one's own organization, for people; no key makes another one. */
export function keyRoutes(app: FastifyInstance, deps: SignInRoutes): void {
  listAndMake(app, deps);
  registerPublic(app, deps);
  rotate(app, deps);
  revoke(app, deps);
}

const managing = ({ checkKey }: SignInRoutes) => ({ onRequest: requires(checkKey, 'keys.manage') });

const record = (
  { accounts }: SignInRoutes,
  action: AccountAction,
  { signedIn }: FastifyRequest,
  key: string,
) => accounts.record(action, signedIn!, { key });

function listAndMake(app: FastifyInstance, deps: SignInRoutes): void {
  const { store, clock } = deps.accounts;
  app.get(
    '/v1/keys',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '本机构的密钥与最近使用时间 / keys of one’s own organization, and their last use',
        response: { 200: Type.Object({ items: Type.Array(KeyView) }), ...problems(401, 403) },
      },
    },
    async ({ caller }) => {
      const keys = await store.apiKeys(caller.organization.id);
      const uses = await store.keyUses(keys.map(({ id }) => id));
      return { items: keys.map((key, i) => keyView(key, uses[i])) };
    },
  );
  app.post<{ Body: Described }>(
    '/v1/keys',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '新密钥 / a new key',
        body: NewKey,
        response: { 201: Type.Object({ id: Uuid, key: shown }), ...problems(400, 401, 403) },
      },
    },
    async (request, reply) => {
      const nowMs = clock.nowMs();
      const { id, clear } = await createApiKey(
        store,
        wantedOf(request, nowMs),
        nowMs,
        request.signedIn!.person,
      );
      await record(deps, 'key-made', request, id);
      return reply.code(201).send({ id, key: clear });
    },
  );
}

function registerPublic(app: FastifyInstance, deps: SignInRoutes): void {
  const { store, clock } = deps.accounts;
  app.post<{ Body: Described & { readonly publicKey: string } }>(
    '/v1/keys/signing',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '登记签名公钥（RFC 9421） / register a public key that signs requests',
        body: NewSigningKey,
        response: { 201: Type.Object({ id: Uuid }), ...problems(400, 401, 403, 409, 422) },
      },
    },
    async (request, reply) => {
      const nowMs = clock.nowMs();
      const spki = publicKeyIn(request.body.publicKey);
      const wanted = { ...wantedOf(request, nowMs), spki };
      const id = await registerSigningKey(store, wanted, nowMs, request.signedIn!.person);
      if (id === undefined) throw new Problem('public-key-known');
      await record(deps, 'key-registered', request, id);
      return reply.code(201).send({ id });
    },
  );
}

function rotate(app: FastifyInstance, deps: SignInRoutes): void {
  const { accounts } = deps;
  const { store, clock } = accounts;
  app.post<WithId & { Body: { overlapHours?: number } }>(
    '/v1/keys/:id/rotate',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '换发密钥，旧的再用一段时间 / a new key in place of an old one, which goes on for a while',
        params: IdParams,
        body: Rotation,
        response: {
          201: Type.Object({ id: Uuid, key: shown, oldExpiresAt: Instant }),
          ...problems(400, 401, 403, 404, 409),
        },
      },
    },
    async (request, reply) => {
      const old = await ownKey(accounts, request);
      const { overlapHours = OVERLAP_HOURS.usual } = request.body;
      const { person } = request.signedIn!;
      const rotated =
        old.publicKey === undefined
          ? await rotateApiKey(store, old, overlapHours, clock.nowMs(), person)
          : undefined;
      if (rotated === undefined) throw new Problem('key-not-rotatable');
      const { id, clear, oldUntilMs } = rotated;
      await accounts.record('key-rotated', request.signedIn!, { key: id, old: old.id, hours: overlapHours });
      return reply.code(201).send({ id, key: clear, oldExpiresAt: instant(oldUntilMs) });
    },
  );
}

function revoke(app: FastifyInstance, deps: SignInRoutes): void {
  const { accounts } = deps;
  const { store, clock } = accounts;
  app.delete<WithId>(
    '/v1/keys/:id',
    {
      ...managing(deps),
      schema: {
        ...common,
        summary: '吊销密钥 / revoke a key',
        params: IdParams,
        response: { 204: Type.Null(), ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      const { id } = await ownKey(accounts, request);
      if (!(await store.revokeApiKey(id, clock.nowMs()))) throw new Problem('not-found');
      await record(deps, 'key-revoked', request, id);
      return reply.code(204).send();
    },
  );
}

function wantedOf({ body, caller }: FastifyRequest<{ Body: Described }>, nowMs: number) {
  const { label, scopes, days } = body;
  const expiresMs = days === undefined ? undefined : nowMs + days * DAY_MS;
  return { organization: caller.organization.id, label, scopes: [...new Set(scopes)], expiresMs };
}

/** A key of others, and one that there is not, are the same. */
async function ownKey(
  { store }: SignInRoutes['accounts'],
  { params, caller }: FastifyRequest<WithId>,
): Promise<ApiKey> {
  const key = await store.apiKey(params.id);
  if (key?.organization !== caller.organization.id) throw new Problem('not-found');
  return key;
}

function publicKeyIn(base64: string): Uint8Array {
  const given = Buffer.from(base64, 'base64');
  try {
    const key = createPublicKey({ key: given, format: 'der', type: 'spki' });
    // One key has one form: what stands behind it would make another one of it.
    if (algorithmOf(key) !== undefined && key.export({ format: 'der', type: 'spki' }).equals(given))
      return given;
  } catch {
    // Told below.
  }
  throw new Problem('public-key-invalid');
}

function keyView(key: ApiKey, usedMs: number | undefined) {
  const { id, label, scopes, createdMs, expiresMs, revokedMs, publicKey } = key;
  const or = (ms: number | undefined) => (ms === undefined ? null : instant(ms));
  return {
    ...{ id, label, scopes },
    kind: publicKey === undefined ? 'bearer' : 'signing',
    createdAt: instant(createdMs),
    expiresAt: or(expiresMs),
    revokedAt: or(revokedMs),
    lastUsedAt: or(usedMs),
  };
}
