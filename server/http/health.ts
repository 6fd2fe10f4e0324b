import type { FastifyInstance } from 'fastify';
import { bothLanguages } from '../messages/sentence.ts';
import type { TaskHealth } from '../pipeline/worker.ts';
import { isForOperators } from './operators.ts';

export interface HealthRoutes {
  /** whether this instance is the one that seals and anchors */
  readonly isLeading: () => boolean;
  /** name of each part and how it is; a part without a problem is ready */
  readonly parts: () => Promise<Readonly<Record<string, TaskHealth['problem']>>>;
  readonly metricsToken: string | undefined;
}

/** Parts without which a deposit cannot be taken: only they make the service not ready. */
const NEEDED_FOR_DEPOSITS = new Set(['store']);

/**
 * /health/live: the process answers. /health/ready: 200 while deposits are taken, with everything that is wrong named;
 * 503 when they are not. A chain that is away is named, and deposits go on.
 */
export function healthRoutes(app: FastifyInstance, { parts, isLeading, metricsToken }: HealthRoutes): void {
  app.get('/health/live', { schema: { tags: ['health'], summary: '存活 / alive' } }, async () => ({
    status: 'alive',
  }));
  app.get(
    '/health/ready',
    { schema: { tags: ['health'], summary: '就绪与各部分状况 / ready, and how each part is' } },
    async (request, reply) => {
      const isOperator = isForOperators(request, metricsToken);
      const found = await parts();
      const broken = Object.entries(found).filter(([, problem]) => problem !== undefined);
      const refuses = broken.some(([name]) => NEEDED_FOR_DEPOSITS.has(name));
      const status = refuses ? 'unavailable' : broken.length > 0 ? 'degraded' : 'ready';
      reply.code(refuses ? 503 : 200);
      if (refuses) reply.header('retry-after', '2');
      return {
        status,
        leading: isLeading(),
        parts: Object.fromEntries(
          Object.entries(found).map(([name, problem]) => [
            name,
            problem === undefined ? { status: 'ready' } : told(problem, isOperator),
          ]),
        ),
      };
    },
  );
}

/** Details may be words of a node or a database, with addresses or keys in them: they are for operators. */
const told = ({ code, detail, sinceMs }: NonNullable<TaskHealth['problem']>, isOperator: boolean) => ({
  status: 'problem',
  code,
  ...bothLanguages('health', code, detail),
  ...(isOperator && { detail }),
  since: new Date(sinceMs).toISOString(),
});
