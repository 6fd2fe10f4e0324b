import type { Blobs, IncomingBlob } from '../ports/blobs.ts';
import type { Digests } from '../ports/work.ts';

/** A file on its way in: hashed, in a temporary place, not yet kept. */
export interface ReceivedFile {
  readonly name: string;
  readonly mediaType: string | undefined;
  readonly size: number;
  readonly sha256: string;
  readonly sm3: string;
  readonly blob: IncomingBlob;
}

export class FileTooLarge extends Error {}

/**
 * Reads the stream once, through both digests and into a temporary file; never more than a few chunks in memory.
 * Throws FileTooLarge past `limit` bytes. What was written is discarded on any error.
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
    let size = 0;
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > file.limit) throw new FileTooLarge();
      // Written first: the digest may take the chunk's memory to another thread.
      await blob.write(chunk);
      await digest.update(chunk);
    }
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
