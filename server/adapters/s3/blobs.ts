import { Readable } from 'node:stream';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import type { Blobs, IncomingBlob, Range } from '../../ports/blobs.ts';
import type { Logger } from '../../ports/logger.ts';
import { orUnavailable } from '../folder/failures.ts';
import { openSpool, removeLeftNames, sourceOf } from '../spool.ts';
import { parseS3Address } from './address.ts';
import { bucketCheck } from './bucket.ts';
import { createS3Clients, type S3Limits } from './client.ts';
import { bodies, downloadOf } from './download.ts';
import { codeOf } from './failures.ts';
import { keysUnder } from './keys.ts';
import { tidyUploads } from './leftovers.ts';
import { createPartMemory } from './memory.ts';
import { inParallel } from './parallel.ts';
import { createUploader } from './upload.ts';

export interface S3Options extends Partial<S3Limits> {
  /** A folder on a disk of this machine with room for the uploads that are coming in. */
  readonly spoolDir: string;
  readonly log?: Logger;
  /** Unix milliseconds */
  readonly nowMs?: () => number;
}

const LIMITS: S3Limits = { connectMs: 3_000, silenceMs: 20_000, attempts: 4 };

/** Above the 5 MiB that a part must have, and small enough that several fit into little memory. */
export const PART_BYTES = 8 * 1024 * 1024;

/** For parts of all uploads together. */
const PART_MEMORY = 6 * PART_BYTES;

/** Ranges of one object that are asked for at once. */
const READS_AT_ONCE = 16;

/**
 * Blobs in a bucket: `files/ab/abcd…` and `trees/ab/abcd…`, keys are digests.
 *
 * S3 has no rename, and the name of a file is its digest, known at its end. So a file comes into a temporary file on
 * this machine first and goes to the bucket under its final name: one request, or an upload in parts that becomes an
 * object only when it is completed. The other way (parts sent at once under a temporary key, copied by the server at
 * the end) would save the time of sending after the last byte; but it has every byte written twice, holds 5 MiB of
 * memory for every slow sender, leaves temporary objects behind crashes, and fails with the store in the middle of an
 * upload instead of once, at its end. Every attempt reads its bytes from the file again, so memory is bounded whatever
 * the size and number of uploads.
 *
 * A crash leaves at most an open upload in parts, which no reader sees (leftovers.ts).
 */
export async function openS3Blobs(
  where: string,
  { spoolDir, log, nowMs = Date.now, ...given }: S3Options,
): Promise<Blobs & { close(): Promise<void> }> {
  const address = parseS3Address(where);
  const limits = { ...LIMITS, ...given };
  const { bucket, prefix } = address;
  const clients = createS3Clients(address, limits);
  const uploads = createUploader(address, clients, createPartMemory(PART_MEMORY, PART_BYTES), PART_BYTES);
  const checkBucket = bucketCheck(bucket, clients, nowMs);
  const keyOf = keysUnder(prefix);
  await orUnavailable('prepare the folder', () => removeLeftNames(spoolDir));
  const leftovers = tidyUploads(address, clients, nowMs, log);

  async function receive(): Promise<IncomingBlob> {
    await checkBucket();
    const spool = await orUnavailable('open a temporary file', () => openSpool(spoolDir));
    let isClosed = false;
    async function close(): Promise<void> {
      if (isClosed) return;
      isClosed = true;
      await spool.close().catch(() => {});
    }
    return {
      write: (chunk) => orUnavailable('write a temporary file', () => spool.write(chunk)),
      async keep(room, name) {
        const key = keyOf(room, name);
        await orUnavailable('read a temporary file', async () => {
          await spool.settled();
          await uploads.store(key, spool);
        });
        await close();
      },
      discard: close,
    };
  }

  async function sizeOf(key: string): Promise<number | undefined> {
    const command = new HeadObjectCommand({ Bucket: bucket, Key: key });
    try {
      return (await clients.read('look for a file', (s3) => s3.send(command))).ContentLength;
    } catch (error) {
      if (codeOf(error) !== 'NotFound') throw error;
      // A bucket that is not there answers in the same way.
      await checkBucket();
      return undefined;
    }
  }

  /** S3 has no way to ask for nothing. */
  async function expectThere(key: string): Promise<void> {
    if ((await sizeOf(key)) === undefined) throw new Error(`${key} is not there`);
  }

  async function stream(key: string, start: number, end: number): Promise<Readable> {
    if (end > start) return downloadOf(bodies(bucket, clients, key), start, end, limits);
    await expectThere(key);
    return Readable.from([]);
  }

  async function read(key: string, { start, length }: Range): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    for await (const chunk of await stream(key, start, start + length)) {
      bytes.set(chunk as Uint8Array, at);
      at += (chunk as Uint8Array).length;
    }
    return bytes;
  }

  return {
    receive,
    keep: async (room, name, bytes) => uploads.store(keyOf(room, name), sourceOf(bytes)),
    size: async (room, name) => sizeOf(keyOf(room, name)),
    stream: async (room, name, start, end) => stream(keyOf(room, name), start, end),
    read: async (room, name, start, length) => read(keyOf(room, name), { start, length }),
    async readEach(room, name, ranges) {
      const key = keyOf(room, name);
      return inParallel(ranges, READS_AT_ONCE, (range) => read(key, range));
    },
    async close() {
      await leftovers.stop();
      clients.close();
    },
  };
}
