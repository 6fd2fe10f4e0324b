import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import type { Logger } from '../../ports/logger.ts';
import type { S3Address } from './address.ts';
import type { S3Clients } from './client.ts';
import { roomsUnder } from './keys.ts';

/** Whatever an instance is writing takes minutes; older than a day, nobody writes it any more. */
const ABANDONED_MS = 86_400_000;

/** Uploads that take this long to become a day old after a start are still found. */
const EVERY_MS = 3_600_000;

/**
 * Ends uploads in parts that a crash or an outage has left open, at start and every hour; their parts cost money and
 * show up in no listing. Only those that are a day old: which instance began one cannot be told, and others are writing.
 * A rule of the bucket that ends incomplete multipart uploads after some days (AbortIncompleteMultipartUpload) is
 * recommended beside it: it also works where these credentials may not list uploads, or the store cannot.
 */
export function tidyUploads(
  address: S3Address,
  clients: S3Clients,
  nowMs: () => number,
  log: Logger | undefined,
): { stop(): Promise<void> } {
  const tidy = () =>
    abortAbandoned(address, clients, nowMs() - ABANDONED_MS).catch((error: Error) =>
      log?.warn({ reason: error.message }, 'uploads left open in the bucket could not be ended'),
    );
  let underWay = tidy();
  const timer = setInterval(() => {
    underWay = tidy();
  }, EVERY_MS).unref();
  return {
    async stop() {
      clearInterval(timer);
      await underWay;
    },
  };
}

async function abortAbandoned(
  { bucket: Bucket, prefix }: S3Address,
  { probe }: S3Clients,
  beforeMs: number,
): Promise<void> {
  for (const Prefix of roomsUnder(prefix)) {
    let from: object | undefined = {};
    while (from !== undefined) {
      const list = new ListMultipartUploadsCommand({ Bucket, Prefix, ...from });
      const page = await probe('list uploads', (s3) => s3.send(list));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || Initiated === undefined) continue;
        if (Initiated.getTime() >= beforeMs) continue;
        const abort = new AbortMultipartUploadCommand({ Bucket, Key, UploadId });
        await probe('end an upload', (s3) => s3.send(abort));
      }
      from = nextPage(page);
    }
  }
}

/** Undefined at the end, and where a store claims more without saying where it begins. */
function nextPage(page: {
  readonly IsTruncated?: boolean | undefined;
  readonly NextKeyMarker?: string | undefined;
  readonly NextUploadIdMarker?: string | undefined;
}): object | undefined {
  if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return undefined;
  return {
    KeyMarker: page.NextKeyMarker,
    ...(page.NextUploadIdMarker !== undefined && { UploadIdMarker: page.NextUploadIdMarker }),
  };
}
