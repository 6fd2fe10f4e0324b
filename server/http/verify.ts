import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { MAX_CERTIFICATE_BYTES } from '../core/certificate/certificate.ts';
import type { Pdf } from '../core/container/pdf.ts';
import { utf8 } from '../core/read/bytes.ts';
import { canonicalize, isObject, type Json, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { MAX_RENEWAL_BYTES, MAX_RENEWALS } from '../core/renewal/renewal.ts';
import type { ComparedBlock } from '../core/verify/anchors.ts';
import type { GivenFile } from '../core/verify/files.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { verifyCertificate } from '../core/verify/verify.ts';
import { presentReport } from '../messages/report.ts';
import { readBlocks, StreamTooLong } from '../pipeline/blocks.ts';
import type { Digests } from '../ports/work.ts';
import { asContainer, type ContainerDeps, containerReceiver, opened, type Received } from './container.ts';
import { FilePart } from './documented.ts';
import { contentOf, formParts, isForm, readPart, unexpected } from './form.ts';
import { notAsDocumented, Problem, schemaProblem } from './problem.ts';
import { problems, Sha256, Sm3 } from './schemas.ts';

export interface VerifyRoutes extends ContainerDeps {
  readonly digests: Digests;
  readonly signatures: SignatureVerifier;
  readonly trust: () => Trust | undefined;
  readonly lookUpBlocks: (certificate: Uint8Array) => Promise<readonly ComparedBlock[]>;
  readonly limits: { readonly uploadBytes: number; readonly perMinute: number };
}

/** A certificate of at most 100 files; somebody may hand in copies, but not a flood. */
const MAX_GIVEN_FILES = 1_000;
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
export function verifyRoutes(app: FastifyInstance, deps: VerifyRoutes): void {
  const receive = containerReceiver(deps);
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
      const { certificate, pdf, files, renewals } = isForm(request)
        ? await readForm(deps, receive, request)
        : readJson(request.rawBody);
      const report = await verifyCertificate({
        certificate,
        pdf,
        files,
        trust: deps.trust(),
        blocks: await deps.lookUpBlocks(certificate),
        renewals,
        signatures: atMost(MAX_SIGNATURES, deps.signatures),
      });
      return presentReport(report);
    },
  );
}

/** Signatures that one request may cost. The fullest certificates of a service ask for a dozen, with renewals for some more. */
const MAX_SIGNATURES = 1_000;

/** What is made to cost more is refused, not called invalid: whoever wants to know checks it himself. */
function atMost(limit: number, { verify }: SignatureVerifier): SignatureVerifier {
  let asked = 0;
  return {
    verify(request) {
      if (++asked > limit) throw new Problem('verification-too-costly', { limit });
      return verify(request);
    },
  };
}

interface Given {
  readonly certificate: Uint8Array;
  readonly pdf?: Pdf | undefined;
  readonly files: readonly GivenFile[];
  readonly renewals: readonly Uint8Array[];
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

const fileOf = async (
  deps: VerifyRoutes,
  name: string,
  stream: AsyncIterable<Uint8Array>,
): Promise<GivenFile> => ({
  ...(await hashOf(deps, stream)),
  name: name.slice(0, 1_000),
  basis: 'recomputed',
});

/** Hashed as it comes and kept nowhere. */
async function hashOf(deps: VerifyRoutes, stream: AsyncIterable<Uint8Array>) {
  const { uploadBytes } = deps.limits;
  const digest = deps.digests.begin();
  try {
    await readBlocks(stream, uploadBytes, (block) => digest.update(block));
    return await digest.finish();
  } catch (error) {
    digest.abandon();
    throw error instanceof StreamTooLong ? new Problem('file-too-large', { limit: uploadBytes }) : error;
  }
}

/**
 * The certificate as a string is its exact bytes. As an object it has no bytes of its own: its canonical form is
 * checked, read strictly, so that a duplicate name or a number like 1.0 is still refused for what it is.
 */
function readJson(body: Buffer | null): Given {
  // Another known type, or no body at all.
  if (body === null) throw new Problem('media-type-unsupported');
  const document = parseStrictly(body);
  if (document instanceof FormatError) return { certificate: body, files: [], renewals: [] };
  if (!isObject(document) || !('certificate' in document))
    throw notAsDocumented('body', 'certificate-and-files');
  const { certificate, files, renewals } = document as { certificate: Json; files?: Json; renewals?: Json };
  return {
    certificate: utf8(typeof certificate === 'string' ? certificate : canonicalize(certificate)),
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
