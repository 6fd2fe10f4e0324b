import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { MAX_ARCHIVE_CERTIFICATES, MAX_ARCHIVE_ENTRIES } from '../core/container/archive.ts';
import type { OpenArchive, Source } from '../core/container/open.ts';
import { AS_LINES, AS_TABLE, type Form, written } from '../documents/tables/written.ts';
import type { BesideShape, ItemLine } from '../messages/checked.ts';
import { sortFiles } from '../pipeline/archive-items.ts';
import { checkMany, type Item, SERVICE_LIMITS } from '../pipeline/check-many.ts';
import { beginsAsLines, lineItems, linesOf } from '../pipeline/line-items.ts';
import { asContainer } from './container.ts';
import { bytesPassed } from './garbage.ts';
import { hashOf } from './given.ts';
import { readAway } from './linger.ts';
import { setStreamed } from './pace.ts';
import { Problem } from './problem.ts';
import { type Received, type Room, spooled } from './room.ts';
import { problems } from './schemas.ts';
import { attachment } from './stored-file.ts';
import type { VerifyRoutes } from './verify.ts';

export interface VerifyBatchRoutes extends VerifyRoutes {
  readonly openArchive: OpenArchive;
}

const ZIPS = ['application/zip', 'application/x-zip-compressed'];
const LINES = 'application/x-ndjson';

/** As /openapi.json has them; taken as they come. */
const BODIES = {
  'application/zip': Type.Unsafe<unknown>({ type: 'string', contentMediaType: 'application/zip' }),
  [LINES]: Type.String({
    description:
      '每行一份证书，或 {"certificate": …, "sha256": […], "sm3": […]} / a certificate a line, or an object with it and digests',
  }),
};

/**
 * POST /v1/verify/batch: the check of /v1/verify for each of many. All is taken in before anything is answered: who sends
 * and does not read meanwhile, as most programs do, would wait for us and we for him.
 */
export function verifyBatchRoutes(
  app: FastifyInstance,
  deps: VerifyBatchRoutes,
  room: Room,
  verified: (verdict: string) => void,
): void {
  // In a scope of its own: elsewhere lines come whole.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser([...ZIPS, LINES], (_request, _body, done) => done(null));
    scope.post(
      '/v1/verify/batch',
      {
        config: { rateLimit: { max: deps.limits.perMinute, timeWindow: 60_000 }, bodies: BODIES },
        schema: {
          tags: ['verify'],
          summary: '批量核验证书与原件 / check many certificates and their files',
          description:
            '至多 1,000 份证书：压缩包（`.json` 证书、本服务的 PDF，可附原件，原件只按摘要对应，不看名称；包内的 `.zip` 不打开），或 NDJSON，每行一份。逐项按次序应答（NDJSON），末行为合计，没有末行即不完整；`Accept: text/csv` 则为表格。坏项自成一行，不影响其余。无需密钥。 / Up to 1,000 certificates: a ZIP (certificates as .json, PDFs of ours, originals matched by digest and never by name; a .zip inside is not opened), or NDJSON, one a line. Answered item by item in their order as NDJSON with a last line of totals, without which the answer is not whole; `Accept: text/csv` asks for a table. A bad item fails alone. No key needed.',
          consumes: ['application/zip', LINES],
          produces: [LINES, 'text/csv'],
          response: problems(400, 413, 415, 422, 429, 503),
        },
      },
      async (request, reply) => answer(deps, room, verified, request, reply),
    );
  });
}

interface Work {
  readonly items: Iterable<Item> | AsyncIterable<Item>;
  readonly beside: BesideShape;
}

