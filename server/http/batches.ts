import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { HASH_LENGTH } from '../core/tree/tree.ts';
import { anchorStatus, stateOfAnchors } from '../pipeline/status.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { AnchorStore, Batch, BatchStore } from '../ports/store.ts';
import { Problem } from './problem.ts';
import { problems } from './schemas.ts';

export interface BatchRoutes {
  readonly store: BatchStore & AnchorStore;
  readonly blobs: Blobs;
}

const NumberParams = Type.Object(
  { number: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) },
  { additionalProperties: false },
);
type WithNumber = { Params: { number: number } };

/** Batches are public: hashes of salted entries say nothing, and with them anybody can recompute each root. */
export function batchRoutes(app: FastifyInstance, { store, blobs }: BatchRoutes): void {
  const find = async (number: number): Promise<Batch> => {
    const batch = await store.batch(number);
    if (batch === undefined) throw new Problem('not-found');
    return batch;
  };
  app.get<WithNumber>(
    '/v1/batches/:number',
    {
      schema: {
        tags: ['batches'],
        summary: '一个批次及其上链历史 / a batch and the history of its anchors',
        params: NumberParams,
        response: problems(404),
      },
    },
    async (request) => {
      const batch = await find(request.params.number);
      const anchors = await store.anchorsOfBatch(batch.number);
      const history = await store.historyOfBatch(batch.number);
      return {
        number: batch.number,
        size: batch.size,
        root: batch.root,
        sealedAt: new Date(batch.sealedMs).toISOString(),
        state: stateOfAnchors(anchors),
        anchors: anchors.map(anchorStatus),
        history: history.map(({ atMs, event, detail }) => ({
          at: new Date(atMs).toISOString(),
          event,
          ...detail,
        })),
      };
    },
  );
  app.route<WithNumber>({
    // HEAD has an answer of its own: the automatic one would read all leaves for nothing.
    method: ['GET', 'HEAD'],
    url: '/v1/batches/:number/leaves',
    schema: {
      tags: ['batches'],
      summary: '全部叶子，每个 32 字节 / all leaves, 32 bytes each',
      params: NumberParams,
      response: problems(404),
    },
    handler: async (request, reply) => {
      const batch = await find(request.params.number);
      const length = batch.size * HASH_LENGTH;
      reply
        .type('application/octet-stream')
        .header('content-length', length)
        .header('etag', `"${batch.root}"`);
      return request.method === 'HEAD'
        ? reply.send()
        : reply.send(await blobs.stream('trees', batch.root, 0, length));
    },
  });
}
