import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { type PackageDeps, packageOf } from '../pipeline/package.ts';
import { requires } from './auth.ts';
import { certifiedFor, IdParams, notReady, statusFor } from './evidence.ts';
import type { PaperRoutes } from './paper.ts';
import { Problem } from './problem.ts';
import { problems } from './schemas.ts';
import { attachment } from './stored-file.ts';

export interface PackageRoutes extends PaperRoutes {
  readonly package: PackageDeps;
}

const Query = Type.Object(
  {
    originals: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], {
        default: 'true',
        description: '`false`：不收入原件 / without the originals',
      }),
    ),
  },
  { additionalProperties: false },
);

/** As for the paper, which is drawn anew for each: preparing takes that thread; what is sent then takes none. */
const MAX_PREPARED = 8;

/** Everything that it takes to check one deposit without us, in one file. */
export function packageRoutes(app: FastifyInstance, deps: PackageRoutes): void {
  let preparing = 0;
  app.get<{ Params: { id: string }; Querystring: { originals?: 'true' | 'false' } }>(
    '/v1/evidence/:id/package.zip',
    {
      onRequest: requires(deps.checkKey, 'evidence.read'),
      // A HEAD would read all originals for nothing.
      exposeHeadRoute: false,
      schema: {
        tags: ['evidence'],
        security: [{ apiKey: [] }, { session: [] }],
        summary: '存证包（ZIP） / the package (ZIP)',
        description:
          '原件（`?originals=false` 则不收入）、清单、证书、纸面证书、时间戳及其证书链、OpenTimestamps 证明、信任清单，以及写明核验命令的 README。 / Originals, manifest, certificate, the certificate on paper, time stamps with their chains, OpenTimestamps proofs, the trust list, and a README with the commands that check them.',
        params: IdParams,
        querystring: Query,
        response: problems(400, 401, 403, 404, 409, 503),
      },
    },
    async (request, reply) => {
      if (preparing >= MAX_PREPARED) throw new Problem('overloaded', {}, { retryAfterSeconds: 2 });
      preparing++;
      try {
        return await sendPackage(deps, request, reply, request.query.originals !== 'false');
      } finally {
        preparing--;
      }
    },
  );
}

async function sendPackage(
  deps: PackageRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
  originals: boolean,
): Promise<FastifyReply> {
  const { entry, certificate } = await certifiedFor(deps, request);
  const place = await deps.store.placeOf(entry.sequence);
  // What has a certificate is in a batch; without a place there is no more to say than that it is not ready.
  if (place === undefined) throw notReady(deps, await statusFor(deps, request));
  const onLost = (sha256: string): void => {
    request.log.error({ sha256, request: request.id }, 'stored-file-missing');
  };
  const made = await packageOf(deps.package, entry, place.batch.number, certificate, { originals, onLost });
  if (made === undefined) throw new Problem('chain-not-seen', {}, { retryAfterSeconds: 5 });
  return reply
    .type('application/zip')
    .header('content-disposition', attachment(`package-${made.number}.zip`))
    .send(made.stream);
}
