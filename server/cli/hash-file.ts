import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { GivenFile } from '../core/verify/files.ts';
import { unreadable } from './read-small.ts';
import { UsageError, userPath } from './usage.ts';

/** A UsageError where it cannot be read. */
export async function hashFile(path: string): Promise<GivenFile> {
  try {
    const stream = createReadStream(userPath(path), { highWaterMark: 1 << 20 });
    return { name: basename(path), ...(await hashStream(stream as AsyncIterable<Uint8Array>)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR')
      throw new UsageError(`${path} 是文件夹 / is a folder（deposit --folder）`);
    throw unreadable(path, error);
  }
}

/** Both digests in one pass. */
export async function hashStream(stream: AsyncIterable<Uint8Array>): Promise<Omit<GivenFile, 'name'>> {
  const [sha256, sm3] = [createHash('sha256'), createHash('sm3')];
  let size = 0;
  for await (const chunk of stream) {
    sha256.update(chunk);
    sm3.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: sha256.digest('hex'), sm3: sm3.digest('hex'), basis: 'recomputed' };
}
