import { fastifyCookie } from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { accessRoutes } from './http/access.ts';
import { type AccessesRoutes, accessesRoutes } from './http/accesses.ts';
import { accountRoutes } from './http/account.ts';
import { type BatchRoutes, batchRoutes } from './http/batches.ts';
import { bulkRoutes } from './http/bulk.ts';
import { caseCheckRoutes } from './http/case-checks.ts';
import { type CaseReading, caseReadingRoutes } from './http/case-reading.ts';
import { caseRoutes } from './http/cases.ts';
import { type DeedRoutes, deedRoutes } from './http/deed.ts';
import { deedLookUpRoutes } from './http/deed-look-up.ts';
import { type DepositRoutes, depositRoutes } from './http/deposit.ts';
import { documented } from './http/documented.ts';
import { type ElsewhereRoutes, elsewhereRoutes } from './http/elsewhere.ts';
import { type EventRoutes, eventRoutes } from './http/events.ts';
import { type EvidenceRoutes, evidenceRoutes } from './http/evidence.ts';
import { type FactorRoutes, factorRoutes } from './http/factors.ts';
import { installForms } from './http/form.ts';
import { type HealthRoutes, healthRoutes } from './http/health.ts';
import { type IdentityNumberRoutes, identityNumberRoutes } from './http/identity-numbers.ts';
import { invitationRoutes } from './http/invitations.ts';
import { keyRoutes } from './http/keys.ts';
import { limitStore } from './http/limits.ts';
import { type LookupRoutes, lookupRoutes } from './http/lookups.ts';
import { meRoutes } from './http/me.ts';
import { countUnrouted, installMetrics, metricsRoute } from './http/metrics.ts';
import { officeRoutes } from './http/office.ts';
import { type OrganizationRoutes, organizationRoutes } from './http/organizations.ts';
import { otsRoutes } from './http/ots.ts';
import { installOverload, type OverloadLimits, type OverloadState } from './http/overload.ts';
import { installPace } from './http/pace.ts';
import { type PackageRoutes, packageRoutes } from './http/package.ts';
import { paperRoutes } from './http/paper.ts';
import { type PasskeyRoutes, passkeyRoutes } from './http/passkeys.ts';
import { peopleRoutes } from './http/people.ts';
import { installProblems, unroutable } from './http/problem.ts';
import { receiptRoutes } from './http/receipt.ts';
import { createRoom } from './http/room.ts';
import { type SecondStepRoutes, secondStepRoutes } from './http/second-step.ts';
import { sessionCookieOf } from './http/session-cookie.ts';
import { signInRoutes } from './http/sign-in.ts';
import { installSigned } from './http/signed.ts';
import { installPeople } from './http/signed-in.ts';
import { parseBody } from './http/text.ts';
import { type TsaRoutes, tsaRoutes } from './http/tsa.ts';
import { validatorCompiler } from './http/validation.ts';
import { verifyRoutes } from './http/verify.ts';
import { type VerifyBatchRoutes, verifyBatchRoutes } from './http/verify-batch.ts';
import { type WebRoutes, webRoutes } from './http/web.ts';
import type { WebhookRoutes } from './http/webhook-access.ts';
import { webhookRoutes } from './http/webhooks.ts';
import type { SignedCalls } from './identity/signed-calls.ts';
import type { RateLimits } from './ports/limits.ts';
import type { Metrics, Tracing } from './ports/metrics.ts';
import type { DepositQueue } from './ports/overload.ts';
import type { Store } from './ports/store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** bytes of a JSON body, as they came; null where the body was not JSON or there was none */
    rawBody: Buffer | null;
  }
}

export type AppDeps = DepositRoutes &
  EvidenceRoutes &
  PackageRoutes &
  EventRoutes &
  BatchRoutes &
  HealthRoutes &
  WebRoutes &
  WebhookRoutes &
  Pick<CaseReading, 'cases' | 'checkEvidence'> &
  Pick<IdentityNumberRoutes, 'identityNumbers'> &
  Pick<AccessesRoutes, 'accesses'> &
  Pick<DeedRoutes, 'deeds'> & {
    readonly store: Store;
    readonly people: OrganizationRoutes & FactorRoutes & PasskeyRoutes & SecondStepRoutes & ElsewhereRoutes;
    readonly verify: VerifyBatchRoutes;
    readonly authority: TsaRoutes['authority'];
    readonly lookups: LookupRoutes;
    readonly log: FastifyBaseLogger;
    readonly publicUrl: string;
    readonly signedCalls: SignedCalls;
    readonly rateLimits: RateLimits;
    /** balancers, whose word for who called counts: limits are of callers and not of balancers */
    readonly trustedProxies: readonly string[];
    readonly metrics: Metrics;
    readonly metricsToken: string | undefined;
    readonly tracing: Tracing | undefined;
    readonly queue: DepositQueue;
    readonly overload: OverloadLimits;
    /** told how to ask what is under way */
    readonly onOverloadState: (state: () => OverloadState) => void;
  };

