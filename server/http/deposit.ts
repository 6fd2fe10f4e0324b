import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { StreamTooLong } from '../pipeline/blocks.ts';
import { type DepositDeps, deposit } from '../pipeline/deposit.ts';
import {
  type Contents,
  computedFile,
  type Depositor,
  declaredFile,
  type EvidenceGiven,
} from '../pipeline/manifest.ts';
import { discardFiles, keepFiles, type ReceivedFile, receiveFile } from '../pipeline/receive.ts';
import { StatementRefused } from '../pipeline/statement.ts';
import { type StatusDeps, stateOf } from '../pipeline/status.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { IdempotencyClaim } from '../ports/store.ts';
import type { Digests } from '../ports/work.ts';
import { type CheckKey, requires } from './auth.ts';
import { FilePart } from './documented.ts';
import { contentOf, fileNameOf, formParts, isForm, mediaTypeOf, readPart, unexpected } from './form.ts';
import { claimsOf } from './idempotency.ts';
import { Problem, schemaProblem } from './problem.ts';
import { DepositAnswer, EvidencePart, HashOnlyEvidence, problems } from './schemas.ts';
import { parseBody, toInstant } from './text.ts';

export interface DepositRoutes extends DepositDeps, StatusDeps {
  readonly store: DepositDeps['store'] & StatusDeps['store'];
  readonly blobs: Blobs;
  readonly digests: Digests;
  readonly checkKey: CheckKey;
  readonly limits: { readonly uploadBytes: number; readonly files: number };
}

/** The JSON part describes; it is not where data travels. */
const MAX_EVIDENCE_PART = 256 * 1024;

const evidencePart = Compile(EvidencePart);

/** As /openapi.json has it; read as it comes, part by part. */
const EvidenceForm = Type.Object({
  evidence: EvidencePart,
  file: Type.Array(FilePart, { minItems: 1, maxItems: 100 }),
});

const claimOf = claimsOf('POST /v1/evidence');

/** POST /v1/evidence: a form with files, or JSON with digests only. */
export function depositRoutes(app: FastifyInstance, deps: DepositRoutes): void {
  app.post(
    '/v1/evidence',
    {
      onRequest: requires(deps.checkKey, 'evidence.deposit'),
      config: { bodies: { 'multipart/form-data': EvidenceForm } },
      schema: {
        tags: ['evidence'],
        summary: '存证 / deposit evidence',
        description:
          '`multipart/form-data`：先一个 JSON 部分 `evidence`，后 1 至 100 个 `file` 部分；或 `application/json`：仅摘要。 / A form with one JSON part `evidence`, then 1 to 100 parts `file`; or JSON with digests only.',
        security: [{ apiKey: [] }, { session: [] }],
        consumes: ['application/json', 'multipart/form-data'],
        body: { content: { 'application/json': { schema: HashOnlyEvidence } } },
        response: { 201: DepositAnswer, ...problems(400, 401, 403, 413, 415, 422, 503) },
      },
    },
    async (request, reply) => {
      if (isForm(request)) return depositForm(deps, request, reply);
      // The schema is asked of JSON only: another known type, or no body at all, came past it.
      if (!Buffer.isBuffer(request.rawBody)) throw new Problem('media-type-unsupported');
      const body = request.body as HashOnlyEvidence;
      const claim = claimOf(request, request.rawBody);
      return answer(deps, request, reply, givenOf(body), declared(body, 'body'), claim);
    },
  );
}

export function depositorOf(request: FastifyRequest): Depositor {
  return request.caller.organization;
}

/** What a depositor tells of without handing it in; `at` names the place of an error. */
export function declared({ files, folder }: HashOnlyEvidence, at: string): Contents {
  if ((files === undefined) === (folder === undefined))
    throw new Problem('request-invalid', { at, expected: 'files | folder' });
  return { files: files?.map(declaredFile) ?? [], folder: folder ?? null };
}

/** Times become instants in UTC; everything else stays as given. */
export function givenOf(body: EvidencePart | HashOnlyEvidence): EvidenceGiven {
  const { capturedFrom, capturedTo } = body;
  if (capturedFrom === undefined && capturedTo === undefined) return body as EvidenceGiven;
  const from = capturedFrom === undefined ? undefined : toInstant(capturedFrom, 'body.capturedFrom');
  const to = capturedTo === undefined ? undefined : toInstant(capturedTo, 'body.capturedTo');
  if (from !== undefined && to !== undefined && from > to) throw new Problem('captured-order', { from, to });
  return { ...body, ...(from && { capturedFrom: from }), ...(to && { capturedTo: to }) } as EvidenceGiven;
}

