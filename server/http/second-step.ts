import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { PasskeyCopied, type PasskeyDeps, passkeyToSignIn, personByPasskey } from '../identity/passkeys.ts';
import type { CodeKind, SecondFactors } from '../identity/second-factors.ts';
import type { Proof } from '../identity/sign-in.ts';
import { PasskeyRefused, type SignInAnswer } from '../ports/webauthn.ts';
import { requires } from './auth.ts';
import { CodeBody, Options, ProofBody, SignedByPasskey, signInOf, Ticket } from './factor-schemas.ts';
import { renewed } from './fresh-proof.ts';
import { SessionView } from './people-schemas.ts';
import { Problem } from './problem.ts';
import { closed, problems } from './schemas.ts';
import { fromOf } from './session-cookie.ts';
import { finishSignIn, provedBy, SIGN_IN_LIMIT, type SignInRoutes } from './sign-in.ts';
import { refuseOtherSites } from './signed-in.ts';

export interface SecondStepRoutes extends SignInRoutes {
  readonly factors: SecondFactors;
  readonly passkeys: PasskeyDeps;
}

const PasskeyBody = Type.Object({ passkey: SignedByPasskey, ticket: Type.Optional(Ticket) }, closed);
const tags = ['account'];
const signingIn = { config: SIGN_IN_LIMIT, onRequest: refuseOtherSites };

/** /v1/session/…: what finishes a sign-in, a passkey alone, and proving oneself again. */
export function secondStepRoutes(app: FastifyInstance, deps: SecondStepRoutes): void {
  codeRoute(app, deps, 'totp', '以验证器的验证码完成登录 / finish by a code of an authenticator app');
  codeRoute(
    app,
    deps,
    'recovery',
    '以恢复码完成登录，每个只用一次 / finish by a recovery code, each good once',
  );
  passkeyRoutes(app, deps);
  proofRoute(app, deps);
}

function codeRoute(
  app: FastifyInstance,
  { accounts, factors }: SecondStepRoutes,
  kind: CodeKind,
  summary: string,
): void {
  app.post<{ Body: Static<typeof CodeBody> }>(
    `/v1/session/${kind}`,
    {
      ...signingIn,
      schema: {
        tags,
        summary,
        body: CodeBody,
        response: { 200: SessionView, ...problems(400, 403, 410, 429, 500) },
      },
    },
    async (request, reply) => {
      const { ticket, code } = request.body;
      const finished = await factors.finish(ticket, kind, code, fromOf(request));
      if (finished.outcome === 'over') throw new Problem('sign-in-step-over');
      const { id } = rightOf(finished, accounts);
      return finishSignIn(accounts, request, reply, id, finished.factors!);
    },
  );
}

function passkeyRoutes(app: FastifyInstance, deps: SecondStepRoutes): void {
  app.post(
    '/v1/session/passkey/options',
    {
      ...signingIn,
      schema: {
        tags,
        summary: '向浏览器要求通行密钥 / what to ask the browser for',
        response: { 200: Options, ...problems(403, 429) },
      },
    },
    async () => passkeyToSignIn(deps.passkeys),
  );
  app.post<{ Body: Static<typeof PasskeyBody> }>(
    '/v1/session/passkey',
    {
      ...signingIn,
      schema: {
        tags,
        summary:
          '以通行密钥登录：单独即可，或完成第二步 / sign in by a passkey: alone, or as the second step',
        body: PasskeyBody,
        response: { 200: SessionView, ...problems(400, 403, 410, 429) },
      },
    },
    async (request, reply) => {
      const { passkey, ticket } = request.body;
      const person = await personOf(deps, signInOf(passkey));
      const before = ticket === undefined ? [] : await factorsBefore(deps, ticket, person);
      return finishSignIn(deps.accounts, request, reply, person, [...before, 'passkey']);
    },
  );
}

/** Somebody else's passkey finishes nothing, and what waits is over. */
async function factorsBefore(
  { factors }: SecondStepRoutes,
  ticket: string,
  person: string,
): Promise<readonly string[]> {
  const waiting = await factors.takeWaiting(ticket);
  if (waiting === undefined) throw new Problem('sign-in-step-over');
  if (waiting.person !== person) throw new PasskeyRefused('the passkey of somebody else');
  return waiting.factors;
}

async function personOf({ passkeys, accounts }: SecondStepRoutes, answer: SignInAnswer): Promise<string> {
  try {
    return await personByPasskey(passkeys, answer);
  } catch (error) {
    if (error instanceof PasskeyCopied)
      await accounts.record('passkey-copied', { person: error.passkey.person });
    throw error;
  }
}

const rightOf = (proof: Proof, accounts: SecondStepRoutes['accounts']) => {
  if (proof.outcome === 'wrong') throw new Problem('code-wrong');
  return provedBy(proof, accounts, 'password-wrong');
};

function proofRoute(app: FastifyInstance, deps: SecondStepRoutes): void {
  app.post<{ Body: ProofBody }>(
    '/v1/session/proof',
    {
      config: SIGN_IN_LIMIT,
      onRequest: requires(deps.checkKey, 'account.use'),
      schema: {
        tags,
        summary: '再次证明身份，此后十分钟内可更改登录凭证 / prove oneself again, for ten minutes',
        body: ProofBody,
        response: { 200: SessionView, ...problems(400, 401, 403, 429, 500) },
      },
    },
    async (request, reply) => proveAgain(deps, request, reply),
  );
}

async function proveAgain(
  deps: SecondStepRoutes,
  request: FastifyRequest<{ Body: ProofBody }>,
  reply: FastifyReply,
) {
  const { accounts, factors } = deps;
  const { person, organization } = request.signedIn!;
  const { password, totp, recovery, passkey } = request.body;
  const from = fromOf(request);
  const [kind, code] = totp === undefined ? (['recovery', recovery] as const) : (['totp', totp] as const);
  if (passkey !== undefined) {
    if ((await personOf(deps, signInOf(passkey))) !== person) throw new PasskeyRefused('of somebody else');
  } else if (password !== undefined) {
    provedBy(await accounts.signIn.proveAgain(person, password, from), accounts, 'password-wrong');
  } else rightOf(await factors.prove(person, kind, code!, from), accounts);
  await accounts.signIn.clear(person, from);
  const proved = passkey === undefined ? (password === undefined ? kind : 'password') : 'passkey';
  await accounts.record('proved-again', { person, organization }, { factors: [proved] });
  return renewed(accounts, request, reply, { proved, endOthers: false });
}
