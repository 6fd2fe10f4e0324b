import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { BlobRemoval } from '../../ports/blobs.ts';
import { parseS3Address } from './address.ts';
import { createS3Clients, type S3Limits } from './client.ts';
import { keysUnder } from './keys.ts';

const LIMITS: S3Limits = { connectMs: 5_000, silenceMs: 30_000, attempts: 4 };

/** Takes objects out of a bucket; one that keeps versions keeps this one too, by its own rules. */
export function openS3Removal(where: string): BlobRemoval & { close(): void } {
  const { bucket, prefix, ...rest } = parseS3Address(where);
  const clients = createS3Clients({ bucket, prefix, ...rest }, LIMITS);
  const keyOf = keysUnder(prefix);
  return {
    async remove(room, name) {
      const command = new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(room, name) });
      await clients.write('remove a file', (s3) => s3.send(command));
    },
    close: () => clients.close(),
  };
}
