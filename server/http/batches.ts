import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { parseToken } from '../core/token/read.ts';
import { encodeGranted } from '../core/token/response.ts';
import { rootDocument } from '../core/token/root-document.ts';
import { HASH_LENGTH } from '../core/tree/tree.ts';
import { anchorStatus, stateOfAnchors } from '../pipeline/status.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { AnchorStore, Batch, BatchStore, BatchToken, BatchTokenStore } from '../ports/store.ts';
import { Problem } from './problem.ts';
import { problems } from './schemas.ts';
import { attachment } from './stored-file.ts';

export interface BatchRoutes {
  readonly store: BatchStore & AnchorStore & Pick<BatchTokenStore, 'batchTokens'>;
  readonly blobs: Blobs;
}

const NumberParams = Type.Object(
  { number: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) },
  { additionalProperties: false },
);
type WithNumber = { Params: { number: number } };

const TokenParams = Type.Object(
  { ...NumberParams.properties, n: Type.Integer({ minimum: 0, maximum: 9_999 }) },
  { additionalProperties: false },
);
type WithToken = { Params: { number: number; n: number } };

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
      const tokens = await store.batchTokens(batch.number);
      return {
        number: batch.number,
        size: batch.size,
        root: batch.root,
        sealedAt: new Date(batch.sealedMs).toISOString(),
        state: stateOfAnchors(anchors),
        anchors: anchors.map(anchorStatus),
        tokens: await Promise.all(tokens.map((token, n) => tokenView(store, batch, token, n))),
        history: history.map(({ atMs, event, detail }) => ({
          at: new Date(atMs).toISOString(),
          event,
          ...detail,
        })),
      };
    },
  );
  app.get<WithToken>(
    '/v1/batches/:number/tokens/:n',
    {
      schema: {
        tags: ['batches'],
        summary: '外部机构对该批次的时间戳 / a token of an outside authority over the batch',
        description:
          'RFC 3161 应答，可交 `openssl ts -verify`；所戳的文字见批次的 `tokens[n].document`，原样取其 UTF-8 字节。 / an RFC 3161 reply, for `openssl ts -verify`; what it stamps is the UTF-8 of `tokens[n].document` of the batch, exactly.',
        params: TokenParams,
        response: problems(404),
      },
    },
    async (request, reply) => {
      const { number, n } = request.params;
      const token = (await store.batchTokens((await find(number)).number))[n];
      if (token === undefined) throw new Problem('not-found');
      return reply
        .type('application/timestamp-reply')
        .header('content-disposition', attachment(`batch-${number}-${n}.tsr`))
        .send(Buffer.from(encodeGranted(token.token)));
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

/** `n` is the place in its address, and never changes: later tokens come behind. */
async function tokenView(
  store: BatchRoutes['store'],
  { root, size }: Batch,
  { label, log, token, receivedMs, sequence }: BatchToken,
  n: number,
) {
  const { info } = parseToken(token);
  const place = await store.placeOf(sequence);
  return {
    n,
    authority: label,
    genTime: new Date(info.genTimeMs).toISOString(),
    accuracyMs: info.accuracyMs ?? null,
    policy: info.policy,
    serial: info.serial,
    sha256: createHash('sha256').update(token).digest('hex'),
    receivedAt: new Date(receivedMs).toISOString(),
    document: Buffer.from(rootDocument({ ...log, root, size })).toString('utf8'),
    // Where its own digest stands in the log; null until that batch is sealed.
    entry: place === undefined ? null : { batch: place.batch.number, index: place.index },
  };
}
