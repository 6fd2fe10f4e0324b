import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { BlobUnavailable } from '../../ports/blobs.ts';
import type { Source } from '../spool.ts';
import type { S3Address } from './address.ts';
import type { S3Clients } from './client.ts';
import { codeOf } from './failures.ts';
import type { PartMemory } from './memory.ts';
import { inParallel } from './parallel.ts';

/** No upload has more, whatever the store. */
const MAX_PARTS = 10_000;

/** Of one upload at once; fewer where parts are larger. */
const PARTS_AT_ONCE = 4;

/** All parts of one size, as some stores want it; larger ones only for what would have too many (above 80 GiB). */
export const partSizeFor = (size: number, partBytes: number): number =>
  partBytes * Math.max(1, Math.ceil(size / (partBytes * MAX_PARTS)));

export interface Uploader {
  /** The object is there, whole, when this resolves: under its name there is never a part of one. */
  store(key: string, source: Source): Promise<void>;
}

export function createUploader(
  { bucket: Bucket, sse, kmsKeyId }: S3Address,
  { write, probe }: S3Clients,
  memory: PartMemory,
  partBytes: number,
): Uploader {
  const encryption = {
    ...(sse !== undefined && { ServerSideEncryption: sse }),
    ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }),
  };

  async function storeWhole(Key: string, source: Source): Promise<void> {
    const checked = await memory.use(source.size, async (Body) => {
      await source.read(Body, 0);
      const digest = await sha256(Body);
      const input = { Bucket, Key, Body, ChecksumSHA256: base64(digest), ...encryption };
      const command = signedBody(new PutObjectCommand(input), digest);
      const { ChecksumSHA256 } = await write('keep a file', (s3) => s3.send(command));
      return sameChecksum(digest, ChecksumSHA256);
    });
    // A store that repeats the digest has computed it. Of any other we ask at least for the size.
    if (!checked) await expectObject(Key, source.size);
  }

  async function storeInParts(Key: string, source: Source): Promise<void> {
    const mark = randomBytes(16).toString('hex');
    const UploadId = await begin(Key, mark);
    try {
      const parts = await sendParts(Key, UploadId, source);
      await complete(Key, UploadId, parts, mark);
    } catch (error) {
      await abort(Key, UploadId);
      throw error;
    }
    await expectObject(Key, source.size);
  }

  /** Where its answer is lost, the next attempt begins another upload; leftovers.ts and a rule of the bucket end the first. */
  async function begin(Key: string, mark: string): Promise<string> {
    const command = new CreateMultipartUploadCommand({
      Bucket,
      Key,
      ChecksumAlgorithm: 'SHA256',
      Metadata: { upload: mark },
      ...encryption,
    });
    const { UploadId } = await write('begin to keep a file', (s3) => s3.send(command));
    if (UploadId === undefined) throw new BlobUnavailable('S3: the answer names no upload');
    return UploadId;
  }

  function sendParts(Key: string, UploadId: string, source: Source): Promise<CompletedPart[]> {
    const size = partSizeFor(source.size, partBytes);
    const starts = Array.from({ length: Math.ceil(source.size / size) }, (_, part) => part * size);
    const width = Math.max(1, Math.floor((PARTS_AT_ONCE * partBytes) / size));
    return inParallel(starts, width, (start, part) =>
      memory.use(Math.min(size, source.size - start), async (Body) => {
        await source.read(Body, start);
        return sendPart({ Bucket, Key, UploadId, PartNumber: part + 1, Body });
      }),
    );
  }

  /** Sent again under its number, a part replaces itself: an answer that was lost does no harm. */
  async function sendPart(part: PartInput): Promise<CompletedPart> {
    const digest = await sha256(part.Body);
    const command = signedBody(new UploadPartCommand({ ...part, ChecksumSHA256: base64(digest) }), digest);
    const { ETag, ChecksumSHA256 } = await write('keep a part of a file', (s3) => s3.send(command));
    sameChecksum(digest, ChecksumSHA256);
    return {
      PartNumber: part.PartNumber,
      ...(ETag !== undefined && { ETag }),
      ...(ChecksumSHA256 !== undefined && { ChecksumSHA256 }),
    };
  }

  async function complete(
    Key: string,
    UploadId: string,
    Parts: CompletedPart[],
    mark: string,
  ): Promise<void> {
    const command = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } });
    try {
      await write('keep a file', (s3) => s3.send(command));
    } catch (error) {
      // Some stores forget an upload once it is complete: where that answer was lost, the next attempt hears this.
      if (codeOf(error) !== 'NoSuchUpload') throw error;
      if ((await head(Key)).Metadata?.['upload'] !== mark) throw error;
    }
  }

  async function abort(Key: string, UploadId: string): Promise<void> {
    const command = new AbortMultipartUploadCommand({ Bucket, Key, UploadId });
    // What stays is ended by leftovers.ts; the error that led here is the one to tell.
    await probe('end an upload', (s3) => s3.send(command)).catch(() => {});
  }

  const head = (Key: string): Promise<HeadObjectCommandOutput> =>
    write('look for a file', (s3) => s3.send(new HeadObjectCommand({ Bucket, Key })));

  async function expectObject(Key: string, size: number): Promise<void> {
    const { ContentLength } = await head(Key);
    if (ContentLength !== size)
      throw new BlobUnavailable(`S3: shows ${ContentLength} bytes of a file that has ${size}`);
  }

  return {
    store: (key, source) => (source.size <= partBytes ? storeWhole(key, source) : storeInParts(key, source)),
  };
}

interface PartInput {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
  readonly PartNumber: number;
  readonly Body: Buffer;
}

/** Computed beside the main thread, once: for the header that the store checks and for the one that the signature covers. */
const sha256 = async (bytes: Buffer): Promise<Buffer> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Buffer<ArrayBuffer>));

const base64 = (digest: Buffer): string => digest.toString('base64');

/** True where the store has computed the same; false where it computes none. */
function sameChecksum(digest: Buffer, answered: string | undefined): boolean {
  if (answered === undefined) return false;
  if (answered !== base64(digest)) throw new BlobUnavailable('S3: has kept other bytes than were sent');
  return true;
}

/** The library takes the digest of a body from here, or would compute it itself, on the main thread. */
function signedBody<Command extends { middlewareStack: { add: AddMiddleware } }>(
  command: Command,
  digest: Buffer,
): Command {
  command.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] =
        digest.toString('hex');
      return next(args);
    },
    { step: 'build' },
  );
  return command;
}

// biome-ignore lint/suspicious/noExplicitAny: the library's own type depends on each command
type AddMiddleware = (middleware: (next: any) => (args: any) => any, options: { step: 'build' }) => void;
