import { channel } from 'node:diagnostics_channel';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { actionOf } from '../../server/http/auth.ts';
import type { Action } from '../../server/identity/permissions.ts';

/* Every route that a whole service has, hidden ones included, with the action that its door asks leave for. */

export interface Route {
  readonly method: string;
  readonly url: string;
  /** `METHOD url` */
  readonly name: string;
  /** undefined: no door; then it stands in PUBLIC, or it is a hole */
  readonly action: Action | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: a schema as it stands in the route
  readonly body: any;
}

/** From now on: routes of the next application that is made in this process are kept as they are added. */
export function watchRoutes(): { readonly routes: Route[]; readonly app: () => FastifyInstance } {
  const routes: Route[] = [];
  const seen = new Set<string>();
  let made: FastifyInstance | undefined;
  channel('fastify.initialization').subscribe((message) => {
    const { fastify } = message as { readonly fastify: FastifyInstance };
    if (made !== undefined) return;
    made = fastify;
    fastify.addHook('onRoute', (options) => {
      for (const route of routesOf(options))
        if (!seen.has(route.name)) {
          seen.add(route.name);
          routes.push(route);
        }
    });
  });
  return { routes, app: () => made! };
}

function routesOf(options: RouteOptions): Route[] {
  const hooks = [options.onRequest ?? []].flat();
  const action = hooks.map((hook) => actionOf(hook)).find((one) => one !== undefined);
  const { url } = options;
  const body = (options.schema as { readonly body?: unknown } | undefined)?.body;
  return [options.method].flat().map((method) => ({ method, url, name: `${method} ${url}`, action, body }));
}

/** HEAD is as open as GET. */
export const publicName = ({ method, url }: Route): string => `${method === 'HEAD' ? 'GET' : method} ${url}`;

export const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

const PAGES = 'a page, the same for everybody';
const DOCS = 'what the interface is, the same for everybody';
const CHECK = 'whoever got a certificate checks it, and nothing of ours is read for it';
const LOG = 'digests of the log, which whoever audits from outside reads';
const DEED = 'whoever holds a deed has its code; what is told names nobody';
const SIGN_IN = 'how somebody comes to be signed in';
const LINK = 'whoever has the link, which nobody guesses';

/** All routes without a door, and why that is right. `sites`: signs a browser in, so that no other site may send it. */
export const PUBLIC: Readonly<Record<string, { readonly why: string; readonly sites?: 'own' }>> = {
  'GET /': { why: PAGES },
  'GET /verify': { why: PAGES },
  'GET /verify.html': { why: PAGES },
  'GET /c/:number': { why: 'leads to the page, and says nothing of whether there is such a certificate' },
  'GET /docs': { why: DOCS },
  'GET /docs/': { why: DOCS },
  'GET /docs/static/index.html': { why: DOCS },
  'GET /docs/static/swagger-initializer.js': { why: DOCS },
  'GET /docs/static/*': { why: DOCS },
  'GET /docs/json': { why: DOCS },
  'GET /docs/yaml': { why: DOCS },
  'GET /openapi.json': { why: DOCS },
  'GET /v1/procedures/:family/:version': { why: DOCS },
  'GET /health/live': { why: 'balancers ask; it says nothing but that it lives' },
  'GET /health/ready': { why: 'balancers ask; what nodes said is told to operators alone' },
  'GET /metrics': { why: 'by its own token, or from this machine; for everybody else there is no such page' },
  'GET /v1/batches/:number': { why: LOG },
  'GET /v1/batches/:number/tokens/:n': { why: LOG },
  'GET /v1/batches/:number/leaves': { why: LOG },
  'GET /v1/trust': { why: CHECK },
  'GET /v1/blocks/:chainId/:number': { why: CHECK },
  'POST /v1/verify': { why: CHECK },
  'POST /v1/verify/batch': { why: CHECK },
  'POST /v1/tsa': { why: 'stamps anybody’s digests (RFC 3161)' },
  'GET /v1/deeds/:number': { why: DEED },
  'GET /d/:number': { why: DEED },
  'POST /v1/session': { why: SIGN_IN, sites: 'own' },
  'POST /v1/session/totp': { why: SIGN_IN, sites: 'own' },
  'POST /v1/session/recovery': { why: SIGN_IN, sites: 'own' },
  'POST /v1/session/passkey/options': { why: SIGN_IN, sites: 'own' },
  'POST /v1/session/passkey': { why: SIGN_IN, sites: 'own' },
  'GET /v1/session/oidc': { why: SIGN_IN },
  'POST /v1/session/oidc': { why: SIGN_IN, sites: 'own' },
  'GET /v1/session/oidc/callback': { why: SIGN_IN },
  'GET /v1/invitations/:token': { why: LINK },
  'POST /v1/invitations/:token': { why: LINK, sites: 'own' },
  // Its door stands behind another: whoever bears anything by which he is known needs `organizations.manage`.
  'POST /v1/organizations': { why: 'whoever is nobody yet registers himself', sites: 'own' },
};

/** What never was: ids that nobody has, in the form of those that somebody might. */
export const NEVER: Readonly<Record<string, string>> = {
  id: '019ab1c2-0000-7000-8000-00000000ffff',
  organization: '019ab1c2-0000-7000-8000-00000000fffe',
  evidence: '019ab1c2-0000-7000-8000-00000000fffd',
  identity: '019ab1c2-0000-7000-8000-00000000fffc',
  delivery: `msg_${'0'.repeat(32)}`,
  token: 'A'.repeat(43),
  action: 'withdraw',
  family: 'none',
  version: '1',
  number: '999999',
  chainId: '1',
  n: '0',
};

/** Ids of two other kinds, where a path's `:id` is no UUID. */
const NEVER_THERE: Readonly<Record<string, string>> = {
  '/v1/account/sessions/:id': 'f'.repeat(64),
  '/v1/account/passkeys/:id': 'f'.repeat(43),
};

const QUERIES: Readonly<Record<string, string>> = {
  '/v1/organizations/:organization/evidence/:id': '?reason=x',
  '/v1/organizations/:organization/evidence/:id/files/:n': '?reason=x',
  '/v1/organizations/:organization/evidence/:id/certificate': '?reason=x',
};

/** The path with these in its places. Throws for a place that has no value: a new kind of id must be thought of. */
export function pathOf({ url }: Route, given: Readonly<Record<string, string>> = {}): string {
  const path = url.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = given[name] ?? (name === 'id' ? NEVER_THERE[url] : undefined) ?? NEVER[name];
    if (value === undefined) throw new Error(`no value for :${name} of ${url}`);
    return value;
  });
  return path.replace('*', 'index.css') + (QUERIES[url] ?? '');
}
