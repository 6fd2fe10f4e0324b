import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import { utf8 } from '../core/read/bytes.ts';
import { isObject, type Json, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { MAX_RENEWAL_BYTES, MAX_RENEWALS } from '../core/renewal/renewal.ts';
import type { GivenFile } from '../core/verify/files.ts';
import type { Report } from '../core/verify/report.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { presentReport } from '../messages/report.ts';
import { checkOne, type Given, ItemRefused, SERVICE_LIMITS } from '../pipeline/check-many.ts';
import type { BlockLookUp } from '../pipeline/compare.ts';
import { exactBytes, MAX_GIVEN_FILES } from '../pipeline/line-items.ts';
import type { Digests } from '../ports/work.ts';
import { asContainer, type ContainerDeps, containerReceiver, opened } from './container.ts';
import { FilePart } from './documented.ts';
import { contentOf, formParts, isForm, readPart, unexpected } from './form.ts';
import { fileOf } from './given.ts';
import { notAsDocumented, Problem, schemaProblem } from './problem.ts';
import type { Received, Room } from './room.ts';
import { problems, Sha256, Sm3 } from './schemas.ts';

export interface VerifyRoutes extends ContainerDeps {
  readonly digests: Digests;
  readonly signatures: SignatureVerifier;
  readonly trust: () => Trust | undefined;
  /** Its answers are kept for as long as one call is worked at. */
  readonly blockLookUp: () => BlockLookUp;
  readonly limits: { readonly uploadBytes: number; readonly perMinute: number };
}

/** Renewals come every few years; each costs signatures to check. */
const MAX_GIVEN_RENEWALS = 16;
/** The certificate may travel as a string, where each of its quotes takes a backslash. */
const MAX_JSON_BYTES = 4 * MAX_CERTIFICATE_BYTES;

const GivenRenewals = Compile(Type.Array(Type.String(), { maxItems: MAX_GIVEN_RENEWALS }));

const GivenFiles = Compile(
  Type.Array(
    Type.Object(
      {
        sha256: Sha256,
        sm3: Type.Optional(Sm3),
        name: Type.Optional(Type.String({ maxLength: 1_000 })),
        size: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      },
      { additionalProperties: false },
    ),
    { maxItems: MAX_GIVEN_FILES },
  ),
);

/** As /openapi.json has them; read strictly, by ourselves. */
const BODIES = {
  'multipart/form-data': Type.Object({
    certificate: FilePart,
    file: Type.Optional(Type.Array(FilePart)),
    renewal: Type.Optional(Type.Array(FilePart, { maxItems: MAX_RENEWALS })),
  }),
  'application/json': Type.Object({
    certificate: Type.String({ description: '证书全文 / the text of the certificate' }),
    files: Type.Optional(
      Type.Array(
        Type.Object({
          sha256: Sha256,
          sm3: Type.Optional(Sm3),
          name: Type.Optional(Type.String()),
          size: Type.Optional(Type.Integer({ minimum: 0 })),
        }),
      ),
    ),
    renewals: Type.Optional(Type.Array(Type.String(), { maxItems: MAX_RENEWALS })),
  }),
};

/** POST /v1/verify: no key needed. What cannot be parsed is an answer (`invalid`), not an error. */
export function verifyRoutes(app: FastifyInstance, deps: VerifyRoutes, room: Room): void {
  const receive = containerReceiver(deps, room);
  app.post(
    '/v1/verify',
    {
      bodyLimit: MAX_JSON_BYTES,
      config: { rateLimit: { max: deps.limits.perMinute, timeWindow: 60_000 }, bodies: BODIES },
      schema: {
        tags: ['verify'],
        summary: '核验证书与原件 / check a certificate and its files',
        description:
          '表单：`certificate` 一份（证书、内附证书的 PDF，或内含原件的压缩包），`file` 任意份，`renewal`（续期）至多 16 份；或 JSON：`{"certificate", "files": [{"sha256", "sm3"?, "name"?, "size"?}], "renewals"?: [text]}`。无需密钥。 / A form (`certificate`: the certificate, a PDF that holds it, or a package with the originals), or JSON with digests; no key needed. Renewals of the certificate may go with it.',
        consumes: ['application/json', 'multipart/form-data'],
        response: problems(400, 413, 415, 422, 429, 503),
      },
    },
    async (request) => {
      const given = isForm(request) ? await readForm(deps, receive, request) : readJson(request.rawBody);
      return presentReport(await checked(deps, given));
    },
  );
}

/** What is made to cost more is refused, not called invalid. */
async function checked(deps: VerifyRoutes, given: Given): Promise<Report> {
  try {
    return await checkOne(given, {
      trust: deps.trust(),
      blocks: deps.blockLookUp(),
      signatures: deps.signatures,
      limits: SERVICE_LIMITS,
    });
  } catch (error) {
    if (!(error instanceof ItemRefused)) throw error;
    throw new Problem('verification-too-costly', error.detail, { cause: error });
  }
}

async function readForm(
  deps: VerifyRoutes,
  receive: ReturnType<typeof containerReceiver>,
  request: FastifyRequest,
): Promise<Given> {
  let received: Received | undefined;
  const files: GivenFile[] = [];
  const renewals: Uint8Array[] = [];
  const { uploadBytes } = deps.limits;
  const limits = { parts: MAX_GIVEN_FILES + MAX_GIVEN_RENEWALS + 1, bytes: uploadBytes };
  try {
    for await (const part of formParts(request, limits)) {
      if (part.fieldname === 'certificate' && received === undefined)
        received = await receive(request, part, uploadBytes);
      else if (part.fieldname === 'renewal' && renewals.length < MAX_GIVEN_RENEWALS)
        renewals.push(await readPart(part, MAX_RENEWAL_BYTES + 1));
      else if (part.fieldname === 'file' && files.length === MAX_GIVEN_FILES)
        throw new Problem('too-many-files', { limit: MAX_GIVEN_FILES });
      else if (part.fieldname === 'file')
        files.push(await fileOf(deps, part.filename ?? '', contentOf(part)));
      else throw unexpected(part);
    }
    if (received === undefined) throw notAsDocumented('certificate', 'part');
    // Only now: while a package is unpacked nothing is read from the line, and its pace is watched.
    const { certificate, pdf, originals } = await opened(received, deps, uploadBytes);
    for (const { name, unpack } of originals)
      files.push(await asContainer(() => fileOf(deps, name, unpack())));
    return { certificate, pdf, files, renewals };
  } finally {
    await received?.close();
  }
}

function readJson(body: Buffer | null): Given {
  // Another known type, or no body at all.
  if (body === null) throw new Problem('media-type-unsupported');
  const document = parseStrictly(body);
  if (document instanceof FormatError) return { certificate: body, files: [], renewals: [] };
  if (!isObject(document) || !('certificate' in document))
    throw notAsDocumented('body', 'certificate-and-files');
  const { certificate, files, renewals } = document as { certificate: Json; files?: Json; renewals?: Json };
  return {
    certificate: exactBytes(certificate),
    files: givenFiles(files ?? []),
    renewals: givenRenewals(renewals ?? []),
  };
}

/** JSON, but not as our formats have it: the check of the raw bytes will name the reason. Not JSON: an error. */
function parseStrictly(body: Buffer): Json | FormatError {
  try {
    return parseJson(body);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    try {
      JSON.parse(body.toString('utf8'));
    } catch {
      throw new Problem('body-malformed', {}, { cause: error });
    }
    return error;
  }
}

function givenFiles(value: Json): readonly GivenFile[] {
  // Objects of the strict reader have no prototype; the validator wants ordinary ones.
  const plain: unknown = structuredClone(value);
  if (!GivenFiles.Check(plain)) throw schemaProblem(GivenFiles.Errors(plain), 'body.files');
  return plain.map((file) => ({ ...file, basis: 'supplied' as const }));
}

/** Each as a string, which is its exact bytes: it is over the exact bytes of another file. */
function givenRenewals(value: Json): readonly Uint8Array[] {
  const plain: unknown = structuredClone(value);
  if (!GivenRenewals.Check(plain)) throw schemaProblem(GivenRenewals.Errors(plain), 'body.renewals');
  return plain.map(utf8);
}
