import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Encoding, Page, Pages } from '../ports/pages.ts';
import { Problem } from './problem.ts';

export interface WebRoutes {
  /** undefined where the pages were not built */
  readonly pages: Pages | undefined;
}

/** The pages: one file each, which a strict policy keeps to itself. */
export function webRoutes(app: FastifyInstance, { pages }: WebRoutes): void {
  for (const name of ['verify', 'verify.html'])
    app.get(`/${name}`, { schema: { hide: true } }, async (request, reply) => {
      const page = pages?.get(name);
      if (page === undefined) throw new Problem('page-not-built');
      return send(request, reply, page);
    });
  // The first thing that a person tries; until there are more pages, the one there is.
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/verify', 302));
  // Printed on paper as a QR code: the page then says which certificate it is meant for.
  app.get<{ Params: { number: string } }>(
    '/c/:number',
    { schema: { hide: true } },
    async (request, reply) => {
      const { number } = request.params;
      if (!CERTIFICATE_NUMBER.test(number)) throw new Problem('not-found');
      return reply.redirect(`/verify#${number}`, 302);
    },
  );
}

/** As FORMAT.md, section 5, writes it; whether there is such a certificate is not told. */
const CERTIFICATE_NUMBER = /^\d{4}-\d{8,12}-\d{2}$/;

function send(request: FastifyRequest, reply: FastifyReply, { policy, sha256, bodies }: Page): FastifyReply {
  const encoding = preferred(request.headers['accept-encoding']);
  const etag = `"${sha256}-${encoding}"`;
  reply
    .header('content-security-policy', policy)
    .header('x-frame-options', 'DENY')
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-opener-policy', 'same-origin')
    .header('cross-origin-resource-policy', 'same-origin')
    // Kept, and asked about each time: a page of an earlier version must not check certificates.
    .header('cache-control', 'no-cache')
    .header('etag', etag)
    .header('vary', 'accept-encoding');
  if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send();
  if (encoding !== 'identity') reply.header('content-encoding', encoding);
  return reply.type('text/html; charset=utf-8').send(bodies[encoding]);
}

/** RFC 9110 §12.5.3, as browsers use it: what is not named, or has quality 0, is not sent. */
function preferred(accepted: string | string[] | undefined): Encoding {
  const taken = String(accepted ?? '')
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .filter((one) => !/;\s*q=0(?:\.0*)?$/.test(one))
    .map((one) => one.split(';')[0]!.trim());
  return (['br', 'gzip'] as const).find((encoding) => taken.includes(encoding)) ?? 'identity';
}

const isKnown = (known: string | undefined, etag: string): boolean =>
  known?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag) ?? false;
