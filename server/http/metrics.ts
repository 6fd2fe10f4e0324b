import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { DepositKind, DepositOutcomeName, Metrics, Tracing } from '../ports/metrics.ts';
import { isForm } from './form.ts';
import { isForOperators } from './operators.ts';
import { Problem } from './problem.ts';

type Done = (error?: Error) => void;

/** Before the routes: each gets what counts it, made once. HEAD beside GET is a route of its own. */
export function installMetrics(app: FastifyInstance, metrics: Metrics, tracing: Tracing | undefined): void {
  app.addHook('onRoute', (route) => {
    const method = String(route.method);
    const times = metrics.routeTimes(method, route.url);
    const isDeposit = method === 'POST' && route.url === '/v1/evidence';
    after(route, (request, reply) => {
      times((reply.statusCode / 100) | 0).observe(reply.elapsedTime);
      if (isDeposit) metrics.deposits(kindOf(request), outcomeOf(reply));
    });
    if (method === 'POST' && route.url === '/v1/verify') countVerdicts(route, metrics);
    if (tracing !== undefined) traceRoute(route, `${method} ${route.url}`, tracing);
  });
}

/** After the routes: what found none of them. Hooks that come now are theirs no more. */
export function countUnrouted(app: FastifyInstance, metrics: Metrics): void {
  const times = metrics.routeTimes('any', 'none');
  app.addHook('onResponse', (request, reply, done) => {
    if (request.is404) times((reply.statusCode / 100) | 0).observe(reply.elapsedTime);
    done();
  });
}

function after(route: RouteOptions, count: (request: FastifyRequest, reply: FastifyReply) => void): void {
  const hook = (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    count(request, reply);
    done();
  };
  route.onResponse = [...[route.onResponse ?? []].flat(), hook];
}

/** A body that was read as JSON told of digests; one that was refused before is known by its type. */
const kindOf = (request: FastifyRequest): DepositKind =>
  request.rawBody === null && isForm(request) ? 'files' : 'digests';

function outcomeOf(reply: FastifyReply): DepositOutcomeName {
  if (reply.statusCode === 201) return reply.hasHeader('idempotent-replayed') ? 'replayed' : 'stored';
  return reply.statusCode < 500 ? 'refused' : 'unavailable';
}

/** The answer says it, before it becomes text. */
function countVerdicts(route: RouteOptions, metrics: Metrics): void {
  route.preSerialization = (_request, _reply, payload, done) => {
    metrics.verified(String((payload as { readonly verdict?: unknown }).verdict));
    done(null, payload);
  };
}

/** A span from the first look at a request until its answer has gone, or its caller. Fastify carries it past the body. */
function traceRoute(route: RouteOptions, name: string, tracing: Tracing): void {
  const facts = { 'http.request.method': String(route.method), 'http.route': route.url };
  const begin = (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    const span = tracing.request(name, request.headers);
    span.set(facts);
    reply.raw.once('close', () => {
      span.set({
        'http.response.status_code': reply.raw.statusCode,
        'kezheng.complete': reply.raw.writableFinished,
      });
      span.end(reply.raw.statusCode >= 500 ? new HttpFailure() : undefined);
    });
    span.run(done);
  };
  route.onRequest = [begin, ...[route.onRequest ?? []].flat()];
}

/** What a failed request is called in a trace. */
class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
}

/** GET /metrics. For everybody but operators there is no such page. */
export function metricsRoute(app: FastifyInstance, metrics: Metrics, token: string | undefined): void {
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    if (!isForOperators(request, token)) throw new Problem('not-found');
    const { type, text } = await metrics.page();
    return reply.type(type).send(text);
  });
}
