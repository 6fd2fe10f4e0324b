import type { Blobs, IncomingBlob } from '../ports/blobs.ts';
import type { Digests } from '../ports/work.ts';
import { readBlocks } from './blocks.ts';

/** A file on its way in: hashed, in a temporary place, not yet kept. */
export interface ReceivedFile {
  readonly name: string;
  readonly mediaType: string | undefined;
  readonly size: number;
  readonly sha256: string;
  readonly sm3: string;
  readonly blob: IncomingBlob;
}

/**
 * Reads the stream once, through both digests and into a temporary file; never more than a few blocks in memory.
 * Throws StreamTooLong past `limit` bytes. What was written is discarded on any error.
 */
export async function receiveFile(
  blobs: Blobs,
  digests: Digests,
  stream: AsyncIterable<Uint8Array>,
  file: { readonly name: string; readonly mediaType: string | undefined; readonly limit: number },
): Promise<ReceivedFile> {
  const blob = await blobs.receive();
  const digest = digests.begin();
  try {
    await readBlocks(stream, file.limit, (block) => Promise.all([blob.write(block), digest.update(block)]));
    const { name, mediaType } = file;
    return { name, mediaType, blob, ...(await digest.finish()) };
  } catch (error) {
    digest.abandon();
    await blob.discard();
    throw error;
  }
}

/** Makes the files permanent. A crash in between leaves files that no entry names; depositing them again is no error. */
export async function keepFiles(files: readonly ReceivedFile[]): Promise<void> {
  for (const file of files) await file.blob.keep('files', file.sha256);
}

/** Leaves nothing behind; harmless for files that were kept. */
export async function discardFiles(files: readonly ReceivedFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.blob.discard()));
}
