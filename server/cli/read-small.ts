import { open } from 'node:fs/promises';
import { UsageError, userPath } from './usage.ts';

/** At most `limit` bytes: enough to see that a file is too large, without reading a video as a certificate. */
export async function readSmall(path: string, limit: number): Promise<Uint8Array> {
  try {
    const file = await open(userPath(path), 'r');
    try {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of file.createReadStream({ end: limit - 1, autoClose: false })) {
        chunks.push(chunk as Buffer);
        size += (chunk as Buffer).length;
      }
      return Buffer.concat(chunks, size);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UsageError(`无法读取 ${path} / cannot read it (${(error as Error).message})`);
  }
}
