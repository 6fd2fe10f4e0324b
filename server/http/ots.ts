import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { parseCertificate } from '../core/certificate/certificate.ts';
import type { Manifest } from '../core/entry/manifest.ts';
import { ETHEREUM_MAIN_CHAIN, MAX_OTS_ENTRY_BYTES, otsProof } from '../core/ots/proof.ts';
import { toHex, utf8 } from '../core/read/bytes.ts';
import { certificateOf } from '../pipeline/certificate.ts';
import { requires } from './auth.ts';
import { type EvidenceRoutes, entryFor, notReady, statusFor } from './evidence.ts';
import { Problem } from './problem.ts';
import { problems, Uuid } from './schemas.ts';
import { attachment } from './stored-file.ts';

const Params = Type.Object(
  { id: Uuid, n: Type.Integer({ minimum: 0, maximum: 99 }) },
  { additionalProperties: false },
);

/** A proof of one file for tools that know nothing of us, made from the certificate: whoever has that can make it too. */
export function otsRoutes(app: FastifyInstance, deps: EvidenceRoutes): void {
  app.get<{ Params: { id: string; n: number } }>(
    '/v1/evidence/:id/files/:n/proof.ots',
    {
      onRequest: requires(deps.checkKey, 'evidence.read'),
      schema: {
        tags: ['evidence'],
        security: [{ apiKey: [] }, { session: [] }],
        summary: 'OpenTimestamps 证明 / an OpenTimestamps proof of one file',
        description:
          '从文件的 SHA-256 到区块头的 transactionsRoot。**证明中有整份清单**，交给他人即公开清单内容。格式不含链号：非以太坊主网的，文件名与响应头写明链号。清单超过 4,095 字节的为 422 `ots-manifest-too-large`。 / From the SHA-256 of the file to the transactionsRoot of a block header. **The whole manifest stands in it.** The format holds no chain id: off Ethereum’s main chain the file name and headers name the chain. A manifest of more than 4,095 bytes is 422.',
        params: Params,
        response: problems(401, 403, 404, 409, 422),
      },
    },
    (request, reply) => sendProof(deps, request, reply),
  );
}

async function sendProof(
  deps: EvidenceRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const entry = await entryFor(deps, request);
  const { n } = request.params as { n: number };
  // What the service records of itself names no files.
  const { files = [] } = JSON.parse(entry.entry) as Partial<Manifest>;
  if (!(n in files)) throw new Problem('not-found');
  // Before the question whether it is ready: nobody should wait for what cannot come.
  const actual = utf8(entry.entry).length;
  if (actual > MAX_OTS_ENTRY_BYTES)
    throw new Problem('ots-manifest-too-large', { limit: MAX_OTS_ENTRY_BYTES, actual });
  const certificate = await certificateOf(deps.certificates, entry);
  if (certificate === undefined) throw notReady(deps, await statusFor(deps, request));
  const proof = otsProof(parseCertificate(certificate.bytes), n);
  if (proof.chainId !== ETHEREUM_MAIN_CHAIN) reply.header('kezheng-note', otherChain(proof.chainId));
  return reply
    .type('application/vnd.opentimestamps.v1')
    .header('content-disposition', attachment(proof.fileName))
    .header('kezheng-chain-id', String(proof.chainId))
    .header('kezheng-block-number', String(proof.blockNumber))
    .header('kezheng-transactions-root', `0x${toHex(proof.transactionsRoot)}`)
    .send(Buffer.from(proof.bytes));
}

/** In English alone: a header has no other characters (RFC 9110 §5.5). */
const otherChain = (chainId: number): string =>
  `The OpenTimestamps format holds no chain id. This proof is of chain ${chainId}, not of Ethereum's main chain.`;
