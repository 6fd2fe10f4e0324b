import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Demands } from '../identity/demands.ts';
import type { SecondFactors } from '../identity/second-factors.ts';
import { requires } from './auth.ts';
import { Code, Ticket } from './factor-schemas.ts';
import { freshlyProved, renewed } from './fresh-proof.ts';
import { SessionView } from './people-schemas.ts';
import { Problem } from './problem.ts';
import { closed, problems } from './schemas.ts';
import { SIGN_IN_LIMIT, type SignInRoutes } from './sign-in.ts';

export interface FactorRoutes extends SignInRoutes {
  readonly factors: SecondFactors;
  readonly demands: Demands;
  /** as apps and browsers show it */
  readonly service: string;
}

const Overview = Type.Object({
  password: Type.Boolean(),
  totp: Type.Boolean(),
  passkeys: Type.Integer(),
  recoveryCodes: Type.Integer({ description: '尚未用过的 / not used yet' }),
  elsewhere: Type.Integer({ description: '关联的外部身份 / linked identities' }),
  demanded: Type.Boolean({ description: '机构要求第二凭证 / the organization demands a second factor' }),
});
const Offer = Type.Object({
  ticket: Ticket,
  uri: Type.String({ description: 'otpauth://，供二维码 / for a QR code' }),
  secret: Type.String({ description: 'base32，供手工输入 / to be typed' }),
});
const Confirmation = Type.Object({ ticket: Ticket, code: Code }, closed);
const Codes = Type.Object({
  codes: Type.Array(Type.String(), { description: '只显示这一次 / shown this once' }),
  session: SessionView,
});
const Demand = Type.Object({ demanded: Type.Boolean() }, closed);
const tags = ['account'];

export const personOf = async ({ store }: SignInRoutes['accounts'], { signedIn }: FastifyRequest) =>
  (await store.person(signedIn!.person))!;

/** /v1/account: authenticator app, recovery codes, and what there is; /v1/organization: whether both are demanded. */
export function factorRoutes(app: FastifyInstance, deps: FactorRoutes): void {
  overviewRoute(app, deps);
  totpRoutes(app, deps);
  recoveryRoute(app, deps);
  demandRoutes(app, deps);
}

function overviewRoute(app: FastifyInstance, { accounts, checkKey, demands }: FactorRoutes): void {
  const { store } = accounts;
  app.get(
    '/v1/account/factors',
    {
      onRequest: requires(checkKey, 'account.use'),
      schema: {
        tags,
        summary: '自己的登录方式 / how one can sign in',
        response: { 200: Overview, ...problems(401, 403) },
      },
    },
    async (request) => {
      const { id, password, totp } = await personOf(accounts, request);
      return {
        password: password !== undefined,
        totp: totp !== undefined,
        passkeys: (await store.passkeysOf(id)).length,
        recoveryCodes: await store.recoveryCodesLeft(id),
        elsewhere: (await store.subjectsOf(id)).length,
        demanded: await demands(request.signedIn!),
      };
    },
  );
}

function totpRoutes(app: FastifyInstance, { accounts, checkKey, factors, service }: FactorRoutes): void {
  const proved = { onRequest: [requires(checkKey, 'account.use'), freshlyProved(accounts)] };
  app.post(
    '/v1/account/totp',
    {
      ...proved,
      schema: {
        tags,
        summary: '开始添加验证器 / begin to add an authenticator app',
        response: { 200: Offer, ...problems(401, 403, 500) },
      },
    },
    async (request) => {
      const { id } = request.signedIn!;
      const { token, ...offer } = await factors.beginTotp(await personOf(accounts, request), id, service);
      return { ticket: token, ...offer };
    },
  );
  app.post<{ Body: Static<typeof Confirmation> }>(
    '/v1/account/totp/confirm',
    {
      ...proved,
      config: SIGN_IN_LIMIT,
      schema: {
        tags,
        summary:
          '以一个正确的验证码完成添加，其他登录随之结束 / done by one right code; all other sessions end',
        body: Confirmation,
        response: { 200: SessionView, ...problems(400, 401, 403, 410, 429, 500) },
      },
    },
    async (request, reply) => {
      const { id, person } = request.signedIn!;
      const { ticket, code } = request.body;
      const outcome = await factors.confirmTotp(person, id, ticket, code);
      if (outcome === 'over') throw new Problem('sign-in-step-over');
      if (outcome === 'wrong') throw new Problem('code-wrong');
      return renewed(accounts, request, reply, { proved: 'totp', endOthers: true });
    },
  );
  app.delete(
    '/v1/account/totp',
    {
      ...proved,
      schema: {
        tags,
        summary: '移除验证器，其他登录随之结束 / remove it; all other sessions end',
        response: { 200: SessionView, ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => {
      if (!(await factors.removeTotp(await personOf(accounts, request)))) throw new Problem('not-found');
      return renewed(accounts, request, reply, { endOthers: true });
    },
  );
}

function recoveryRoute(app: FastifyInstance, { accounts, checkKey, factors }: FactorRoutes): void {
  app.post(
    '/v1/account/recovery-codes',
    {
      onRequest: [requires(checkKey, 'account.use'), freshlyProved(accounts)],
      schema: {
        tags,
        summary: '生成恢复码，此前的作废 / make recovery codes, in place of all earlier ones',
        response: { 200: Codes, ...problems(401, 403, 409) },
      },
    },
    async (request, reply) => {
      const codes = await factors.makeRecoveryCodes(await personOf(accounts, request));
      if (codes === undefined) throw new Problem('second-factor-missing');
      return { codes, session: await renewed(accounts, request, reply, { endOthers: true }) };
    },
  );
}

function demandRoutes(app: FastifyInstance, { accounts, checkKey, demands }: FactorRoutes): void {
  const { store, clock, record } = accounts;
  app.put<{ Body: Static<typeof Demand> }>(
    '/v1/organization/second-factor',
    {
      onRequest: [requires(checkKey, 'people.manage'), freshlyProved(accounts)],
      schema: {
        tags: ['people'],
        summary: '是否要求本机构人员使用第二凭证 / whether a second factor is demanded of one’s people',
        description:
          '公证机构与运营者始终要求，不能取消。 / Of notary offices and the operator it always is.',
        body: Demand,
        response: { 200: Demand, ...problems(400, 401, 403) },
      },
    },
    async (request) => {
      const { organization, person, of } = request.signedIn!;
      const { demanded } = request.body;
      await store.demandSecondFactor(organization, demanded, clock.nowMs());
      await record(demanded ? 'second-factor-demanded' : 'second-factor-left-free', { person, organization });
      return { demanded: await demands({ organization, of }) };
    },
  );
}