async function answer(
  deps: VerifyBatchRoutes,
  room: Room,
  verified: (verdict: string) => void,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const received = await receive(deps, room, request);
  try {
    const { items, beside } = isZip(request)
      ? await filesOf(received.source, deps, gone.signal)
      : await linesIn(received.source);
    const results = checkMany(items, {
      trust: deps.trust(),
      blocks: deps.blockLookUp(),
      signatures: deps.signatures,
      limits: SERVICE_LIMITS,
    });
    const form = formOf(request);
    const told = ({ verdict }: ItemLine): void => {
      if (verdict !== null) verified(verdict);
    };
    return send(reply, received, form, written(results, beside, form, told));
  } catch (error) {
    await received.close();
    throw error;
  }
}

const isZip = ({ headers }: FastifyRequest): boolean => /zip/i.test(headers['content-type'] ?? '');

async function receive(deps: VerifyBatchRoutes, room: Room, request: FastifyRequest): Promise<Received> {
  const { raw } = request;
  // No body came, and so no type that was refused.
  if (request.headers['content-type'] === undefined) throw new Problem('media-type-unsupported');
  try {
    const place = room.enter(request.ip);
    setStreamed(raw, true);
    return await spooled(deps.openSpool, place, bodyOf(request), deps.limits.uploadBytes);
  } catch (error) {
    readAway(raw);
    throw error;
  } finally {
    setStreamed(raw, false);
  }
}

/** Whoever stops reading leaves the line open: an answer goes over it. */
async function* bodyOf({ raw }: FastifyRequest): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      yield chunk as Buffer;
      bytesPassed((chunk as Buffer).length);
    }
  } catch (error) {
    throw new Problem('upload-broken', {}, { cause: error });
  }
}

function filesOf(source: Source, deps: VerifyBatchRoutes, gone: AbortSignal): Promise<Work> {
  const limits = { bytes: deps.limits.uploadBytes, entries: MAX_ARCHIVE_ENTRIES };
  const hash = (stream: AsyncIterable<Uint8Array>) => hashOf(deps, whileThere(stream, gone));
  return asContainer(async () =>
    sortFiles(await deps.openArchive(source, limits), {
      hash,
      limits: { items: MAX_ARCHIVE_CERTIFICATES, bytes: SERVICE_LIMITS.bytesOfAll },
    }),
  );
}

/** For a caller who went away nothing more is unpacked. */
async function* whileThere(stream: AsyncIterable<Uint8Array>, gone: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const piece of stream) {
    if (gone.aborted) throw new Problem('upload-broken');
    yield piece;
  }
}

async function linesIn(source: Source): Promise<Work> {
  if (!(await beginsAsLines(source))) throw new Problem('body-malformed');
  let count = 0;
  for await (const _ of linesOf(source))
    if (++count > MAX_ARCHIVE_CERTIFICATES)
      throw new Problem('too-many-records', { limit: MAX_ARCHIVE_CERTIFICATES });
  return { items: lineItems(source), beside: { files: 0, unmatched: () => [], aside: [] } };
}

const formOf = ({ headers }: FastifyRequest): Form =>
  /(?:^|,)\s*text\/csv\s*(?:[;,]|$)/i.test(headers.accept ?? '') ? AS_TABLE : AS_LINES;

function send(
  reply: FastifyReply,
  { close }: Received,
  { type }: Form,
  lines: AsyncIterable<string>,
): FastifyReply {
  const stream = Readable.from(takenInTime(lines), { objectMode: false, highWaterMark: AHEAD_BYTES });
  // However it ends: also where nobody was there any more to read the first line.
  stream.once('close', () => void close());
  if (type === AS_TABLE.type) reply.header('content-disposition', attachment('核验结果.csv'));
  return reply.type(type).send(stream);
}

/** Results that are made before they are taken. */
const AHEAD_BYTES = 64 * 1024;

/** In all, an answer waits so long for its reader, who keeps others from a place. */
const MAX_WAITED_MS = 600_000;

async function* takenInTime(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let waitedMs = 0;
  for await (const line of lines) {
    const sinceMs = performance.now();
    yield line;
    waitedMs += performance.now() - sinceMs;
    if (waitedMs > MAX_WAITED_MS) throw new Problem('upload-broken');
  }
}
