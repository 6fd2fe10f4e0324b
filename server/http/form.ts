import { Readable } from 'node:stream';
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { bytesPassed } from './garbage.ts';
import { readAway } from './linger.ts';
import { setStreamed } from './pace.ts';
import { Problem } from './problem.ts';
import { FILE_NAME, MEDIA_TYPE } from './schemas.ts';

const FILE_NAME_PATTERN = new RegExp(FILE_NAME, 'u');
const MEDIA_TYPE_PATTERN = new RegExp(MEDIA_TYPE);
const MAX_FILE_NAME = 255;

/** One part of a form, while it comes in. The next one comes after this one's bytes were read. */
export interface FormPart {
  /** as sent; a part may come without any name */
  readonly fieldname: string | undefined;
  readonly filename: string | undefined;
  readonly mimetype: string;
  readonly file: BusboyFileStream;
}

/** The content type is known, and nobody reads the body before the route does. */
export function installForms(app: FastifyInstance): void {
  app.addContentTypeParser('multipart/form-data', (_request, _body, done) => done(null));
}

export const isForm = ({ headers }: FastifyRequest): boolean =>
  /^multipart\/form-data(?:;|$)/i.test(headers['content-type'] ?? '');

/**
 * The parts of a form in the order in which they come, each a stream. A broken connection and a form that ends too
 * early become `upload-broken`.
 */
export async function* formParts(
  request: FastifyRequest,
  limits: { readonly parts: number; readonly bytes: number },
): AsyncGenerator<FormPart> {
  const { raw } = request;
  const parser = parserFor(request, limits);
  const parts = new Readable({ objectMode: true, read() {} });
  let current: BusboyFileStream | undefined;
  let isWhole = false;
  const fail = (error: Error): void => {
    parts.destroy(error);
    current?.destroy(error);
  };
  parser.on(
    'file',
    (fieldname: string | undefined, file, filename: string | undefined, _encoding, mimetype) => {
      current = file;
      // Told by `parts`; without a listener it would end the process.
      file.on('error', (error) => fail(asProblem(error)));
      parts.push({ fieldname, filename, mimetype, file } satisfies FormPart);
    },
  );
  parser.on('partsLimit', () => fail(new Problem('too-many-files', { limit: limits.parts - 1 })));
  parser.on('filesLimit', () => fail(new Problem('too-many-files', { limit: limits.parts - 1 })));
  parser.on('finish', () => {
    isWhole = true;
    parts.push(null);
  });
  parser.on('error', (error) => fail(asProblem(error)));
  const onClose = (): void => {
    if (!raw.readableEnded) fail(new Problem('upload-broken'));
  };
  // Under a signature the bytes come through the check of their digest, which may end them with an error.
  const source = request.content?.stream ?? raw;
  if (source !== raw) source.on('error', (error) => fail(asProblem(error)));
  raw.on('close', onClose);
  source.pipe(parser);
  try {
    for await (const part of parts as AsyncIterable<FormPart>) {
      // Only files are passed on as they come; every other part is a document that is held.
      setStreamed(raw, part.fieldname === 'file');
      yield part;
    }
  } finally {
    raw.off('close', onClose);
    source.unpipe(parser);
    current?.destroy();
    setStreamed(raw, false);
    if (isWhole) source.resume();
    else {
      if (source !== raw) source.resume();
      readAway(raw);
    }
  }
}

function parserFor(
  request: FastifyRequest,
  limits: { readonly parts: number; readonly bytes: number },
): BusboyInstance {
  try {
    return new Busboy({
      headers: request.headers as BusboyHeaders,
      // Every part as a stream, whatever it calls itself.
      isPartAFile: () => true,
      // Names as given: a path is refused below, not cut to its last part.
      preservePath: true,
      limits: {
        parts: limits.parts + 1,
        files: limits.parts + 1,
        fields: 0,
        // One more than is allowed, so that whoever counts sees it.
        fileSize: limits.bytes + 1,
        headerPairs: 20,
      },
    });
  } catch (error) {
    // No boundary.
    throw new Problem('media-type-unsupported', {}, { cause: error });
  }
}

/** The bytes of a part; where the form ends inside it, the error says so. */
export async function* contentOf(part: FormPart): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of part.file) {
      yield chunk;
      bytesPassed(chunk.length);
    }
  } catch (error) {
    throw asProblem(error);
  }
}

const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem('upload-broken', {}, { cause: error });

/** A part that holds a small document. */
export async function readPart(part: FormPart, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of contentOf(part)) {
    size += chunk.length;
    if (size > limit) throw new Problem('body-too-large', { limit });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export const unexpected = (part: FormPart): Problem =>
  new Problem('part-unexpected', { name: (part.fieldname ?? '').slice(0, 100) });

/** What stands in a name for bytes that were not UTF-8. */
const REPLACEMENT = '\ufffd';

/** The name that a form gave a file, as given; a path, a control character or bytes that were not UTF-8 are refused. */
export function fileNameOf(part: FormPart, number: number): string {
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
export const mediaTypeOf = (part: FormPart): string | undefined =>
  MEDIA_TYPE_PATTERN.test(part.mimetype) ? part.mimetype.toLowerCase() : undefined;
