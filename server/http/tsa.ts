import type { FastifyInstance } from 'fastify';
import type { Authority, TokenOutcome } from '../authority/tsa.ts';
import { Problem } from './problem.ts';
import { problems } from './schemas.ts';

/** Signatures that wait at once; more are told to come again, and deposits keep their share of the threads that sign. */
const MOST_PENDING = 1_000;

export interface TsaRoutes {
  readonly authority: Authority;
  readonly tokenAnswered: (outcome: TokenOutcome) => void;
}

const QUERY = 'application/timestamp-query';
const REPLY = 'application/timestamp-reply';

/**
 * A request has a hundred bytes, and above a kilobyte the authority refuses it in its own language (`badRequest`); what
 * is above this is no request and is not read.
 */
const MAX_QUERY_BYTES = 64 * 1024;

/** POST /v1/tsa: RFC 3161 over HTTP (§3.4), for anybody. A refusal is an answer with its PKIFailureInfo, and a 200. */
export function tsaRoutes(app: FastifyInstance, { authority, tokenAnswered }: TsaRoutes): void {
  let pending = 0;
  app.addContentTypeParser<Buffer>(QUERY, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post(
    '/v1/tsa',
    {
      bodyLimit: MAX_QUERY_BYTES,
      schema: {
        tags: ['time-stamp'],
        summary: '时间戳（RFC 3161） / time-stamp token (RFC 3161)',
        description:
          '`application/timestamp-query` → `application/timestamp-reply`。摘要算法 SHA-256、SHA-384、SHA-512、SM3；无需密钥。拒绝以 PKIFailureInfo 说明，状态仍为 200。 / A refusal is a reply with its PKIFailureInfo and status 200; no key needed.',
        consumes: [QUERY],
        produces: [REPLY],
        response: problems(413, 415, 503),
      },
    },
    async (request, reply) => {
      if (!Buffer.isBuffer(request.body)) throw new Problem('media-type-unsupported');
      if (pending >= MOST_PENDING) throw new Problem('overloaded', {}, { retryAfterSeconds: 1 });
      pending++;
      const { outcome, bytes } = await authority.answer(request.body).finally(() => pending--);
      tokenAnswered(outcome);
      return reply.type(REPLY).send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    },
  );
}
