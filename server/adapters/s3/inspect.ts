import { Readable } from 'node:stream';
import { HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { BlobRoom } from '../../ports/blobs.ts';
import type { BlobInspector } from '../../ports/inspect.ts';
import { parseS3Address } from './address.ts';
import { createS3Clients, type S3Limits } from './client.ts';
import { bodies, downloadOf } from './download.ts';
import { codeOf } from './failures.ts';
import { keysUnder } from './keys.ts';

const LIMITS: S3Limits = { connectMs: 5_000, silenceMs: 30_000, attempts: 3 };
const NAME = /^[0-9a-f]{64}$/;

/**
 * A bucket as it stands; nothing in it is changed. Uploads that were left open stand in no listing and are ended by the
 * service itself when they are a day old, so there are no leftovers to name.
 */
export function openS3Inspector(where: string): BlobInspector & { close(): void } {
  const { bucket, prefix, ...rest } = parseS3Address(where);
  const clients = createS3Clients({ bucket, prefix, ...rest }, LIMITS);
  const keyOf = keysUnder(prefix);

  async function size(room: BlobRoom, name: string): Promise<number | undefined> {
    const head = new HeadObjectCommand({ Bucket: bucket, Key: keyOf(room, name) });
    try {
      return (await clients.read('look for a file', (s3) => s3.send(head))).ContentLength ?? 0;
    } catch (error) {
      if (['NotFound', 'NoSuchKey'].includes(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  return {
    size,
    async stream(room, name): Promise<Readable | undefined> {
      const length = await size(room, name);
      if (length === undefined) return undefined;
      if (length === 0) return Readable.from([]);
      return downloadOf(bodies(bucket, clients, keyOf(room, name)), 0, length, LIMITS);
    },
    async *list(room) {
      const folder = `${prefix}${room}/`;
      for (let token: string | undefined; ; ) {
        const list = new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: folder,
          ...(token !== undefined && { ContinuationToken: token }),
        });
        const page = await clients.read('list files', (s3) => s3.send(list));
        for (const { Key, Size } of page.Contents ?? []) {
          const path = Key!.slice(folder.length);
          const name = path.slice(3);
          const isPlace = NAME.test(name) && path.slice(0, 3) === `${name.slice(0, 2)}/`;
          yield { name: isPlace ? name : path, size: Size ?? 0 };
        }
        if (page.IsTruncated !== true || page.NextContinuationToken === undefined) return;
        token = page.NextContinuationToken;
      }
    },
    async *leftovers() {},
    async removeLeftover() {},
    close: () => clients.close(),
  };
}
