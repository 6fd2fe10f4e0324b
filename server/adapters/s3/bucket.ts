import { HeadBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { S3Clients } from './client.ts';
import { hasStatus } from './failures.ts';

/** How long it is believed that the bucket is there: uploads do not pay for the question each time. */
const GOOD_MS = 5_000;

/** How long it is believed that it is not: a crowd is refused at once, and soon somebody asks again. */
const BAD_MS = 1_000;

/** Resolves where the bucket can be reached with our credentials; rejects with the reason. */
export function bucketCheck(Bucket: string, { probe }: S3Clients, nowMs: () => number): () => Promise<void> {
  let known: { readonly result: Promise<void>; untilMs: number } | undefined;

  async function ask(): Promise<void> {
    try {
      await probe('reach the bucket', (s3) => s3.send(new HeadBucketCommand({ Bucket })));
    } catch (error) {
      if (hasStatus(error)) await hearReason();
      throw error;
    }
  }

  /** An answer to HEAD has no body that says why; one to a listing has. */
  async function hearReason(): Promise<void> {
    await probe('reach the bucket', (s3) => s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 })));
  }

  return () => {
    if (known !== undefined && nowMs() < known.untilMs) return known.result;
    // While the question is open, all wait for the one answer.
    const fresh = { result: ask(), untilMs: Number.POSITIVE_INFINITY };
    known = fresh;
    fresh.result.then(
      () => {
        fresh.untilMs = nowMs() + GOOD_MS;
      },
      () => {
        fresh.untilMs = nowMs() + BAD_MS;
      },
    );
    return fresh.result;
  };
}