async function answer(
  deps: DepositRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
  given: EvidenceGiven,
  contents: Contents,
  claim: IdempotencyClaim | undefined,
): Promise<FastifyReply> {
  const depositor = depositorOf(request);
  const receipt = await deposit(deps, depositor, given, contents, claim).catch(refusal);
  if (receipt === undefined) throw new Problem('idempotency-key-reused');
  const state = receipt.replayed ? await stateOf(deps, depositor.id, receipt.id) : 'received';
  if (receipt.replayed) reply.header('idempotent-replayed', 'true');
  const head = `{"id":"${receipt.id}","state":"${state}","leafHash":"${receipt.leafHash}","manifest":`;
  return reply
    .code(201)
    .header('location', `/v1/evidence/${receipt.id}`)
    .type('application/json; charset=utf-8')
    .send(around(head, receipt.manifest));
}

/** `toSign` lets whoever signs otherwise than we read it see where. */
function refusal(error: unknown): never {
  if (!(error instanceof StatementRefused)) throw error;
  const { fault, detail, toSign } = error;
  throw new Problem(fault, detail, { cause: error, ...(toSign !== undefined && { members: { toSign } }) });
}

/** The manifest is bytes of JSON already: what is sent is what was hashed. `head` is ASCII and opens an object. */
function around(head: string, manifest: Uint8Array): Buffer {
  const body = Buffer.allocUnsafe(head.length + manifest.length + 1);
  body.write(head, 0, 'latin1');
  body.set(manifest, head.length);
  body[body.length - 1] = CLOSING_BRACE;
  return body;
}

const CLOSING_BRACE = 0x7d;

async function depositForm(
  deps: DepositRoutes,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const received: ReceivedFile[] = [];
  try {
    const part = await readForm(deps, request, received);
    const files = received.map((file) => computedFile(file));
    for (const [i, file] of received.entries()) compareDeclared(file, part.files?.[i], i);
    const claim = claimOf(request, JSON.stringify([part, files]));
    // The last bytes of a signed form may come behind its parts.
    await request.content?.checked;
    await keepFiles(received);
    return await answer(deps, request, reply, givenOf(part), { files, folder: null }, claim);
  } finally {
    await discardFiles(received);
  }
}

/** Files are added to `received` as they come, so that whoever catches an error can discard them. */
async function readForm(
  deps: DepositRoutes,
  request: FastifyRequest,
  received: ReceivedFile[],
): Promise<EvidencePart> {
  const { uploadBytes, files } = deps.limits;
  let evidence: EvidencePart | undefined;
  let left = uploadBytes;
  for await (const part of formParts(request, { parts: files + 1, bytes: uploadBytes })) {
    if (part.fieldname === 'evidence' && evidence === undefined) {
      evidence = readEvidence(await readPart(part, MAX_EVIDENCE_PART));
      continue;
    }
    if (part.fieldname !== 'file') throw unexpected(part);
    if (evidence === undefined) throw new Problem('evidence-part-first');
    if (received.length >= files) throw new Problem('too-many-files', { limit: files });
    const name = fileNameOf(part, received.length);
    try {
      received.push(
        await receiveFile(deps.blobs, deps.digests, contentOf(part), {
          name,
          mediaType: mediaTypeOf(part),
          limit: left,
        }),
      );
    } catch (error) {
      if (error instanceof StreamTooLong) throw new Problem('file-too-large', { limit: uploadBytes });
      throw error;
    }
    left -= received.at(-1)!.size;
  }
  if (evidence === undefined) throw new Problem('evidence-part-first');
  if (received.length === 0) throw new Problem('file-missing');
  if ((evidence.files?.length ?? 0) > received.length)
    throw new Problem('file-missing', { declared: evidence.files!.length });
  return evidence;
}

function readEvidence(bytes: Buffer): EvidencePart {
  const value = parseBody(bytes, 'evidence');
  if (evidencePart.Check(value)) return value;
  throw schemaProblem(evidencePart.Errors(value), 'evidence');
}

/** What the depositor said of a file before we saw it must be what we saw. */
function compareDeclared(
  file: ReceivedFile,
  declared: NonNullable<EvidencePart['files']>[number] | undefined,
  number: number,
): void {
  for (const algorithm of ['sha256', 'sm3'] as const) {
    const expected = declared?.[algorithm];
    if (expected !== undefined && expected !== file[algorithm])
      throw new Problem('digest-mismatch', {
        file: number,
        name: file.name,
        algorithm,
        declared: expected,
        computed: file[algorithm],
      });
  }
  if (declared?.size !== undefined && declared.size !== file.size)
    throw new Problem('size-mismatch', {
      file: number,
      name: file.name,
      declared: declared.size,
      computed: file.size,
    });
  if (declared?.name !== undefined && declared.name !== file.name)
    throw new Problem('file-name-invalid', { file: number });
}
