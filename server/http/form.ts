import type { MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { bytesPassed } from './garbage.ts';
import { setStreamed } from './pace.ts';
import { Problem } from './problem.ts';
import { FILE_NAME, MEDIA_TYPE } from './schemas.ts';

const FILE_NAME_PATTERN = new RegExp(FILE_NAME, 'u');
const MEDIA_TYPE_PATTERN = new RegExp(MEDIA_TYPE);
const MAX_FILE_NAME = 255;

/**
 * The parts of a form in the order in which they come, each a stream. A broken connection and a form that ends too
 * early become `upload-broken`.
 */
export async function* formParts(
  request: FastifyRequest,
  limits: { readonly parts: number; readonly bytes: number },
): AsyncGenerator<MultipartFile> {
  if (!request.isMultipart()) throw new Problem('media-type-unsupported');
  const parts = request.parts({
    // Every part as a stream, whatever it calls itself.
    isPartAFile: () => true,
    // Names as given: a path is refused below, not cut to its last part.
    preservePath: true,
    limits: {
      parts: limits.parts + 1,
      files: limits.parts + 1,
      fields: 0,
      fileSize: limits.bytes + 1,
      headerPairs: 20,
    },
  });
  try {
    for await (const part of parts) {
      if (part.type !== 'file') continue;
      // Only files are passed on as they come; every other part is a document that is held.
      setStreamed(request.raw, part.fieldname === 'file');
      yield part;
    }
  } catch (error) {
    throw asProblem(error);
  } finally {
    // What is left of a refused form is read by nobody.
    setStreamed(request.raw, false);
  }
}

/** The bytes of a part; where the form ends inside it, the error says so. */
export async function* contentOf(part: MultipartFile): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of part.file) {
      yield chunk;
      bytesPassed(chunk.length);
    }
  } catch (error) {
    throw asProblem(error);
  }
}

const asProblem = (error: unknown): unknown =>
  error instanceof Problem || foreseen(error) ? error : new Problem('upload-broken', {}, { cause: error });

const foreseen = (error: unknown): boolean => /^FST_/.test((error as { code?: string }).code ?? '');

/** A part that holds a small document. */
export async function readPart(part: MultipartFile, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of contentOf(part)) {
    size += chunk.length;
    if (size > limit) throw new Problem('body-too-large', { limit });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A part may come without any name. */
export const unexpected = (part: MultipartFile): Problem =>
  new Problem('part-unexpected', { name: ((part.fieldname as string | undefined) ?? '').slice(0, 100) });

/** What stands in a name for bytes that were not UTF-8. */
const REPLACEMENT = '\ufffd';

/** The name that a form gave a file, as given; a path, a control character or bytes that were not UTF-8 are refused. */
export function fileNameOf(part: MultipartFile, number: number): string {
  const name = part.filename ?? '';
  if (
    name === '' ||
    [...name].length > MAX_FILE_NAME ||
    !FILE_NAME_PATTERN.test(name) ||
    name.includes(REPLACEMENT) ||
    !name.isWellFormed()
  )
    throw new Problem('file-name-invalid', { file: number });
  return name;
}

/** Stated by the client and never trusted; undefined where it is no media type at all. */
export const mediaTypeOf = (part: MultipartFile): string | undefined =>
  MEDIA_TYPE_PATTERN.test(part.mimetype) ? part.mimetype.toLowerCase() : undefined;
