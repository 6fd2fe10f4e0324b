import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { ComparedBlock } from '../core/verify/anchors.ts';
import { ChainProblem } from '../ports/chain.ts';
import { Problem } from './problem.ts';
import { problems } from './schemas.ts';

export interface LookupRoutes {
  /** the service's own kezheng-trust/1, as text; undefined until its chain has been seen once */
  readonly trustText: () => string | undefined;
  /** What our own node says of a block; undefined where it is none of our chain. May throw ChainProblem. */
  readonly block: (chainId: number, number: number) => Promise<ComparedBlock | undefined>;
  readonly perMinute: number;
}

const Uint = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const BlockParams = Type.Object({ chainId: Uint, number: Uint }, { additionalProperties: false });
type WithBlock = { Params: { chainId: number; number: number } };

/**
 * What a checker may ask this service. Both are the word of the very service that is checked: good for a first look, and
 * every page that uses them says so.
 */
export function lookupRoutes(app: FastifyInstance, { trustText, block, perMinute }: LookupRoutes): void {
  const config = { rateLimit: { max: perMinute, timeWindow: 60_000 } };
  app.get(
    '/v1/trust',
    {
      config,
      schema: {
        tags: ['verify'],
        summary: '本服务自己的信任清单，不是独立来源 / this service’s own trust list, no independent source',
        response: problems(429, 503),
      },
    },
    async (_request, reply) => {
      const text = trustText();
      if (text === undefined) throw new Problem('trust-not-known', {}, { retryAfterSeconds: 10 });
      return reply.type('application/json; charset=utf-8').send(text);
    },
  );
  app.get<WithBlock>(
    '/v1/blocks/:chainId/:number',
    {
      config,
      schema: {
        tags: ['verify'],
        summary:
          '本服务的节点所述的区块哈希，仅限已终局者，不是独立来源 / what this service’s node says of a block, no independent source',
        description:
          '没有 `hash` 表示尚未终局。 / Without `hash` there is no final block of this number yet.',
        params: BlockParams,
        response: problems(404, 429, 503),
      },
    },
    async (request) => {
      const { chainId, number } = request.params;
      const found = await block(chainId, number).catch((error: unknown) => {
        if (error instanceof ChainProblem)
          throw new Problem('chain-away', {}, { retryAfterSeconds: 10, cause: error });
        throw error;
      });
      if (found === undefined) throw new Problem('not-found');
      return found;
    },
  );
}
