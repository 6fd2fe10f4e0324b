import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { CertificateDeps } from '../pipeline/certificate.ts';
import { type PaperDeps, paperOf } from '../pipeline/paper.ts';
import type { StatusDeps } from '../pipeline/status.ts';
import { type CheckKey, requires } from './auth.ts';
import { certifiedFor, notReady, statusFor } from './evidence.ts';
import { Problem } from './problem.ts';
import { problems, Uuid } from './schemas.ts';
import { attachment } from './stored-file.ts';

export interface PaperRoutes extends StatusDeps {
  readonly store: StatusDeps['store'] & CertificateDeps['store'];
  readonly certificates: CertificateDeps;
  readonly paper: PaperDeps;
  readonly checkKey: CheckKey;
}

/** Each holds up to a few megabytes and waits for one thread, which draws two or three of the largest in a second. */
const MAX_UNDER_WAY = 8;

/** The certificate on paper, by the rules of the certificate itself. */
export function paperRoutes(app: FastifyInstance, deps: PaperRoutes): void {
  let underWay = 0;
  app.get<{ Params: { id: string } }>(
    '/v1/evidence/:id/certificate.pdf',
    {
      onRequest: requires(deps.checkKey, 'evidence.read'),
      // A HEAD would draw and sign it for nothing.
      exposeHeadRoute: false,
      schema: {
        tags: ['evidence'],
        security: [{ apiKey: [] }, { session: [] }],
        summary:
          '存证证书（PDF，A4，已签章，内附证书与清单） / the certificate on paper, sealed, with certificate and manifest inside',
        params: Type.Object({ id: Uuid }, { additionalProperties: false }),
        response: problems(401, 403, 404, 409, 503),
      },
    },
    async (request, reply) => {
      if (underWay >= MAX_UNDER_WAY) throw new Problem('overloaded', {}, { retryAfterSeconds: 2 });
      underWay++;
      try {
        return await sendPaper(deps, request, reply);
      } finally {
        underWay--;
      }
    },
  );
}

async function sendPaper(
  deps: PaperRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { entry, certificate } = await certifiedFor(deps, request);
  const place = await deps.store.placeOf(entry.sequence);
  // What has a certificate is in a batch; without a place there is no more to say than that it is not ready.
  if (place === undefined) throw notReady(deps, await statusFor(deps, request));
  const paper = await paperOf(deps.paper, place.batch.number, certificate);
  if (paper === undefined) throw new Problem('chain-not-seen', {}, { retryAfterSeconds: 5 });
  return reply
    .type('application/pdf')
    .header('content-disposition', attachment(`certificate-${paper.number}.pdf`))
    .send(Buffer.from(paper.bytes));
}
