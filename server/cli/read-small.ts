import { type FileHandle, open } from 'node:fs/promises';
import { UsageError, userPath } from './usage.ts';

/** More is no key in PEM: RSA of 16,384 bits has 13 KB. */
export const MAX_PEM_BYTES = 16 * 1024;

/** At most `limit` bytes: enough to see that a file is too large, without reading a video as a certificate. */
export async function readSmall(path: string, limit: number): Promise<Uint8Array> {
  try {
    const file = await open(userPath(path), 'r');
    try {
      return await readStart(file, limit);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

export async function readStart(file: FileHandle, limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of file.createReadStream({ end: limit - 1, autoClose: false })) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return Buffer.concat(chunks, size);
}

/** The bytes from `offset` on, fewer only where the file ends: one call may give less than is there. */
export async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, offset + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}

export const unreadable = (path: string, error: unknown): UsageError =>
  new UsageError(`无法读取 ${path} / cannot read it (${(error as Error).message})`);