/** A JSON body that describes evidence with 100 declared files fits; more is not a description. */
const MAX_JSON_BYTES = 1024 * 1024;

/** The whole HTTP side, wired in the order in which a deposit passes through it. */
export async function createApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: deps.log,
    // Requests are not logged one by one: paths hold ids of evidence.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_JSON_BYTES,
    // A logger of its own for each request costs more than it tells; what is logged names the request itself.
    childLoggerFactory: (logger) => logger,
    // A large upload over a slow line takes hours: pace.ts says how slowly, and cuts a silent line.
    requestTimeout: 0,
    keepAliveTimeout: 0,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: false },
    ...(deps.trustedProxies.length > 0 && { trustProxy: [...deps.trustedProxies] }),
    frameworkErrors: unroutable,
  });
  app.decorateRequest('caller', null as never);
  app.decorateRequest('rawBody', null as never);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => JSON.stringify);
  installProblems(app, deps.metrics.refused);
  installMetrics(app, deps.metrics, deps.tracing);
  deps.onOverloadState(
    installOverload(app, deps.queue, deps.overload, () => deps.metrics.refused('overloaded')),
  );
  installPace(app);
  installSigned(app, deps.signedCalls, deps.publicUrl);
  installPeople(app, {
    sessions: deps.people.accounts.sessions,
    cookie: sessionCookieOf(deps.publicUrl),
    origin: () => new URL(deps.people.publicUrl()).origin,
    demands: deps.people.demands,
  });
  installBodies(app);
  installForms(app);
  await app.register(rateLimit, { global: false, store: limitStore(deps.rateLimits, deps.clock) });
  await installDocs(app, deps.publicUrl);
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
    done();
  });
  await app.register(async (routes) => {
    depositRoutes(routes, deps);
    bulkRoutes(routes, deps);
    evidenceRoutes(routes, deps);
    meRoutes(routes, deps);
    receiptRoutes(routes, deps);
    paperRoutes(routes, deps);
    packageRoutes(routes, deps);
    otsRoutes(routes, deps);
    eventRoutes(routes, deps);
    caseRoutes(routes, deps);
    const casePackage = { store: deps.store, certificates: deps.certificates };
    caseReadingRoutes(routes, { ...deps, casePackage });
    caseCheckRoutes(routes, { ...deps, casePackage });
    accessRoutes(routes, deps);
    accessesRoutes(routes, { ...deps, casePackage });
    identityNumberRoutes(routes, deps);
    deedRoutes(routes, deps);
    officeRoutes(routes, deps);
    deedLookUpRoutes(routes, { store: deps.store, perMinute: deps.lookups.perMinute });
    batchRoutes(routes, deps);
    const room = createRoom();
    verifyRoutes(routes, deps.verify, room);
    verifyBatchRoutes(routes, deps.verify, room, deps.metrics.verified);
    webhookRoutes(routes, deps);
    tsaRoutes(routes, { authority: deps.authority, tokenAnswered: deps.metrics.tokenAnswered });
    lookupRoutes(routes, deps.lookups);
    webRoutes(routes, deps);
    healthRoutes(routes, deps);
    metricsRoute(routes, deps.metrics, deps.metricsToken);
  });
  // Cookies are set here and nowhere else; what sets them is no hook of any other route.
  await app.register(async (routes) => {
    await routes.register(fastifyCookie, { hook: false });
    signInRoutes(routes, deps.people);
    secondStepRoutes(routes, deps.people);
    elsewhereRoutes(routes, deps.people);
    accountRoutes(routes, deps.people);
    factorRoutes(routes, deps.people);
    passkeyRoutes(routes, deps.people);
    invitationRoutes(routes, deps.people.accounts);
    peopleRoutes(routes, deps.people);
    organizationRoutes(routes, deps.people);
    keyRoutes(routes, deps.people);
  });
  countUnrouted(app, deps.metrics);
  return app;
}

/** JSON is read by our own rules and its bytes are kept for the request's fingerprint; lines of records come whole. */
function installBodies(app: FastifyInstance): void {
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    request.rawBody = body;
    try {
      // The check of certificates reads its body itself, strictly.
      done(null, request.routeOptions.url === '/v1/verify' ? null : parseBody(body));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser<Buffer>('application/x-ndjson', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
}

async function installDocs(app: FastifyInstance, publicUrl: string): Promise<void> {
  await app.register(swagger, {
    transform: documented as never,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'kezheng 可证',
        version: '1',
        description: '电子数据存证与核验 / evidence deposit that anybody can check',
      },
      servers: [{ url: publicUrl }],
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: sessionCookieOf(publicUrl).name },
        },
      },
    },
  });
  // On plain http at an address of the local network the page's own scripts must not be asked for over https.
  const transformStaticCSP = (policy: string): string => policy.replace(/\s*upgrade-insecure-requests;?/, '');
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, transformStaticCSP });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
