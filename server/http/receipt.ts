import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeBase64 } from '../core/read/base64.ts';
import { toHex } from '../core/read/bytes.ts';
import { certificateSet, withCertificates } from '../core/token/build.ts';
import { PROMISE_POLICY } from '../core/token/policies.ts';
import { encodeGranted } from '../core/token/response.ts';
import { type EntryStamp, stampOfEntry } from '../pipeline/stamps.ts';
import type { StoredEntry } from '../ports/store.ts';
import { requires } from './auth.ts';
import { type EvidenceRoutes, entryFor, IdParams, type WithId } from './evidence.ts';
import { Problem } from './problem.ts';
import { problems } from './schemas.ts';
import { attachment } from './stored-file.ts';

/*
 * The receipt of a deposit, from the moment of its 201: the manifest's exact bytes and the operator's token over them,
 * which is the promise to bring the entry into the log.
 */

/** The token comes in the form of a whole answer of an authority: what `openssl ts` takes as -in. */
const REPLY = 'application/timestamp-reply';

export function receiptRoutes(app: FastifyInstance, deps: EvidenceRoutes): void {
  const read = { onRequest: requires(deps.checkKey, 'evidence.read') };
  const common = { tags: ['evidence'], security: [{ apiKey: [] }, { session: [] }] };
  app.get<WithId>(
    '/v1/evidence/:id/receipt',
    {
      ...read,
      schema: {
        ...common,
        summary: '存证回执：清单与时间戳 / receipt: manifest and token',
        description:
          '`manifest` 是清单的原样文字（计算摘要须用其 UTF-8 字节）；`stamp.reply` 是 RFC 3161 应答（base64）。存证时时钟存疑的，`stamp` 暂为空，恢复后补签。 / `manifest` is text, exactly; `stamp.reply` an RFC 3161 reply in base64; `stamp` is null while the clock was in doubt, and comes later.',
        params: IdParams,
        response: problems(401, 403, 404),
      },
    },
    async (request) => {
      const entry = await entryFor(deps, request);
      const stamp = await stampOfEntry(deps.store, deps.chainOf, entry);
      return {
        id: entry.id,
        leafHash: toHex(entry.leaf),
        manifest: entry.entry,
        stamp: stamp === undefined ? null : viewOf(stamp),
      };
    },
  );
  const files = {
    'manifest.json': (request: FastifyRequest, reply: FastifyReply) => sendManifest(deps, request, reply),
    'token.tsr': (request: FastifyRequest, reply: FastifyReply) => sendToken(deps, request, reply),
  };
  for (const [name, handler] of Object.entries(files))
    app.get<WithId>(
      `/v1/evidence/:id/receipt/${name}`,
      {
        ...read,
        schema: {
          ...common,
          summary: `回执中的 ${name} / ${name} of the receipt`,
          params: IdParams,
          response: problems(401, 403, 404, 409),
        },
      },
      handler,
    );
}

const replyOf = ({ token, chain }: EntryStamp): Uint8Array =>
  encodeGranted(withCertificates(token, certificateSet(chain)));

const viewOf = (stamp: EntryStamp) => ({
  type: stamp.type,
  policy: PROMISE_POLICY,
  imprint: toHex(stamp.imprint),
  path: stamp.path ?? null,
  reply: encodeBase64(replyOf(stamp)),
});

async function sendManifest(deps: EvidenceRoutes, request: FastifyRequest, reply: FastifyReply) {
  const entry: StoredEntry = await entryFor(deps, request);
  return reply
    .type('application/json; charset=utf-8')
    .header('content-disposition', attachment(`${entry.id}.manifest.json`))
    .send(Buffer.from(entry.entry, 'utf8'));
}

async function sendToken(deps: EvidenceRoutes, request: FastifyRequest, reply: FastifyReply) {
  const entry = await entryFor(deps, request);
  const stamp = await stampOfEntry(deps.store, deps.chainOf, entry);
  // Of the time before there were tokens, or while the clock is in doubt.
  if (stamp === undefined) throw new Problem('token-not-there');
  return reply
    .type(REPLY)
    .header('content-disposition', attachment(`${entry.id}.tsr`))
    .send(Buffer.from(replyOf(stamp)));
}
