import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { type BatchRoutes, batchRoutes } from './http/batches.ts';
import { bulkRoutes } from './http/bulk.ts';
import { type DepositRoutes, depositRoutes } from './http/deposit.ts';
import { type EventRoutes, eventRoutes } from './http/events.ts';
import { type EvidenceRoutes, evidenceRoutes } from './http/evidence.ts';
import { type HealthRoutes, healthRoutes } from './http/health.ts';
import { installPace } from './http/pace.ts';
import { installProblems, unroutable } from './http/problem.ts';
import { parseBody } from './http/text.ts';
import { validatorCompiler } from './http/validation.ts';
import { type VerifyRoutes, verifyRoutes } from './http/verify.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** bytes of a JSON body, as they came; null where the body was not JSON or there was none */
    rawBody: Buffer | null;
  }
}

export type AppDeps = DepositRoutes &
  EvidenceRoutes &
  EventRoutes &
  BatchRoutes &
  HealthRoutes & {
    readonly verify: VerifyRoutes;
    readonly log: FastifyBaseLogger;
    readonly publicUrl: string;
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
    // A large upload over a slow line takes hours: pace.ts says how slowly, connectionTimeout cuts a silent line.
    requestTimeout: 0,
    connectionTimeout: 120_000,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: false },
    frameworkErrors: unroutable,
  });
  app.decorateRequest('caller', null as never);
  app.decorateRequest('rawBody', null as never);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => JSON.stringify);
  installProblems(app);
  installPace(app);
  installBodies(app);
  await app.register(multipart, { throwFileSizeLimit: true });
  await app.register(rateLimit, { global: false });
  await installDocs(app, deps.publicUrl);
  app.addHook('onSend', (_request, reply, payload, done) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
    done(null, payload);
  });
  await app.register(async (routes) => {
    depositRoutes(routes, deps);
    bulkRoutes(routes, deps);
    evidenceRoutes(routes, deps);
    eventRoutes(routes, deps);
    batchRoutes(routes, deps);
    verifyRoutes(routes, deps.verify);
    healthRoutes(routes, deps);
  });
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
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'kezheng 可证',
        version: '1',
        description: '电子数据存证与核验 / evidence deposit that anybody can check',
      },
      servers: [{ url: publicUrl }],
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
